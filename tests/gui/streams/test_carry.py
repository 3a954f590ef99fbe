"""The cards of collector and pipeline: they start, show and stop both, over real HTTP and a stream in memory."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from core.base.errors import OpsError
from core.streams.checkpoints import Held, Standing
from core.streams.collector import Collector
from core.streams.pipeline import PipelineSnapshot
from core.streams.positions import Start
from core.streams.producer import Producer
from core.streams.producing import ProducerLimits
from core.streams.resetting import ResetPlan
from gui.tabs.streams.reset_dialog import ResetDialog
from tests.core.streams.test_producer import ScriptedSink
from tests.fakes.streams import MemorySource, MemoryStreams
from tests.gui.streams.page import Page

SNAPSHOT = PipelineSnapshot(
    "running", [], 1_200, 200, 100, 300, 900, 0, 3, "s3://b/rejects/x.jsonl", 7, 4, 0, 2.5, (3.2, 6.1), 0.4, "1 local process", None, 60, 1_500,
    ("Nothing was committed for 30.0 hours",)
)  # fmt: skip


class CarryingStreams(MemoryStreams):
    """Streams whose collector is real and whose pipeline only waits; both are given to the page's own code."""

    def __init__(self, *sources: MemorySource) -> None:
        super().__init__(*sources)
        self.sink = ScriptedSink(lambda records: [""] * len(records))
        self.fault: OpsError | None = None
        self.wanted: Any = None
        self.stopped = threading.Event()
        self.began_anew: list[tuple[str, str, Start]] = []

    def collector(self, name: str, listen: str, trust: Any = ()) -> Collector:
        return Collector(Producer(self.sink, ProducerLimits(linger=0.001)), listen, list(trust))

    def carry(self, job: Any, wanted: Any, options: Any = None, *, started: Callable[[Any], None]) -> PipelineSnapshot:
        self.wanted = wanted
        if self.fault is not None:
            raise self.fault
        started(self)
        try:
            while True:
                job.sleep(0.02)
        finally:
            self.stopped.set()

    def snapshot(self) -> PipelineSnapshot:
        return SNAPSHOT

    def plan_reset(self, job: Any, wanted: Any, start: Start) -> ResetPlan:
        if self.fault is not None:
            raise self.fault
        held = Held(900, 400, 60.0)
        return ResetPlan(
            wanted.stream, wanted.table, start, 0.0, Standing({}), held, "", 86_400.0, f"reset --from {start.kind}"
        )

    def reset(self, job: Any, wanted: Any, start: Start) -> ResetPlan:
        self.began_anew.append((wanted.stream, wanted.table, start))
        return self.plan_reset(job, wanted, start)


@pytest.fixture
def page(make: Callable[..., Page]) -> Iterator[Page]:
    made = make(CarryingStreams(MemorySource("orders", 2)))
    made.wait(lambda: made.presenter.state.name == "READY")
    made.presenter.ask_carry()
    yield made
    for job in (made.presenter.carrying._collecting, made.presenter.carrying._carrying):
        if job is not None:
            job.cancel()
            job.wait(10)


def test_collecting_takes_events_and_stops(page: Page, qtbot: Any) -> None:
    cards = page.view.carry
    assert cards.isVisible() and "orders" in cards.collect.note.text()
    cards.listen.setText("127.0.0.1:0")
    cards.collect.start.click()
    page.wait(lambda: cards.collect.fact("Address").startswith("http://127.0.0.1:"))
    port = int(cards.collect.fact("Address").rpartition(":")[2])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/collect", b'[{"n": 1}, {"n": 2}]')
    assert connection.getresponse().status == 204
    connection.close()
    page.wait(lambda: cards.collect.fact("In the stream") == "2")
    cards.collect.stop.click()
    page.wait(lambda: cards.collect.start.isVisible())
    assert len(page.streams.sink.stored) == 2  # type: ignore[attr-defined]


def test_an_address_that_is_none_is_told_at_the_card(page: Page) -> None:
    cards = page.view.carry
    cards.listen.setText("nowhere")
    cards.collect.start.click()
    page.wait(lambda: cards.collect.trouble.isVisible())
    assert "no address to listen on" in cards.collect.trouble.text() and cards.collect.start.isVisible()


def test_carrying_shows_every_stage_and_stops(page: Page) -> None:
    cards, streams = page.view.carry, page.streams
    cards.table.setText("views")
    cards.carry.start.setFocus()
    cards.carry.start.click()
    assert cards.window().focusWidget() is cards.carry.stop, "keys stay where they were"
    page.wait(lambda: cards.carry.fact("Queryable after") != "–")
    assert (streams.wanted.stream, streams.wanted.table, streams.wanted.dispatch) == ("orders", "views", "local")  # type: ignore[attr-defined]
    shown = {name: label.text() for name, label in cards.carry._facts.items()}
    assert shown["Rows loaded"] == "900" and shown["Commits"] == "4"
    assert (shown["Queryable after"], shown["Slowest row"]) == ("3.2 s", "6.1 s")
    assert (shown["Parsed"], shown["Being loaded"], shown["Lag"]) == ("40", "60", "about 1,800 records")
    told = cards.carry.trouble.text()
    assert "s3://b/rejects/x.jsonl" in told and "for 30.0 hours." in told and "were cut: 7." in told
    cards.close_button.click()
    assert not cards.isVisible()
    page.presenter.ask_carry()
    assert cards.carry.stop.isVisible(), "hiding the cards stops nothing"
    cards.carry.stop.click()
    page.wait(lambda: streams.stopped.is_set() and cards.carry.start.isVisible())  # type: ignore[attr-defined]
    progress = page.context.jobs.activities[0].job.progress
    assert progress is not None and progress.note.startswith("900 rows loaded, "), "the drawer keeps what was done"


def test_a_pipeline_that_cannot_start_says_why(page: Page) -> None:
    page.streams.fault = OpsError("Another run carries orders into views", "Its lock is held", code="locked")  # type: ignore[attr-defined]
    cards = page.view.carry
    cards.carry.start.click()
    page.wait(lambda: cards.carry.trouble.isVisible())
    assert "Another run" in cards.carry.trouble.text() and cards.carry.start.isVisible()


def test_beginning_anew_says_what_it_means_before_it_is_done(page: Page) -> None:
    cards, streams = page.view.carry, page.streams
    cards.table.setText("views")
    page.presenter.ask_reset()
    dialog = cards.window().findChild(ResetDialog)
    assert not dialog.accept_button.isEnabled()
    page.wait(lambda: "400 of the 900 rows" in dialog.told.text())
    assert "oldest record" in dialog.told.text() and "None is doubled" in dialog.told.text()
    dialog.where.setCurrentIndex(2)
    dialog.place.setText("yesterday")
    page.wait(lambda: "no place" in dialog.place_field.note.text())
    assert not dialog.accept_button.isEnabled()
    dialog.place.setText("3:4967")
    page.wait(lambda: dialog.accept_button.isEnabled())
    assert "shard 3 from the record 4967" in dialog.told.text()
    dialog.accept_button.click()
    page.wait(lambda: len(page.praised) == 1)
    assert streams.began_anew == [  # type: ignore[attr-defined]
        ("orders", "views", Start("sequence", shard="shardId-000000000003", sequence="4967"))
    ]
    cards.carry.start.click()
    assert not cards.reset.isEnabled(), "a pipeline at work is not set back"
    streams.fault = OpsError("There is nothing to set back", "No run", code="not-found")  # type: ignore[attr-defined]
    cards.carry.stop.click()
    page.wait(lambda: cards.reset.isEnabled())
    cards.reset.click()
    dialog = cards.window().findChildren(ResetDialog)[-1]
    page.wait(dialog.fault.isVisible)
    assert not dialog.accept_button.isEnabled()
    dialog.reject()


@pytest.mark.parametrize(
    ("behind", "uncommitted", "words"), [(None, 0, "–"), (0.0, 0, "up to date"), (0.0, 5, "read to the end")]
)
def test_up_to_date_is_what_is_in_the_table(page: Page, behind: float | None, uncommitted: int, words: str) -> None:
    cards = page.view.carry
    cards.show_pipeline(replace(SNAPSHOT, behind=behind, uncommitted=uncommitted, unread=0))
    assert cards.carry._facts["Behind"].text() == words
