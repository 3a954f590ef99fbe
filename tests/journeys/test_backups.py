"""Backups by mouse and keys: a plan, a backup, its proof, a broken object found out, a restore; and the browser of objects."""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QApplication
from shiboken6 import isValid

from core.backups.plan import Plan, Source, Target
from gui.parts.dialogs import ConfirmDialog
from gui.tabs.backups.object_dialogs import BucketDialog
from gui.tabs.backups.restore_dialog import RestoreDialog
from gui.tabs.backups.wizard import PlanWizard
from tests.journeys.hand import Hand, Heartbeat, opened


@pytest.fixture
def console(sandbox, qapp, monkeypatch) -> Iterator[Any]:
    """The window on the session's sandbox."""
    monkeypatch.setenv("OPSDESK_HOME", str(sandbox.places.config.parent))
    with opened("sandbox", (1400, 900)) as made:
        made.window.go("backups")
        yield made


def page(console, hand: Hand) -> Any:
    hand.wait_until(lambda: console.window.page("backups") is not None, "the Backups page")
    return console.window.page("backups")


def fill(hand: Hand, field: Any, text: str) -> None:
    hand.click(field)
    hand.key("ctrl+a")
    hand.type(text)


def opened_wizard(hand: Hand, view: Any) -> Any:
    """By the button of an empty page, or that above the plans: a fresh sandbox gets its plan at about this time, and the
    one takes the other's place under the hand."""
    for attempt in range(3):
        hand.click(view.plans.new if view.plans.area.isVisible() else view.plans.empty.button)
        with contextlib.suppress(*([AssertionError] if attempt < 2 else [])):
            return hand.dialog(PlanWizard)
    raise AssertionError("unreachable")


def test_a_plan_is_made_run_proved_broken_found_out_and_restored(console, sandbox) -> None:
    bucket, name = sandbox.name("plan"), sandbox.name("nightly")
    sandbox.client("s3").create_bucket(Bucket=bucket)
    database = sandbox.name("shop").replace("-", "_")
    with sandbox.mysql(autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE `{database}`")
        cursor.execute(f"USE `{database}`")
        cursor.execute("CREATE TABLE orders (id INT PRIMARY KEY, note VARCHAR(40))")
        cursor.execute("INSERT INTO orders SELECT seq, CONCAT('order ', seq) FROM seq_1_to_2000")
    hand, beat = Hand(console.window), Heartbeat()
    view = page(console, hand)
    plans = view.plans_presenter
    hand.wait_until(lambda: plans.looked, "the plans were looked at")

    # the wizard
    wizard: Any = opened_wizard(hand, view)
    hand.wait_until(lambda: wizard.databases.count() > 0, "the databases are listed")
    fill(hand, wizard.name, name)
    row = next(n for n in range(wizard.databases.count()) if wizard.databases.item(n).text() == database)
    box = wizard.databases.visualItemRect(wizard.databases.item(row))
    hand.click(wizard.databases.viewport(), QPoint(box.left() + 14, box.center().y()))
    hand.wait_until(lambda: wizard.plan().source.databases == (database,), "the database is chosen")
    hand.click(wizard.accept_button)
    fill(hand, wizard.bucket.lineEdit(), bucket)
    hand.click(wizard.accept_button)
    hand.click(hand.button("Add a check", wizard))
    hand.wait_until(lambda: bool(wizard._sums) and wizard._sums[0].sql.isVisible(), "a check to fill in")
    check = wizard._sums[0]
    fill(hand, check.name, "orders are there")
    fill(hand, check.sql, "SELECT COUNT(*) FROM orders")
    fill(hand, check.value, "1999")
    hand.click(hand.button("Run on the source now", check))
    hand.wait_until(lambda: "passed: 2000" in check.answer.text(), "the source answers")
    hand.click(wizard.accept_button)
    hand.click(wizard.accept_button)
    hand.wait_until(lambda: plans.plan is not None and plans.plan.name == name, "the plan is saved and chosen")
    hand.wait_until(lambda: not isValid(wizard), "the wizard has closed")

    # back up: not green yet
    chip = view.plans.detail.chip
    hand.wait_until(lambda: plans.may_run, "it may run")
    hand.click(view.back_up)
    hand.wait_until(lambda: not plans.busy and plans.past is not None and plans.past.backups, "it is backed up", 60)
    hand.wait_until(lambda: chip.text() == "NEVER PROVED", "backed up is not proved")

    # prove it: green
    hand.click(view.verify)
    hand.wait_until(lambda: not plans.busy and chip.text() == "PROVED", "it is proved", 90)
    hand.wait_until(
        lambda: plans.past and [item.outcome.value for item in plans.past.verifications] == ["done"],
        "the proof is listed",
    )
    assert any(item.name == "orders are there" and item.ok for item in plans.past.verifications[0].checks)

    # somebody flips bytes of the object: found out
    key = plans.past.backups[0].key
    s3 = sandbox.client("s3")
    body = bytearray(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    body[len(body) // 2] ^= 0xFF
    s3.put_object(Bucket=bucket, Key=key, Body=bytes(body))
    hand.click(view.verify)
    hand.wait_until(lambda: not plans.busy and chip.text() == "FAILED", "the damage is found out", 90)
    hand.wait_until(
        lambda: plans.past and [item.outcome.value for item in plans.past.verifications] == ["failed", "done"], "the failure is listed"
    )  # fmt: skip
    assert plans.past.verifications[0].failed_checks
    hand.wait_until(lambda: "FAILED" in view.plans.detail.ladder.summary.text(), "the findings are on the page")
    hand.wait_until(lambda: view.plans.failed.figure.text() != "0", "the tile counts it")

    # a fresh backup is restored beside the source
    hand.click(view.back_up)
    hand.wait_until(
        lambda: not plans.busy and plans.past is not None and len(plans.past.backups or ()) == 2, "a second backup", 60
    )
    hand.click(view.restore)
    dialog: Any = hand.dialog(RestoreDialog)
    fill(hand, dialog.to, f"{database}_again")
    hand.click(dialog.accept_button)
    hand.wait_until(lambda: dialog.accept_button.text() == "Restore 1 table", "the preview says what would happen")
    hand.click(dialog.accept_button)
    hand.wait_until(lambda: not isValid(dialog) and not plans.busy, "it is restored", 60)
    with sandbox.mysql() as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*), MAX(note) FROM `{database}_again`.orders")
        assert cursor.fetchone() == (2000, "order 999")
    print(beat.stop())


@contextlib.contextmanager
def stranger(hand: Hand, *paths: Path) -> Iterator[tuple[QPoint, Callable[[], list[str]]]]:
    """A window of another program in the corner: (its middle, what was dropped on it so far)."""
    program = subprocess.Popen(
        [sys.executable, "-m", "tests.journeys.stranger", *map(str, paths)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    lines: list[str] = []
    assert program.stdin and program.stdout
    reader = threading.Thread(target=lambda: lines.extend(iter(program.stdout.readline, "")))
    reader.start()
    try:
        hand.wait_until(lambda: lines, "the other window")
        place = QPoint(*map(int, lines[0].split()[1:]))
        yield place, lambda: lines[1:]
    finally:
        program.stdin.close()
        program.wait(10)
        reader.join()
        program.stdout.close()


def test_objects_are_browsed_dropped_in_dragged_out_and_deleted(console, sandbox, tmp_path: Path) -> None:
    hand, beat = Hand(console.window), Heartbeat()
    view = page(console, hand)
    objects, s3 = view.objects_presenter, sandbox.client("s3")
    bucket = sandbox.name("browse")
    hand.click(hand.button("What is shown: Buckets and objects", view))
    hand.wait_until(lambda: objects.listing.state.value == "shown", "the buckets are listed")
    if objects.bucket:
        objects.go("")

    # a bucket
    hand.click(view.objects.new_bucket)
    dialog: Any = hand.dialog(BucketDialog)
    fill(hand, dialog.name, "Not A Name")
    hand.click(dialog.accept_button)
    hand.wait_until(lambda: "small letters" in dialog.field.note.text(), "a bad name is explained at the field")
    fill(hand, dialog.name, bucket)
    hand.click(dialog.accept_button)
    hand.wait_until(
        lambda: objects.bucket == bucket and objects.listing.state.value == "shown", "the new bucket is open"
    )

    # files are dragged in
    (tmp_path / "report.txt").write_text("quarterly")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "inside.txt").write_text("deep")
    names = lambda: [line.name for line in view.objects.table.row_model.rows]  # noqa: E731
    with stranger(hand, tmp_path / "report.txt", tmp_path / "folder") as (place, _):
        stack = view.objects.stack
        drag_to(hand, place, stack.mapToGlobal(stack.rect().center()))
        hand.wait_until(lambda: names() == ["folder/", "report.txt"], f"the files are there, not {names()}")
    assert s3.get_object(Bucket=bucket, Key="folder/inside.txt")["Body"].read() == b"deep"

    # facts, and a link that works
    click_row(hand, view.objects.table, 1)
    hand.wait_until(lambda: view.objects.side.title.text().replace("\u200b", "") == "report.txt", "its facts")
    hand.wait_until(lambda: view.objects.side.link is not None, "the panel is filled")
    hand.click(hand.button("Copy a link", view.objects.side))
    hand.wait_until(
        lambda: "works until" in (view.objects.side.link.text() if view.objects.side.link else ""), "the link"
    )
    import urllib.request

    with urllib.request.urlopen(QApplication.clipboard().text()) as answer:
        assert answer.read() == b"quarterly"

    # dragged out
    table = view.objects.table
    with stranger(hand) as (place, dropped):
        drag_to(hand, table.viewport().mapToGlobal(row_place(table, 1)), place)
        hand.wait_until(dropped, "the file arrived")
        assert dropped()[0].split()[-1] == hashlib.sha256(b"quarterly").hexdigest()

    # deleted, asked first; Enter does not do it
    click_row(hand, table, 0)
    hand.click(view.objects.delete)
    confirm: Any = hand.dialog(ConfirmDialog)
    assert confirm.accept_button.text() == "Delete 1 object"
    hand.key("Return")
    hand.wait_until(lambda: not isValid(confirm), "Enter is Cancel, where the keys are")
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 2
    hand.click(view.objects.delete)
    hand.click(hand.dialog(ConfirmDialog).accept_button)
    hand.wait_until(lambda: names() == ["report.txt"], "the folder is gone")
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["report.txt"]

    # a bucket that goes away under the page is told, not crashed on
    s3.delete_object(Bucket=bucket, Key="report.txt")
    s3.delete_bucket(Bucket=bucket)
    hand.key("F5")
    hand.wait_until(
        lambda: objects.listing.state.value == "failed" and view.objects.banner.isVisible(),
        "the bucket is gone, and said so",
    )
    print(beat.stop())


def row_place(table: Any, row: int) -> QPoint:
    index = table.row_model.index(row, 0)
    place: QPoint = table.visualRect(index).center()
    return QPoint(60, place.y())


def click_row(hand: Hand, table: Any, row: int) -> None:
    hand.click(table.viewport(), row_place(table, row))


def drag_to(hand: Hand, begin: QPoint, end: QPoint) -> None:
    """Press in one window, move slowly into the other, release: a real XDND drag. One xdotool does it all, because a
    drag runs its own event loop and lets nobody else act."""
    words = ["mousemove", str(begin.x()), str(begin.y()), "mousedown", "1", "sleep", "0.1"]
    for step in range(1, 16):
        point = begin + (end - begin) * (step / 15)
        words += ["mousemove", str(round(point.x())), str(round(point.y())), "sleep", "0.03"]
    hand._send(*words, "sleep", "0.3", "mouseup", "1")
    hand.pause(0.3)


def test_the_page_by_keys_alone(console, sandbox, tmp_path: Path) -> None:
    """From a plan to its proof, into a bucket, and an object away: the mouse lies still."""
    bucket, name = sandbox.name("keys"), sandbox.name("papers")
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="loose.txt", Body=b"x")
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "one.txt").write_text("one" * 100)
    hand = Hand(console.window)
    view = page(console, hand)
    plans, objects = view.plans_presenter, view.objects_presenter
    plans.service.save_plan(Plan(name, Source("folder", paths=(str(tmp_path / "papers"),)), Target(bucket, "x")))
    hand.key("F5")
    hand.wait_until(lambda: name in view.plans.list.cards, "the new plan is listed")

    seen = walked(hand, view)
    cards = view.plans.list.cards
    chosen = cards[plans.current]  # Tab reaches the chosen one, arrows lead to the others
    wanted = [view.back_up, view.plans.new, chosen, view.plans.detail.edit, view.plans.detail.more]
    assert not [item for item in wanted if item not in seen], [
        item.accessibleName() or type(item).__name__ for item in seen
    ]

    focus(hand, chosen)
    order = sorted(cards, key=lambda each: cards[each].y())
    steps = order.index(name) - order.index(plans.current)
    if steps:  # the new plan may be the chosen one already
        hand.key(*(["Down"] * steps if steps > 0 else ["Up"] * -steps))
    hand.wait_until(lambda: plans.current == name and plans.may_run, "the plan is chosen")
    hand.key("ctrl+Return")
    hand.wait_until(lambda: plans.may_verify and plans.past and plans.past.backups, "it is backed up", 60)
    hand.key("ctrl+shift+v")
    hand.wait_until(lambda: view.plans.detail.chip.text() == "PROVED", "it is proved", 60)

    focus(hand, hand.button("What is shown: Plans and proofs", view))
    hand.key("Right")
    hand.wait_until(lambda: objects.settled, "the browser")
    if objects.bucket:
        focus(hand, hand.button("Go to Buckets", view))
        hand.key("space")
        hand.wait_until(lambda: not objects.bucket and objects.settled, "the buckets")
    table = view.objects.table
    focus(hand, table)
    row = next(n for n, line in enumerate(table.row_model.rows) if line.name.rstrip("/") == bucket)
    hand.key("Home", *["Down"] * row, "Return")
    hand.wait_until(
        lambda: objects.bucket == bucket and objects.settled and table.row_model.rowCount() == 2, "the bucket is open"
    )
    focus(hand, table)
    hand.key("Home", "Down", "Delete")
    confirm: Any = hand.dialog(ConfirmDialog)
    assert not confirm.accept_button.hasFocus()
    hand.key("Tab")
    hand.wait_until(confirm.accept_button.hasFocus, "the button that deletes is reached by Tab")
    hand.key("space")
    hand.wait_until(lambda: table.row_model.rowCount() == 1, "the object is gone")
    assert "loose.txt" not in [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    hand.key("ctrl+f")
    hand.wait_until(view.objects.search.hasFocus, "Ctrl+F leads to the search")


def walked(hand: Hand, view: Any) -> list[Any]:
    """Everything on the page that Tab reaches, in its order; each was in sight while it had the focus."""
    seen: list[Any] = []
    for _ in range(120):
        hand.key("Tab")
        now = QApplication.focusWidget()
        if now in seen:
            break
        if now is not None and view.isAncestorOf(now):
            assert not now.visibleRegion().isEmpty(), f"{now.accessibleName() or now} has the focus out of sight"
            seen.append(now)
    return seen


def focus(hand: Hand, widget: Any) -> None:
    for _ in range(120):
        if widget.hasFocus():
            return
        hand.key("Tab")
    raise AssertionError(f"Tab never reaches {widget.accessibleName()}")
