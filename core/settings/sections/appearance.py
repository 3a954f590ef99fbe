"""How the window looks and counts time."""

from __future__ import annotations

from dataclasses import dataclass

from core.settings.field import setting


@dataclass(frozen=True)
class Appearance:
    theme: str = setting(
        "system",
        "Theme",
        "Light, dark, or whatever the desktop uses",
        choices=(("system", "As the system"), ("light", "Light"), ("dark", "Dark")),
    )
    reduced_motion: bool = setting(False, "Reduce motion", "No animations")
    utc: bool = setting(False, "Show times in UTC", "Otherwise in this computer's time zone")
    drawer_open: bool = setting(False, "Show the activity drawer at start")
