"""Decides for the window of collector and pipeline: both are jobs in the background, looked at twice a second."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QWidget

from core.base.errors import OpsError
from core.jobs.job import Job
from core.streams.carrying import Carriage
from core.streams.collector import Collector
from core.streams.pipeline import Pipeline
from gui.bridge.tab_context import TabContext
from gui.parts.words import number
from gui.tabs.streams.carry_dialog import CarryDialog, RunCard

_LOOK = 500  # ms
_DRAIN_WITHIN = 3.0  # seconds for what is queued when collecting is stopped; the rest waits on disk


class Carrying(QObject):
    def __init__(self, page: QWidget, context: TabContext) -> None:
        super().__init__(page)
        self._page, self._context = page, context
        self._service = context.desk.streams
        self._stream = ""
        self.dialog: CarryDialog | None = None
        self._collecting: Job[int] | None = None
        self._carrying: Job[int] | None = None
        self._collector: Collector | None = None
        self._pipeline: Pipeline | None = None
        self._timer = QTimer(self, interval=_LOOK)
        self._timer.timeout.connect(self._look)

    def show(self, stream: str, *, locked: str) -> None:
        """Open the window; what runs keeps the stream it was started with."""
        if self._collecting is None and self._carrying is None:
            self._stream = stream
        if self.dialog is None:
            self.dialog = CarryDialog(self._page)
            self.dialog.collect.start_asked.connect(self.start_collecting)
            self.dialog.collect.stop_asked.connect(lambda: self._stop(self._collecting))
            self.dialog.carry.start_asked.connect(self.start_carrying)
            self.dialog.carry.stop_asked.connect(lambda: self._stop(self._carrying))
        why = locked or ("" if self._stream else "Choose a stream")
        self.dialog.show_stream(self._stream)
        self.dialog.collect.show_running(self._collecting is not None, locked=why)
        self.dialog.carry.show_running(self._carrying is not None, locked=why)
        self.dialog.show()
        self.dialog.raise_()

    # -- the collector ------------------------------------------------------
    def start_collecting(self) -> None:
        assert self.dialog is not None
        stream, listen, trust = self._stream, self.dialog.listen.text().strip(), self.dialog.trust.text().split()

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

        self._collecting = self._run(self.dialog.collect, f"Collect page views into {stream}", work, self._collected)

    def _collected(self) -> None:
        self._collecting = self._collector = None

    # -- the pipeline -------------------------------------------------------
    def start_carrying(self) -> None:
        assert self.dialog is not None
        dialog = self.dialog
        wanted = Carriage(
            self._stream,
            dialog.table.text().strip(),
            dispatch=dialog.dispatch.text().strip(),
            staging=dialog.staging.text().strip(),
            iam_role=dialog.role.text().strip() or "default",
        )

        def work(job: Job[int]) -> int:
            return self._service.carry(job, wanted, started=self._started).loaded

        self._carrying = self._run(self.dialog.carry, f"Carry {wanted.stream} into {wanted.table}", work, self._carried)

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
        if self.dialog is None or not self.dialog.isVisible():
            return
        if self._collector is not None:
            self.dialog.show_collector(self._collector.snapshot(), self._collector.app.producer.snapshot())
        if self._pipeline is not None:
            self.dialog.show_pipeline(self._pipeline.snapshot())
