"""The window makes the backups that are due, whichever page is shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from PySide6.QtWidgets import QMainWindow

from core.backups.alerts import Alert
from core.backups.catching_up import SETTLE
from gui.bridge.commands import Commands
from gui.bridge.guard import Guard
from gui.bridge.memory import Memory
from gui.bridge.tab_context import TabContext
from gui.tabs.backups.watch import BackupWatch
from tests.gui.backups.conftest import FakeDesk


class HandClock:
    def __init__(self) -> None:
        self.passed = 0.0

    def now(self) -> datetime:
        return datetime(2026, 11, 22, tzinfo=UTC) + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return self.passed

    def sleep(self, seconds: float) -> None:
        self.passed += seconds


class Scene:
    def __init__(self, qtbot: Any, jobs: Any, folder: Any) -> None:
        self.window = QMainWindow()
        qtbot.addWidget(self.window)
        self.clock, self.told, self.jobs, self._folder = HandClock(), list[Alert](), jobs, folder
        self.open()
        self.watch = BackupWatch(self.window, lambda: self.context, self.told.append, self.clock)

    def open(self, environment: str = "sandbox") -> FakeDesk:
        self.desk = FakeDesk(environment)
        self.context = TabContext(
            self.desk, self.jobs, None, Commands(self.window), Guard(self.desk.profile), Memory(self._folder / "m.json"), print,  # type: ignore[arg-type]
            print,
        )  # fmt: skip
        return self.desk

    def after(self, seconds: float) -> None:
        for _ in range(int(seconds // 10)):
            self.clock.sleep(10)
            self.watch.ask()


@pytest.fixture
def scene(qtbot: Any, jobs: Any, tmp_path: Any) -> Scene:
    return Scene(qtbot, jobs, tmp_path)


def test_a_missed_run_is_caught_up_without_the_page(scene: Scene, qtbot: Any) -> None:
    scene.desk.backups.due_now = ["nightly"]
    scene.watch.ask()
    scene.after(SETTLE - 10)
    assert not scene.jobs.running() and scene.desk.backups.asked == []
    scene.after(30)
    qtbot.waitUntil(lambda: scene.desk.backups.asked == ["run nightly if due"])


def test_a_locked_profile_writes_nothing_but_proves(scene: Scene, qtbot: Any) -> None:
    desk = scene.open("production")
    desk.backups.due_now, desk.backups.proofs_due_now = ["nightly"], ["nightly"]
    scene.watch.ask()
    scene.after(SETTLE + 20)
    qtbot.waitUntil(lambda: desk.backups.asked == ["verify nightly "])
    qtbot.waitUntil(lambda: not scene.jobs.running())
    scene.after(180)
    qtbot.waitUntil(lambda: not scene.jobs.running())
    assert desk.backups.asked == ["verify nightly "]  # not once more within hours


def test_the_profile_that_is_open_counts(scene: Scene, qtbot: Any) -> None:
    first = scene.desk
    first.backups.due_now = ["nightly"]
    second = scene.open()
    second.backups.due_now = ["weekly"]
    scene.watch.ask()
    scene.after(SETTLE + 20)
    qtbot.waitUntil(lambda: second.backups.asked == ["run weekly if due"])
    assert first.backups.asked == []


def test_alerts_are_heard_once_and_shown(scene: Scene, qtbot: Any) -> None:
    scene.watch.look()
    qtbot.waitUntil(lambda: bool(scene.desk.backups.alert_listeners))
    scene.watch.look()
    qtbot.waitUntil(lambda: not scene.jobs.running())
    assert len(scene.desk.backups.alert_listeners) == 1
    alert = Alert("nightly", "run-failed", "The backup nightly failed", "Why")
    scene.desk.backups.alert_listeners[0](alert)
    qtbot.waitUntil(lambda: scene.told == [alert])
