"""What a page is given, and how a page is declared."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from PySide6.QtWidgets import QWidget

from core.desk import Desk
from gui.bridge.commands import Commands
from gui.bridge.guard import Guard
from gui.bridge.job_bridge import JobBridge
from gui.bridge.loading import Modules
from gui.bridge.memory import Memory
from gui.bridge.settings_bridge import SettingsBridge


class TabContext(NamedTuple):  # dataclasses take five times as long to make at the window's start
    """desk: the services of the open profile. praise: shows a toast, for successes only; failures stand next to
    their cause. go: switches to another page by its id. header: puts a widget into the window's header while the
    page is shown (rarely needed)."""

    desk: Desk
    jobs: JobBridge
    settings: SettingsBridge
    commands: Commands
    guard: Guard
    memory: Memory
    praise: Callable[[str], None]
    go: Callable[[str], None]


class TabSpec(NamedTuple):
    """A page: loaded beside the window's life, built when it is first shown, and built anew after a change of profile.

    build(context, parent) makes a child of ``parent``, and a page makes its large parts as children of itself: what was
    measured and is then moved to another parent is styled all over again (warehouse: 237 ms instead of 111).
    modules: what has to be loaded before it is built.
    commands gives (id, title, icon) of those that the palette offers before the page is built.
    """

    id: str
    title: str
    subtitle: str
    icon: str
    modules: Modules
    build: Callable[[TabContext, QWidget], QWidget]
    commands: Callable[[], tuple[tuple[str, str, str], ...]]
