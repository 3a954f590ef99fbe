"""The objects half: places, selection, confirmations, what a failure leaves on the page."""

from __future__ import annotations

import sys
import threading
from typing import Any

import pytest
from PySide6.QtCore import QItemSelectionModel, QPoint, Qt
from PySide6.QtWidgets import QLabel

from core.backups.objects.values import (
    Amount,
    Entry,
    ObjectFacts,
    Page,
)
from core.base.errors import OpsError
from core.jobs.job import JobCancelled, JobState
from gui.tabs.backups.objects_side import ObjectsSide
from gui.tabs.backups.objects_table import Line
from tests.gui.backups.objects_hand import NOW, enter, opened


@pytest.fixture
def page(qtbot, make_page, request):
    return opened(qtbot, make_page, getattr(request, "param", "sandbox"))


def test_buckets_levels_and_more(qtbot, page) -> None:
    view, _, _ = page
    assert [line.name for line in view.objects.table.row_model.rows] == ["vault"]
    assert view.objects.new_bucket.isVisible() and not view.objects.upload.isVisible()
    enter(qtbot, view)
    qtbot.waitUntil(lambda: view.objects.side.title.text() == "vault")
    assert view.objects.load_more.isVisible() and "there is more" in view.objects.state.text()
    view.objects.load_more.click()
    qtbot.waitUntil(lambda: view.objects.table.row_model.rowCount() == 3)
    assert not view.objects.load_more.isVisible()


def test_the_end_of_the_list_brings_more_and_a_page_that_fails_takes_nothing_away(qtbot, page) -> None:
    view, fake, _ = page
    enter(qtbot, view)
    many = tuple(Entry(f"{number:05}", 1, NOW, "STANDARD") for number in range(100))
    fake.page = lambda bucket, prefix, token: Page(many, "still more")
    view.objects.load_more.click()
    table, listing = view.objects.table, view.objects_presenter.listing
    qtbot.waitUntil(lambda: table.row_model.rowCount() == 102)

    def dead(*_: object) -> Page:
        raise OpsError("Could not list", "The endpoint does not answer", code="unreachable")

    fake.page = dead
    table.verticalScrollBar().setValue(table.verticalScrollBar().maximum())
    qtbot.waitUntil(view.objects.banner.isVisible)
    assert table.row_model.rowCount() == 102 and view.objects.load_more.isVisible() and listing.state.value == "shown"
    fake.page = lambda bucket, prefix, token: Page((Entry(f"after {token}", 1, NOW),))
    view.objects.load_more.click()
    qtbot.waitUntil(lambda: table.row_model.rowCount() == 103)
    assert table.row_model.rows[-1].name == "after still more" and not view.objects.banner.isVisible()


def test_a_level_is_shown_up_to_a_number_of_rows_and_says_so(qtbot, page, monkeypatch) -> None:
    view, _, _ = page
    enter(qtbot, view)
    monkeypatch.setattr("gui.tabs.backups.objects_listing._MOST", 3)
    view.objects_presenter.objects.page = lambda bucket, prefix, token: Page((Entry("c", 1, NOW),), "still more")
    view.objects.load_more.click()
    qtbot.waitUntil(lambda: "there is more: search" in view.objects.state.text())
    assert not view.objects.load_more.isVisible()


def test_a_stopped_download_says_what_is_kept_and_a_large_folder_is_not_dragged_out(qtbot, page, tmp_path) -> None:
    view, fake, _ = page
    enter(qtbot, view)
    jobs = []

    def download_as(job: Any, *_: Any, **__: Any) -> Any:
        jobs.append(job)
        try:
            job.sleep(30)
        except JobCancelled:
            job.conclude("8 of 9 bytes arrived; they are kept")
            raise

    fake.download_as = download_as
    transfers, banner = view.objects_presenter.transfers, view.objects.banner
    transfers.download_to([Entry("a.txt", 9, NOW)], tmp_path / "a.txt")
    qtbot.waitUntil(lambda: bool(jobs))
    jobs[0].cancel()
    qtbot.waitUntil(banner.isVisible)
    assert "8 of 9 bytes arrived; they are kept" in banner.title.text() + banner.why.text()
    presenter = view.objects_presenter
    presenter.change("Delete 9 objects", lambda job: download_as(job), lambda _: None)
    qtbot.waitUntil(lambda: len(jobs) == 2)
    jobs[1].cancel()
    qtbot.waitUntil(lambda: banner.title.text() == "Delete 9 objects: stopped")
    fake.count = Amount(3, 600 << 20)
    assert transfers.fetch([Entry("slow/", folder=True)]) == []
    assert "too much to drag" in banner.title.text() + banner.why.text()


def test_a_search_shows_what_it_finds_and_keeps_it_when_stopped(qtbot, page) -> None:
    view, fake, _ = page
    enter(qtbot, view)
    jobs = []

    def search(job: Any, bucket: str, prefix: str, words: str, *, found: Any) -> Any:
        jobs.append(job)
        found([Entry(f"deep/{words}", 1, NOW, "STANDARD")])
        job.report(2000, None, "2,000 objects looked at, 1 found")
        job.sleep(30)

    fake.search = search
    view.objects.search.setText("one")
    qtbot.keyClick(view.objects.search, Qt.Key.Key_Return)
    names = lambda: [line.name for line in view.objects.table.row_model.rows]  # noqa: E731
    qtbot.waitUntil(lambda: names() == ["deep/one"])
    qtbot.waitUntil(lambda: view.objects.state.text() == "2,000 objects looked at, 1 found so far")
    jobs[0].cancel()
    qtbot.waitUntil(lambda: "before it was stopped" in view.objects.state.text())
    assert names() == ["deep/one"]
    view.objects.search.setText("two")
    qtbot.keyClick(view.objects.search, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: names() == ["deep/two"])
    view.objects_presenter.go("vault")  # nobody looks at it any more
    qtbot.waitUntil(lambda: jobs[1].state is JobState.CANCELLED)
    qtbot.waitUntil(lambda: names() == ["slow/", "a.txt"])


def test_choosing_all_of_a_long_list_is_not_done_row_by_row(qtbot, page) -> None:
    view, _, _ = page
    enter(qtbot, view)
    table, asked = view.objects.table, []
    table.show_rows([Line(entry=Entry(f"{number:05}", number, NOW)) for number in range(2000)])
    code = type(table.row_model).flags.__code__
    sys.setprofile(lambda frame, event, _: asked.append(event) if event == "call" and frame.f_code is code else None)
    try:
        table.selectAll()
        table.grab()
        assert len(table.chosen) == 2000
    finally:
        sys.setprofile(None)
    assert len(asked) < 2000


def test_keys_lead_to_the_ends_in_and_out_again(qtbot, page) -> None:
    view, _, _ = page
    enter(qtbot, view)
    table, key = view.objects.table, lambda *keys: qtbot.keyClick(view.objects.table, *keys)
    names = lambda: [line.name for line in table.row_model.rows]  # noqa: E731
    table.setFocus()
    # As Qt does when the keys come in:
    table.selectionModel().setCurrentIndex(table.row_model.index(0, 0), QItemSelectionModel.SelectionFlag.NoUpdate)
    key(Qt.Key.Key_Down)
    assert [line.name for line in table.chosen] == ["slow/"], "not the second"
    key(Qt.Key.Key_End)
    assert [line.name for line in table.chosen] == ["a.txt"]
    key(Qt.Key.Key_Home)
    key(Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: names() == ["inside"])
    key(Qt.Key.Key_Backspace)
    qtbot.waitUntil(lambda: names() == ["slow/", "a.txt"])
    assert [line.name for line in table.chosen] == ["slow/"]
    key(Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(lambda: names() == ["vault"])


def test_sorting_keeps_folders_first_and_the_selection_and_says_how_far_it_reaches(qtbot, page) -> None:
    view, _, _ = page
    enter(qtbot, view)
    table, names = view.objects.table, lambda: [line.name for line in view.objects.table.row_model.rows]
    lines = [Line(entry=Entry(key, size, NOW, "STANDARD", folder=key.endswith("/"))) for key, size in
             (("z/", 0), ("b", 3), ("c", 1), ("a/", 0), ("A", 2))]  # fmt: skip
    view.objects.show_lines(lines, more=True)
    table.choose(2)
    click = lambda column: qtbot.mouseClick(  # noqa: E731
        table.horizontalHeader().viewport(), Qt.MouseButton.LeftButton,
        pos=QPoint(table.columnViewportPosition(column) + 20, 8),
    )  # fmt: skip
    click(1)
    assert names() == ["z/", "a/", "c", "A", "b"]
    assert [line.name for line in table.chosen] == ["c"]
    assert view.objects.state.text() == "2 folders, 3 objects shown and sorted, there is more"
    view.objects.show_more([Line(entry=Entry("d", 2.5, NOW, "STANDARD"))], more=False)
    assert names() == ["z/", "a/", "c", "A", "d", "b"] and [line.name for line in table.chosen] == ["c"]
    click(1)
    assert names() == ["z/", "a/", "b", "d", "A", "c"]
    click(1)  # back to S3's own order
    assert names() == ["z/", "b", "c", "a/", "A", "d"] and view.objects.state.text() == "2 folders, 4 objects"
    click(0)
    assert names() == ["a/", "z/", "A", "b", "c", "d"]


def test_an_answer_that_comes_too_late_is_dropped(qtbot, page) -> None:
    view, fake, _ = page
    enter(qtbot, view)
    fake.gate = threading.Event()
    view.objects_presenter.go("vault", "slow/")
    view.objects_presenter.go("vault", "quick/")
    fake.gate.set()
    qtbot.waitUntil(lambda: [line.name for line in view.objects.table.row_model.rows] == ["inside"])
    assert view.objects.table.row_model.rows[0].entry.key == "quick/inside"


def test_a_failure_takes_the_list_away_and_says_why(qtbot, page) -> None:
    view, fake, _ = page
    enter(qtbot, view)
    fake.trouble = OpsError("Could not list", "There is no bucket of that name", "Check the name", code="not-found")
    view.objects_presenter.refresh()
    qtbot.waitUntil(lambda: view.objects_presenter.listing.state.value == "failed")
    assert view.objects.banner.title.text() == "Could not list"
    assert view.objects.table.row_model.rowCount() == 0
    assert not view.objects.delete.isEnabled() and not view.objects.may_drop
    fake.trouble = None
    view.objects.banner.action.click()
    qtbot.waitUntil(lambda: view.objects_presenter.listing.state.value == "shown")


def test_what_was_counted_of_several_stays_in_the_panel(qtbot, page) -> None:
    view, fake, praised = page
    enter(qtbot, view)
    view.objects.table.selectAll()
    qtbot.waitUntil(lambda: view.objects.side.title.text().startswith("1 folder, 1 object"))
    fake.count = Amount(8400, 41_200_000_000)
    view.objects_presenter.panel.count()
    told = lambda: [label.text() for label in view.objects.side.findChildren(QLabel) if label.isVisible()]  # noqa: E731
    qtbot.waitUntil(lambda: any("in 8,400 objects" in text for text in told()))
    assert not praised


def test_no_line_of_the_details_is_cut_when_they_scroll(qtbot) -> None:
    side = ObjectsSide()
    qtbot.addWidget(side)
    side.resize(232, 560)
    side.show()
    facts = ObjectFacts(
        "vault", "letters/report.txt", 14, NOW, "9f089b639127e2f5a79c4eda189678d6", tags={"team": "data"}
    )
    versions = [Entry(facts.key, 23, NOW, version=f"v{n}", latest=n == 0) for n in range(4)]
    side.show_object(facts, may_write=True)
    side.show_versions(versions, may_write=True)
    qtbot.waitUntil(side.area.verticalScrollBar().isVisible)
    shown = [label for label in side.area.widget().findChildren(QLabel) if label.isVisible()]
    assert len(shown) > 12
    cut = lambda: [each.text() for each in shown if each.height() < each.heightForWidth(each.width())]  # noqa: E731
    qtbot.waitUntil(lambda: not cut())
    assert not [each.text() for each in shown if each.geometry().right() > side.area.viewport().width()]
