"""Folders of any depth, walked and removed: the standard library's own ways call themselves once a level and end at 1,000."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path


def walk(top: Path, failed: Callable[[OSError], object] = lambda _: None) -> Iterator[tuple[str, list[str], list[str]]]:
    """Each folder, those inside it, and all else in it (links to folders, too), by name; as ``os.walk`` from the top down."""
    waiting = [str(top)]
    while waiting:
        place = waiting.pop()
        folders, others = list[str](), list[str]()
        try:
            with os.scandir(place) as found:
                for entry in found:
                    (folders if entry.is_dir(follow_symlinks=False) else others).append(entry.name)
        except OSError as error:
            failed(error)
            continue
        folders.sort()
        yield place, folders, sorted(others)
        waiting += [os.path.join(place, name) for name in reversed(folders)]


def remove(top: Path) -> None:
    """All of it, also folders that nobody may write into; that something could not be removed stands in the journal."""
    places = []
    with contextlib.suppress(OSError):
        os.chmod(top, 0o700)
    for place, folders, others in walk(top):
        places.append(place)
        for name in folders:
            with contextlib.suppress(OSError):
                os.chmod(os.path.join(place, name), 0o700)
        for name in others:
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(place, name))
    for place in reversed(places):
        with contextlib.suppress(OSError):
            os.rmdir(place)
    if os.path.lexists(top):
        logging.getLogger(__name__).warning("%s could not be removed whole", top)
