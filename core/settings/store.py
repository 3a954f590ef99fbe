"""The settings file: read whole, checked whole, written in one step, never overwritten when it cannot be read."""

from __future__ import annotations

import threading
import tomllib
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, get_type_hints

from core.base.errors import OpsError
from core.base.files import set_aside, write_atomic
from core.settings.model import Settings, section_from


class SettingsStore:
    """Holds the current Settings; every change is written to ``settings.toml`` before anyone hears of it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._listeners: list[Callable[[Settings], None]] = []
        self.trouble: OpsError | None = None
        """Why the defaults are in force although a file was there; the broken file was set aside."""
        self.current = self._load()

    def _load(self) -> Settings:
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return Settings()
        except (OSError, UnicodeDecodeError) as error:
            return self._refused(str(error))
        try:
            return _from_plain(tomllib.loads(text))
        except (tomllib.TOMLDecodeError, OpsError) as error:
            return self._refused(str(error))

    def _refused(self, why: str) -> Settings:
        try:
            aside = set_aside(self._path)
            remedy = f"The defaults are in force; your file was kept as {aside.name} beside it"
        except OSError:
            remedy = "The defaults are in force; the file was left as it is"
        self.trouble = OpsError(
            "The settings file cannot be used", why, remedy, details={"file": str(self._path)}, code="settings"
        )
        return Settings()

    def change(self, change: Callable[[Settings], Settings]) -> Settings:
        """Apply a change, write it, tell the listeners. Raises OpsError (code ``disk``) and changes nothing if it can't be written."""
        with self._lock:
            new = _from_plain(_plain(change(self.current)))  # through the checks
            if new == self.current:
                return new
            import tomlkit  # keeps the user's comments and unknown lines

            document = (
                tomlkit.parse(self._path.read_text(encoding="utf-8")) if self._path.exists() else tomlkit.document()
            )
            _merge(document, _plain(new))
            write_atomic(self._path, tomlkit.dumps(document))
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


def _merge(document: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        if isinstance(value, dict):
            if name not in document:
                document[name] = {}
            _merge(document[name], value)
        else:
            document[name] = list(value) if isinstance(value, tuple) else value
