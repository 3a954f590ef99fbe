"""Synchronise: nothing is done before it was compared and shown, and what was compared holds for what is asked only."""

from __future__ import annotations

import shlex
import threading
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication
from shiboken6 import isValid

from core.backups.objects.address import Address
from core.backups.objects.values import Comparison, Difference, Moved
from core.base.errors import OpsError
from gui.parts.dialogs import ConfirmDialog
from gui.tabs.backups.sync_dialog import SyncDialog
from tests.gui.backups.objects_hand import FakeObjects, dialog_of, enter


class FakeSync(FakeObjects):
    """Compares as told and remembers what was carried out."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, Any] = {}

    def compare(
        self, job: Any, folder: Path, place: Address, *, upward: bool, contents: bool, exclude: Any
    ) -> Comparison:
        if self.trouble:
            raise self.trouble
        self.asked.append(("compare", folder, str(place), upward, contents, exclude))
        return Comparison(folder, place, upward, **{"source_empty": False, **self.found})

    def carry_out(self, job: Any, found: Comparison, *, remove: bool) -> Moved:
        self.asked.append(("carry out", len(found.carry), remove))
        return Moved(len(found.carry), 3, deleted=len(found.surplus) if remove else 0)


NEW, GONE = Difference("a", 3, "new"), Difference("b", 4, "not in the source")


@pytest.fixture
def page(qtbot, make_page, request):
    view, _desk, praised = make_page(getattr(request, "param", "sandbox"))
    fake = FakeSync()
    view.objects_presenter.__dict__["objects"] = fake
    view.show_half("objects")
    enter(qtbot, view)
    view.objects_presenter.sync.open()
    return view, fake, praised, dialog_of(SyncDialog)


def compared(qtbot, dialog: SyncDialog) -> None:
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: dialog.accept_button.text() != "Compare")


def test_compared_shown_and_carried_out(qtbot, page, tmp_path: Path) -> None:
    view, fake, praised, dialog = page
    fake.found = {"carry": (NEW,), "surplus": (GONE,), "same": 7}
    assert not dialog.accept_button.isEnabled()
    dialog.folder.setText(str(tmp_path))
    dialog.exclude.setText("*.tmp, cache ,")
    compared(qtbot, dialog)
    assert fake.asked == [("compare", tmp_path, "s3://vault", True, False, ("*.tmp", "cache"))]
    assert dialog.accept_button.text() == "Upload 1"
    assert dialog.summary.text() == "1 to upload (3 B), 1 only at the target, kept, 7 the same"
    assert [item.name for _, item in dialog.table.row_model.rows] == ["a"]
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: bool(praised))
    assert fake.asked[1:] == [("carry out", 1, False)] and praised == ["1 uploaded, 3 B"]
    assert not isValid(dialog)  # it is gone, not hidden
    view.objects_presenter.sync.open()
    assert dialog_of(SyncDialog).folder.text() == str(tmp_path)  # remembered for this place


def test_what_is_deleted_is_asked_about_with_its_number(qtbot, page, tmp_path: Path) -> None:
    _, fake, praised, dialog = page
    fake.found, fake.keeps = {"carry": (NEW,), "surplus": (GONE, GONE)}, True
    dialog.folder.setText(str(tmp_path))
    compared(qtbot, dialog)
    dialog.remove.click()
    assert dialog.accept_button.text() == "Upload 1, delete 2"
    assert [verb for verb, _ in dialog.table.row_model.rows] == ["delete", "delete", "upload"]
    dialog.accept_button.click()
    qtbot.waitUntil(
        lambda: any(isinstance(w, ConfirmDialog) and w.isVisible() for w in QApplication.topLevelWidgets()),
    )
    confirm = dialog_of(ConfirmDialog)
    assert confirm.accept_button.text() == "Delete 2 objects"
    assert [entry for entry in fake.asked if entry[0] == "carry out"] == []
    confirm.accept_button.click()
    qtbot.waitUntil(lambda: bool(praised))
    assert fake.asked[-1] == ("carry out", 1, True) and praised == ["1 uploaded, 3 B, 2 deleted"]


def test_another_wish_has_to_be_compared_anew(qtbot, page, tmp_path: Path) -> None:
    _, fake, _, dialog = page
    fake.found = {"carry": (NEW,)}
    dialog.folder.setText(str(tmp_path))
    for change in (
        lambda: dialog.contents.click(),
        lambda: dialog.exclude.setText("x"),
        lambda: dialog.folder.setText("/"),
    ):
        compared(qtbot, dialog)
        change()
        assert dialog.accept_button.text() == "Compare" and not dialog.table.isVisible()


def test_nothing_to_do_is_said(qtbot, page, tmp_path: Path) -> None:
    _, fake, _, dialog = page
    fake.found = {"same": 3, "errors": (("pipe", "It is no regular file"),)}
    dialog.folder.setText(str(tmp_path))
    compared(qtbot, dialog)
    assert dialog.accept_button.text() == "Nothing to do" and not dialog.accept_button.isEnabled()
    assert "pipe (It is no regular file)" in dialog.left_out.text().replace("\u200b", "")


def test_trouble_stands_in_the_dialog(qtbot, page, tmp_path: Path) -> None:
    _, fake, _, dialog = page
    fake.trouble = OpsError("It cannot be compared", "The endpoint is away", "Try again")
    dialog.folder.setText(str(tmp_path))
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: dialog.banner.isVisible())
    assert dialog.banner.title.text() == "It cannot be compared" and dialog.accept_button.isEnabled()


@pytest.mark.parametrize("page", ["production"], indirect=True)
def test_a_read_only_profile_downloads_only(page, tmp_path: Path) -> None:
    _, _, _, dialog = page
    assert dialog.direction.value == "down" and not dialog.direction.isEnabled()
    dialog.folder.setText(str(tmp_path))
    dialog.copy.click()
    words = shlex.split(QApplication.clipboard().text())
    assert words[-4:] == ["s3", "sync", "s3://vault", str(tmp_path)]


def test_a_comparison_ends_with_its_dialog(qtbot, page, tmp_path: Path) -> None:
    """Of a million objects it would go on for an hour for nobody."""
    view, fake, _, dialog = page
    begun = threading.Event()

    def compare(job: Any, *_: Any, **__: Any) -> None:
        begun.set()
        while True:
            job.sleep(0.01)

    fake.compare = compare
    dialog.folder.setText(str(tmp_path))
    dialog.accept_button.click()
    qtbot.waitUntil(begun.is_set)
    (entry,) = [one for one in view.context_of_test.jobs.activities if one.job.title.startswith("Compare")]
    dialog.reject()
    qtbot.waitUntil(lambda: entry.job.state.value == "cancelled" and not isValid(dialog))
