"""What the plans half shows, and how those see it who act there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from core.backups.outcomes import Backup, Delivery, Finding, PlanStatus, Run, Verification
from core.backups.plan import Plan
from core.jobs.job import Job
from gui.bridge.tab_context import TabContext
from gui.tabs.backups.plans_view import PlansView

if TYPE_CHECKING:
    from core.backups.service import BackupsService


@dataclass(slots=True)
class Shown:
    """All that one look at the plans found."""

    plans: list[Plan] = field(default_factory=list)
    statuses: dict[str, PlanStatus] = field(default_factory=dict)
    troubles: list[Finding] = field(default_factory=list)
    undelivered: list[Delivery] = field(default_factory=list)


@dataclass(slots=True)
class Past:
    """One plan's history; ``backups`` None where they could not be listed."""

    backups: list[Backup] | None
    runs: list[Run]
    verifications: list[Verification]


class PlansPlace(Protocol):
    """``current`` names the chosen plan. start runs a quick job whose failure stands on the page; work is one piece of long
    work for a plan."""

    view: PlansView
    context: TabContext
    shown: Shown
    current: str
    past: Past | None

    @property
    def service(self) -> BackupsService: ...
    @property
    def plan(self) -> Plan | None: ...
    def refresh(self) -> None: ...
    def back_up(self) -> None: ...
    def verify(self, run: str = "") -> None: ...
    def tell_saved(self, told: list[Finding]) -> None: ...
    def start(
        self, title: str, work: Callable[[Job[Any]], Any], done: Callable[[Any], None], **options: Any
    ) -> None: ...
    def work(
        self,
        name: str,
        title: str,
        work: Callable[[Job[Any]], Any],
        done: Callable[[Any], None],
        *,
        write: bool = False,
        after: Any = None,
    ) -> None: ...
