"""The plans half: what each state shows, and that buttons follow from it."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

from PySide6.QtWidgets import QApplication, QLabel

from core.backups.outcomes import Check, Finding, Outcome, PlanStatus, Run, Severity, Status
from core.backups.plan import Proof, Sentinel
from core.base.errors import OpsError
from gui.parts.dialogs import ConfirmDialog
from gui.tabs.backups import wording
from gui.tabs.backups.plan_detail import FindingLine
from gui.tabs.backups.restore_dialog import RestoreDialog
from gui.tabs.backups.wizard import PlanWizard
from tests.gui.backups.conftest import NOW, PLAN, backup, verification


def settled(qtbot, view) -> None:
    presenter = view.plans_presenter
    qtbot.waitUntil(lambda: presenter.looked and (presenter.past is not None or not presenter.shown.plans))


def test_backed_up_is_not_green(qtbot, make_page) -> None:
    view, _desk, _ = make_page()
    settled(qtbot, view)
    card = view.plans.list.cards["nightly"]
    assert (card.chip.text(), card.chip.property("tone")) == ("NEVER PROVED", "warning")
    assert view.plans.good.note.property("tone") == "warning"
    assert "never proved" in view.plans.good.note.text()
    assert view.plans.detail.ladder.empty.isVisibleTo(view)
    assert view.back_up.isEnabled() and view.verify.isEnabled()


def test_a_run_that_failed_shows_beside_an_older_proof(qtbot, make_page) -> None:
    view, desk, _ = make_page()
    settled(qtbot, view)
    failed = Finding(Severity.ERROR, "run-failed", "The run of 02:00 failed", "Its folder is gone", "Back up now")
    desk.backups.status_now = replace(desk.backups.status_now, status=Status.OK, findings=(failed,))
    view.plans_presenter.refresh()
    card = view.plans.list.cards["nightly"]
    qtbot.waitUntil(lambda: card.backed.text().startswith("The last run FAILED · backed up"))
    assert card.backed.property("tone") == "danger" and card.chip.text() == "PROVED"
    assert (view.plans.failed.figure.text(), view.plans.failed.note.text()) == ("1", "nightly")


def test_only_proved_is_green() -> None:
    assert [status for status, (_, tone) in wording.STATUS.items() if tone == "success"] == [Status.OK]
    assert set(Status) == set(wording.STATUS)
    assert set(Outcome) == set(wording.OUTCOME)
    shallow = verification(Outcome.DONE)
    assert wording.proof(shallow)[1] == "success"
    assert wording.proof(type(shallow)(1, "p", "r", NOW, Outcome.DONE, 2))[0] == "readable"


def test_a_failed_verification_is_shown_with_expected_and_actual(qtbot, make_page) -> None:
    view, desk, praised = make_page()
    settled(qtbot, view)
    view.verify.click()
    qtbot.waitUntil(lambda: view.plans.detail.chip.text() == "FAILED")
    qtbot.waitUntil(lambda: view.plans.detail.ladder.table.row_model.rowCount() == 1)
    check = view.plans.detail.ladder.table.row_model.rows[0]
    assert (check.expected, check.actual) == ("exit 0", "ERROR 1064")
    assert "FAILED" in view.plans.detail.ladder.summary.text()
    assert view.plans.failed.figure.text() == "1"
    assert any(label.text() == "no proof stands" for label in view.plans.detail.findChildren(QLabel))
    job = view.plans_presenter.context.jobs.activities[0].job
    assert job.bad_news and job.progress and job.progress.note == "1 of 1 check FAILED"
    assert desk.backups.asked == ["verify nightly "]
    assert not praised


def test_a_backup_ends_with_what_it_holds(qtbot, make_page) -> None:
    view, desk, praised = make_page()
    settled(qtbot, view)
    desk.backups.run = lambda _job, name: Run("r2", name, NOW, Outcome.DONE, stored_bytes=3_600_000, rows=1_204)
    view.back_up.click()
    qtbot.waitUntil(lambda: bool(praised))
    job = view.plans_presenter.context.jobs.activities[0].job
    assert job.progress is not None and job.progress.note == "1,204 rows, 3.6 MB stored"


def test_while_it_runs_card_and_page_say_so_and_nothing_else_can_begin(qtbot, make_page) -> None:
    view, desk, _ = make_page()
    never = Finding(Severity.WARNING, "never-verified", "No backup was ever restored", "", "Verify now")
    desk.backups.status_now = replace(desk.backups.status_now, findings=(never,))
    go_on = threading.Event()
    desk.backups.run = lambda _job, _name: go_on.wait(10) and None
    view.plans_presenter.refresh()
    qtbot.waitUntil(lambda: bool(view.findChildren(FindingLine)))
    settled(qtbot, view)
    view.back_up.click()
    chips = [view.plans.list.cards["nightly"].chip, view.plans.detail.chip]
    assert [chip.text() for chip in chips] == ["RUNNING", "RUNNING"]
    assert not view.findChildren(FindingLine)[-1].button.isEnabled() and not view.verify.isEnabled()
    go_on.set()
    qtbot.waitUntil(lambda: [chip.text() for chip in chips] == ["NEVER PROVED", "NEVER PROVED"])
    assert view.findChildren(FindingLine)[-1].button.isEnabled()


def test_an_empty_page_offers_the_first_step(qtbot, make_page) -> None:
    view, desk, _ = make_page()
    desk.backups.plans_now = []
    view.plans_presenter.refresh()
    qtbot.waitUntil(lambda: view.plans.empty.isVisible())
    assert not view.back_up.isEnabled() and not view.verify.isEnabled() and not view.restore.isEnabled()


def test_trouble_stands_on_the_page_with_a_next_step(qtbot, make_page) -> None:
    view, desk, _ = make_page()
    settled(qtbot, view)
    desk.backups.trouble = OpsError(
        "Could not list", "The endpoint does not answer", "Check the network", code="unreachable"
    )
    view.back_up.click()
    qtbot.waitUntil(lambda: view.plans.banner.isVisible())
    assert view.plans.banner.title.text() == "Could not list"
    qtbot.waitUntil(lambda: view.back_up.isEnabled())


def test_not_known_is_not_nothing(qtbot, make_page) -> None:
    view, desk, _ = make_page()
    blind = Finding(Severity.ERROR, "unreachable", "Could not list the backups", "The endpoint does not answer")
    desk.backups.status_now = PlanStatus("nightly", Status.NEVER, findings=(blind,))
    view.plans_presenter.refresh()
    qtbot.waitUntil(lambda: view.plans.good.figure.text() == "?")
    shown = [
        view.plans.list.cards["nightly"].backed.text(),
        view.plans.detail._values["Data at risk"].text(),
        view.plans.stored.note.text(),
    ]
    assert all("cannot be read" in text or "can be read" in text for text in shown), shown

    assert view.plans.detail._values["Proof vanishes"].text().startswith("not known")
    desk.backups.backups_now = None
    qtbot.waitUntil(lambda: len(view.findChildren(FindingLine)) == 1)  # those before are on their way out
    (line,) = view.findChildren(FindingLine)
    assert line.button.text() == "Look again"
    line.button.click()  # and the history says why it shows none
    qtbot.waitUntil(lambda: view.plans.detail.history.unknown.isVisible())
    assert not view.plans.detail.history.backups.isVisible()


def test_every_card_shows_all_of_its_words_at_any_width(qtbot, make_page) -> None:
    view, desk, _ = make_page()
    names = ["nightly", "a-plan-with-a-very-long-name-for-the-customers"]
    desk.backups.plans_now = [replace(PLAN, name=name) for name in names]
    found = {name: replace(desk.backups.status_now, plan=name, status=Status.NOT_RESTORABLE_HERE) for name in names}
    desk.backups.watch = lambda _job: list(found.values())
    view.plans_presenter.refresh()
    qtbot.waitUntil(lambda: len(view.plans.list.cards) == 2)

    def cut() -> list[str]:
        found = []
        for card in view.plans.list.cards.values():
            found += [label.text() for label in (card.chip, card.name) if label.width() < label.sizeHint().width()]
            words = (card.backed, card.proved, card.next)
            found += [label.text() for label in words if label.height() < label.heightForWidth(label.width())]
        return found

    for width in (1200, 816):
        view.window_of_test.resize(width, 612)
        qtbot.waitUntil(lambda: cut() == [])
    view.plans_presenter.choose(names[1])  # from elsewhere than by a click on it
    assert view.plans.list.current == names[1]


def test_a_read_only_profile_may_prove_but_not_write(qtbot, make_page) -> None:
    view, _desk, _ = make_page("production")
    settled(qtbot, view)
    assert not view.back_up.isEnabled() and not view.restore.isEnabled()
    assert view.verify.isEnabled()
    view.plans_presenter.fixes.fix("no-expiry")
    assert view.plans.banner.title.text() == "This profile is read-only"
    view.context_of_test.guard.unlock()
    assert view.back_up.isEnabled() and view.restore.isEnabled()


def test_rules_speak_up_with_their_remedy(qtbot, make_page) -> None:
    view, desk, _ = make_page()
    vanishes = Finding(
        Severity.ERROR, "proof-vanishes", "Your last proven backup disappears on 1 Dec", "", "Verify now"
    )
    desk.backups.status_now = PlanStatus(
        "nightly", Status.STALE, last_backup=backup(), last_proof=verification(Outcome.DONE), backups=1, findings=(vanishes,),
        proof_vanishes=NOW + timedelta(days=3), next_verification=NOW + timedelta(days=9),
    )  # fmt: skip
    view.plans_presenter.refresh()
    qtbot.waitUntil(lambda: bool(view.findChildren(FindingLine)))
    line = view.findChildren(FindingLine)[0]
    assert line.button.text() == "Verify now"
    assert view.plans.detail._values["Proof vanishes"].property("tone") == "danger"
    line.button.click()
    qtbot.waitUntil(lambda: desk.backups.asked == ["verify nightly "])


def test_forgetting_a_plan_asks_and_enter_does_not_do_it(qtbot, make_page) -> None:
    view, _desk, _ = make_page("sandbox")
    settled(qtbot, view)
    view.plans_presenter.dialogs.ask_remove()
    dialog = next(w for w in QApplication.topLevelWidgets() if isinstance(w, ConfirmDialog) and w.isVisible())
    assert "Its 1 backup and the evidence stay" in " ".join(
        label.text() for label in dialog.findChildren(type(dialog.heading))
    )
    texts = [label.text() for label in dialog.findChildren(QLabel)]
    assert "opsdesk --profile p backup remove nightly" in texts  # in this account, whichever a terminal used last
    dialog.reject()


def test_the_wizard_keeps_what_it_does_not_show(qtbot) -> None:
    from core.backups.plan import Assertion, Sentinel

    proof = replace(
        PLAN.proof, sentinels=(Sentinel("orders", "id = 1"),), assertions=(Assertion("a", "SELECT 1"),), minimum_bytes=9
    )
    plan = replace(PLAN, proof=proof, alerts=replace(PLAN.alerts, smtp_port=25, smtp_user="u", apprise=("x://",)))
    wizard = PlanWizard(plan, ["vault"])
    qtbot.addWidget(wizard)
    wizard.show_databases(["shop", "other"])
    assert wizard.plan() == plan
    wizard.days.setValue(30)
    assert wizard.rule.property("tone") == "danger" and "52 days" in wizard.rule.text()
    assert wizard.plan().retention.days == 30


def test_the_wizard_refuses_in_place(qtbot) -> None:
    wizard = PlanWizard(None, [])
    qtbot.addWidget(wizard)
    wizard.show()
    saved: list[object] = []
    wizard.save_asked.connect(saved.append)
    wizard._next()
    assert wizard.banner.isVisible() and wizard.banner.title.text() == "The plan has no name"
    assert wizard.steps.value == "source"  # where it can be given
    wizard.name.setText("papers")
    wizard._kind_chosen("folder")
    wizard.kind.choose("folder")
    wizard.paths.setText("/srv")
    wizard._next()
    assert not wizard.banner.isVisible() and wizard.steps.value == "target"
    wizard.go("when")
    wizard._next()  # the step with the bucket was passed over
    assert not saved and wizard.steps.value == "target" and "no bucket name" in wizard.banner.title.text()
    wizard.bucket.setCurrentText("vault")
    wizard.go("when")
    wizard.when.to.setText("ops@example.com")
    wizard._next()
    assert not saved and wizard.banner.title.text() == "No mail would be sent"
    wizard.when.to.clear()
    wizard._next()
    assert len(saved) == 1


def test_the_wizard_sets_up_mail_and_keys_as_servers_want_them(qtbot) -> None:
    wizard = PlanWizard(replace(PLAN, target=replace(PLAN.target, sse="aws:kms", kms_key="alias/k")), ["vault"])
    qtbot.addWidget(wizard)
    step = wizard.when
    step.host.setText("mail.example.com")
    step.security.setCurrentIndex(step.security.findData("tls"))
    assert step.port.value() == 465
    step.port.setValue(2465)
    step.security.setCurrentIndex(step.security.findData("starttls"))
    step.user.setText("ops")
    step.password.setText("s3cret")
    step.mail_from.setText("a@b")
    step.to.setText("c@d, e@f")
    step.apprise.setText("json://x  slack://a,b")
    alerts = wizard.plan().checked().alerts
    assert (alerts.smtp_host, alerts.smtp_port, alerts.smtp_tls, alerts.smtp_user) == (
        "mail.example.com",
        2465,
        "starttls",
        "ops",
    )
    assert (alerts.smtp_to, alerts.apprise) == (("c@d", "e@f"), ("json://x", "slack://a,b"))
    assert wizard.secrets(wizard.plan()) == {"backup/nightly/smtp": "s3cret"} and "s3cret" not in repr(wizard.plan())
    assert wizard.plan().target.kms_key == "alias/k"
    wizard.sse.setCurrentIndex(wizard.sse.findData("AES256"))  # which takes no key
    assert not wizard.kms.isEnabled() and wizard.plan().checked().target.kms_key == ""


def test_restore_needs_a_preview_and_the_source_its_name(qtbot) -> None:
    from core.backups.outcomes import RestorePreview

    dialog = RestoreDialog(PLAN, [backup(), backup(2, complete=False)], "", "production")
    qtbot.addWidget(dialog)
    dialog.show()
    asked: list[tuple[str, ...]] = []
    dialog.preview_asked.connect(lambda *words: asked.append(("preview", *words)))
    dialog.restore_asked.connect(lambda *words: asked.append(("restore", *words)))
    assert dialog.backup.count() == 1  # incomplete ones are not offered
    dialog.to.setText("shop")
    dialog.accept_button.click()
    dialog.show_preview(RestorePreview("nightly", backup().id, NOW, "main/shop", 1, 2, 3, (("orders", 5),), 1, True))
    assert not dialog.accept_button.isEnabled() and dialog.accept_button.text() == "Overwrite 1 table"
    dialog.confirm.setText("shop")
    dialog.accept_button.click()
    assert asked == [("preview", backup().id, "shop"), ("restore", backup().id, "shop", "shop")]
    dialog.to.setText("other")  # another place: the old preview counts no more
    assert dialog.accept_button.text() == "Preview"


def test_checks_in_words() -> None:
    assert wording.verdict(Check(0, "x", None))[0] == "not carried out"
    assert wording.verdict(Check(0, "x", False)) == ("FAILED", "danger")
    assert wording.ago(NOW - timedelta(hours=3), NOW) == "3 h ago"
    assert wording.ago(NOW + timedelta(days=12), NOW) == "in 12 d"
    assert wording.ago(None) == "never"


def test_files_can_be_asked_nothing(qtbot) -> None:
    """A check of restored data would never be made there, and nobody would be told."""
    wizard = PlanWizard(replace(PLAN, proof=Proof(scratch="other", sentinels=(Sentinel("t", "id = 1"),))), ["vault"])
    qtbot.addWidget(wizard)
    wizard.show()
    wizard.go("proof")
    assert wizard.scratch.isVisible()
    wizard.kind.choose("folder")
    wizard.kind.chosen.emit("folder")
    assert not wizard.scratch.isVisible() and wizard.identity.isVisible()
    assert (wizard.plan().proof.sentinels, wizard.plan().proof.scratch) == ((), "")


def test_a_restore_that_would_be_refused_is_not_offered(qtbot) -> None:
    from core.backups.outcomes import RestorePreview

    dialog = RestoreDialog(PLAN, [backup()], "", "sandbox")
    qtbot.addWidget(dialog)
    asked: list[str] = []
    dialog.preview_asked.connect(lambda *_: asked.append("preview"))
    dialog.restore_asked.connect(lambda *_: asked.append("restore"))
    dialog.to.setText("copy")
    away = Finding(Severity.ERROR, "restore-archived", "The backup is in the archive (GLACIER)")
    for _ in range(2):
        dialog.show_preview(RestorePreview("nightly", backup().id, NOW, "main/copy", 1, 2, 3, findings=(away,)))
    assert dialog._lines.count() == 1
    assert dialog.accept_button.text() == "Preview again" and dialog.accept_button.isEnabled()
    dialog.accept_button.click()
    assert asked == ["preview"]


def test_try_again_repeats_what_failed_and_its_success_takes_the_fault_away(qtbot, make_page) -> None:
    view, desk, _ = make_page("sandbox")
    settled(qtbot, view)
    tried: list[str] = []

    def set_expiry(_job: object, name: str) -> list[object]:
        tried.append(name)
        if len(tried) == 1:
            raise OpsError("Could not write the lifecycle of a-bucket-with-a-very-long-name-indeed", "Access denied")
        return []

    desk.backups.set_expiry = set_expiry
    view.plans_presenter.fixes.fix("no-expiry")
    qtbot.waitUntil(lambda: view.plans.banner.isVisible())
    view.plans.banner.action.click()
    qtbot.waitUntil(lambda: tried == ["nightly", "nightly"])

    desk.backups.trouble = OpsError("The ledger cannot be read", "disk I/O error")
    view.plans_presenter.refresh()
    qtbot.waitUntil(lambda: view.plans.banner.isVisible())
    desk.backups.trouble = None
    view.plans_presenter.refresh()  # as it does every minute
    qtbot.waitUntil(lambda: not view.plans.banner.isVisible())


def test_a_finding_about_the_time_kept_opens_the_step_where_it_is_set(qtbot, make_page) -> None:
    view, _desk, _ = make_page("sandbox")
    settled(qtbot, view)
    view.plans_presenter.fixes.fix("retention")
    wizard = next(w for w in QApplication.topLevelWidgets() if isinstance(w, PlanWizard) and w.isVisible())
    assert wizard.steps.value == "target" and wizard.days.isVisible()
    wizard.reject()


def test_a_plan_that_tells_nobody_is_no_success(qtbot, make_page) -> None:
    view, desk, praised = make_page("sandbox")
    settled(qtbot, view)
    desk.backups.send_test = lambda job, name: []
    view.plans_presenter.fixes.send_test()
    qtbot.waitUntil(lambda: view.plans.banner.title.text() == "Nobody would be told")
    assert not praised
