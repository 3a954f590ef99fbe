"""Decides for the cards of collector and pipeline: both are jobs in the background, looked at twice a second."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from PySide6.QtCore import QObject, QTimer

from core.base.errors import OpsError
from core.jobs.job import Job
from core.streams.carrying import Carriage
from core.streams.collector import Collector
from core.streams.pipeline import Pipeline
from core.streams.positions import Start, start_from
from core.streams.resetting import ResetPlan
from gui.bridge.tab_context import TabContext
from gui.parts.words import command, number
from gui.tabs.streams.carry_cards import CarryCards, RunCard
from gui.tabs.streams.reset_dialog import ResetDialog

_LOOK = 500  # ms
_DRAIN_WITHIN = 3.0  # seconds for what is queued when collecting is stopped; the rest waits on disk


class Carrying(QObject):
    def __init__(self, cards: CarryCards, context: TabContext) -> None:
        super().__init__(cards)
        self._cards, self._context = cards, context
        self._service = context.desk.streams
        self._stream = self._locked = ""
        self._collecting: Job[int] | None = None
        self._carrying: Job[int] | None = None
        self._collector: Collector | None = None
        self._pipeline: Pipeline | None = None
        self._timer = QTimer(self, interval=_LOOK)
        self._timer.timeout.connect(self._look)
        cards.collect.start_asked.connect(self.start_collecting)
        cards.collect.stop_asked.connect(lambda: self._stop(self._collecting))
        cards.carry.start_asked.connect(self.start_carrying)
        cards.carry.stop_asked.connect(lambda: self._stop(self._carrying))
        cards.reset.clicked.connect(self.ask_reset)
        cards.closed.connect(cards.hide)

    def show_stream(self, name: str, *, locked: str) -> None:
        """Which stream the next run works on; what runs keeps the stream it was started with."""
        if self._collecting is None and self._carrying is None:
            self._stream = name
            self._cards.show_stream(name)
        why = locked or ("" if name else "Choose a stream")
        self._cards.collect.show_running(self._collecting is not None, locked=why)
        self._cards.carry.show_running(self._carrying is not None, locked=why)
        self._locked = why
        self._show_reset()

    def _show_reset(self) -> None:
        self._cards.show_reset(self._locked or ("Stop carrying first" if self._carrying is not None else ""))

    # -- the collector ------------------------------------------------------
    def start_collecting(self) -> None:
        cards = self._cards
        stream, listen, trust = self._stream, cards.listen.text().strip(), cards.trust.text().split()

        def work(job: Job[int]) -> int:
            collector = self._service.collector(stream, listen, trust)
            try:
                collector.start()
                self._collector = collector
                while collector.running:
                    events = collector.app.events
                    job.report(0, None, f"{number(events)} events on {collector.address}")
                    job.sleep(0.25)
                return collector.app.events
            finally:
                collector.stop(_DRAIN_WITHIN)
                job.conclude(f"{number(collector.app.events)} events taken")

        self._collecting = self._run(cards.collect, f"Collect page views into {stream}", work, self._collected)

    def _collected(self) -> None:
        self._collecting = self._collector = None

    # -- the pipeline -------------------------------------------------------
    def start_carrying(self) -> None:
        cards = self._cards
        wanted = Carriage(
            self._stream,
            cards.table.text().strip(),
            dispatch=cards.dispatch.text().strip(),
            staging=cards.staging.text().strip(),
            iam_role=cards.role.text().strip() or "default",
        )

        def work(job: Job[int]) -> int:
            try:
                return self._service.carry(job, wanted, started=self._started).loaded
            finally:
                if self._pipeline is not None:
                    now = self._pipeline.snapshot()
                    again = now.waiting + now.parsed  # read, and not committed
                    rest = f", {number(again)} records are for the next run" if again else ""
                    job.conclude(f"{number(now.loaded)} rows loaded{rest}")

        self._carrying = self._run(cards.carry, f"Carry {wanted.stream} into {wanted.table}", work, self._carried)
        self._show_reset()

    # -- beginning it anew ----------------------------------------------------
    def ask_reset(self) -> None:
        """Say what it means for the table, with a dry run at every choice, before it is done."""
        if not self._cards.reset.isEnabled():
            return
        wanted = Carriage(self._stream, self._cards.table.text().strip())
        dialog = ResetDialog(wanted.stream, wanted.table, self._context.desk.profile.environment, self._cards.window())
        dialog.place_chosen.connect(partial(self._think, dialog, wanted))
        dialog.reset_asked.connect(partial(self._reset, wanted))
        dialog.open()

    def _think(self, dialog: ResetDialog, wanted: Carriage, place: str) -> None:
        try:
            start = start_from(place, datetime.now(UTC))
        except OpsError as fault:
            dialog.show_no_place(f"{fault.title}. {fault.why}")
            return

        def found(plan: ResetPlan) -> None:
            if dialog.chosen == place:
                dialog.show_plan(replace(plan, command=command(self._context.desk.profile.name, plan.command)))

        self._context.jobs.start(
            dialog,
            "Think a new beginning through",
            lambda job: self._service.plan_reset(job, wanted, start),
            room="streams",
            lane="streams.plan",
            newest_only=True,
            quiet=True,
            on_success=found,
            on_failure=lambda fault: dialog.show_fault(fault) if dialog.chosen == place else None,
        )

    def _reset(self, wanted: Carriage, start: Start) -> None:
        self._context.jobs.start(
            self,
            f"Begin {wanted.stream} into {wanted.table} anew",
            lambda job: self._service.reset(job, wanted, start),
            room="streams",
            write=True,
            outlives_owner=True,
            on_success=lambda plan: self._context.praise(f"{plan.title}: done. {plan.begins}"),
            on_failure=lambda fault: self._cards.carry.show_trouble(str(fault)),
        )

    def _started(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def _carried(self) -> None:
        self._carrying = self._pipeline = None

    # -- both ---------------------------------------------------------------
    def _run(self, card: RunCard, title: str, work: object, forget: object) -> Job[int]:
        assert callable(work) and callable(forget)

        def ended(fault: OpsError | None = None) -> None:
            self._look()
            forget()
            card.show_running(False)
            self._show_reset()
            if fault is not None:
                card.show_trouble(str(fault))
            if self._collecting is None and self._carrying is None:
                self._timer.stop()

        card.show_trouble("")
        card.show_running(True)
        self._timer.start()
        return self._context.jobs.start(
            self,
            title,
            work,
            room="streams",
            on_success=lambda _count: ended(),
            on_failure=ended,
            on_cancelled=ended,
        )

    def _stop(self, job: Job[int] | None) -> None:
        if job is not None:
            job.cancel()

    def _look(self) -> None:
        if not self._cards.isVisible():
            return
        if self._collector is not None:
            self._cards.show_collector(self._collector.snapshot(), self._collector.app.producer.snapshot())
        if self._pipeline is not None:
            self._cards.show_pipeline(self._pipeline.snapshot())
