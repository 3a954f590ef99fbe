"""Which streams there are, which one the page works on, and how that is made; asked in the background."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from core.streams.budget import ReadBudget
from core.streams.service import StreamDetails, StreamSummary
from gui.bridge.tab_context import TabContext

_REMEMBERED = "streams.stream"


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
        self._context.jobs.start(
            self,
            "List the streams",
            lambda _job: self._service.streams(),
            room="streams",
            lane="streams.list",
            newest_only=True,
            quiet=True,
            on_success=self._read,
            on_failure=self.list_failed.emit,
        )

    def choose(self, name: str) -> None:
        """Work on this one; "" for none."""
        self.stream, self.details = name, None
        self._context.memory.put(_REMEMBERED, name)

    def describe(self) -> None:
        """Look at the chosen stream; ``described`` or ``failed`` follows."""
        name = self.stream
        self._context.jobs.start(
            self,
            f"Describe {name}",
            lambda _job: self._service.describe(name),
            room="streams",
            lane="streams.describe",
            newest_only=True,
            quiet=True,
            on_success=self._described,
            on_failure=self.failed.emit,
        )

    def weigh(self) -> None:
        """Ask what other readers leave for a tap of the chosen stream; ``weighed`` follows."""
        details = self.details
        if details is None:
            return
        self._context.jobs.start(
            self,
            f"Ask CloudWatch about {details.name}",
            lambda _job: self._service.budget(details.name, len(details.open_shards)),
            room="streams",
            lane="streams.weigh",
            newest_only=True,
            quiet=True,
            on_success=self._weighed,
            on_failure=self.failed.emit,
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
