"""Files that are made once and kept beside the settings' cache, so that the next start finds them."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path


def keep(place: Path, write: Callable[[Path], object]) -> bool:
    """Let ``write`` make the file under another name, then give it its own. False where the disk does not take it:
    whatever is kept here can be done without."""
    half = place.with_suffix(f".{os.getpid()}")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        write(half)
        half.replace(place)
    except OSError as error:
        logging.getLogger(__name__).info("%s is not kept: %s", place.name, error)
        return False
    return True
