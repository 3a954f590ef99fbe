"""The tour: the real window, offscreen, taken through its jobs on a fresh sandbox, with a picture of every page in both themes.

``python -m tests.tour [--readme]``; the pictures are left in ``tour/``, and with ``--readme`` those of the README are renewed.
It clicks and types like a user; a step that does not come to its end stops the tour with exit status 1.
"""

from __future__ import annotations

import itertools
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tests.qt_on_one_thread  # noqa: F401

_README = ("digits-light", "streams-dark", "warehouse-light", "backups-light", "edge-light")
_SIZES = ((1440, 900), (1024, 700))
_SQL = (
    "select date_trunc('day', viewed_at) as day,",
    "count(*) as views, count(distinct customer_id) as visitors",
    "from page_views group by 1 order by 1",
)
_SEVEN = ((70, 78), (110, 72), (160, 74), (205, 78), (190, 112), (165, 160), (148, 200), (138, 238))


def _only_what_matters(_kind: object, _where: object, text: str) -> None:
    """Qt's offscreen platform complains of what it does not have; the tour knows."""
    if not text.startswith("This plugin does not support"):
        print(text, file=sys.stderr)


class Tour:
    def __init__(self, folder: Path) -> None:
        from PySide6.QtCore import qInstallMessageHandler

        from gui.app import Console, application

        qInstallMessageHandler(_only_what_matters)
        self.folder = folder
        self.app = application()
        self.console = Console("sandbox")
        self.window = self.console.window
        self.window.resize(*_SIZES[0])
        self.window.show()
        self.console.start()

    # -- acting -------------------------------------------------------------
    def pause(self, seconds: float) -> None:
        """Let the window live; not QTest's waiting, which keeps the interpreter from the threads that work for it."""
        from PySide6.QtCore import QEventLoop, QTimer

        loop = QEventLoop()
        QTimer.singleShot(round(seconds * 1000), loop.quit)
        loop.exec()

    def until(self, condition: Callable[[], object], what: str, seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise SystemExit(f"The tour waited {seconds:g} s in vain for: {what}")
            self.pause(0.05)

    def find(self, text: str, root: Any = None) -> Any:
        """The visible, enabled button of this text or accessible name, as soon as there is one."""
        from PySide6.QtWidgets import QAbstractButton

        def found() -> list[Any]:
            return [button for button in (root or self.window).findChildren(QAbstractButton)
                    if button.isVisible() and button.isEnabled() and text in (button.text().strip(), button.accessibleName())]  # fmt: skip

        self.until(found, f"the button {text!r}")
        return found()[0]

    def click(self, text: str, root: Any = None) -> None:
        from PySide6.QtCore import Qt
        from PySide6.QtTest import QTest

        QTest.mouseClick(self.find(text, root), Qt.MouseButton.LeftButton)

    def child(self, page: Any, kind: str) -> Any:
        """The first visible widget of a class, by the class's name."""
        from PySide6.QtWidgets import QWidget

        return next(
            widget for widget in page.findChildren(QWidget) if type(widget).__name__ == kind and widget.isVisible()
        )

    def show(self, room: str) -> Any:
        self.window.rail.buttons[room].click()
        self.until(lambda: self.window.stack.currentWidget() is self.window.page(room), f"the page {room}")
        self.pause(0.3)
        return self.window.page(room)

    def picture(self, name: str) -> None:
        """Both themes, both sizes: the state must not depend on either."""
        from gui.style.theme import theme

        for width, height in _SIZES:
            self.window.resize(width, height)
            for look in ("light", "dark"):
                theme().choose(look)
                self.pause(0.4)
                suffix = "" if width == _SIZES[0][0] else "-small"
                path = self.folder / f"{name}-{look}{suffix}.png"
                if not self.window.grab().save(str(path)):
                    raise SystemExit(f"{path} could not be written")
        self.window.resize(*_SIZES[0])
        theme().choose("light")
        self.pause(0.2)

    # -- the jobs -----------------------------------------------------------
    def sandbox(self) -> None:
        """The window starts it; the tour waits for its sample data, as a user may not have to, while they grow."""
        from core.sandbox.door import look

        self.until(lambda: self.window.status.identity.text(), "the sandbox has started")
        while (seed := look(self.console.places).seed).state != "done":
            if seed.state == "failed":
                raise SystemExit(f"The sample data could not be made: {seed.note}")
            self.until(lambda seed=seed: look(self.console.places).seed != seed, f"the sample data ({seed.note})", 240)

    def digits(self) -> None:
        from PySide6.QtCore import QPoint, Qt
        from PySide6.QtTest import QTest

        page = self.show("digits")
        self.picture("digits-empty")
        pad = self.child(page, "InkPad")
        scale = pad.width() / 280
        points = [QPoint(round(x * scale), round(y * scale)) for x, y in _SEVEN]
        QTest.mousePress(pad, Qt.MouseButton.LeftButton, pos=points[0])
        for before, after in itertools.pairwise(points):
            for step in range(1, 7):
                QTest.mouseMove(pad, before + (after - before) * step / 6)
                self.pause(0.005)
        QTest.mouseRelease(pad, Qt.MouseButton.LeftButton, pos=points[-1])
        self.pause(1.0)
        self.picture("digits")

    def streams(self) -> None:
        page = self.show("streams")
        self.until(lambda: page.furnished, "the streams page is there")
        self.until(lambda: page.toolbar.streams.currentText() == "pageviews", "the stream pageviews is offered")
        self.pause(0.5)
        self.picture("streams-empty")
        self.click("Start tap", page)
        self.console.jobs.start(page, "Put page views", self._put, quiet=True)
        self.until(lambda: page.records.table.live.rowCount() > 200, "records come in")
        self.pause(8)
        self.picture("streams")
        self.click("Stop tap", page)

    def _put(self, _job: Any) -> None:
        import random

        import orjson

        kinesis = self.window.desk.aws.client("kinesis")
        rng = random.Random(7)
        for second in range(24):
            records = [{"PartitionKey": f"visitor-{rng.randrange(400)}", "Data": orjson.dumps({"page": f"/product/{rng.randrange(90)}", "ms": rng.randrange(900)})}
                       for _ in range(120 + 60 * (second % 3))]  # fmt: skip
            kinesis.put_records(StreamName="pageviews", Records=records)
            time.sleep(0.5)

    def warehouse(self) -> None:
        from PySide6.QtCore import Qt
        from PySide6.QtTest import QTest

        page = self.show("warehouse")
        self.until(lambda: page.run.isEnabled(), "the connection is chosen")
        self.pause(2)
        self.picture("warehouse-empty")
        editor = self.child(page, "SqlEditor")
        editor.selectAll()
        for number, text in enumerate(_SQL):
            if number:
                QTest.keyClick(editor, Qt.Key.Key_Return)
            QTest.keyClicks(editor, text)
        QTest.keyClick(editor, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
        self.click("Run", page)
        self.pause(0.3)
        self.until(lambda: page.run.isEnabled(), "the statement is done")
        self.pause(1)
        self.picture("warehouse")

    def backups(self) -> None:
        from PySide6.QtWidgets import QLabel

        page = self.show("backups")
        self.until(lambda: self.find("Back up now", page).isEnabled(), "a plan is there")
        self.picture("backups-before")
        self._job("Back up now", page)
        self._job("Verify", page)
        self.until(lambda: any(label.text() == "PROVED" for label in page.findChildren(QLabel)), "the plan is PROVED")
        self.pause(3)  # its history is read again
        self.picture("backups")

    def _job(self, button: str, page: Any) -> None:
        """Click, and wait until the job that begins has ended well."""
        from core.jobs.job import JobState

        before = {activity.job.number for activity in self.console.jobs.activities}
        self.click(button, page)

        def begun() -> list[Any]:
            return [activity for activity in self.console.jobs.activities if activity.job.number not in before]

        self.until(begun, f"{button} begins")
        activity = begun()[-1]
        self.until(lambda: activity.job.state.is_final, f"{button} ends", 240)
        if activity.job.state is not JobState.SUCCEEDED:
            raise SystemExit(f"{button} did not succeed: {activity.fault}")

    def edge(self) -> None:
        self.show("edge")
        self.picture("edge")

    def run(self) -> None:
        for step in (self.sandbox, self.digits, self.streams, self.warehouse, self.backups, self.edge):
            began = time.monotonic()
            step()
            print(f"  {step.__name__:<10} {time.monotonic() - began:5.1f} s", flush=True)
        self.window.toggle_drawer()
        self.picture("drawer")


def main(*, readme: bool) -> int:
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    folder = Path("tour")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="opsdesk-tour-", ignore_cleanup_errors=True) as home:
        os.environ["OPSDESK_HOME"] = home  # the user's own settings and data stay as they are
        print("A tour through the real window, offscreen, on a fresh sandbox:", flush=True)
        tour = Tour(folder)
        try:
            tour.run()
        finally:
            tour.window.hide()
            tour.console.close()
            from core.sandbox.door import stop

            stop(tour.console.places)
    if readme:
        kept = Path("docs/pictures")
        kept.mkdir(parents=True, exist_ok=True)
        for name in _README:
            shutil.copy(folder / f"{name}.png", kept)
    print(f"The pictures are in {folder}/")
    return 0


if __name__ == "__main__":
    sys.exit(main(readme="--readme" in sys.argv[1:]))
