"""The verbs of the feed: look at a source, pull it, prove it equal, show several sources as one."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.aws.faults import explained
from core.aws.workplace import Workplace
from core.base.errors import OpsError, WrongUse
from core.base.files import write_atomic
from core.jobs.calendar import is_due
from core.jobs.child import run_in_child
from core.jobs.job import Job
from core.jobs.lock import plan_lock
from core.jobs.timers import Timer
from core.settings.profiles import WarehouseConnection
from core.warehouse.feed.keys import KeyAdvice, advise
from core.warehouse.feed.mapping import Mapped, booleans_of, create_statement, mapped_table
from core.warehouse.feed.plan import FeedPlan, PlanSource, joined, load_plan, plan_names, save_plan
from core.warehouse.feed.pull import Stage, Step, TablePull, TableReport, move_all
from core.warehouse.feed.reconcile import Check, cut_by, holes, reconcile, repair, uncompared
from core.warehouse.feed.source import Server, SourceTable, read_tables
from core.warehouse.feed.target import Target
from core.warehouse.scratch import scratch
from core.warehouse.statements import literal, quoted

UNNAMED = "pull"
"""The name of a plan that was not kept."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a pull of one table would make: the map, the keys with their reasons, the DDL."""

    table: SourceTable
    columns: tuple[Mapped, ...]
    advice: KeyAdvice
    ddl: str


@dataclass(slots=True)
class PullReport:
    run_id: str
    tables: list[TableReport] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return all(check["ok"] for table in self.tables for check in table.checks)

    def document(self) -> dict[str, Any]:
        return {
            "run": self.run_id,
            "ok": self.ok,
            "tables": [
                {
                    "source": one.source, "target": one.target, "mode": one.mode, "read": one.read, "loaded": one.loaded, "deleted": one.deleted,
                    "watermark": one.watermark,
                    "reader": one.reader, "altered": one.altered, "notes": one.notes, "checks": one.checks,
                }
                for one in self.tables
            ],
        }  # fmt: skip


class FeedService:
    """Methods that take a Job block and belong on a worker."""

    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace
        self._folder = workplace.places.config / "feeds"
        self._state = workplace.places.state / "feeds"
        """Locks, and when each plan last succeeded."""

    # -- plans --------------------------------------------------------------------
    def plans(self) -> list[str]:
        return plan_names(self._folder)

    def plan(self, name: str) -> FeedPlan:
        return load_plan(self._folder, name)

    def save(self, plan: FeedPlan) -> None:
        save_plan(self._folder, plan)

    def joined(self, plan: FeedPlan) -> FeedPlan:
        """The plan with the sources that one of its name already has; as it is where there is none."""
        return joined(self.plan(plan.name), plan) if plan.name in self.plans() else plan

    def remove(self, name: str) -> None:
        """Forget a plan and when it ran; its timers are ``kept.forget``'s matter."""
        (self._folder / f"{name}.json").unlink(missing_ok=True)
        (self._state / f"{name}.last").unlink(missing_ok=True)

    def now(self) -> datetime:
        return self._workplace.clock.now()

    # -- looking ------------------------------------------------------------------
    def sources(self) -> list[str]:
        """The sources of the profile as ``server`` takes them; one of several databases stands there with each."""
        found = []
        for one in self._workplace.aws.target().mysql:
            several = len(one.databases) > 1
            found += [f"{one.name}/{database}" for database in one.databases] if several else [one.name]
        return found

    def server(self, source: str, database: str = "") -> Server:
        """A server by its address, or by the name of the profile's source, also as name/database. Raises WrongUse for
        an unknown name."""
        if "://" in source:
            server = Server.from_url(source)
            if not server.password:
                kept = self._workplace.secrets.get(f"mysql/{self._workplace.profile.name}/{server.host}:{server.port}")
                server = Server(server.host, server.port, server.user, kept or "", server.database)
        else:
            known = {one.name: one for one in self._workplace.aws.target().mysql}
            if source not in known:
                source, _, inside = source.partition("/")
                database = database or inside
            if source not in known:
                raise WrongUse(
                    f"There is no MySQL source {source}",
                    f"Known are: {', '.join(known) or 'none'}",
                    "Add it to the profile, or give its address",
                )
            found = known[source]
            password = found.password
            if password is None:
                password = self._workplace.secrets.get(f"mysql/{self._workplace.profile.name}/{found.name}") or ""
            server = Server(found.host, found.port, found.user, password, (found.databases or ("",))[0], found.ca_file)
        return Server(
            server.host, server.port, server.user, server.password, database or server.database, server.ca_file
        )

    def propose(
        self, job: Job[Any], server: Server, schema: str, names: list[str] | None = None, exclude: tuple[str, ...] = ()
    ) -> list[Proposal]:
        """The map, the keys and the DDL for tables of a source, without changing anything."""
        job.checkpoint()
        with server.connect() as connection:
            tables = read_tables(connection, server.database, names, frozenset(exclude))
            keys = advise(tables)
            made: list[Proposal] = []
            for number, table in enumerate(tables, 1):
                job.report(number, len(tables), f"{table.name} looked at")
                columns = mapped_table(table, booleans_of(connection, table))
                ddl = create_statement(schema, table.name.lower(), columns, table.primary_key, keys[table.name].clauses)
                made.append(Proposal(table, columns, keys[table.name], ddl))
        return made

    # -- pulling ------------------------------------------------------------------
    def pull(
        self,
        job: Job[Any],
        plan: FeedPlan,
        connection: WarehouseConnection,
        *,
        check: bool = False,
        step: Step | None = None,
    ) -> PullReport:
        """Pull every table of a plan: one transaction a table, or one for all of a source's that are read in a snapshot.

        A table whose values or columns do not fit is left as it is, and told at the end (a snapshot stops there, loading
        nothing of its source); any other trouble stops the run. The tables before it stay.

        ``check``: compare afterwards, pull again what differs, and compare once more.
        Raises OpsError (code ``locked``, exit status 3) while another run of the plan works.
        """
        began = self._workplace.clock.now()
        with plan_lock(self._state, lock_name(plan)):
            report = self._pull(job, plan, connection, check=check, step=step)
            if plan.name in self.plans():
                write_atomic(self._state / f"{plan.name}.last", began.isoformat())
        return report

    def due(self, plan: FeedPlan) -> bool:
        """Whether a moment of the plan's schedule has passed since its last success began."""
        return plan.schedule is not None and is_due(
            plan.schedule, self.last_success(plan.name), self._workplace.clock.now()
        )

    def last_success(self, name: str) -> datetime | None:
        """When the last pull that succeeded began, as this computer remembers."""
        try:
            return datetime.fromisoformat((self._state / f"{name}.last").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None

    def timer(self, plan: FeedPlan) -> Timer:
        """What the operating system is given to run the plan. Raises WrongUse for a plan without a schedule."""
        if plan.schedule is None:
            raise WrongUse(
                f"The plan {plan.name} has no schedule",
                "Nothing says when it should run",
                "Give --at HH:MM, and --on DAYS if not every day",
            )
        profile = self._workplace.profile.name
        return Timer(
            f"opsdesk-pull-{profile}-{plan.name}", f"# opsdesk pull {profile}/{plan.name}", f"Opsdesk pull {plan.name}", profile,
            ("warehouse", "pull", plan.name, "--if-due"), plan.schedule,
        )  # fmt: skip

    def _pull(
        self, job: Job[Any], plan: FeedPlan, connection: WarehouseConnection, *, check: bool, step: Step | None
    ) -> PullReport:
        report = PullReport(uuid.uuid4().hex)
        target = Target(self._workplace.aws, connection)
        stage = self._stage(plan)
        target.prepare_state(job)
        landed: dict[str, list[tuple[str, str]]] = {}
        failed: dict[str, OpsError] = {}
        for source in plan.sources:
            server = self.server(source.source, source.database)
            with server.connect() as link:
                tables = read_tables(link, server.database, list(source.tables) or None, frozenset(source.exclude))
            keys = advise(tables)
            options: dict[str, Any] = {"schema": source.schema, "run_id": report.run_id, "cut": plan.cut, "step": step}
            pulls = [TablePull(job, server, table, target, stage, **options) for table in tables]
            names = [table.name.lower() for table in tables]
            for name in names:
                if any(source.schema == schema for schema, _ in landed.get(name, ())):
                    raise WrongUse(
                        f"Two sources of the plan land in {source.schema}.{name}",
                        "The rows of one would replace those of the other",
                        "Give each source a schema of its own; a union shows them as one",
                    )
                if names.count(name) > 1:
                    raise WrongUse(
                        f"Two tables of {server.database} are called {name} but for capitals",
                        f"Both would land in {source.schema}.{name}, the rows of one in place of the other's",
                        "Pull one of them into another schema",
                    )
            for number, (pull, done) in enumerate(self._moved(job, plan, server, target, pulls, keys, failed)):
                job.report(number + 1, len(tables), f"{pull.table.database}.{pull.table.name}")
                report.tables.append(done)
                landed.setdefault(pull.name, []).append((source.schema, server.database))
                if check:
                    self._check(pull, done)
        if plan.union:
            self._unite(job, target, plan.union, landed)
        if failed:
            first = next(iter(failed.values()))
            raise OpsError(
                f"{len(failed)} of {len(failed) + len(report.tables)} tables could not be pulled; the others are done",
                f"{first.title}: {first.why}",
                first.remedy,
                details={name: f"{error.title}: {error.why}" for name, error in failed.items()},
                code=first.code,
            )
        return report

    def _moved(
        self,
        job: Job[Any],
        plan: FeedPlan,
        server: Server,
        target: Target,
        pulls: list[TablePull],
        keys: dict[str, KeyAdvice],
        failed: dict[str, OpsError],
    ) -> Iterator[tuple[TablePull, TableReport]]:
        """Each table pulled, one after the other, or read together in one snapshot and then loaded together."""
        if not plan.snapshot:
            for pull in pulls:
                try:
                    done = pull.run(plan.mode, plan.overlap, keys[pull.table.name])
                except OpsError as error:
                    if len(pulls) == 1 or error.code not in ("value", "drift"):
                        raise
                    failed[f"{pull.table.database}.{pull.table.name}"] = error
                    continue
                yield pull, done
            return
        reports = [pull.prepare(plan.mode, plan.overlap, keys[pull.table.name]) for pull in pulls]
        with scratch("feed") as folder:
            asked = [pull.reads(folder) for pull in pulls]
            place = {"url": server.url, "ca_file": server.ca_file, "cut": plan.cut}
            answers = iter(
                run_in_child(
                    job,
                    "core.warehouse.feed.reader:stage_all",
                    {**place, "reads": [one for reads in asked for one in reads]},
                )
            )
            moves = [
                (pull, report, [pull.staged(one, next(answers)) for one in reads])
                for pull, report, reads in zip(pulls, reports, asked, strict=True)
            ]
            move_all(target, moves)
        yield from zip(pulls, reports, strict=True)

    def _check(self, pull: TablePull, report: TableReport) -> None:
        with pull.server.connect() as link:
            checks, different = reconcile(pull, link), holes(pull, link)
        if different and cut_by(pull):
            rows = repair(pull, different)
            report.notes.append(f"{len(different)} key ranges differed and were pulled again ({rows:,} rows)")
            with pull.server.connect() as link:
                checks, different = reconcile(pull, link), holes(pull, link)
        actual = f"{len(different)} differ" if cut_by(pull) else "differs" if different else "is the same"
        name, expected = ("key ranges", "0 differ") if cut_by(pull) else ("checksum of all rows", "is the same")
        report.checks = [one.document() for one in (*checks, Check(name, not different, expected, actual))]
        if left_out := uncompared(pull):
            report.notes.append(f"Not compared by value: {', '.join(left_out)}")

    def _stage(self, plan: FeedPlan) -> Stage:
        s3 = self._workplace.aws.client("s3")
        if plan.stage:
            if not plan.stage.startswith("s3://"):
                raise WrongUse(f"{plan.stage!r} is no S3 place", "It should be s3://bucket/prefix/", "Correct it")
            bucket, _, prefix = plan.stage[5:].partition("/")
            return Stage(s3, bucket, prefix if not prefix or prefix.endswith("/") else f"{prefix}/", plan.role)
        with explained("find the account"):
            account = self._workplace.aws.client("sts").get_caller_identity()["Account"]
        bucket = f"opsdesk-stage-{account}"
        region = self._workplace.aws.target().region or "us-east-1"
        with explained("make the staging bucket"):
            try:
                s3.head_bucket(Bucket=bucket)
            except s3.exceptions.ClientError as error:
                if error.response.get("Error", {}).get("Code") not in ("404", "NoSuchBucket", "NotFound"):
                    raise
                place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
                s3.create_bucket(Bucket=bucket, **place)
        return Stage(s3, bucket, "feed/", plan.role)

    def _unite(self, job: Job[Any], target: Target, schema: str, landed: dict[str, list[tuple[str, str]]]) -> None:
        """A view a table name over all schemas it landed in, with the column source_db."""
        target.run(job, f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
        for name, places in landed.items():
            columns = [list(target.columns(job, one, name)) for one, _ in places]
            shared = [column for column in columns[0] if all(column in other for other in columns[1:])]
            if not shared:
                raise OpsError(
                    f"The tables called {name} have no column in common",
                    "A view over them would be empty",
                    "Leave the union out of the plan",
                    code="drift",
                )
            listed = ", ".join(quoted(column) for column in shared)
            parts = [
                f"SELECT {literal(database)} AS source_db, {listed} FROM {quoted(one)}.{quoted(name)}"
                for one, database in places
            ]
            target.run(job, f"CREATE OR REPLACE VIEW {quoted(schema)}.{quoted(name)} AS {' UNION ALL '.join(parts)}")


def lock_name(plan: FeedPlan) -> str:
    """One lock a saved plan; one a set of sources and schemas for a pull that is given on the spot."""
    if plan.name != UNNAMED:
        return plan.name
    places = "|".join(f"{one.source.rpartition('@')[2]}/{one.database}>{one.schema}" for one in plan.sources)
    return f"{UNNAMED}-{hashlib.sha256(places.encode()).hexdigest()[:12]}"


def single_source_plan(
    source: str,
    tables: list[str],
    schema: str,
    mode: str,
    name: str = UNNAMED,
    exclude: tuple[str, ...] = (),
    **rest: Any,
) -> FeedPlan:
    """The plan that ``warehouse pull --source URL --tables a,b --schema S`` means."""
    database = ""
    if "://" in source:
        database = Server.from_url(source).database
        if not database:
            raise WrongUse(
                "The source names no database", "Its address ends without one", "Write mysql://user@host:3306/database"
            )
    return FeedPlan(name, (PlanSource(source, database, schema, tuple(tables), exclude),), mode, **rest)
