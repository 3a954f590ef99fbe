"""The activity drawer never takes so much from a page that the page is cut."""

from __future__ import annotations

from functools import partial

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QScrollArea, QWidget

from core.base.places import Places
from core.jobs.job import Job, JobState
from gui.app import Console
from gui.bridge.job_bridge import JobBridge
from gui.parts.focus import enter
from gui.parts.words import estimate
from gui.shell.drawer import JobCard


def _right(window: QWidget, part: QWidget) -> int:
    return part.mapTo(window, part.rect().topRight()).x()


@pytest.mark.parametrize(("width", "beside"), [(1440, True), (1024, False), (960, False)])
def test_no_page_is_cut_while_it_is_open(
    qtbot, home: Places, monkeypatch: pytest.MonkeyPatch, width: int, beside: bool
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # nobody is there, and nobody is needed
    made = Console("env")
    window = made.window
    window.go("edge")
    window.resize(width, 700)
    window.show()
    window.toggle_drawer()
    drawer, area = window.drawer, window.page("edge").findChild(QScrollArea, "pageScroll")
    qtbot.waitUntil(lambda: _right(window, drawer) == width - 1)  # laid out at the window's right edge
    qtbot.waitUntil(lambda: area.widget().width() <= area.viewport().width())
    qtbot.waitUntil(lambda: (_right(window, window.stack) < width - drawer.width()) is beside)
    assert not window.header.drawer.visibleRegion().isEmpty()
    window.resize(1440, 700)
    qtbot.waitUntil(lambda: window.stack.width() == 1440 - window.rail.width() - drawer.width())
    window.close()
    qtbot.waitUntil(lambda: not made.jobs.running())
    assert made.close() == []


def test_over_the_page_it_goes_when_the_page_is_clicked(qtbot, home: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # nobody is there, and nobody is needed
    made = Console("env")
    window = made.window
    window.go("edge")
    window.resize(1024, 700)
    window.show()
    window.toggle_drawer()
    drawer, page = window.drawer, window.page("edge")
    qtbot.waitUntil(lambda: _right(window, drawer) == 1023)
    click = partial(QTest.mouseClick, window.windowHandle(), Qt.MouseButton.LeftButton)

    click(pos=drawer.empty.mapTo(window, drawer.empty.rect().center()))
    click(pos=window.rail.mapTo(window, window.rail.rect().center()))
    assert drawer.isVisible(), "a click in it, or on the rail, leaves it"
    click(pos=page.mapTo(window, QPoint(300, 4)))
    assert not drawer.isVisible() and not window.header.drawer.isChecked()

    window.toggle_drawer()
    enter(drawer)
    QTest.keyClick(window.windowHandle(), Qt.Key.Key_Escape)
    assert not drawer.isVisible() and page.isAncestorOf(window.focusWidget()), "the keys go back to the page"

    window.resize(1440, 700)
    window.toggle_drawer()
    qtbot.waitUntil(lambda: window.stack.width() == 1440 - window.rail.width() - drawer.width())
    click(pos=page.mapTo(window, QPoint(300, 4)))
    assert drawer.isVisible(), "beside the page it is in nobody's way"
    window.close()
    qtbot.waitUntil(lambda: not made.jobs.running())
    assert made.close() == []


def test_what_was_stopped_on_purpose_says_what_it_had_done(qtbot, jobs: JobBridge) -> None:
    def work(job: Job[None]) -> None:
        try:
            job.report(0, None, "12 sent, 4/s")
            job.sleep(60)
        finally:
            job.conclude("13 sent")

    job = jobs.start(jobs, "Send", work)
    qtbot.waitUntil(lambda: job.progress is not None)
    job.cancel()
    qtbot.waitUntil(lambda: job.state is JobState.CANCELLED)
    card = JobCard(jobs.activities[0], jobs)
    qtbot.addWidget(card)
    assert card.note.text().startswith("Stopped after ") and card.note.text().endswith(": 13 sent")


def test_what_was_done_and_found_nothing_good_has_no_green_tick(qtbot, jobs: JobBridge) -> None:
    shown = []
    for good in (True, False):
        job = jobs.start(jobs, "Verify", lambda job, good=good: job.conclude("2 of 11 checks FAILED", good=good))
        qtbot.waitUntil(lambda job=job: job.state is JobState.SUCCEEDED)
        card = JobCard(jobs.activities[0], jobs)
        qtbot.addWidget(card)
        assert card.note.text().startswith("2 of 11 checks FAILED")
        shown.append(card._picture.grab().toImage())
    assert shown[0] != shown[1]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (27.8, "28 s"), (59.7, "1 min"), (200, "3 min"), (3590, "1 h 0 min"), (7500, "2 h 5 min")],
)
def test_a_guess_is_no_more_exact_than_it_can_be(seconds: float, words: str) -> None:
    assert estimate(seconds) == words
