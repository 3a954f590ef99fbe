"""Restoring where the database was lost: under its old name, on whatever server is there now."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.backups.plan import Source
from gui.tabs.backups.restore_dialog import RestoreDialog
from tests.gui.backups.conftest import PLAN, backup


@pytest.fixture
def asked() -> list[str]:
    return []


def opened(qtbot, asked: list[str], plan=PLAN, *, lost: bool = False) -> RestoreDialog:  # type: ignore[no-untyped-def]
    dialog = RestoreDialog(plan, [backup()], "", "production", lost=lost)
    qtbot.addWidget(dialog)
    dialog.preview_asked.connect(lambda _run, to: asked.append(to))
    dialog.show()
    return dialog


def test_beside_the_source_unless_it_is_lost(qtbot, asked: list[str]) -> None:
    dialog = opened(qtbot, asked)
    dialog.accept_button.click()
    dialog.own.setChecked(True)
    assert not dialog.to.isEnabled()
    dialog.accept_button.click()
    again = opened(qtbot, asked, lost=True)
    again.accept_button.click()
    assert asked == ["shop_restored", "main/", "main/"]


def test_on_another_server(qtbot, asked: list[str]) -> None:
    dialog = opened(qtbot, asked)
    wanted: list[int] = []
    dialog.server_wanted.connect(lambda: wanted.append(1))
    dialog.show_servers(["main", "spare"])
    assert dialog.server.currentText() == "main"
    dialog.show_servers(["main", "new", "spare"], "new")  # just added
    dialog.accept_button.click()
    dialog.own.setChecked(True)
    dialog.accept_button.click()
    assert asked == ["new/shop_restored", "new/"]


def test_several_databases_keep_their_names_or_get_one_word_before_each(qtbot, asked: list[str]) -> None:
    plan = replace(PLAN, source=Source("mysql", "main", ("shop", "crm")))
    dialog = opened(qtbot, asked, plan)
    assert "restored_shop" in dialog.to_field.note.text()
    dialog.accept_button.click()
    dialog.own.setChecked(True)
    dialog.accept_button.click()
    assert asked == ["restored_", "main/"]
    dialog.to.clear()
    assert dialog.accept_button.isEnabled()  # the old names are enough
    dialog.own.setChecked(False)
    assert not dialog.accept_button.isEnabled()
