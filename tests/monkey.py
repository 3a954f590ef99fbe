"""Uses the window at random on a sandbox of its own: `python -m tests.monkey --seed 3 --seconds 120 --kill`.

Clicks, keys, words, menus, dialogs, commands and changes of the page, ten and more a second. With ``--kill`` a service of the sandbox is killed
or held every few seconds. What it did stands on standard output, with every exception and every gap in the window's heartbeat;
the exit status is 1 if there was an exception. No seed does the same twice (the window answers in its own time), but most do.
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QPoint, Qt, QTimer
from PySide6.QtGui import QAction, QContextMenuEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractScrollArea,
    QDialog,
    QFileDialog,
    QInputDialog,
    QLineEdit,
    QMenu,
    QMessageBox,
    QPlainTextEdit,
    QWidget,
)
from shiboken6 import isValid

from core.base.places import Places
from core.sandbox.door import stop
from gui.app import Console, application

_WORDS = (
    "abc", "shop", "pageviews", "SELECT 1", "select * from public.orders limit 5", "%", "''", "-1", "99999999999", "../x", "a b",
    "http://127.0.0.1:1/", '$.status = "x"', "(", "[a-z]+", "2026-01-01", "ä€😀",
)  # fmt: skip
_KEYS = (
    "Return", "Escape", "Tab", "Backtab", "Up", "Down", "Left", "Right", "Delete", "Space", "Home", "End", "F2", "F5", "F6",
    "PageDown", "Backspace",
)  # fmt: skip
_PAGES = ("digits", "streams", "warehouse", "backups", "edge")
_SERVICES = ("core.sandbox.small_services", "core.sandbox.kinesis", "core.sandbox.redshift", "mariadbd")
_STEP = 60  # ms between two deeds
_LATE = 0.5  # seconds without a beat that are told


class Monkey:
    """One window and who plays with it."""

    def __init__(self, seed: int, seconds: float, kill: bool) -> None:
        self.app = application()
        self.app.setQuitOnLastWindowClosed(False)
        self.random = random.Random(seed)
        self.end = time.monotonic() + seconds
        self.next_kill = time.monotonic() + 20 if kill else float("inf")
        self.faults = self.deeds = 0
        self.beat = time.monotonic()
        self.worst = 0.0
        sys.excepthook = lambda kind, error, where: self.fault("".join(traceback.format_exception(kind, error, where)))
        self.console = Console("sandbox")
        self.window = self.console.window
        self.console.jobs.trouble.connect(lambda error: self.fault("".join(traceback.format_exception(error))))
        self.window.resize(*self.random.choice(((1440, 900), (1024, 700))))
        self.window.show()
        self.console.start()
        self.heart = QTimer(interval=20)
        self.heart.timeout.connect(self.felt)
        self.heart.start()
        self.later(self.step)

    def later(self, call: Callable[[], None], after: int = _STEP) -> None:

        QTimer.singleShot(after, call)

    def fault(self, words: str) -> None:
        self.faults += 1
        print("EXCEPTION", words, flush=True)

    def felt(self) -> None:
        gap, self.beat = time.monotonic() - self.beat, time.monotonic()
        self.worst = max(self.worst, gap)
        if gap > _LATE:
            print(f"late by {gap:.2f} s", flush=True)

    def step(self) -> None:
        """One deed, the next one asked for first: a deed may open a dialog that does not come back for long."""
        if time.monotonic() > self.end:
            self.leave()
            return
        self.later(self.step)
        self.deeds += 1
        if time.monotonic() > self.next_kill:
            self.next_kill = time.monotonic() + self.random.uniform(5, 20)
            self.kill()
        try:
            print(self.deed(), flush=True)
        except RuntimeError as gone:
            if "already deleted" not in str(gone):  # chosen a moment ago, and its dialog has closed since
                raise

    def deed(self) -> str:

        chance = self.random.random()
        root = self.app.activePopupWidget() or self.app.activeModalWidget() or self.window
        if root is self.window and chance < 0.7:
            dialogs = [top for top in self.app.topLevelWidgets() if isinstance(top, QDialog) and top.isVisible()]
            root = self.random.choice(dialogs or [self.window])
        if isinstance(root, QMenu):
            actions = [action for action in root.actions() if action.isEnabled() and not action.isSeparator()]
            if actions and chance < 0.7:
                action = self.random.choice(actions)
                self.later(lambda: self.choose(root, action), 0)
                return f"menu: {action.text()}"
            root.close()
            return "the menu is closed"
        if isinstance(root, QFileDialog | QMessageBox | QInputDialog):
            (root.reject if chance < 0.5 or isinstance(root, QFileDialog) else root.accept)()
            return f"{type(root).__name__} {root.windowTitle()} is left"
        if root is self.window and chance < 0.06:
            page = self.random.choice(_PAGES)
            self.window.go(page)
            return f"to {page}"
        if root is not self.window and chance < 0.06:
            root.close()
            return f"{type(root).__name__} is closed"
        if chance < 0.22:
            target, key = self.app.focusWidget() or root, self.random.choice(_KEYS)
            modifier = self.random.choice([Qt.KeyboardModifier.NoModifier] * 5 + [Qt.KeyboardModifier.ControlModifier])
            QTest.keyClick(target, Qt.Key[f"Key_{key}"], modifier)
            return f"{modifier.name} {key} on {name(target)}"
        return self.use(root)

    def use(self, root: QWidget) -> str:

        page = self.window._pages.get(self.window._wanted)
        found = [
            widget
            for widget in root.findChildren(QWidget)
            if widget.isVisible() and widget.isEnabled() and widget.window() is root and widget.focusPolicy().value
            and not widget.visibleRegion().isEmpty()
        ]  # fmt: skip
        if root is self.window and page is not None and self.random.random() < 0.85:
            found = [widget for widget in found if page.isAncestorOf(widget)] or found
        if not found:
            QTest.keyClick(root, Qt.Key.Key_Escape)
            return "Escape"
        widget = self.random.choice(found)
        if isinstance(widget, QLineEdit | QPlainTextEdit) and self.random.random() < 0.7:
            words = self.random.choice(_WORDS)
            widget.setFocus()
            if self.random.random() < 0.5:
                widget.selectAll()
            widget.insert(words) if isinstance(widget, QLineEdit) else widget.insertPlainText(words)
            if self.random.random() < 0.4:
                QTest.keyClick(widget, Qt.Key.Key_Return)
            return f"{words!r} into {name(widget)}"
        target = widget.viewport() if isinstance(widget, QAbstractScrollArea) else widget
        at = QPoint(self.random.randrange(max(1, target.width())), self.random.randrange(max(1, target.height())))
        self.click(target, at)
        return f"click on {name(widget)} of {type(root).__name__}"

    def choose(self, menu: QMenu, action: QAction) -> None:
        if isValid(menu):  # or it has closed since
            self.click(menu, menu.actionGeometry(action).center())

    def click(self, target: QWidget, at: QPoint) -> None:

        chance = self.random.random()
        if chance < 0.1:
            menu = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, target.mapToGlobal(at))
            self.app.postEvent(target, menu)
        else:
            (QTest.mouseDClick if chance < 0.2 else QTest.mouseClick)(target, Qt.MouseButton.LeftButton, pos=at)

    def kill(self) -> None:
        """Kill or hold one service of this sandbox, as a full memory or a sleeping laptop would."""
        home, found = os.environ["OPSDESK_HOME"], []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                line = (folder / "cmdline").read_text().replace("\0", " ")
            except OSError:
                continue
            if home in line and any(service in line for service in _SERVICES):
                found.append((int(folder.name), line))
        if found:
            pid, line = self.random.choice(found)
            number = self.random.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGSTOP))
            print(f"{number.name} to {next(service for service in _SERVICES if service in line)}", flush=True)
            os.kill(pid, number)

    def leave(self) -> None:
        for top in self.app.topLevelWidgets():
            if top is not self.window:
                top.close()
        self.window.close()
        left = self.console.close()
        print(
            f"{self.deeds} deeds, {self.faults} exceptions, worst gap {self.worst:.2f} s, jobs left: {left}", flush=True
        )
        self.app.exit(1 if self.faults else 0)


def name(widget: QObject) -> str:
    words = getattr(widget, "accessibleName", str)() or getattr(widget, "objectName", str)()
    return f"{type(widget).__name__} {words}".strip()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--kill", action="store_true")
    wish = parser.parse_args()
    faulthandler.enable()
    with tempfile.TemporaryDirectory() as folder:
        # Nothing of the user's own is in reach: files are saved into and read from here.
        os.environ |= {"OPSDESK_HOME": f"{folder}/opsdesk", "HOME": folder, "AWS_CONFIG_FILE": f"{folder}/aws"}
        if not os.environ.get("DISPLAY"):
            os.environ["QT_QPA_PLATFORM"] = "offscreen"
        os.chdir(folder)
        try:
            return Monkey(wish.seed, wish.seconds, wish.kill).app.exec()
        finally:
            stop(Places.here())


if __name__ == "__main__":
    sys.exit(main())
