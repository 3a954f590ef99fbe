"""From a profile without a MySQL server to a plan for one, and its passwords into the keyring, in the window alone."""

from __future__ import annotations

import keyring
import pytest
from PySide6.QtWidgets import QApplication

from core.base.errors import OpsError
from gui.tabs.backups.server_dialog import ServerDialog
from gui.tabs.backups.wizard import PlanWizard
from tests.fakes.keyring import MemoryKeyring


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> MemoryKeyring:
    made = MemoryKeyring()
    monkeypatch.setattr(keyring.core, "_keyring_backend", made)
    return made


def shown(kind: type) -> object:
    return next((one for one in QApplication.topLevelWidgets() if isinstance(one, kind) and one.isVisible()), None)


def test_a_server_is_added_from_the_wizard_and_its_plan_saved(qtbot, make_page, ring: MemoryKeyring) -> None:
    view, desk, _ = make_page()
    view.plans_presenter.dialogs.open_wizard(None)
    wizard = shown(PlanWizard)
    qtbot.waitUntil(lambda: "no MySQL server yet" in wizard.databases_field.note.text(), timeout=5000)
    wizard.server_wanted.emit()
    dialog = shown(ServerDialog)
    dialog.name.setText("main")
    dialog.host.setText("db.example.com")
    dialog.password.setText("s3cret")
    desk.backups.trouble = OpsError("Could not log in", "Access denied for user")
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: dialog.banner.isVisible(), timeout=5000)
    assert dialog.isVisible() and dialog.accept_button.isEnabled()  # to be corrected here
    desk.backups.trouble = None
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: not dialog.isVisible() and wizard.databases.count() == 1, timeout=5000)
    assert wizard.server.currentText() == "main" and ring.kept == {"mysql/main": "s3cret"}

    wizard.name.setText("made")
    wizard.bucket.setCurrentText("vault")
    wizard.when.host.setText("mail.example.com")
    wizard.when.user.setText("ops")
    wizard.when.password.setText("hunter2")
    wizard.when.mail_from.setText("a@b")
    wizard.when.to.setText("c@d")
    for _ in range(4):
        wizard.accept_button.click()
    qtbot.waitUntil(lambda: not wizard.isVisible(), timeout=5000)
    assert desk.backups.plans_now[-1].source.databases == ("main_database",)
    assert ring.kept["backup/made/smtp"] == "hunter2"
