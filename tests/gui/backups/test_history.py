"""What the page says of the past: whole or not, carried out or not, and nobody who reads is disturbed."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from core.backups.alerts import Alert
from core.backups.outcomes import Check, Delivery, Finding, Outcome, PlanStatus, RestorePreview, Run, Severity, Status
from gui.parts.dialogs import ConfirmDialog
from gui.tabs.backups import wording
from gui.tabs.backups.plan_detail import PlanDetail
from gui.tabs.backups.plan_history import LISTED
from gui.tabs.backups.plan_list import PlanCard
from gui.tabs.backups.plans_view import PlansView
from gui.tabs.backups.restore_dialog import RestoreDialog
from tests.gui.backups.conftest import NOW, PLAN, backup, verification

GOOD = verification(Outcome.DONE, Check(3, "restore", True), Check(5, "sentinel", None))


@pytest.fixture
def detail(qtbot) -> PlanDetail:
    made = PlanDetail()
    qtbot.addWidget(made)
    made.resize(900, 900)
    made.show()
    return made


def test_whoever_reads_an_older_verification_goes_on_reading_it(detail: PlanDetail) -> None:
    """The page looks again once a minute."""
    past = [replace(GOOD, id=number, run=f"run-{number}") for number in (3, 2, 1)]
    detail.show_history([], [], past)
    assert "run-3" in detail.ladder.summary.text()
    detail.history.verifications.choose(2)
    detail.show_history([], [], [replace(item) for item in past])
    assert "run-1" in detail.ladder.summary.text()
    detail.show_history([], [], [replace(GOOD, id=4, run="run-4"), *past])  # but news are shown
    assert "run-4" in detail.ladder.summary.text()


def test_what_was_not_carried_out_has_not_passed(detail: PlanDetail) -> None:
    detail.show_history([], [], [GOOD])
    table = detail.history.verifications.row_model
    assert table.columns[-1].text(table.rows[0]) == "1 check passed, 1 not carried out"
    assert detail.ladder.summary.text().startswith("1 check passed, 1 not carried out: proved")


def test_another_plan_shows_nothing_of_the_one_before(qtbot, make_page) -> None:
    view, desk, _ = make_page()
    presenter = view.plans_presenter
    desk.backups.plans_now = [PLAN, replace(PLAN, name="other")]
    presenter.refresh()
    qtbot.waitUntil(lambda: len(presenter.shown.plans) == 2 and bool(presenter.past))
    history = view.plans.detail.history
    assert history.backups.row_model.rows and not history.none["backups"].isVisible()
    presenter.choose("other")
    assert not history.backups.row_model.rows and not view.plans.detail.ladder.isVisible()
    assert not history.none["backups"].isVisible()  # which is not known yet
    desk.backups.backups_now = []
    qtbot.waitUntil(lambda: presenter.past is not None)
    presenter.refresh()
    qtbot.waitUntil(history.none["backups"].isVisible)
    assert view.plans.detail.ladder.isVisible()


def test_a_plans_work_is_stopped_where_it_is_shown(qtbot, make_page) -> None:
    view, desk, _ = make_page()
    qtbot.waitUntil(lambda: view.plans_presenter.may_run)
    begun = threading.Event()

    def run(job, name: str, *, if_due: bool = False) -> None:
        job.report(1, 4, "Dumping")
        begun.set()
        while True:
            job.sleep(0.01)

    desk.backups.run = run
    view.window_of_test.activateWindow()
    card = view.plans.list.cards["nightly"]
    QWidget.setTabOrder(view.restore, view.plans.new)  # as whoever has pressed Tab has it
    view.back_up.setFocus()
    qtbot.waitUntil(lambda: view.back_up.hasFocus() and card.isVisible())
    view.back_up.click()
    assert card.hasFocus()  # not "New plan", which a second Enter would press
    detail = view.plans.detail
    qtbot.waitUntil(lambda: begun.is_set() and "Dumping" in detail.busy.label.text())
    detail.stop.click()
    qtbot.waitUntil(lambda: not view.plans_presenter.busy)
    assert not detail.stop.isVisible() and not view.plans.banner.isVisible()


def test_a_verification_under_way_has_no_report_yet(detail: PlanDetail) -> None:
    detail.show_history([], [], [verification(Outcome.RUNNING)])
    assert detail.ladder.summary.text().startswith("Being verified")
    assert not detail.ladder.open.isVisible() and not detail.ladder.table.isVisible()
    detail.show_history([], [], [GOOD])
    assert detail.ladder.open.isVisible() and detail.ladder.table.isVisible()


@pytest.mark.parametrize(("count", "words"), [(LISTED, f"Runs {LISTED}"), (LISTED + 1, f"Runs {LISTED}+")])
def test_more_than_is_listed_is_told(detail: PlanDetail, count: int, words: str) -> None:
    detail.show_history([], [Run(str(number), "nightly", NOW, Outcome.DONE) for number in range(count)], [])
    assert detail.history.segments._buttons["runs"].text() == words
    assert detail.history.runs.row_model.rowCount() == LISTED


def test_a_day_of_another_year_has_its_year() -> None:
    now = datetime(2026, 11, 29, 12, tzinfo=UTC)
    assert wording.clock(now + timedelta(days=9), now) == "8 Dec"
    assert wording.clock(now + timedelta(days=400), now) == "3 Jan 2028"


def test_what_failed_its_proof_is_not_offered_first(qtbot) -> None:
    bad, good = replace(backup(1), failed=NOW), backup(2, proved=NOW)
    dialog = RestoreDialog(PLAN, [bad, good], "", "sandbox")
    qtbot.addWidget(dialog)
    assert dialog.backup.currentData() == good.id and "FAILED" in dialog.backup.itemText(0)
    chosen = RestoreDialog(PLAN, [bad, good], bad.id, "sandbox")
    qtbot.addWidget(chosen)
    assert chosen.backup.currentData() == bad.id  # whoever chose it has seen its state


def test_enter_previews_and_never_restores(qtbot) -> None:
    dialog = RestoreDialog(PLAN, [backup()], "", "sandbox")
    qtbot.addWidget(dialog)
    dialog.show()
    asked: list[str] = []
    dialog.preview_asked.connect(lambda *_: asked.append("preview"))
    dialog.restore_asked.connect(lambda *_: asked.append("restore"))
    dialog.to.setFocus()
    QTest.keyClick(dialog.to, Qt.Key.Key_Return)
    assert asked == ["preview"]
    dialog.show_preview(RestorePreview("nightly", backup().id, NOW, "main/copy", 1, 2, 3, (("orders", 5),), 1, True))
    dialog.confirm.setText("shop")
    for widget in (dialog.to, dialog.confirm, dialog.accept_button):
        QTest.keyClick(widget, Qt.Key.Key_Return)
    assert asked == ["preview"]
    QTest.keyClick(dialog.accept_button, Qt.Key.Key_Space)
    assert asked == ["preview", "restore"]


def test_a_plan_is_tested_as_scheduled_from_its_menu(qtbot, make_page) -> None:
    view, desk, praised = make_page()
    banner = view.plans.banner
    qtbot.waitUntil(lambda: view.plans_presenter.past is not None)
    small = Finding(Severity.WARNING, "x", "Small", "because")
    for found, tone in (
        ([small], "warning"),
        ([small, Finding(Severity.ERROR, "y", "No password is stored")], "danger"),
    ):
        desk.backups.as_scheduled = found
        banner.hide()
        view.plans.detail.as_scheduled_asked.emit()
        qtbot.waitUntil(banner.isVisible)
        assert banner.property("tone") == tone and found[-1].title in banner.title.text()
    desk.backups.as_scheduled = []
    view.plans.detail.as_scheduled_asked.emit()
    qtbot.waitUntil(lambda: bool(praised))
    assert "without this desktop" in praised[0]
    assert desk.backups.asked == ["as scheduled nightly"] * 3


def test_a_proof_that_was_refuted_was_made_all_the_same(qtbot) -> None:
    card = PlanCard(PLAN)
    qtbot.addWidget(card)
    bad = verification(Outcome.FAILED, Check(2, "sum", False))
    card.show_status(PlanStatus("nightly", Status.FAILED, last_backup=backup(), last_verification=bad))
    assert card.proved.text() == "No proof stands"
    card.show_status(PlanStatus("nightly", Status.NEVER, last_backup=backup()))
    assert card.proved.text() == "Proved never"


def test_restore_times_and_ages_are_told_with_their_trend(detail: PlanDetail) -> None:
    past = [
        replace(GOOD, id=number, rto_seconds=seconds, rpo_seconds=age)
        for number, seconds, age in ((3, 12.0, 7200.0), (2, 4.0, 90_000.0))
    ]
    failed = replace(verification(Outcome.FAILED, Check(2, "sum", False)), id=4, rto_seconds=None)
    detail.show_history([], [], [failed, *past])
    words = "Restore time (RTO) 12.0 s (4.0 s to 12.0 s in the last 2 proofs) · the data were 2 h old then (RPO) (25 h at most)"
    assert detail.ladder.measured.text() == words and detail.ladder.trend.isVisible()
    detail.show_history([], [], [failed])
    assert not detail.ladder.measured.isVisible()


def test_an_alert_that_did_not_arrive_is_told_once(qtbot, make_page) -> None:
    view, desk, _ = make_page()
    desk.backups.undelivered = [Delivery("smtp", "a@b", False, NOW, "s", "refused")]
    view.plans_presenter.refresh()
    qtbot.waitUntil(lambda: view.plans.banner.isVisible())
    assert "did not reach a@b" in view.plans.banner.title.text()
    view.plans.banner.hide()
    for _ in range(2):  # the page looks again once a minute
        view.plans_presenter._show_all(view.plans_presenter.shown)
    assert not view.plans.banner.isVisible()
    news = replace(desk.backups.undelivered[0], sent=NOW + timedelta(hours=1))
    view.plans_presenter.shown.undelivered = [news]
    view.plans_presenter._show_all(view.plans_presenter.shown)
    assert view.plans.banner.isVisible()


def test_tiles_say_of_how_many_plans_they_are_and_keep_their_width(qtbot) -> None:
    view = PlansView()
    qtbot.addWidget(view)
    one = PlanStatus("a", Status.OK, last_backup=backup(), last_proof=GOOD, backups=1)
    view.show_tiles([replace(one, last_proof=replace(GOOD, rpo_seconds=10 * 86_400.0))])
    assert view.good.figure.text() == wording.clock(NOW - timedelta(days=10))  # of the backup, not of its proof
    assert view.good.note.text().startswith("proved ")
    view.show_tiles([one])
    assert view.good.name.text() == "Last good" and view.stored.name.text() == "Stored"
    width = view.good.minimumSizeHint().width()
    long = replace(
        one,
        plan="a-plan-with-a-name-of-forty-eight-letters-or-so",
        last_proof=replace(GOOD, started=NOW + timedelta(seconds=9)),
    )
    view.show_tiles([one, long])
    assert view.good.name.text() == "Last good of 2 plans" and long.plan in view.good.toolTip()
    assert view.good.minimumSizeHint().width() < width + 60


def test_what_needs_a_bucket_asks_for_one_and_good_news_are_not_red(qtbot, make_page) -> None:
    view, _desk, _ = make_page()
    commands = view.context_of_test.commands
    qtbot.waitUntil(lambda: view.plans_presenter.looked)
    for name in ("backups.upload", "backups.sync"):
        view.objects.banner.hide()
        commands._commands[name].action.trigger()
        assert view.objects.banner.title.text() == "In which bucket?" and view.halves.value == "objects"
    for rule, tone in (("verification-recovered", "success"), ("run-failed", "danger")):
        view.plans_presenter._show_alert(Alert("nightly", rule, "News", "What happened.\n\nHow often it is told."))
        assert view.plans.banner.property("tone") == tone and view.plans.banner.why.text() == "What happened."


def test_what_can_be_done_with_a_plan_is_found_by_keys_while_there_is_one(qtbot, make_page) -> None:
    view, desk, _ = make_page()
    commands = view.context_of_test.commands
    ids = {
        f"backups.{name}"
        for name in ["edit", "schedule", "test-schedule", "test-alert", "rights", "policies", "forget"]
    }
    offered = lambda: ids & {command.id for command in commands.all()}  # noqa: E731
    qtbot.waitUntil(lambda: offered() == ids)
    view.show_half("objects")
    commands._commands["backups.forget"].action.trigger()
    assert view.halves.value == "plans"
    qtbot.waitUntil(
        lambda: any(isinstance(w, ConfirmDialog) and w.isVisible() for w in QApplication.topLevelWidgets()),
    )
    desk.backups.plans_now = []
    view.plans_presenter.refresh()
    qtbot.waitUntil(lambda: not offered())
