"""Empties the sandbox: stops it, and removes its data in one step."""

from __future__ import annotations

import shutil
import time

from core.base.errors import OpsError
from core.base.places import Places
from core.sandbox.door import stop
from core.sandbox.layout import FileLock, Layout


def reset(places: Places) -> None:
    """Stop the sandbox, whoever uses it, and delete what it holds; the next use starts with fresh demo data."""
    layout = Layout.of(places).made()
    stop(places)
    lock = FileLock(layout.run / "supervisor.lock")
    until = time.monotonic() + 30
    while not lock.take():
        if time.monotonic() > until:
            raise OpsError(
                "The sandbox is in use again",
                "Another program started it just now",
                "Close that program, then reset again",
                code="locked",
                exit_status=3,
            )
        stop(places)
        time.sleep(0.1)
    try:
        trash = layout.root / "data.old"
        shutil.rmtree(trash, ignore_errors=True)  # left by a reset that was killed
        layout.data.replace(trash)
        layout.made()
        shutil.rmtree(trash)
    except OSError as error:
        raise OpsError(
            "The sandbox's data could not be removed",
            f"{error.strerror or error} ({error.filename})",
            "Remove the folder by hand, then try again",
            code="disk",
        ) from error
    finally:
        lock.free()
