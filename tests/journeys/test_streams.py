"""A stream is tapped, filtered, looked into and exported; filled from the dial; and scaled after its dry run: by hand."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from shiboken6 import isValid

from tests.core.sandbox.kinesis.plane import Plane
from tests.core.streams.test_fanout import consumers
from tests.journeys.hand import Hand, Heartbeat, opened


@pytest.fixture
def plane(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plane]:
    running = Plane(tmp_path / "plane").start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_KINESIS", running.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    yield running
    assert running.stop() == 0


@pytest.fixture
def hand(plane: Plane, home, qapp) -> Iterator[Hand]:
    with opened("env") as console:
        made = Hand(console.window)
        made.wait_until(console.window.isActiveWindow, "the window is in front")
        made.click(console.window.rail.buttons["streams"])
        made.wait_until(lambda: page(made).furnished, "the page is there")
        made.pause(0.1)
        yield made


def page(hand: Hand) -> Any:
    return hand.window.page("streams")  # type: ignore[attr-defined]


def put(plane: Plane, stream: str, first: int, count: int) -> None:
    plane.client.put_records(
        StreamName=stream,
        Records=[
            {
                "PartitionKey": f"cust-{n % 40}",
                "Data": json.dumps({"order": n, "status": "paid" if n % 3 else "placed"}).encode(),
            }
            for n in range(first, first + count)
        ],
    )


def test_tap_filter_inspect_export_and_replay(
    plane: Plane, hand: Hand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gui.tabs.streams.dialogs import ReplayDialog
    from gui.tabs.streams.presenter import StreamsPresenter

    plane.create("orders", 4)
    put(plane, "orders", 0, 300)
    hand.key("F5")
    view = page(hand)
    hand.wait_until(lambda: view.toolbar.streams.currentText() == "orders", "the stream is offered")
    hand.wait_until(lambda: view.toolbar.shards.text() == "4 shards", "it is described")

    hand.click(view.records.empty.button)  # "Start tap"
    hand.wait_until(lambda: view.toolbar.stop.isVisible(), "the tap runs")
    hand.click(hand.button("Read from the oldest kept", view))
    hand.wait_until(lambda: view.records.table.live.rowCount() == 300, "the kept records are shown")
    beat = Heartbeat()

    hand.key("ctrl+f")
    hand.type('$.status = "placed" $.order >= 150')
    hand.wait_until(lambda: view.records.table.live.rowCount() == 50, "the filter is applied")
    assert "50 match of 300 seen" in view.records.note.text()
    put(plane, "orders", 300, 90)
    hand.wait_until(lambda: view.records.table.live.rowCount() == 80, "new matches come in")

    row = view.records.table.visualRect(view.records.table.live.index(3, 5)).center()
    hand.click(view.records.table.viewport(), row)
    hand.wait_until(view.records.inspector.isVisible, "the inspector is open")
    shown = view.records.inspector.record
    assert shown.json()["status"] == "placed"
    assert view.records.inspector.tree.topLevelItem(0).text(1) == str(shown.json()["order"])
    hand.click(hand.button("Show the record as: Bytes", view))
    hand.wait_until(view.records.inspector.bytes.isVisible, "the bytes are shown")

    hand.click(view.toolbar.pause)
    hand.wait_until(lambda: view.toolbar.pause.text() == "Resume", "the tap is paused")
    waiting = view.findChild(StreamsPresenter).tap._reader._due
    hand.wait_until(lambda: len(waiting) == 4 + 1, "every shard and the next listing wait: no call is under way")
    put(plane, "orders", 390, 30)
    hand.pause(0.5)
    assert view.records.table.live.rowCount() == 80
    hand.click(view.toolbar.pause)
    hand.wait_until(lambda: view.records.table.live.rowCount() == 90, "nothing was lost while it was paused")

    target = tmp_path / "placed.jsonl"
    monkeypatch.setattr("gui.tabs.streams.records_presenter.QFileDialog.getSaveFileName", lambda *_: (str(target), ""))
    hand.key("ctrl+e")
    hand.pause(0.2)
    hand.key("Down", "Return")
    hand.wait_until(target.exists, "the file is written")
    assert len(target.read_text().splitlines()) == 90

    hand.click(view.toolbar.stop)
    hand.wait_until(lambda: view.toolbar.tap.isVisible(), "the tap is stopped")
    assert view.records.table.live.rowCount() == 90
    print(beat.stop())

    monkeypatch.setattr("gui.tabs.streams.changes.QFileDialog.getOpenFileName", lambda *_: (str(target), ""))
    hand.key("ctrl+k")
    hand.pause(0.2)
    hand.type("send an exported file")
    hand.key("Return")
    dialog: Any = hand.dialog(ReplayDialog)
    hand.click(dialog.accept_button)
    hand.wait_until(lambda: stored(plane, "orders") == 420 + 90, "the file's records are in the stream again")


def test_produce_and_see_it_pushed(plane: Plane, hand: Hand) -> None:
    """By enhanced fan-out from the first record on, chosen before the tap."""
    from gui.tabs.streams.dialogs import FanOutDialog

    plane.create("pageviews", 2)
    hand.key("F5")
    view = page(hand)
    hand.wait_until(lambda: view.toolbar.shards.text() == "2 shards", "the stream is described")
    hand.click(view.chart.budget.fan_out)
    dialog: Any = hand.dialog(FanOutDialog)
    hand.click(dialog.accept_button)
    hand.wait_until(lambda: view.toolbar.stop.isVisible(), "the tap runs")
    assert len(consumers(plane, "pageviews")) == 1
    hand.click(view.toolbar.produce)
    hand.wait_until(view.produce.isVisible, "the producer is shown")
    hand.click(view.produce.rate, double=True)
    hand.key("ctrl+a")
    hand.type("400")
    hand.key("Tab")
    hand.click(view.produce.start)
    hand.wait_until(lambda: view.records.table.live.rowCount() > 400, "page views arrive")
    hand.wait_until(
        lambda: "/s" in view.tiles.rate.unit.text() or view.tiles.rate.figure.text() != "–", "the tiles count"
    )
    assert view.records.table.live.row(0).json()["url"].startswith("https://shop.example")
    hand.click(view.produce.stop)
    hand.wait_until(lambda: view.produce.start.isVisible(), "sending has ended")
    sent = stored(plane, "pageviews")
    hand.wait_until(lambda: view.records.table.live.rowCount() == sent, f"all {sent} have arrived")
    hand.click(view.toolbar.stop)
    hand.wait_until(lambda: consumers(plane, "pageviews") == [], "the consumer is deregistered")


def test_by_keys_alone(plane: Plane, hand: Hand) -> None:
    """An expert taps, filters, looks into a record, pauses, asks in SQL and scales without the mouse."""
    from gui.tabs.streams.dialogs import ReshardDialog
    from gui.tabs.streams.query_dialog import QueryDialog

    plane.create("orders", 2)
    put(plane, "orders", 0, 200)
    hand.key("ctrl+1", "ctrl+2", "F5")
    view = page(hand)
    hand.wait_until(lambda: view.toolbar.shards.text() == "2 shards", "the stream is described")
    view.toolbar.start.setFocus()
    hand.key("Down")
    hand.pause(0.2)
    hand.key("End", "Up", "Return")
    hand.wait_until(lambda: view.toolbar.start.currentText() == "From: Oldest kept", "the place is chosen")
    hand.key("ctrl+Return")
    hand.wait_until(lambda: view.records.table.live.rowCount() == 200, "the kept records are shown")
    hand.key("ctrl+f")
    hand.type("$.order >= 190")
    hand.wait_until(lambda: view.records.table.live.rowCount() == 10, "the filter is applied")
    for _ in range(12):
        if view.records.table.hasFocus():
            break
        hand.key("Tab")
    assert view.records.table.hasFocus(), "Tab leads from the filter to the table"
    hand.key("Down", "Down", "Return")
    hand.wait_until(view.records.inspector.isVisible, "the inspector is open")
    hand.key("space")
    hand.wait_until(lambda: view.toolbar.pause.text() == "Resume", "Space pauses")
    hand.key("ctrl+p")
    hand.wait_until(lambda: view.toolbar.pause.text() == "Pause", "Ctrl+P goes on")
    _command(hand, "sql over the kept")
    query: Any = hand.dialog(QueryDialog)
    hand.key("ctrl+Return")
    hand.wait_until(lambda: "from 10 kept records" in query.count.text(), "the answer is there")
    hand.key("Escape")
    hand.wait_until(lambda: not isValid(query) and hand.window.isActiveWindow(), "the window is back")
    _command(hand, "scale the stream")
    scale: Any = hand.dialog(ReshardDialog)
    hand.wait_until(lambda: scale.accept_button.isEnabled(), "the dry run is there")
    for _ in range(6):
        if scale.accept_button.hasFocus():
            break
        hand.key("Tab")
    hand.key("space")
    hand.wait_until(lambda: view.toolbar.shards.text() == "4 shards", "the stream is scaled")
    hand.key("ctrl+period")
    hand.wait_until(lambda: view.toolbar.tap.isVisible(), "the tap is stopped")


def _command(hand: Hand, words: str) -> None:
    hand.key("ctrl+k")
    hand.pause(0.2)
    hand.type(words)
    hand.key("Return")


def stored(plane: Plane, stream: str) -> int:
    return sum(len(plane.read_shard(stream, shard["ShardId"])) for shard in plane.shards(stream))


def test_scale_after_a_dry_run_while_it_is_tapped(plane: Plane, hand: Hand) -> None:
    from gui.tabs.streams.dialogs import ReshardDialog

    plane.create("grow", 2)
    hand.key("F5")
    view = page(hand)
    hand.wait_until(lambda: view.toolbar.shards.text() == "2 shards", "the stream is described")
    hand.key("ctrl+Return")
    hand.wait_until(lambda: view.toolbar.stop.isVisible(), "the tap runs")
    over = threading.Event()

    def keep_putting() -> None:
        sent = 0
        while not over.wait(0.05):
            put(plane, "grow", sent, 20)
            sent += 20

    writer = threading.Thread(target=keep_putting)
    writer.start()
    try:
        hand.key("ctrl+k")
        hand.pause(0.2)
        hand.type("scale the stream")
        hand.key("Return")
        dialog: Any = hand.dialog(ReshardDialog)
        hand.wait_until(lambda: dialog.accept_button.text() == "Scale to 4 shards", "the dry run is there")
        hand.click(dialog.count, double=True)
        hand.key("ctrl+a")
        hand.type("9")
        hand.wait_until(lambda: dialog.problem.isVisible(), "a forbidden count is explained")
        assert not dialog.accept_button.isEnabled()
        hand.key("ctrl+a")
        hand.type("3")
        hand.wait_until(
            lambda: dialog.accept_button.text() == "Scale to 3 shards" and dialog.accept_button.isEnabled(), "3"
        )
        assert "2 → 3 shards" in dialog.cost.text()
        hand.click(dialog.accept_button)
        hand.wait_until(lambda: view.toolbar.shards.text() == "3 shards", "the tap follows the new shards")
    finally:
        over.set()
        writer.join()
    there = stored(plane, "grow")
    hand.wait_until(lambda: view.records.table.live.rowCount() == there, f"all {there} are shown, none twice")
