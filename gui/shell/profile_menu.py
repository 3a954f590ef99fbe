"""The list of profiles behind the profile card."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QMenu, QWidget

from core.settings.profiles import SANDBOX, Profile
from gui.style.icons import icon

_TOKEN = {"production": "prod", "staging": "staging", "sandbox": "sandbox"}


def profile_menu(
    profiles: list[Profile],
    current: str,
    choose: Callable[[str], None],
    edit: Callable[[Profile | None], None],
    remove: Callable[[Profile], None],
    sign_in: Callable[[], None],
    parent: QWidget,
) -> QMenu:
    """Environment as icon, colour and word; the open one is checked. Below: a new one, and what to do with the open one."""
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
    menu.addSeparator()
    menu.addAction(icon("plus"), "New profile…").triggered.connect(lambda *_: edit(None))
    if current != SANDBOX.name:
        menu.addAction(icon("key"), f"Sign in to {current} (SSO)…").triggered.connect(lambda *_: sign_in())
    own = next((profile for profile in profiles if profile.name == current and profile.kind == "aws"), None)
    if own is not None:
        menu.addAction(icon("pencil"), f"Edit {own.name}…").triggered.connect(lambda *_: edit(own))
        menu.addAction(icon("trash-2"), f"Remove {own.name}…").triggered.connect(lambda *_: remove(own))
    return menu
