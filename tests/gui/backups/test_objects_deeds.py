"""What the objects page does to objects: asked about, told, and undone where that can be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent
from PySide6.QtWidgets import QApplication, QComboBox, QLabel

from core.backups.objects.fate import Fate
from core.backups.objects.lifecycle import Lifecycle, rule
from core.backups.objects.values import (
    Amount,
    Entry,
    ObjectFacts,
)
from gui.parts.buttons import Button
from gui.parts.dialogs import ConfirmDialog
from gui.tabs.backups.lifecycle_dialog import LifecycleDialog
from tests.gui.backups.objects_hand import NOW, dialog_of, enter, opened


@pytest.fixture
def page(qtbot, make_page, request):
    return opened(qtbot, make_page, getattr(request, "param", "sandbox"))


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
    qtbot.waitUntil(lambda: any("Bring back" in b.text() for b in view.objects.side.findChildren(Button)))
    tiers = [box for box in view.objects.side.findChildren(QComboBox) if box.accessibleName().startswith("How soon")]
    assert [tiers[0].itemData(n) for n in range(tiers[0].count())] == ["Standard", "Bulk"]
    tiers[0].setCurrentIndex(1)
    next(b for b in view.objects.side.findChildren(Button) if "Bring back" in b.text()).click()
    qtbot.waitUntil(lambda: praised == ["On its way."])
    assert fake.asked == [("vault", "a.txt", "Bulk")]
    qtbot.waitUntil(
        lambda: any(
            label.accessibleName() == "Archive: being brought back" for label in view.objects.side.findChildren(QLabel)
        ),
    )


def test_deleting_names_the_count_and_what_stayed(qtbot, page) -> None:
    view, fake, praised = page
    enter(qtbot, view)
    view.objects.table.choose(1)
    view.objects.delete.click()
    qtbot.waitUntil(
        lambda: any(isinstance(w, ConfirmDialog) and w.isVisible() for w in QApplication.topLevelWidgets()),
    )
    dialog = dialog_of(ConfirmDialog)
    assert dialog.accept_button.text() == "Delete 1 object" and not dialog.field.isVisible()
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: view.objects.banner.isVisible())
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
    qtbot.waitUntil(lambda: fake.asked == [("upload", [Path("/x/fresh.txt")], "", False)])
    view.objects_presenter.transfers.upload([Path("/x/a.txt")])
    dialog = dialog_of(ConfirmDialog)
    assert "a.txt" in dialog.heading.text() and len(fake.asked) == 1
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: fake.asked[-1] == ("upload", [Path("/x/a.txt")], "", True))


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


def test_a_deleted_object_can_be_brought_back_from_the_panel(qtbot, page) -> None:
    view, fake, _ = page
    enter(qtbot, view)
    gone = [Entry("gone.txt", 0, NOW, version="v2", delete_marker=True)]
    fake.deleted_keys = lambda job, bucket, prefix, found: (found(gone), True)
    fake.undelete = lambda job, bucket, key: fake.asked.append(("undelete", bucket, key)) or 1
    view.objects_presenter.listing.show_deleted()
    qtbot.waitUntil(lambda: view.objects.table.row_model.rowCount() == 1)
    view.objects.table.choose(0)

    def buttons() -> list[Button]:
        return [b for b in view.objects.side.findChildren(Button) if b.text() == "Undelete" and b.isVisible()]

    qtbot.waitUntil(lambda: bool(buttons()))
    buttons()[0].setFocus()
    buttons()[0].click()
    qtbot.waitUntil(view.objects.table.hasFocus)  # the panel is built anew: its button, and the focus, go
    qtbot.waitUntil(lambda: fake.asked == [("undelete", "vault", "gone.txt")])


def test_the_command_line_twin_of_what_is_chosen(qtbot, page) -> None:
    view, _, _ = page
    enter(qtbot, view)
    view.objects_presenter.deeds.copy_command()
    assert QApplication.clipboard().text() == "opsdesk --profile p s3 ls s3://vault"
    view.objects.table.choose(1)
    view.objects_presenter.deeds.copy_command()
    assert QApplication.clipboard().text() == "opsdesk --profile p s3 get s3://vault/a.txt"


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
