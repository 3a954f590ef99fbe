"""Writing files so that a reader sees the old content or the new one, never half of it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from core.base.errors import OpsError


def shown(name: str) -> str:
    """A file's name for people, manifests and messages: bytes that are no UTF-8 (Python keeps them as lone surrogates, which no
    encoder takes) as ``\\xff``."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


@contextlib.contextmanager
def atomic_file(path: Path, *, mode: int = 0o600) -> Iterator[IO[bytes]]:
    """Open a temporary neighbour of ``path`` for writing; it takes the name only if the block ends well.

    Raises OpsError (code ``disk``) when the folder cannot be written or the disk is full.
    """
    import tempfile  # brings half of the standard library's archivers with it: the window starts without

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise unwritable(path, error) from error
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise unwritable(path, error) from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_atomic(path: Path, content: bytes | str, *, mode: int = 0o600) -> None:
    """Replace the content of ``path`` in one step (text is written as UTF-8)."""
    with atomic_file(path, mode=mode) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def set_aside(path: Path) -> Path:
    """Rename a file that cannot be read to ``NAME.broken-N`` so that nothing overwrites it; return the new place."""
    number = 1
    while (aside := path.with_name(f"{path.name}.broken-{number}")).exists():
        number += 1
    path.replace(aside)
    return aside


def unwritable(path: Path, error: OSError) -> OpsError:
    """What to raise where ``path`` cannot be written."""
    return OpsError(
        f"{path.name} could not be written",
        f"{error.strerror or error} ({path.parent})",
        "Free some space or choose another folder, then try again",
        code="disk",
    )
