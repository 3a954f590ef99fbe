"""A feed's plan: which tables of which servers go where and how; kept as JSON, without any password."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path

from core.base.errors import OpsError, WrongUse
from core.base.files import write_atomic

MODES = ("full", "incremental")


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
    overlap: seconds (or counter values) read again behind the watermark, for rows that committed late.
    cut: texts longer than their column takes (65,535 bytes) are cut and counted; else they stop the pull.
    union: a schema in which a view of each table name shows all sources together, with the column source_db.
    """

    name: str
    sources: tuple[PlanSource, ...]
    mode: str = "incremental"
    connection: str = ""
    stage: str = ""
    role: str = ""
    overlap: int = 300
    union: str = ""
    cut: bool = False
    every: str = field(default="")
    """A hint for schedulers: 15m, 1h, 1d."""


def save_plan(folder: Path, plan: FeedPlan) -> None:
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,60}", plan.name):
        raise WrongUse(
            f"{plan.name!r} is no name for a plan",
            "Letters, digits, dots, dashes and underscores are",
            "Choose another",
        )
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
        plan = FeedPlan(sources=sources, **document)
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
            f"Known are {' and '.join(MODES)}",
            "Correct the file",
            code="settings",
            exit_status=2,
        )
    return plan


def plan_names(folder: Path) -> list[str]:
    return sorted(one.stem for one in folder.glob("*.json"))
