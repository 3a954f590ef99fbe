"""The Streams page offscreen: every state it can be in, and what it says there."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QWheelEvent
from PySide6.QtWidgets import QApplication, QLabel

from core.base.errors import OpsError
from core.streams.budget import ReadBudget
from core.streams.service import StreamSummary
from gui.tabs.streams.open_dialog import OpenDialog
from tests.fakes.streams import DEAD, GONE, MemorySource, MemoryStreams, Passing, Throttled
from tests.gui.streams.page import texts
from tests.gui.test_names import clipped


def test_without_streams_the_first_action_is_to_make_one(make) -> None:
    page = make(MemoryStreams())
    page.wait(lambda: page.presenter.state.name == "NO_STREAMS")
    assert page.view.empty.sentence.text() == "There is no stream yet"
    assert page.view.empty.button.text() == "New stream"
    page.presenter._again.setInterval(50)
    page.streams.sources["filled"] = MemorySource("filled", 1)
    page.wait(lambda: page.presenter.state.name == "READY")  # made elsewhere, it appears by itself


def test_no_answer_is_said_and_can_be_tried_again(make, orders) -> None:
    streams = MemoryStreams(orders)
    streams.fault = OpsError("Could not list the streams", "No answer", "Check the network", code="unreachable")
    page = make(streams)
    page.wait(lambda: page.presenter.state.name == "UNREACHABLE")
    assert "Check the network" in page.view.empty.hint.text()
    streams.fault = None
    page.view.empty.button.click()  # it also looks again by itself every few seconds
    page.wait(lambda: page.presenter.state.name == "READY")
    assert page.view.toolbar.streams.currentText() == "orders"


@pytest.mark.parametrize("width", [816, 1232], ids=["small", "large"])
def test_no_words_are_cut_while_records_come(make, orders, width: int) -> None:
    page = make(MemoryStreams(orders))
    page.view.resize(width, 700)
    page.wait(lambda: page.view.toolbar.shards.text() == "2 shards")
    page.tap()
    orders.put(0, *[b'{"n":%d}' % n for n in range(1200)])
    page.wait(lambda: page.rows == 1200)
    page.wait(lambda: page.view.tiles.rate.figure.text() not in ("–", "0"))
    page.wait(lambda: clipped(page.view) == [])  # once it is laid out
    right = page.view.tiles.throttles.geometry().right()
    assert right <= page.view.tiles.width(), "the last tile stands out of the page"


def test_whoever_may_not_list_opens_a_stream_by_its_name(make, orders) -> None:
    class Unlisted(MemoryStreams):
        def streams(self) -> list[StreamSummary]:
            raise OpsError("Could not list the streams", "No permission", "Ask for kinesis:ListStreams", code="denied")

    page = make(Unlisted(orders, MemorySource("other", 1)))
    page.wait(lambda: page.presenter.state.name == "UNLISTED")
    assert "Ask for kinesis:ListStreams" in page.view.empty.hint.text()
    page.view.empty.button.click()
    dialog = page.view.findChild(OpenDialog)
    assert not dialog.accept_button.isEnabled()
    dialog.name.setText(" orders ")
    dialog.accept_button.click()
    page.wait(lambda: page.presenter.state.name == "READY" and page.presenter.catalogue.details is not None)
    page.presenter.refresh()
    page.wait(lambda: page.presenter.state.name == "READY")
    page.presenter._open("other")
    assert page.view.toolbar.offered == ["orders", "other"] and page.view.toolbar.streams.currentText() == "other"
    page.wait(lambda: page.presenter.catalogue.details is not None)


def test_one_of_many_streams_is_found_by_a_part_of_its_name(make, qtbot) -> None:
    names = [f"{word}-{where}-{n}" for n in range(20) for word in ("orders", "clicks") for where in ("prod", "dev")]
    page = make(MemoryStreams(*(MemorySource(name, 1) for name in names)))
    page.wait(lambda: page.presenter.state.name == "READY")
    picker = page.view.toolbar.streams
    qtbot.keyClick(picker, "p")
    dialog = page.view.findChild(OpenDialog)
    assert dialog.name.text() == "p" and not picker.view().isVisible()
    qtbot.keyClicks(dialog.name, "rod clicks")
    assert dialog.list.count() == 20 and "20 of 80" in dialog.note.text()
    qtbot.keyClick(dialog.name, Qt.Key.Key_Down)
    wanted = dialog.list.item(1).text()
    assert dialog.chosen == wanted
    qtbot.keyClick(dialog.name, Qt.Key.Key_Return)
    page.wait(lambda: picker.currentText() == wanted and page.presenter.catalogue.details is not None)
    dialog = OpenDialog(names)
    qtbot.addWidget(dialog)
    dialog.name.setText("elsewhere")
    assert dialog.chosen == "elsewhere" and dialog.accept_button.isEnabled()


def test_a_tap_shows_counts_and_what_comes(make, orders) -> None:
    page = make(MemoryStreams(orders))
    page.wait(lambda: page.view.toolbar.shards.text() == "2 shards")
    page.tap()
    assert not page.view.toolbar.tap.isVisible()
    orders.put(0, *[b'{"n":%d}' % n for n in range(120)])
    orders.put(1, b"plain words")
    page.wait(lambda: page.rows == 121)
    assert page.view.records.note.text() == "121 seen, all kept"
    page.wait(lambda: page.view.tiles.rate.figure.text() not in ("–", "0"))
    assert page.view.tiles.rate.note.text() == "Mean of 10 s"
    page.presenter.pause_or_resume()
    assert page.view.toolbar.pause.text() == "Resume"
    page.presenter.stop_tap()
    assert page.presenter.state.name == "READY"
    assert page.rows == 121
    page.presenter.refresh()
    page.wait(lambda: page.presenter.state.name == "READY")


def test_before_a_tap_it_says_what_others_use(make, orders) -> None:
    streams = MemoryStreams(orders)
    streams.known_budget = ReadBudget("orders", 15, 4.5, 12, 1_204, known=True)
    page = make(streams)
    note = page.view.chart.budget
    page.wait(lambda: note.fact("All readers now") == "4.5 of 5 reads/s")
    assert (note.fact("Refused reads"), note.fact("Refused writes")) == ("12", "1,204")
    assert "refused already" in note.note.text()
    trouble = OpsError("Could not read CloudWatch's figures of orders", "No permission", "Ask for it", code="denied")
    streams.known_budget = ReadBudget("orders", trouble=trouble)
    page.presenter.refresh()
    page.wait(lambda: "not known. Could not read CloudWatch" in note.note.text())
    assert note.fact("Refused reads") == "not known"


def test_the_chart_draws_what_is_chosen(make, orders) -> None:
    page = make(MemoryStreams(orders))
    page.tap()
    card = page.view.chart
    now = time.time()
    for shard in (0, 1):
        orders.put(shard, *[b"x"] * 30, arrived=now)
    page.wait(lambda: page.rows == 60)

    def drawn() -> dict[str, float]:
        page.presenter.figures.draw()
        return {name: float(line.max()) for name, line in card._lines.items()}

    page.wait(lambda: drawn() == {"Shard 0": 30, "Shard 1": 30})
    card.total.click()
    assert (card.title.text(), drawn()) == ("Records per second of all shards", {"All shards": 60})
    card.drawn._buttons["delays"].click()
    assert card.title.text() == "Tap delay by shard"
    page.wait(lambda: all(0 < delay < 60 for delay in drawn().values()) and len(drawn()) == 2)
    orders.raising = Throttled()
    card.drawn._buttons["throttles"].click()
    assert card.title.text() == "Refused reads of all shards"
    page.wait(lambda: drawn().get("All shards", 0) > 0)
    orders.raising = None


def test_the_first_action_leaves_the_page_where_it_is(make, orders) -> None:
    page = make(MemoryStreams(orders))
    page.wait(lambda: page.presenter.state.name == "READY" and page.view.records.empty.button.isVisible())
    page.view.resize(1000, 500)
    button = page.view.records.empty.button
    button.setFocus()
    bar = page.view._scroll.verticalScrollBar()
    bar.setValue(0)
    button.click()
    page.wait(lambda: page.presenter.state.name == "READING")
    orders.put(0, b"one")
    page.wait(lambda: page.rows == 1)
    assert not page.view.shards.isAncestorOf(page.view.window().focusWidget())
    assert bar.value() == 0


@pytest.mark.parametrize(
    ("raised", "says", "step"),
    [
        (GONE, "The stream is gone", "Refresh"),
        (Passing(DEAD), "trying again", ""),
        (Throttled("x"), "read-throttled", "Use enhanced fan-out"),
        (
            OpsError("Could not read", "The login has expired", "Sign in again", code="expired"),
            "Sign in again",
            "Try again",
        ),
    ],
)
def test_trouble_under_the_tap_stands_next_to_its_cause(make, orders, raised, says, step) -> None:
    page = make(MemoryStreams(orders))
    page.tap()
    orders.put(0, b"kept")
    page.wait(lambda: page.rows == 1)
    orders.raising = raised
    page.wait(lambda: says in texts(page))
    assert page.view.banner.action.text() == step
    assert page.rows == 1
    orders.raising = None
    if raised is not GONE:
        orders.put(1, b"after")
        if page.presenter.state.name == "FAILED":
            page.view.banner.action.click()
        page.wait(lambda: page.rows == 2)


def test_an_endpoint_that_keeps_silent_is_told(make, orders, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("notices", "tiles"):
        monkeypatch.setattr(f"gui.tabs.streams.{module}.SILENT", 0.2)
    page = make(MemoryStreams(orders))
    page.tap()
    orders.answering.clear()
    page.wait(lambda: "does not answer" in texts(page))
    assert page.view.tiles.age.note.text() == "Waiting for an answer"
    orders.answering.set()
    page.wait(lambda: not texts(page))


def test_fan_out_can_be_chosen_before_the_first_read(make, orders) -> None:
    from gui.tabs.streams.dialogs import FanOutDialog

    page = make(MemoryStreams(orders), environment="production")
    note = page.view.chart.budget
    page.wait(lambda: page.presenter.state.name == "READY" and page.view.toolbar.shards.text() == "2 shards")
    assert not note.fan_out.isEnabled() and "unlock it" in note.fan_out.toolTip()
    page.context.guard.unlock()
    note.fan_out.click()
    (dialog,) = page.view.findChildren(FanOutDialog)
    assert any("2 of the 20 consumer places" in label.text() for label in dialog.findChildren(QLabel))
    dialog.reject()
    assert page.streams.pushed == [] and page.presenter.state.name == "READY"
    page.presenter.ask_fan_out()
    page.view.findChildren(FanOutDialog)[-1].accept_button.click()
    page.wait(lambda: page.presenter.state.name == "READING")
    assert page.streams.pushed == ["orders"]
    orders.put(0, b"pushed")
    page.wait(lambda: page.rows == 1)


def test_the_policy_of_a_tap_names_what_it_needs_and_nothing_that_writes(make, orders) -> None:
    page = make(MemoryStreams(orders))
    page.wait(lambda: page.view.toolbar.shards.text() == "2 shards")
    page.view.chart.budget.policy.click()
    policy = json.loads(QGuiApplication.clipboard().text())
    actions = {action for statement in policy["Statement"] for action in statement["Action"]}
    assert {"kinesis:GetRecords", "kinesis:ListShards", "cloudwatch:GetMetricData"} <= actions
    assert not any(word in action for action in actions for word in ("Put", "Split", "Merge", "Update", "Delete", "*"))
    assert any(resource.endswith(":stream/orders") for resource in policy["Statement"][0]["Resource"])


def test_the_chart_shows_as_much_time_as_there_is(make, orders) -> None:
    page = make(MemoryStreams(orders))
    page.wait(lambda: page.presenter.state.name == "READY")
    page.presenter.tapping.start_from_place("trim_horizon")
    page.tap()
    assert page.view.chart.seconds == 60
    orders.put(0, b"old", arrived=time.time() - 700)
    page.wait(lambda: page.view.chart.seconds == 900)
    page.view.chart.range._buttons["60"].click()
    orders.put(0, b"older", arrived=time.time() - 7_200)
    page.wait(lambda: page.rows == 2)
    page.presenter.figures.show(page.presenter.tap.status())
    assert page.view.chart.seconds == 60, "what was chosen by hand stays"


def test_a_stream_that_knows_no_order_of_keys_is_told(make, orders) -> None:
    streams = MemoryStreams(orders)
    streams.distribution = "AUTO"
    page = make(streams)
    page.wait(lambda: page.view.toolbar.shards.text() == "2 shards")
    page.tap()
    page.wait(lambda: "no order within a key" in page.view.keys.advice.text())


def test_an_exported_file_is_sent_again(make, orders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gui.tabs.streams.dialogs import ReplayDialog

    path = tmp_path / "out.jsonl"
    path.write_text('{"partition_key": "k", "data": "one"}\n{"partition_key": "k", "data": "two"}\n')
    monkeypatch.setattr("gui.tabs.streams.changes.QFileDialog.getOpenFileName", lambda *_: (str(path), ""))
    page = make(MemoryStreams(orders))
    page.wait(lambda: page.view.toolbar.shards.text() == "2 shards")
    page.presenter.ask_replay()
    (dialog,) = page.view.findChildren(ReplayDialog)
    assert page.streams.replayed == [], "it is asked about first"
    dialog.accept_button.click()
    page.wait(lambda: page.praised == ["2 records of out.jsonl are in orders"])
    assert page.streams.replayed == [("orders", "out.jsonl", [("k", b"one"), ("k", b"two")])]
    path.write_text("no json\n")
    page.presenter.changes.replay(path, "orders")
    page.wait(lambda: "is no JSON object" in texts(page))


def test_a_failed_start_says_why(make, orders) -> None:
    streams = MemoryStreams(orders)
    page = make(streams)
    page.wait(lambda: page.presenter.state.name == "READY")
    streams.fault = GONE
    page.presenter.start_tap()
    page.wait(lambda: "Could not read the stream" in texts(page))
    streams.fault = None
    page.view.banner.action.click()
    page.wait(lambda: page.presenter.state.name == "READING")


def test_production_offers_no_writes_until_it_is_unlocked(make, orders) -> None:
    page = make(MemoryStreams(orders), environment="production")
    page.wait(lambda: page.view.toolbar.shards.text() == "2 shards")
    assert not page.view.shards.scale.isEnabled()
    assert not page.view.toolbar.produce.isEnabled()
    assert "unlock it" in page.view.shards.scale.toolTip()
    page.tap()
    page.context.guard.unlock()
    assert page.view.shards.scale.isEnabled()
    page.context.guard.lock()
    assert not page.view.shards.scale.isEnabled()


def test_scaling_in_production_needs_the_name(make, orders) -> None:
    from gui.tabs.streams.dialogs import ReshardDialog

    page = make(MemoryStreams(orders), environment="production")
    page.wait(lambda: page.view.toolbar.shards.text() == "2 shards")
    page.context.guard.unlock()
    page.presenter.ask_scale()
    (dialog,) = page.view.findChildren(ReshardDialog)
    page.wait(lambda: dialog.cost.text().startswith("2 → 4 shards"))
    assert not dialog.accept_button.isEnabled()
    dialog.typed.setText("orders")
    dialog.accept_button.click()
    page.wait(lambda: page.streams.scaled == [4])
    page.wait(lambda: page.praised == ["Scale orders from 2 to 4 shards: done"])


def test_no_key_and_no_wheel_chooses_another_stream_by_accident(make, orders, qtbot) -> None:
    page = make(MemoryStreams(orders, MemorySource("views", 3)))
    page.tap()
    tap = page.presenter.tap
    for picker in (page.view.toolbar.streams, page.view.toolbar.start):
        before = picker.currentIndex()
        qtbot.keyClick(picker, Qt.Key.Key_Down)
        assert picker.view().isVisible() and picker.currentIndex() == before
        picker.hidePopup()
        QApplication.sendEvent(picker, QWheelEvent(
            QPointF(5, 5), QPointF(5, 5), QPoint(0, 0), QPoint(0, -240), Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        ))  # fmt: skip
        assert picker.currentIndex() == before
    assert page.presenter.tap is tap and tap.state == "reading"


def test_another_stream_ends_the_tap(make, orders) -> None:
    page = make(MemoryStreams(orders, MemorySource("views", 3)))
    page.tap()
    tap = page.presenter.tap
    page.presenter.choose("views")
    assert tap.state == "stopped"
    page.wait(lambda: page.view.toolbar.shards.text() == "3 shards")
    assert page.rows == 0
    assert tap.wait(10)


def test_every_line_to_copy_names_its_profile(make, orders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gui.parts.dialogs import ConfirmDialog
    from gui.tabs.streams.dialogs import ReplayDialog, ReshardDialog

    path = tmp_path / "my out.jsonl"
    path.write_text('{"partition_key": "k", "data": "one"}\n')
    monkeypatch.setattr("gui.tabs.streams.changes.QFileDialog.getOpenFileName", lambda *_: (str(path), ""))
    page = make(MemoryStreams(orders))
    page.wait(lambda: page.view.toolbar.shards.text() == "2 shards")
    name = page.context.desk.profile.name
    page.presenter.ask_replay()
    page.presenter.changes.ask_delete()
    page.presenter.changes.ask_scale()
    (scaling,) = page.view.findChildren(ReshardDialog)
    page.wait(lambda: scaling.command.text() != "")
    found = [
        label.text().replace("\u200b", "")
        for kind in (ReplayDialog, ConfirmDialog, ReshardDialog)
        for dialog in page.view.findChildren(kind)
        for label in dialog.findChildren(QLabel)
        if label.text().startswith("opsdesk")
    ]
    assert found == [
        f"opsdesk --profile {name} streams replay orders '{path}'",
        f"opsdesk --profile {name} streams delete orders --yes orders --with-consumers",
        f"opsdesk --profile {name} streams scale orders --shards {scaling.count.value()}",
    ]
