"""Decides for the produce card: a feed in the background, seen in the activity drawer, turned by the dial."""

from __future__ import annotations

import time

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QFileDialog

from core.base.errors import OpsError
from core.jobs.job import Job
from core.streams.producer import Producer
from core.streams.templates import Feed, template
from gui.bridge.tab_context import TabContext
from gui.parts.words import number
from gui.tabs.streams.produce_card import ProduceCard

_LOOK = 500  # ms
_CLOSE_WITHIN = 3.0  # seconds for what is queued at the end (closing the window waits five); the rest waits on disk


class Producing(QObject):
    def __init__(self, card: ProduceCard, context: TabContext) -> None:
        super().__init__(card)
        self._card, self._context = card, context
        self._service = context.desk.streams
        self._stream = ""
        self._job: Job[int] | None = None
        self._producer: Producer | None = None
        self._feed: Feed | None = None
        self._timer = QTimer(self, interval=_LOOK)
        self._timer.timeout.connect(self._look)
        card.start_asked.connect(self.start)
        card.stop_asked.connect(self.stop)
        card.rate_changed.connect(self._turn)
        card.file_asked.connect(self._ask_file)

    @property
    def running(self) -> bool:
        return self._job is not None

    def show_stream(self, name: str, *, locked: str) -> None:
        """Into which stream the next feed goes; a running one stays with its own."""
        if not self.running:
            self._stream = name
            self._card.show_stream(name)
        self._card.show_running(self.running, locked=locked or ("" if name else "Choose a stream"))

    def start(self, name: str, rate: int) -> None:
        """Send records of a template until stopped, in the background."""
        if self.running or self._context.guard.locked or not self._stream:
            return
        stream = self._stream

        def work(job: Job[int]) -> int:
            make = template(name)
            producer = self._service.producer(stream, spill=True)
            producer.sink.open()
            feed = Feed(producer, make, rate)
            self._producer, self._feed = producer, feed
            try:
                feed.start()
                began = time.monotonic()
                while feed.running:
                    told = producer.snapshot()
                    job.report(
                        time.monotonic() - began, None, f"{number(told.acknowledged)} sent, {number(told.rate)}/s"
                    )
                    job.sleep(0.25)
                if feed.error is not None:
                    raise feed.error
                return producer.snapshot().acknowledged
            finally:
                feed.stop()
                producer.close(_CLOSE_WITHIN if producer.snapshot().trouble is None else 0.0)
                told = producer.snapshot()
                dropped = f", {number(told.dropped)} dropped" if told.dropped else ""
                job.conclude(f"{number(told.acknowledged)} sent{dropped}")

        self._card.trouble.hide()
        self._job = self._context.jobs.start(
            self,
            f"Produce into {stream}",
            work,
            room="streams",
            lane=f"streams.produce.{stream}",
            on_success=lambda _count: self._ended(),
            on_failure=self._failed,
            on_cancelled=self._ended,
        )
        self._card.show_running(True)
        self._timer.start()

    def stop(self) -> None:
        """Make no more records; those that wait are sent first."""
        if self._job is not None:
            self._job.cancel()

    def _turn(self, rate: int) -> None:
        if self._feed is not None:
            self._feed.rate = rate

    def _look(self) -> None:
        if self._producer is not None and self._card.isVisible():
            self._card.show_snapshot(self._producer.snapshot())

    def _ended(self) -> None:
        self._look()
        self._timer.stop()
        self._job = self._feed = self._producer = None
        self._card.show_running(False)

    def _failed(self, fault: OpsError) -> None:
        self._ended()
        self._card.trouble.setText(str(fault))
        self._card.trouble.show()

    def _ask_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self._card, "Send the lines of a file")
        self._card.show_file(path)
