"""The objects half: places, selection, confirmations, what a failure leaves on the page."""

from __future__ import annotations

import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QItemSelectionModel, QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent
from PySide6.QtWidgets import QApplication, QComboBox, QLabel

from core.backups.objects.fate import Fate
from core.backups.objects.lifecycle import Lifecycle, rule
from core.backups.objects.values import (
    Amount,
    Bucket,
    BucketFacts,
    BucketList,
    Deleted,
    Entry,
    Moved,
    ObjectFacts,
    Page,
)
from core.base.errors import OpsError
from core.jobs.job import JobCancelled, JobState
from gui.parts.buttons import Button
from gui.parts.dialogs import ConfirmDialog
from gui.tabs.backups.lifecycle_dialog import LifecycleDialog
from gui.tabs.backups.objects_side import ObjectsSide
from gui.tabs.backups.objects_table import Line

NOW = datetime(2026, 11, 22, tzinfo=UTC)


class FakeObjects:
    """A bucket in memory."""

    def __init__(self) -> None:
        self.trouble: OpsError | None = None
        self.asked: list[Any] = []
        self.keeps: bool | None = False
        self.gate: threading.Event | None = None
        self.count = Amount(1, 10)

    def buckets(self, known: Any = ()) -> BucketList:
        return BucketList((Bucket("vault", NOW),))

    def page(self, bucket: str, prefix: str = "", token: str = "", *, size: int = 1000) -> Page:
        if self.gate and prefix == "slow/":
            self.gate.wait(5)
        if self.trouble:
            raise self.trouble
        if token:
            return Page((Entry(f"{prefix}last", 1, NOW, "STANDARD"),))
        if prefix:
            return Page((Entry(f"{prefix}inside", 5, NOW, "STANDARD"),))
        return Page((Entry("slow/", folder=True), Entry("a.txt", 10, NOW, "STANDARD")), "more")

    def bucket_facts(self, name: str) -> BucketFacts:
        return BucketFacts(
            name, "Off", "us-east-1", lifecycle_rules=0, lacking=("This endpoint does not offer the encryption",)
        )

    def object_facts(self, bucket: str, key: str, version: str = "") -> ObjectFacts:
        return ObjectFacts(bucket, key, 10, NOW, "etag", metadata={"rows": "12"})

    def amount(self, job: Any, bucket: str, entries: Any, *, versions: bool = False) -> Amount:
        return self.count

    def keeps_versions(self, bucket: str) -> bool | None:
        return self.keeps

    def delete(self, job: Any, bucket: str, entries: Any, *, versions: bool = False, total: Any = None) -> Deleted:
        self.asked.append(("delete", bucket, [entry.key for entry in entries], versions))
        return Deleted(0, (("a.txt", "No permission, or a lock keeps it"),), 1)

    def upload(self, job: Any, paths: Any, bucket: str, prefix: str, *, replace: bool = True, **_: Any) -> Moved:
        self.asked.append(("upload", list(paths), prefix, replace))
        return Moved(1, 3, seconds=0.1)


@pytest.fixture
def page(qtbot, make_page, request):
    view, _desk, praised = make_page(getattr(request, "param", "sandbox"))
    fake = FakeObjects()
    view.objects_presenter.__dict__["objects"] = fake
    view.show_half("objects")
    qtbot.waitUntil(lambda: view.objects_presenter.listing.state.value == "shown", timeout=5000)
    return view, fake, praised


def enter(qtbot, view) -> None:
    view.objects_presenter.go("vault")
    qtbot.waitUntil(lambda: view.objects.table.row_model.rowCount() == 2, timeout=5000)


def dialog_of(kind: type) -> Any:
    return next(w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible())


def test_buckets_levels_and_more(qtbot, page) -> None:
    view, _, _ = page
    assert [line.name for line in view.objects.table.row_model.rows] == ["vault"]
    assert view.objects.new_bucket.isVisible() and not view.objects.upload.isVisible()
    enter(qtbot, view)
    qtbot.waitUntil(lambda: view.objects.side.title.text() == "vault", timeout=5000)
    assert view.objects.load_more.isVisible() and "there is more" in view.objects.state.text()
    view.objects.load_more.click()
    qtbot.waitUntil(lambda: view.objects.table.row_model.rowCount() == 3, timeout=5000)
    assert not view.objects.load_more.isVisible()


def test_the_end_of_the_list_brings_more_and_a_page_that_fails_takes_nothing_away(qtbot, page) -> None:
    view, fake, _ = page
    enter(qtbot, view)
    many = tuple(Entry(f"{number:05}", 1, NOW, "STANDARD") for number in range(100))
    fake.page = lambda bucket, prefix, token: Page(many, "still more")
    view.objects.load_more.click()
    table, listing = view.objects.table, view.objects_presenter.listing
    qtbot.waitUntil(lambda: table.row_model.rowCount() == 102, timeout=5000)

    def dead(*_: object) -> Page:
        raise OpsError("Could not list", "The endpoint does not answer", code="unreachable")

    fake.page = dead
    table.verticalScrollBar().setValue(table.verticalScrollBar().maximum())
    qtbot.waitUntil(view.objects.banner.isVisible, timeout=5000)
    assert table.row_model.rowCount() == 102 and view.objects.load_more.isVisible() and listing.state.value == "shown"
    fake.page = lambda bucket, prefix, token: Page((Entry(f"after {token}", 1, NOW),))
    view.objects.load_more.click()
    qtbot.waitUntil(lambda: table.row_model.rowCount() == 103, timeout=5000)
    assert table.row_model.rows[-1].name == "after still more" and not view.objects.banner.isVisible()


def test_a_level_is_shown_up_to_a_number_of_rows_and_says_so(qtbot, page, monkeypatch) -> None:
    view, _, _ = page
    enter(qtbot, view)
    monkeypatch.setattr("gui.tabs.backups.objects_listing._MOST", 3)
    view.objects_presenter.objects.page = lambda bucket, prefix, token: Page((Entry("c", 1, NOW),), "still more")
    view.objects.load_more.click()
    qtbot.waitUntil(lambda: "there is more: search" in view.objects.state.text(), timeout=5000)
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
    qtbot.waitUntil(lambda: bool(jobs), timeout=5000)
    jobs[0].cancel()
    qtbot.waitUntil(banner.isVisible, timeout=5000)
    assert "8 of 9 bytes arrived; they are kept" in banner.title.text() + banner.why.text()
    presenter = view.objects_presenter
    presenter.change("Delete 9 objects", lambda job: download_as(job), lambda _: None)
    qtbot.waitUntil(lambda: len(jobs) == 2, timeout=5000)
    jobs[1].cancel()
    qtbot.waitUntil(lambda: banner.title.text() == "Delete 9 objects: stopped", timeout=5000)
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
    qtbot.waitUntil(lambda: names() == ["deep/one"], timeout=5000)
    qtbot.waitUntil(lambda: view.objects.state.text() == "2,000 objects looked at, 1 found so far", timeout=5000)
    jobs[0].cancel()
    qtbot.waitUntil(lambda: "before it was stopped" in view.objects.state.text(), timeout=5000)
    assert names() == ["deep/one"]
    view.objects.search.setText("two")
    qtbot.keyClick(view.objects.search, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: names() == ["deep/two"], timeout=5000)
    view.objects_presenter.go("vault")  # nobody looks at it any more
    qtbot.waitUntil(lambda: jobs[1].state is JobState.CANCELLED, timeout=5000)
    qtbot.waitUntil(lambda: names() == ["slow/", "a.txt"], timeout=5000)


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
    qtbot.waitUntil(lambda: names() == ["inside"], timeout=5000)
    key(Qt.Key.Key_Backspace)
    qtbot.waitUntil(lambda: names() == ["slow/", "a.txt"], timeout=5000)
    assert [line.name for line in table.chosen] == ["slow/"]
    key(Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(lambda: names() == ["vault"], timeout=5000)


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


def test_an_archived_object_says_so_and_is_brought_back(qtbot, page) -> None:
    view, fake, praised = page
    enter(qtbot, view)
    restore = [""]
    fake.object_facts = lambda bucket, key, version="": ObjectFacts(
        bucket, key, 10, NOW, "e", storage_class="DEEP_ARCHIVE", restore=restore[0]
    )
    fake.bring_back = lambda bucket, key, tier: (
        fake.asked.append((bucket, key, tier))
        or restore.append(restore.pop(0) + 'ongoing-request="true"')
        or "On its way"
    )
    view.objects.table.choose(1)
    qtbot.waitUntil(lambda: any("Bring back" in b.text() for b in view.objects.side.findChildren(Button)), timeout=5000)
    tiers = [box for box in view.objects.side.findChildren(QComboBox) if box.accessibleName().startswith("How soon")]
    assert [tiers[0].itemData(n) for n in range(tiers[0].count())] == ["Standard", "Bulk"]
    tiers[0].setCurrentIndex(1)
    next(b for b in view.objects.side.findChildren(Button) if "Bring back" in b.text()).click()
    qtbot.waitUntil(lambda: praised == ["On its way."], timeout=5000)
    assert fake.asked == [("vault", "a.txt", "Bulk")]
    qtbot.waitUntil(
        lambda: any(
            label.accessibleName() == "Archive: being brought back" for label in view.objects.side.findChildren(QLabel)
        ),
        timeout=5000,
    )


def test_an_answer_that_comes_too_late_is_dropped(qtbot, page) -> None:
    view, fake, _ = page
    enter(qtbot, view)
    fake.gate = threading.Event()
    view.objects_presenter.go("vault", "slow/")
    view.objects_presenter.go("vault", "quick/")
    fake.gate.set()
    qtbot.waitUntil(lambda: [line.name for line in view.objects.table.row_model.rows] == ["inside"], timeout=5000)
    assert view.objects.table.row_model.rows[0].entry.key == "quick/inside"


def test_a_failure_takes_the_list_away_and_says_why(qtbot, page) -> None:
    view, fake, _ = page
    enter(qtbot, view)
    fake.trouble = OpsError("Could not list", "There is no bucket of that name", "Check the name", code="not-found")
    view.objects_presenter.refresh()
    qtbot.waitUntil(lambda: view.objects_presenter.listing.state.value == "failed", timeout=5000)
    assert view.objects.banner.title.text() == "Could not list"
    assert view.objects.table.row_model.rowCount() == 0
    assert not view.objects.delete.isEnabled() and not view.objects.may_drop
    fake.trouble = None
    view.objects.banner.action.click()
    qtbot.waitUntil(lambda: view.objects_presenter.listing.state.value == "shown", timeout=5000)


def test_deleting_names_the_count_and_what_stayed(qtbot, page) -> None:
    view, fake, praised = page
    enter(qtbot, view)
    view.objects.table.choose(1)
    view.objects.delete.click()
    qtbot.waitUntil(
        lambda: any(isinstance(w, ConfirmDialog) and w.isVisible() for w in QApplication.topLevelWidgets()),
        timeout=5000,
    )
    dialog = dialog_of(ConfirmDialog)
    assert dialog.accept_button.text() == "Delete 1 object" and not dialog.field.isVisible()
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: view.objects.banner.isVisible(), timeout=5000)
    assert fake.asked == [("delete", "vault", ["a.txt"], False)]
    assert "could not be deleted" in view.objects.banner.title.text() and not praised


@pytest.mark.parametrize("page", ["production"], indirect=True)
def test_production_is_locked_and_then_wants_the_name_typed(qtbot, page) -> None:
    view, fake, _ = page
    enter(qtbot, view)
    view.objects.table.choose(1)
    assert not view.objects.delete.isEnabled() and not view.objects.may_drop
    view.context_of_test.guard.unlock()
    assert view.objects.delete.isEnabled() and view.objects.may_drop
    fake.count = Amount(8400, 41_200_000_000)
    view.objects.delete.click()
    qtbot.waitUntil(
        lambda: any(isinstance(w, ConfirmDialog) and w.isVisible() for w in QApplication.topLevelWidgets()),
        timeout=5000,
    )
    dialog = dialog_of(ConfirmDialog)
    assert dialog.accept_button.text() == "Delete 8,400 objects" and not dialog.accept_button.isEnabled()
    dialog.field.setText("a.txt")
    assert dialog.accept_button.isEnabled()
    dialog.reject()
    assert fake.asked == []


def test_an_upload_over_a_shown_name_asks_first(qtbot, page) -> None:
    view, fake, _ = page
    enter(qtbot, view)
    view.objects_presenter.transfers.upload([Path("/x/fresh.txt")])
    qtbot.waitUntil(lambda: fake.asked == [("upload", [Path("/x/fresh.txt")], "", False)], timeout=5000)
    view.objects_presenter.transfers.upload([Path("/x/a.txt")])
    dialog = dialog_of(ConfirmDialog)
    assert "a.txt" in dialog.heading.text() and len(fake.asked) == 1
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: fake.asked[-1] == ("upload", [Path("/x/a.txt")], "", True), timeout=5000)


def test_the_lifecycle_editor_keeps_foreign_facts_and_shows_the_difference(qtbot) -> None:
    foreign = {
        "ID": "theirs", "Status": "Enabled", "Filter": {"Tag": {"Key": "a", "Value": "b"}}, "Expiration": {"Days": 9},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 5, "NewerNoncurrentVersions": 3},
    }  # fmt: skip
    dialog = LifecycleDialog("vault", Lifecycle((foreign,)), "db/", may_write=True)
    qtbot.addWidget(dialog)
    dialog.show()
    assert dialog.changes.toPlainText() == "Nothing" and not dialog.accept_button.isEnabled()
    assert not dialog.prefix.isEnabled()
    dialog.expire.setValue(30)
    assert dialog._after.rules[0] == {**foreign, "Expiration": {"Days": 30}}
    assert '+    "Days": 30' in dialog.changes.toPlainText() and dialog.accept_button.isEnabled()
    dialog._add()
    assert dialog._after.rules[1] == rule("rule-1", "db/", expire_days=60, abort_days=7)
    assert not dialog.move_days.isEnabled(), "they stay where they are"
    dialog.kind.setCurrentIndex(dialog.kind.findData("STANDARD_IA"))
    assert dialog.move_days.isEnabled()
    dialog.move_days.setValue(5)
    assert "30 days at the earliest" in dialog.problem.text() and not dialog.accept_button.isEnabled()
    dialog.move_days.setValue(30)
    assert dialog.accept_button.isEnabled()


def test_what_a_lifecycle_would_delete_is_told_of_the_rules_it_was_asked_for(qtbot) -> None:
    """An answer that comes after a rule was changed says nothing of the new one."""
    dialog = LifecycleDialog("vault", Lifecycle((rule("old", "", expire_days=9),)), "", may_write=True)
    qtbot.addWidget(dialog)
    dialog.show()
    asked: list[Any] = []
    dialog.try_asked.connect(lambda *what: asked.append(what))
    dialog.try_out.click()
    found = Fate(asked[0][1], looked=3, gone=3)
    dialog.show_fate(found)
    assert "gone" in dialog.fate.text()
    dialog.expire.setValue(90)
    assert dialog.fate.text() == ""
    dialog.show_fate(found)
    assert dialog.fate.text() == ""
    dialog.try_out.click()
    dialog.day.setDate(dialog.day.date().addDays(30))
    dialog.show_fate(found)
    assert dialog.fate.text() == ""


def test_what_was_counted_of_several_stays_in_the_panel(qtbot, page) -> None:
    view, fake, praised = page
    enter(qtbot, view)
    view.objects.table.selectAll()
    qtbot.waitUntil(lambda: view.objects.side.title.text().startswith("1 folder, 1 object"), timeout=5000)
    fake.count = Amount(8400, 41_200_000_000)
    view.objects_presenter.panel.count()
    told = lambda: [label.text() for label in view.objects.side.findChildren(QLabel) if label.isVisible()]  # noqa: E731
    qtbot.waitUntil(lambda: any("in 8,400 objects" in text for text in told()), timeout=5000)
    assert not praised


def test_a_deleted_object_can_be_brought_back_from_the_panel(qtbot, page) -> None:
    view, fake, _ = page
    enter(qtbot, view)
    gone = [Entry("gone.txt", 0, NOW, version="v2", delete_marker=True)]
    fake.deleted_keys = lambda job, bucket, prefix, found: (found(gone), True)
    fake.undelete = lambda job, bucket, key: fake.asked.append(("undelete", bucket, key)) or 1
    view.objects_presenter.listing.show_deleted()
    qtbot.waitUntil(lambda: view.objects.table.row_model.rowCount() == 1, timeout=5000)
    view.objects.table.choose(0)

    def buttons() -> list[Button]:
        return [b for b in view.objects.side.findChildren(Button) if b.text() == "Undelete" and b.isVisible()]

    qtbot.waitUntil(lambda: bool(buttons()), timeout=5000)
    buttons()[0].setFocus()
    buttons()[0].click()
    qtbot.waitUntil(view.objects.table.hasFocus, timeout=5000)  # the panel is built anew: its button, and the focus, go
    qtbot.waitUntil(lambda: fake.asked == [("undelete", "vault", "gone.txt")], timeout=5000)


def test_the_command_line_twin_of_what_is_chosen(qtbot, page) -> None:
    view, _, _ = page
    enter(qtbot, view)
    view.objects_presenter.deeds.copy_command()
    assert QApplication.clipboard().text() == "opsdesk --profile p s3 ls s3://vault"
    view.objects.table.choose(1)
    view.objects_presenter.deeds.copy_command()
    assert QApplication.clipboard().text() == "opsdesk --profile p s3 get s3://vault/a.txt"


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
    qtbot.waitUntil(side.area.verticalScrollBar().isVisible, timeout=5000)
    shown = [label for label in side.area.widget().findChildren(QLabel) if label.isVisible()]
    assert len(shown) > 12
    cut = lambda: [each.text() for each in shown if each.height() < each.heightForWidth(each.width())]  # noqa: E731
    qtbot.waitUntil(lambda: not cut(), timeout=2000)
    assert not [each.text() for each in shown if each.geometry().right() > side.area.viewport().width()]


def test_a_drag_says_where_it_would_go(qtbot, page) -> None:
    view, _, _ = page
    enter(qtbot, view)
    before, mime = view.objects.state.text(), QMimeData()
    mime.setUrls([QUrl.fromLocalFile("/somewhere/report.txt")])
    over = QDragEnterEvent(
        QPoint(50, 50), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    QApplication.sendEvent(view.objects, over)
    assert over.isAccepted() and view.objects.state.text() == "Let go to upload into vault/"
    QApplication.sendEvent(view.objects, QDragLeaveEvent())
    assert view.objects.state.text() == before
