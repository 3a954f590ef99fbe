"""While something is carried, counted or listed: what the page says of it, how it is stopped, and what cannot be done meanwhile."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication, QPushButton

from core.backups.objects.values import Deleted, Entry, Moved, ObjectFacts, OpenUpload, Page
from core.base.errors import OpsError
from gui.parts.buttons import Button
from gui.parts.dialogs import ConfirmDialog
from gui.parts.words import Label
from gui.tabs.backups.object_dialogs import LabelsDialog, UploadsDialog
from gui.tabs.backups.objects_side import ObjectsSide
from tests.gui.backups.conftest import NOW, PLAN, backup
from tests.gui.backups.objects_hand import FakeObjects, dialog_of, enter


class Busy(FakeObjects):
    """Uploads stand still in their middle until ``end`` is set, or they are cancelled."""

    def __init__(self) -> None:
        super().__init__()
        self.end = threading.Event()
        self.found = [OpenUpload("big.iso", "id-1", NOW, "STANDARD", 19, 159_000_000)]
        self.taken = True

    def upload(self, job: Any, paths: Any, bucket: str, prefix: str, *, replace: bool = True, **_: Any) -> Moved:
        self.asked.append(("upload", paths[0].name))
        job.report(40, 100, "2 files · 34.2 MB/s")
        while not self.end.wait(0.01):
            job.checkpoint()
        return Moved(2, 3, errors=(("b.txt", "no room"),), seconds=0.1)

    def open_uploads(self, job: Any, bucket: str, prefix: str = "", *, count: bool = True) -> list[OpenUpload]:
        return self.found

    def abort_uploads(self, job: Any, bucket: str, uploads: list[OpenUpload]) -> Deleted:
        return Deleted(0, ((uploads[0].key, "no permission"),), 1)

    def upload_as(self, job: Any, file: Path, bucket: str, key: str, *, replace: bool, going_on: str) -> Moved:
        self.asked.append(("go on", file.name, key, replace, going_on))
        return Moved(1, 3, seconds=0.1)

    def object_facts(self, bucket: str, key: str, version: str = "") -> ObjectFacts:
        if not self.taken:
            raise OpsError("There is no such object", code="not-found")
        return super().object_facts(bucket, key, version)


@pytest.fixture
def page(qtbot, make_page):
    view, desk, praised = make_page("sandbox")
    fake = view.objects_presenter.__dict__["objects"] = Busy()
    view.show_half("objects")
    qtbot.waitUntil(lambda: view.objects_presenter.listing.state.value == "shown")
    enter(qtbot, view)
    return view, fake, praised, desk


def test_a_transfer_is_seen_on_the_page_and_stopped_there(qtbot, page) -> None:
    view, fake, praised, _ = page
    foot, carry = view.objects.running, view.objects_presenter.transfers
    carry.upload([Path("/x/fresh.txt")])
    qtbot.waitUntil(lambda: foot.label.text() == "Upload fresh.txt · 40% · 34.2 MB/s")
    carry.upload([Path("/x/other.txt")])
    assert view.objects.stop.text() == "Cancel"
    qtbot.waitUntil(lambda: foot.label.text() == "2 things at work")
    assert view.objects.stop.text() == "Cancel all"
    carry.upload([Path("/elsewhere/other.txt")])
    assert view.objects.banner.title.text() == "other.txt is being uploaded here already"
    view.objects.banner.hide()
    assert [one[1] for one in fake.asked if one[0] == "upload"] == ["fresh.txt", "other.txt"]
    view.objects.stop.click()
    qtbot.waitUntil(lambda: not foot.isVisible() and not view.objects.stop.isVisible())
    assert not praised and not view.objects.banner.isVisible()

    fake.end.set()
    carry.upload([Path("/x/third.txt")])
    qtbot.waitUntil(lambda: view.objects.banner.isVisible())
    assert view.objects.banner.title.text() == "2 uploaded, 3 B, 1 did not get through"
    (job,) = [one.job for one in view.context_of_test.jobs.activities if one.job.title == "Upload third.txt"]
    assert job.progress.note == "2 uploaded, 3 B, 1 did not get through" and job.bad_news


def test_what_was_done_before_it_could_be_stopped_is_not_called_stopped(qtbot, page) -> None:
    view, fake, _, _ = page

    def finish(*_: Any, **__: Any) -> Moved:
        fake.end.wait(30)
        return Moved(1, 3)

    fake.upload = finish
    view.objects_presenter.transfers.upload([Path("/x/last.txt")])
    qtbot.waitUntil(view.objects.stop.isVisible)
    view.objects.stop.click()
    fake.end.set()
    qtbot.waitUntil(view.objects.banner.isVisible)
    banner = view.objects.banner
    assert banner.title.text() == "Upload last.txt: it was done before it could be stopped"
    assert banner.why.text() == "1 uploaded, 3 B."


def test_while_another_place_is_listed_nothing_of_the_first_can_be_chosen(qtbot, page) -> None:
    """Else a Delete would look for the keys of the one place in the other."""
    view, fake, _, _ = page
    view.objects.table.choose(1)
    qtbot.waitUntil(view.objects.delete.isEnabled)
    fake.gate = threading.Event()
    view.objects_presenter.go("vault", "slow/")
    assert view.objects.chosen_entries() == [] and not view.objects.delete.isEnabled()
    assert view.objects.table.row_model.rows == [] and view.objects.stack.currentWidget() is view.objects.table
    fake.gate.set()
    qtbot.waitUntil(lambda: view.objects.table.row_model.rowCount() == 1)


def test_on_the_way_up_what_was_left_is_chosen(qtbot, page) -> None:
    view, _, _, _ = page
    view.objects_presenter.go("vault", "slow/deep/")
    qtbot.waitUntil(lambda: view.objects.table.row_model.rowCount() == 1)
    view.objects_presenter.go("vault")  # as a crumb does: two levels
    qtbot.waitUntil(lambda: [entry.key for entry in view.objects.chosen_entries()] == ["slow/"])
    view.objects_presenter.go("")
    qtbot.waitUntil(lambda: [line.bucket.name for line in view.objects.table.chosen if line.bucket] == ["vault"])


def test_a_bucket_is_removed_by_its_key_and_unchosen_its_facts_go(qtbot, page) -> None:
    view, _, _, _ = page
    view.objects_presenter.go("")
    table, side = view.objects.table, view.objects.side
    qtbot.waitUntil(lambda: bool(table.chosen) and "us-east-1" in words_in(side))
    table.delete_pressed.emit()
    dialog = dialog_of(ConfirmDialog)
    assert dialog.windowTitle().startswith("Remove the bucket vault?")
    dialog.reject()
    table.clearSelection()
    qtbot.waitUntil(lambda: "Choose a bucket" in words_in(side))


def words_in(widget: Any) -> str:
    return " ".join(label.text() for label in widget.findChildren(Label) if label.isVisible())


def test_the_keys_stay_on_the_page_when_a_crumb_takes_it_elsewhere(qtbot, page) -> None:
    view, _, _, _ = page
    view.objects_presenter.go("vault", "slow/")
    qtbot.waitUntil(lambda: view.objects.table.row_model.rowCount() == 1)
    view.window_of_test.activateWindow()
    (crumb,) = [
        one for one in view.objects.findChildren(Button) if one.accessibleName() == "Go to vault" and one.isVisible()
    ]
    crumb.setFocus()
    qtbot.waitUntil(crumb.hasFocus)
    crumb.click()
    qtbot.waitUntil(view.objects.table.hasFocus)


def test_what_could_not_be_aborted_is_told_and_running_uploads_are_warned_of(qtbot, page) -> None:
    view, _fake, praised, _ = page
    view.objects_presenter.transfers.upload([Path("/x/fresh.txt")])
    view.objects_presenter.deeds.open_uploads()
    shown = lambda: [w for w in QApplication.topLevelWidgets() if isinstance(w, UploadsDialog) and w.isVisible()]  # noqa: E731
    qtbot.waitUntil(lambda: bool(shown()))
    dialog = shown()[0]
    assert any("at work: Upload fresh.txt" in label.text() for label in dialog.findChildren(Label))
    dialog.table.choose(0)
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: view.objects.banner.isVisible())
    assert view.objects.banner.title.text() == "1 could not be aborted, 0 were" and not praised
    view.objects.stop.click()
    qtbot.waitUntil(lambda: not view.objects.running.isVisible())


def test_an_upload_that_goes_on_asks_before_it_replaces(qtbot, page) -> None:
    view, fake, _, _ = page
    deeds = view.objects_presenter.deeds
    deeds._resume("vault", fake.found[0], Path("/x/big.iso"))
    qtbot.waitUntil(
        lambda: any(isinstance(w, ConfirmDialog) and w.isVisible() for w in QApplication.topLevelWidgets()),
    )
    assert fake.asked == []
    dialog_of(ConfirmDialog).accept_button.click()
    qtbot.waitUntil(lambda: fake.asked == [("go on", "big.iso", "big.iso", True, "id-1")])
    fake.taken = False
    deeds._resume("vault", fake.found[0], Path("/x/big.iso"))
    qtbot.waitUntil(lambda: fake.asked[1:] == [("go on", "big.iso", "big.iso", False, "id-1")])


def test_proofs_are_told_on_every_page_and_of_what_was_found(qtbot, page) -> None:
    view, fake, _, desk = page
    made = backup(proved=NOW)
    desk.backups.backups_now = [made]
    entry = Entry(made.key, 1, NOW, "STANDARD")
    fake.page = lambda bucket, prefix="", token="": Page((entry,), "" if token else "more")

    def search(job: Any, bucket: str, prefix: str, words: str, *, found: Any) -> tuple[list[Entry], bool]:
        found([entry])
        return [entry], True

    fake.search = search
    view.objects_presenter.go("vault", PLAN.prefix)
    proofs = lambda: [line.proved for line in view.objects.table.row_model.rows]  # noqa: E731
    qtbot.waitUntil(lambda: proofs() == [NOW])
    view.objects_presenter.listing.read_more()
    qtbot.waitUntil(lambda: proofs() == [NOW, NOW])
    view.objects_presenter.go("vault", "db/")
    qtbot.waitUntil(lambda: proofs() == [None])  # the plan's own level is below: nobody asks for it
    view.objects_presenter.listing.search("nightly")
    qtbot.waitUntil(lambda: proofs() == [NOW])


def test_a_class_that_is_not_known_here_stays_as_it_is(qtbot) -> None:
    dialog = LabelsDialog(ObjectFacts("vault", "a", 1, NOW, "etag", storage_class="EXPRESS_ONEZONE"))
    qtbot.addWidget(dialog)
    saved: list[Any] = []
    dialog.save_asked.connect(lambda *what: saved.append(what))
    dialog.tags.setPlainText("nonsense")
    dialog._fire()
    assert dialog.tags_field.note.text() == "'nonsense' is no NAME = VALUE" and not saved
    dialog.tags.setPlainText("a = b")
    dialog._fire()
    assert saved == [("", None, {"a": "b"})] and "nonsense" not in dialog.tags_field.note.text()


def test_versions_are_listed_once_and_those_left_out_are_counted(qtbot) -> None:
    side = ObjectsSide()
    qtbot.addWidget(side)
    side.show_object(ObjectFacts("vault", "a", 1, NOW, "etag"), may_write=True)
    entry = Entry("a", 1, NOW, "STANDARD", version="v1", latest=True)
    old = [replace(entry, version=f"v{number}", latest=False) for number in range(202)]
    side.show_versions([entry, *old], may_write=True)
    buttons = [button for button in side.findChildren(QPushButton) if button.text() == "Show the versions"]
    assert [button.isHidden() for button in buttons] == [True]
    assert "3 older versions not shown here." in [label.text() for label in side.findChildren(Label)]
