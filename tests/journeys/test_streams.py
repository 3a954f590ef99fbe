"""A stream is tapped, filtered, looked into and exported; filled from the dial; and scaled after its dry run: by hand."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.core.sandbox.kinesis.plane import Plane
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


def test_tap_filter_inspect_export(plane: Plane, hand: Hand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_produce_and_see_it_arrive(plane: Plane, hand: Hand) -> None:
    plane.create("pageviews", 2)
    hand.key("F5")
    view = page(hand)
    hand.wait_until(lambda: view.toolbar.shards.text() == "2 shards", "the stream is described")
    hand.key("ctrl+Return")
    hand.wait_until(lambda: view.toolbar.stop.isVisible(), "the tap runs")
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
    sent = sum(len(plane.read_shard("pageviews", shard["ShardId"])) for shard in plane.shards("pageviews"))
    hand.wait_until(lambda: view.records.table.live.rowCount() == sent, f"all {sent} have arrived")


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
    stored = sum(len(plane.read_shard("grow", shard["ShardId"])) for shard in plane.shards("grow"))
    hand.wait_until(lambda: view.records.table.live.rowCount() == stored, f"all {stored} are shown, none twice")
