"""What the window remembers per profile: geometry, page, splitters, open SQL. Losing it is no harm."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from core.base.errors import OpsError
from core.base.files import write_atomic


class Memory:
    """A small JSON file; values are plain JSON. ``save`` is called by a job and when the window closes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._values: dict[str, Any] = {}
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            self._values = values if isinstance(values, dict) else {}
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            logging.getLogger(__name__).warning("what the window remembered is lost: %s", error)

    def get(self, key: str, default: Any = None) -> Any:
        """What was kept, if it is of the default's type: somebody may have edited the file."""
        value = self._values.get(key, default)
        return value if default is None or isinstance(value, type(default)) else default

    def put(self, key: str, value: Any) -> None:
        self._values[key] = value

    def save(self) -> None:
        try:
            write_atomic(self._path, json.dumps(self._values))
        except OpsError as error:
            logging.getLogger(__name__).warning("%s", error)
