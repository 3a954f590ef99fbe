"""A feed's plan: which tables of which servers go where and how; kept as JSON, without any password."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from core.base.errors import OpsError, WrongUse
from core.base.files import write_atomic
from core.jobs.calendar import WEEKDAYS, Schedule

MODES = ("full", "incremental", "keys")
"""full: all rows anew. incremental: what changed. keys: what changed, then every key compared, so that deletes arrive too."""


@dataclass(frozen=True, slots=True)
class PlanSource:
    """A MySQL source of the profile (``source`` is its name) or an address without a password, and the schema it lands in."""

    source: str
    database: str
    schema: str
    tables: tuple[str, ...] = ()
    """Empty: every table."""
    exclude: tuple[str, ...] = ()
    """Columns left out, as table.column."""


@dataclass(frozen=True, slots=True)
class FeedPlan:
    """stage: s3://bucket/prefix/ for the files on their way (empty: a bucket of the account's own).
    overlap: seconds (or counter values) read again behind the watermark, for rows that committed late; more than the hour
    that clocks repeat in autumn, where times are kept without their zone.
    cut: texts longer than their column takes (65,535 bytes) are cut and counted; else they stop the pull.
    snapshot: the tables of a source are read as of one moment (over one connection, slower), not each as of its own.
    schedule: when a timer runs it (None: never by itself).
    union: a schema in which a view of each table name shows all sources together, with the column source_db.
    """

    name: str
    sources: tuple[PlanSource, ...]
    mode: str = "incremental"
    connection: str = ""
    stage: str = ""
    role: str = ""
    overlap: int = 3900
    union: str = ""
    cut: bool = False
    snapshot: bool = False
    schedule: Schedule | None = None


def schedule_of(at: str, on: str = "") -> Schedule | None:
    """What ``02:00,14:30`` and ``mon,fri`` mean; None for no time. Raises WrongUse."""
    times = tuple(one.strip() for one in at.split(",") if one.strip())
    days = tuple(one.strip().lower() for one in on.split(",") if one.strip())
    if days and not times:
        raise WrongUse("Days need a time of day", "Days alone say nothing", "Give a time as HH:MM")
    for one in times:
        if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", one):
            raise WrongUse(f"{one!r} is no time of day", "It should be HH:MM, 00:00 to 23:59", "Correct it")
    for one in days:
        if one not in WEEKDAYS:
            raise WrongUse(f"{one!r} is no weekday", f"It can be {', '.join(WEEKDAYS)}", "Correct it")
    return Schedule(times, days) if times else None


def joined(kept: FeedPlan, added: FeedPlan) -> FeedPlan:
    """``kept`` with the sources of ``added`` beside its own (in place of the same ones), and its way of pulling."""
    new = {(one.source, one.database) for one in added.sources}
    others = tuple(one for one in kept.sources if (one.source, one.database) not in new)
    return replace(
        added,
        sources=(*others, *added.sources),
        union=added.union or kept.union,
        stage=added.stage or kept.stage,
        role=added.role or kept.role,
        connection=added.connection or kept.connection,
        schedule=added.schedule or kept.schedule,
    )


def check_name(name: str) -> None:
    """Raises WrongUse for what cannot be the name of a plan (it is a file's, a timer's and a lock's)."""
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,60}", name):
        raise WrongUse(
            f"{name!r} is no name for a plan",
            "Letters, digits, dots, dashes and underscores are",
            "Choose another",
        )


def save_plan(folder: Path, plan: FeedPlan) -> None:
    check_name(plan.name)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomic(folder / f"{plan.name}.json", json.dumps(asdict(plan), indent=1).encode())


def load_plan(folder: Path, name: str) -> FeedPlan:
    """Raises OpsError for a plan that is not there or cannot be read; the file is left as it is."""
    path = folder / f"{name}.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        sources = tuple(
            PlanSource(**{**one, "tables": tuple(one.get("tables", ())), "exclude": tuple(one.get("exclude", ()))})
            for one in document.pop("sources")
        )
        document.pop("every", None)  # of plans kept by an earlier version
        if schedule := document.pop("schedule", None):
            schedule = Schedule(tuple(schedule["times"]), tuple(schedule["weekdays"]))
        plan = FeedPlan(sources=sources, schedule=schedule, **document)
    except FileNotFoundError:
        known = ", ".join(sorted(one.stem for one in folder.glob("*.json"))) or "none"
        raise OpsError(
            f"There is no feed plan {name}",
            f"Known are: {known}",
            "Name one, or give --source and --tables",
            code="not-found",
            exit_status=2,
        ) from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise OpsError(
            f"The feed plan {name} cannot be read",
            f"{path}: {error}",
            "Correct or remove the file",
            code="settings",
            exit_status=2,
        ) from error
    if plan.mode not in MODES:
        raise OpsError(
            f"The feed plan {name} has the mode {plan.mode}",
            f"Known are {', '.join(MODES)}",
            "Correct the file",
            code="settings",
            exit_status=2,
        )
    return plan


def plan_names(folder: Path) -> list[str]:
    return sorted(one.stem for one in folder.glob("*.json"))
