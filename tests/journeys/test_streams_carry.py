"""Page views are collected over HTTP and carried into the warehouse by the page's cards, by hand."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest
from shiboken6 import isValid

from core.jobs.job import headless_job
from core.streams.statements import Statements
from tests.journeys.hand import Hand, opened
from tests.sandboxed import Sandbox


@pytest.fixture
def stream(sandbox: Sandbox) -> str:
    name = sandbox.name("carried")
    sandbox.client("kinesis").create_stream(StreamName=name, ShardCount=2)
    return name


@pytest.fixture
def hand(sandbox: Sandbox, stream: str, qapp, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hand]:
    monkeypatch.setenv("OPSDESK_HOME", str(sandbox.places.sandbox.parent))
    with opened("sandbox") as console:
        made = Hand(console.window)
        made.click(console.window.rail.buttons["streams"])
        yield made


def post(address: str, first: int, count: int) -> int:
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=10)
    events = [{"event_id": f"journey-{n}", "url": "https://shop.example/", "session_id": f"s-{n % 9}"} for n in
              range(first, first + count)]  # fmt: skip
    connection.request("POST", "/collect", json.dumps(events))
    status = connection.getresponse().status
    connection.close()
    return status


def rewrite(hand: Hand, field: Any, text: str) -> None:
    hand.click(field)
    hand.key("ctrl+a")
    hand.type(text)
    hand.wait_until(lambda: field.text() == text, f"{text} is typed")


def test_the_sandbox_can_be_made_to_hurt(sandbox: Sandbox, stream: str, hand: Hand) -> None:
    from gui.tabs.streams.dials_dialog import DialsDialog

    view: Any = hand.window.page("streams")  # type: ignore[attr-defined]
    choose(hand, view, stream)
    hand.key("ctrl+Return")
    hand.wait_until(lambda: view.toolbar.stop.isVisible(), "the tap runs")

    def turn(field: str, text: str) -> None:
        hand.key("ctrl+k")
        hand.pause(0.2)
        hand.type("make the sandbox hurt")
        hand.key("Return")
        dials: Any = hand.dialog(DialsDialog)
        hand.wait_until(lambda: dials.accept_button.isEnabled() and dials.isActiveWindow(), "the dials are read")
        hand.click(dials.calm)
        if field:
            hand.click(dials.fields[field], double=True)
            hand.key("ctrl+a")
            hand.type(text)
            hand.key("Tab")
        hand.click(dials.accept_button)
        hand.wait_until(lambda: not isValid(dials), "the dials are turned")

    turn("throttle_share", "100")
    hand.wait_until(lambda: "read-throttled" in view.banner.title.text() and view.banner.isVisible(), "throttles")
    assert view.banner.action.text() == "Use enhanced fan-out"
    turn("", "")
    hand.wait_until(lambda: all(shard.state == "reading" for shard in tapped(view)), "reading goes on", 40)
    hand.key("ctrl+period")


def tapped(view: Any) -> list[Any]:
    from gui.tabs.streams.presenter import StreamsPresenter

    found: list[Any] = view.findChild(StreamsPresenter).tap.shards()
    return found


def choose(hand: Hand, view: Any, stream: str) -> None:
    hand.wait_until(lambda: view.furnished, "the page is there")
    hand.wait_until(lambda: view.toolbar.isVisible() and view.toolbar.streams.findText(stream) >= 0, "it is listed", 60)
    if view.toolbar.streams.currentText() != stream:
        hand.click(view.toolbar.streams)
        hand.type(stream)
        hand.key("Return")
    hand.wait_until(lambda: view.toolbar.shards.text() == "2 shards", "it is chosen")


def test_collect_and_carry(sandbox: Sandbox, stream: str, hand: Hand) -> None:
    table = stream.replace("-", "_")
    view: Any = hand.window.page("streams")  # type: ignore[attr-defined]
    choose(hand, view, stream)
    hand.key("ctrl+k")
    hand.pause(0.2)
    hand.type("collect and carry")
    hand.key("Return")
    cards: Any = view.carry
    hand.wait_until(cards.isVisible, "the cards of both are there")

    rewrite(hand, cards.listen, "127.0.0.1:0")
    hand.click(cards.collect.start)
    fact = cards.collect.fact
    hand.wait_until(lambda: fact("Address").startswith("http://127.0.0.1:"), "it listens")
    assert post(fact("Address"), 0, 200) == 204
    hand.wait_until(lambda: fact("In the stream") == "200", "the events are in the stream")

    rewrite(hand, cards.table, table)
    hand.click(cards.carry.start)
    assert post(fact("Address"), 200, 50) == 204
    hand.wait_until(lambda: cards.carry.fact("Rows loaded") == "250", "all rows are loaded", 60)
    assert cards.carry.fact("Queryable after") != "–"
    warehouse = Statements(sandbox.aws, sandbox.target.warehouses[0])
    assert warehouse.rows(headless_job(), f"SELECT COUNT(*), COUNT(DISTINCT event_id) FROM {table}", "count") == [
        [250, 250]
    ]

    hand.click(cards.carry.stop)
    hand.wait_until(cards.carry.start.isVisible, "carrying has ended")
    hand.click(cards.collect.stop)
    hand.wait_until(cards.collect.start.isVisible, "collecting has ended")
    with pytest.raises(OSError):
        post(fact("Address"), 0, 1)
    hand.click(cards.close_button)
    hand.wait_until(lambda: not cards.isVisible(), "the cards are put away")
