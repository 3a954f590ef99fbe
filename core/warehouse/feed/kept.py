"""The plans that are kept: what each pulls, when it ran and runs next, which timer of this computer starts it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from core.base.errors import OpsError
from core.jobs import timers
from core.jobs.calendar import next_moment
from core.warehouse.feed.plan import FeedPlan
from core.warehouse.feed.service import FeedService


@dataclass(frozen=True, slots=True)
class KeptPlan:
    """timers: the schedulers of this computer that run it. fault: why the plan cannot be read; ``plan`` is None then."""

    name: str
    plan: FeedPlan | None
    last: datetime | None = None
    next: datetime | None = None
    due: bool = False
    timers: tuple[str, ...] = ()
    fault: str = ""


def kept_plans(feed: FeedService) -> list[KeptPlan]:
    """All plans by name; asks the schedulers of this computer, so it belongs on a worker."""
    return [_state(feed, name) for name in feed.plans()]


def _state(feed: FeedService, name: str) -> KeptPlan:
    try:
        plan = feed.plan(name)
    except OpsError as error:
        return KeptPlan(name, None, fault=f"{error.title}. {error.why}")
    last = feed.last_success(name)
    if plan.schedule is None:
        return KeptPlan(name, plan, last)
    return KeptPlan(
        name, plan, last, next_moment(plan.schedule, feed.now()), feed.due(plan), tuple(_installed(feed, plan))
    )


def _installed(feed: FeedService, plan: FeedPlan) -> list[str]:
    timer = feed.timer(plan)
    return [kind for kind in timers.KINDS if timers.export(timer, kind).installed]


def stop_timers(feed: FeedService, plan: FeedPlan) -> list[str]:
    """Let nothing on this computer run the plan any more; the schedulers it was taken from."""
    if plan.schedule is None:
        return []
    found = _installed(feed, plan)
    for kind in found:
        timers.remove(feed.timer(plan), kind)
    return found


def forget(feed: FeedService, name: str) -> list[str]:
    """Remove a plan, its timers first; the schedulers it was taken from. The tables it pulled stay."""
    plan = next((one.plan for one in kept_plans(feed) if one.name == name), None)
    stopped = stop_timers(feed, plan) if plan is not None else []
    feed.remove(name)
    return stopped
