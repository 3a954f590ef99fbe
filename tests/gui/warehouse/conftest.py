"""The Warehouse page on a desk whose one connection is a driver of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from PySide6.QtWidgets import QMainWindow

from core.aws.session import AwsSession, Target
from core.aws.workplace import Workplace
from core.base.places import Places
from core.settings.model import Settings
from core.settings.profiles import Profile, WarehouseConnection
from core.settings.store import SettingsStore
from core.warehouse.service import WarehouseService
from gui.bridge.commands import Commands
from gui.bridge.guard import Guard
from gui.bridge.job_bridge import JobBridge
from gui.bridge.memory import Memory
from gui.bridge.settings_bridge import SettingsBridge
from gui.bridge.tab_context import TabContext
from gui.tabs.warehouse.tab import build
from gui.tabs.warehouse.view import WarehouseView
from tests.fakes.warehouse import FakeDriver

CONNECTION = WarehouseConnection(
    "fake", kind="postgres", port=5432, database="dev", note="local engine", differences=("it is fake",)
)


class FakeDesk:
    """Of a desk, what the page uses."""

    def __init__(self, home: Places, profile: Profile, driver: FakeDriver) -> None:
        self.places, self.profile, self.preparing = home, profile, False
        target = Target(profile, warehouses=(CONNECTION,))
        self.workplace = Workplace(AwsSession(profile, lambda: target), home, Settings)
        self.warehouse = WarehouseService(self.workplace)
        for database in ("dev", "other"):
            self.warehouse._drivers["fake", database] = driver


@dataclass
class Page:
    view: WarehouseView
    driver: FakeDriver
    context: TabContext
    window: QMainWindow
    praised: list[str]

    def write(self, sql: str, at: int = 0) -> None:
        self.view.editors.editor.setPlainText(sql)
        self.view.editors.editor.go_to(at, at)

    def command(self, name: str) -> None:
        self.context.commands._commands[f"warehouse.{name}"].action.trigger()


@pytest.fixture
def make_page(qtbot: Any, jobs: JobBridge, home: Places) -> Iterator[Callable[..., Page]]:
    desks, windows = [], []

    def make(driver: FakeDriver | None = None, profile: Profile | None = None, *, preparing: bool = False) -> Page:
        driver = driver or FakeDriver()
        desk = FakeDesk(home, profile or Profile("test", environment="staging"), driver)
        desk.preparing = preparing
        desks.append(desk)
        window = QMainWindow()
        qtbot.addWidget(window)
        praised: list[str] = []
        context = TabContext(
            desk,  # type: ignore[arg-type]
            jobs,
            SettingsBridge(SettingsStore(home.config / "settings.toml"), jobs),
            Commands(window),
            Guard(desk.profile),
            Memory(home.state / "window.json"),
            praised.append,
            lambda _page: None,
        )
        view = build(context)
        assert isinstance(view, WarehouseView)
        window.setCentralWidget(view)
        context.commands.show_room("warehouse")
        window.resize(1200, 800)
        window.show()
        windows.append(window)
        return Page(view, driver, context, window, praised)

    yield make
    for window in windows:
        window.hide()  # as the program does before it stops its jobs
    for desk in desks:
        desk.warehouse.close()


@pytest.fixture
def page(make_page: Callable[..., Page], qtbot: Any) -> Page:
    """Connected, with the catalogue in the tree."""
    made = make_page()
    qtbot.waitUntil(lambda: made.view.tree.stack.currentWidget() is made.view.tree.tree)
    return made
