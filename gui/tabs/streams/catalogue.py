"""Which streams there are, which one the page works on, and how that is made; asked in the background."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from PySide6.QtCore import QObject, Signal, SignalInstance

from core.streams.budget import ReadBudget
from core.streams.service import StreamDetails, StreamSummary
from gui.bridge.tab_context import TabContext

_REMEMBERED = "streams.stream"
T = TypeVar("T")


class Catalogue(QObject):
    listed = Signal(list)  # names
    described = Signal(object)  # StreamDetails
    weighed = Signal(object)  # ReadBudget
    list_failed = Signal(object)  # OpsError
    failed = Signal(object)  # OpsError

    def __init__(self, context: TabContext, parent: QObject) -> None:
        super().__init__(parent)
        self._context, self._service = context, context.desk.streams
        self.stream = str(context.memory.get(_REMEMBERED, ""))
        self.details: StreamDetails | None = None

    def read(self) -> None:
        """List the streams; ``listed`` or ``list_failed`` follows."""
        self._ask("list", "List the streams", self._service.streams, self._read, self.list_failed)

    def choose(self, name: str) -> None:
        """Work on this one; "" for none."""
        self.stream, self.details = name, None
        self._context.memory.put(_REMEMBERED, name)

    def describe(self) -> None:
        """Look at the chosen stream; ``described`` or ``failed`` follows."""
        name = self.stream
        self._ask("describe", f"Describe {name}", lambda: self._service.describe(name), self._described, self.failed)

    def weigh(self) -> None:
        """Ask what other readers leave for a tap of the chosen stream; ``weighed`` follows."""
        details = self.details
        if details is None:
            return
        self._ask(
            "weigh", f"Ask CloudWatch about {details.name}",
            lambda: self._service.budget(details.name, len(details.open_shards)), self._weighed, self.failed,
        )  # fmt: skip

    def _ask(
        self, lane: str, title: str, ask: Callable[[], T], heard: Callable[[T], None], failed: SignalInstance
    ) -> None:
        """Only the newest question of a lane is answered: the user may choose faster than AWS answers."""
        self._context.jobs.start(
            self,
            title,
            lambda _job: ask(),
            room="streams",
            lane=f"streams.{lane}",
            newest_only=True,
            quiet=True,
            on_success=heard,
            on_failure=failed.emit,
        )

    def _weighed(self, budget: ReadBudget) -> None:
        if budget.stream == self.stream:
            self.weighed.emit(budget)

    def _read(self, streams: list[StreamSummary]) -> None:
        self.listed.emit([stream.name for stream in streams])

    def _described(self, details: StreamDetails) -> None:
        if details.name == self.stream:  # another may have been chosen meanwhile
            self.details = details
            self.described.emit(details)
