"""From a profile without a MySQL server to a plan for one, and its passwords into the keyring, in the window alone."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel
from shiboken6 import isValid

from core.backups.outcomes import Finding, Severity
from core.base.errors import OpsError
from core.settings.profiles import MysqlSource
from gui.parts.dialogs import ConfirmDialog
from gui.tabs.backups.server_dialog import ServerDialog
from gui.tabs.backups.wizard import PlanWizard
from tests.fakes.keyring import MemoryKeyring
from tests.gui.backups.conftest import PLAN


def shown(kind: type) -> object:
    return next((one for one in QApplication.topLevelWidgets() if isinstance(one, kind) and one.isVisible()), None)


def test_a_server_is_added_from_the_wizard_and_its_plan_saved(qtbot, make_page, ring: MemoryKeyring) -> None:
    view, desk, _ = make_page()
    view.plans_presenter.dialogs.open_wizard(None)
    wizard = shown(PlanWizard)
    qtbot.waitUntil(lambda: "no MySQL server yet" in wizard.databases_field.note.text())
    wizard.server_wanted.emit()
    dialog = shown(ServerDialog)
    dialog.name.setText("main")
    dialog.host.setText("db.example.com")
    dialog.password.setText("s3cret")
    desk.backups.trouble = OpsError("Could not log in", "Access denied for user")
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: dialog.banner.isVisible())
    assert dialog.isVisible() and dialog.accept_button.isEnabled()  # to be corrected here
    assert not desk.profile.mysql and not ring.kept  # what does not work is not kept
    desk.backups.trouble = None
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: not isValid(dialog) and wizard.databases.count() == 1)
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
    qtbot.waitUntil(lambda: not isValid(wizard))
    assert desk.backups.plans_now[-1].source.databases == ("main_database",)
    assert desk.backups.secrets_now == {"backup/made/smtp": "hunter2"}


def test_a_server_is_changed_and_removed_in_the_window(qtbot, make_page, ring: MemoryKeyring) -> None:
    view, desk, _ = make_page()
    desk.keep_mysql(MysqlSource("main", "old.example.com", databases=("shop",)), "s3cret")
    desk.backups.servers_now = ["main", "of-the-sandbox"]
    dialogs = view.plans_presenter.dialogs
    qtbot.waitUntil(lambda: view.plans_presenter.plan is not None)
    dialogs.open_wizard(view.plans_presenter.plan)
    wizard = shown(PlanWizard)
    qtbot.waitUntil(lambda: wizard.server.count() == 2)
    wizard.server.setCurrentText("of-the-sandbox")
    assert not wizard.edit_server.isEnabled() and not wizard.drop_server.isEnabled()
    wizard.server.setCurrentText("main")
    wizard.edit_server.click()
    dialog = shown(ServerDialog)
    assert dialog.name.isReadOnly() and dialog.password.text() == ""
    dialog.host.setText("new.example.com")
    desk.backups.trouble = OpsError("Could not log in", "Access denied for user")
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: dialog.banner.isVisible())
    assert desk.profile.mysql[0].host == "old.example.com"  # the one that works is still there
    desk.backups.trouble = None
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: not isValid(dialog))
    assert desk.profile.mysql == (MysqlSource("main", "new.example.com", databases=("shop",)),)
    assert desk.backups.asked[-1] == "log in to new.example.com by what is kept" and ring.kept == {
        "mysql/main": "s3cret"
    }

    wizard.drop_server.click()
    asked = shown(ConfirmDialog)
    assert "these plans cannot run: nightly" in " ".join(label.text() for label in asked.findChildren(QLabel))
    asked.accept_button.click()
    qtbot.waitUntil(lambda: "no MySQL server yet" in wizard.databases_field.note.text())
    assert desk.profile.mysql == () and not wizard.drop_server.isEnabled()
    wizard.reject()


def test_an_identity_is_kept_from_the_window_and_addresses_show_no_secret(qtbot, make_page) -> None:
    view, desk, _ = make_page()
    qtbot.waitUntil(lambda: view.plans_presenter.plan is not None)
    old = view.plans_presenter.plan
    rule = replace(old.alerts, webhook="https://hooks.example.com/T0/s3cret", apprise=("slack://tok/en", "json://b"))
    view.plans_presenter.dialogs.open_wizard(replace(old, alerts=rule))
    wizard = shown(PlanWizard)
    step = wizard.when
    assert (step.webhook.text(), step.apprise.text()) == ("hooks.example.com", "slack:// json://")
    assert wizard.plan().alerts == rule
    step.apprise.setText("json:// ntfy://topic slack://")
    wizard.identity_key.setText(" AGE-SECRET-KEY-1ABC ")
    desk.backups.told_of_saving = [
        Finding(Severity.INFO, "address-kept", "The address is in the keyring", "A timer reads it")
    ]
    qtbot.waitUntil(lambda: wizard.server.count() > 0)
    wizard.go("when")
    wizard.accept_button.click()
    qtbot.waitUntil(lambda: not isValid(wizard))
    saved = desk.backups.plans_now[-1]
    assert saved.alerts.apprise == ("json://b", "ntfy://topic", "slack://tok/en")
    assert saved.proof.identity == "backup/p/nightly/identity"
    assert desk.backups.secrets_now == {"backup/p/nightly/identity": "AGE-SECRET-KEY-1ABC"}
    banner = view.plans.banner
    assert banner.isVisible() and banner.action.text() == "Test as scheduled"
    banner.action.click()
    qtbot.waitUntil(lambda: "as scheduled nightly" in desk.backups.asked)


def test_a_database_that_is_not_seen_now_stays_in_its_plan(qtbot) -> None:
    """Whoever edits the time of a plan must not lose a database from it in silence."""
    plan = replace(PLAN, source=replace(PLAN.source, databases=("orders", "shop")))
    wizard = PlanWizard(plan, ["vault"])
    qtbot.addWidget(wizard)
    wizard.show_servers(["main", "other"])
    wizard.show_databases(["shop", "test"])
    assert wizard.plan().source.databases == ("shop", "orders")
    assert wizard.databases_field.note.text() == "Not seen on the server now: orders"
    wizard.databases.item(2).setCheckState(Qt.CheckState.Unchecked)
    assert wizard.plan().source.databases == ("shop",)
    wizard.server.setCurrentText("other")
    wizard.show_databases(["shop"])
    assert wizard.databases_field.note.text() != "Not seen on the server now: orders"
    wizard.show_database_fault(OpsError("Could not log in"))
    assert wizard.plan().source.databases == ()  # those of the first server say nothing of this one
