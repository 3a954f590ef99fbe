"""Other MariaDB servers of this computer: each clears the temporary tables out of its tmpdir as it starts."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def others_start(shared: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """``shared`` is the computer's folder for temporary files, and servers start in it one after the other."""
    shared.mkdir()
    monkeypatch.setenv("TMPDIR", str(shared))
    ended = threading.Event()

    def clear() -> None:
        while not ended.wait(0.002):
            for table in shared.glob("#sql-temptable*"):
                table.unlink(missing_ok=True)

    thread = threading.Thread(target=clear)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
