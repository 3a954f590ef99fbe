"""Where the browser stands, as those see it who act there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from core.backups.objects.values import ObjectFacts
from core.base.errors import OpsError
from core.jobs.job import Job
from gui.bridge.tab_context import TabContext
from gui.tabs.backups.objects_running import ObjectsRunning
from gui.tabs.backups.objects_view import ObjectsView

if TYPE_CHECKING:
    from core.backups.objects.service import Objects

ROOM = "backups"


class Place(Protocol):
    """bucket "" is the list of buckets; ``shown_facts`` are those in the panel, ``settled``: the listing is there. start and change run a job whose failure
    stands on the page, as its progress does; change writes, and goes on when the page is left."""

    view: ObjectsView
    context: TabContext
    bucket: str
    prefix: str
    running: ObjectsRunning

    @property
    def shown_facts(self) -> ObjectFacts: ...
    @property
    def settled(self) -> bool: ...
    @property
    def objects(self) -> Objects: ...
    @property
    def environment(self) -> str: ...
    @property
    def may_write(self) -> bool: ...
    @property
    def here(self) -> str: ...
    @property
    def chosen_bucket(self) -> str: ...
    def go(self, bucket: str, prefix: str = "", choose: str = "") -> None: ...
    def refresh(self, *, choose: str = "") -> None: ...
    def refresh_if(self, bucket: str, prefix: str) -> None: ...
    def remembered(self) -> list[str]: ...
    def picked(self) -> None: ...
    def show_bucket_facts(self, name: str) -> None: ...
    def fault(self, fault: OpsError) -> None: ...
    def start(
        self, title: str, work: Callable[[Job[Any]], Any], done: Callable[[Any], None], *, quiet: bool = False
    ) -> None: ...
    def change(self, title: str, work: Callable[[Job[Any]], Any], done: Callable[[Any], None]) -> None: ...
