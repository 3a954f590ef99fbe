"""The settings file: read whole, checked whole, written in one step, never overwritten when it cannot be read."""

from __future__ import annotations

import logging
import threading
import tomllib
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, get_type_hints

from core.base.errors import OpsError
from core.base.files import set_aside, write_atomic
from core.base.locks import changing
from core.settings.model import Settings, section_from
from core.settings.toml import merge


class SettingsStore:
    """Holds the current Settings; every change is written to ``settings.toml`` before anyone hears of it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._listeners: list[Callable[[Settings], None]] = []
        self.trouble: OpsError | None = None
        """Why a file that was there is not used; it was set aside."""
        self.told: Callable[[OpsError], None] | None = None
        """Hears of such a trouble that comes later, on the thread that met it."""
        self.current = self._load(Settings(), "The defaults are in force")

    def _load(self, otherwise: Settings, said: str) -> Settings:
        """What the file says; ``otherwise`` where there is none, or one that cannot be used, which is set aside."""
        try:
            return _from_plain(tomllib.loads(self._path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return otherwise
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, OpsError) as error:
            self._refuse(str(error), said)
            return otherwise

    def _refuse(self, why: str, said: str) -> None:
        try:
            remedy = f"{said}; your file was kept as {set_aside(self._path).name} beside it"
        except OSError:
            remedy = f"{said}; the file was left as it is"
        self.trouble = OpsError(
            "The settings file cannot be used", why, remedy, details={"file": str(self._path)}, code="settings"
        )
        logging.getLogger(__name__).warning("%s", self.trouble)
        if self.told is not None:
            self.told(self.trouble)

    def change(self, change: Callable[[Settings], Settings]) -> Settings:
        """Apply a change to what the file says now (another Opsdesk may have changed it), write it, tell the listeners.

        Raises OpsError (code ``disk``) and changes nothing if it can't be written.
        """
        with self._lock, changing(self._path):
            now = self._load(self.current, "What was set before stays in force")
            new = _from_plain(_plain(change(now)))  # through the checks
            if new != now:
                import tomlkit  # keeps the user's comments and unknown lines

                text = self._path.read_text(encoding="utf-8") if self._path.exists() else ""
                document = tomlkit.parse(text)
                merge(document, _plain(new))
                write_atomic(self._path, tomlkit.dumps(document))
            if new == self.current:
                return new
            self.current = new
            listeners = list(self._listeners)
        for listener in listeners:
            listener(new)
        return new

    def set(self, section: str, **values: Any) -> Settings:
        """Change fields of one section: ``store.set("appearance", theme="dark")``."""
        return self.change(lambda now: replace(now, **{section: replace(getattr(now, section), **values)}))

    def listen(self, listener: Callable[[Settings], None]) -> None:
        """Hear of every change, on the thread that made it."""
        self._listeners.append(listener)


def _from_plain(values: dict[str, Any]) -> Settings:
    hints = get_type_hints(Settings)
    known: dict[str, Any] = {}
    for item in fields(Settings):
        value = values.get(item.name)
        if item.name == "profile":
            known["profile"] = value if isinstance(value, str) and value else "sandbox"
        elif isinstance(value, dict):
            known[item.name] = section_from(hints[item.name], item.name, value)
    return Settings(**known)


def _plain(settings: Settings) -> dict[str, Any]:
    return asdict(settings)
