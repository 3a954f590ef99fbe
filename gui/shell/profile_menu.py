"""The list of profiles behind the profile card."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QMenu, QWidget

from core.settings.profiles import Profile
from gui.style.icons import icon

_TOKEN = {"production": "prod", "staging": "staging", "sandbox": "sandbox"}


def profile_menu(profiles: list[Profile], current: str, choose: Callable[[str], None], parent: QWidget) -> QMenu:
    """Environment as icon, colour and word; the open one is checked."""
    menu = QMenu(parent)
    menu.setAccessibleName("Profiles")
    for profile in profiles:
        name = "lock" if profile.environment == "production" else "cloud"
        where = {"sandbox": "no AWS account used", "env": "from the environment"}.get(
            profile.kind, profile.region or "default region"
        )
        action = menu.addAction(
            icon(name, _TOKEN[profile.environment]), f"{profile.name}  ·  {profile.environment.upper()}  ·  {where}"
        )
        action.setCheckable(True)
        action.setChecked(profile.name == current)
        action.triggered.connect(lambda _checked=False, name=profile.name: choose(name))
    return menu
