"""Looking before a backup: login, rights, engines, room, programs, bucket; everything that would go wrong at night."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from core.aws.faults import explained
from core.backups.content import CANNOT_LOAD
from core.backups.dump import find_dump_program
from core.backups.lifecycle import strange_to
from core.backups.manifest import reads_elsewhere
from core.backups.outcomes import EndpointFacts, Finding, Severity
from core.backups.plan import Plan
from core.backups.privileges import unseen
from core.backups.schema import (
    DatabaseFacts,
    describe,
    float_columns,
    missing_accounts,
    server_version,
    view_trouble,
    views_elsewhere,
)
from core.backups.scratch import find_programs
from core.backups.scratch_folder import room_of
from core.backups.server import Login, abandon, connected, identifier, message_of, rows_of
from core.backups.targets import Options
from core.backups.vault import Vault
from core.backups.words import count_of
from core.base.errors import OpsError
from core.jobs.job import Job


def look(
    job: Job[Any],
    plan: Plan,
    vault: Vault,
    login: Callable[[str], Login],
    options: Options,
    endpoint: EndpointFacts | None,
    missing: Iterable[Finding] = (),
) -> list[Finding]:
    """Findings, the worst first; an empty list never comes: what was found good is told as INFO. ``missing``: of the secrets."""
    findings = [
        *_source(job, plan, login, options),
        *_bucket(job, plan, vault),
        *missing,
        *_endpoint(endpoint),
        *_alerts(plan),
    ]
    if not any(finding.severity is Severity.ERROR for finding in findings):
        findings.append(Finding(Severity.INFO, "preflight", "Nothing stands against a backup"))
    order = (Severity.ERROR, Severity.WARNING, Severity.INFO)
    return sorted(findings, key=lambda finding: order.index(finding.severity))


def _trouble(rule: str, error: OpsError, severity: Severity = Severity.ERROR) -> Finding:
    return Finding(severity, rule, error.title, error.why, error.remedy)


def _source(job: Job[Any], plan: Plan, login: Callable[[str], Login], options: Options) -> Iterator[Finding]:
    if not plan.is_database:
        for name in plan.source.paths:
            if not Path(name).expanduser().exists():
                yield Finding(
                    Severity.ERROR, "preflight-path", f"{name} does not exist", "", "Correct the plan's paths"
                )
        return
    job.report(0, 3, "Logging in to the source")
    try:
        with (
            connected(login(plan.source.server), timeout=120, doing="look at the source") as connection,
            job.interruptible(lambda: abandon(connection)),
        ):
            engine, program = server_version(connection)[0], None
            try:
                program = find_dump_program(engine)
                yield Finding(Severity.INFO, "preflight-program", f"Dumps are made by {program.version}")
            except OpsError as error:
                yield _trouble("preflight-program", error)
            for database in plan.source.databases:
                job.report(1, 3, f"Looking at {database}")
                facts = describe(connection, database)
                if program and program.mariadb and engine == "mysql" and facts.generated:
                    yield Finding(
                        Severity.WARNING,
                        "preflight-generated",
                        f"A dump of {database} by this program will not load into MySQL",
                        CANNOT_LOAD.format(columns=", ".join(facts.generated[:5])),
                        "Install MySQL's own mysqldump (Debian: mysql-client-core); it is taken by itself then",
                    )
                yield from _database(connection, facts)
                yield from _elsewhere(connection, plan, database)
                yield from _unseen(connection, database, engine)
                yield from _room(plan, facts, options)
    except OpsError as error:
        job.checkpoint()
        yield _trouble("preflight-login", error)


def _elsewhere(connection: Any, plan: Plan, database: str) -> Iterator[Finding]:
    for words in reads_elsewhere(database, views_elsewhere(connection, database, plan.source.databases)):
        yield Finding(
            Severity.WARNING,
            "preflight-elsewhere",
            words,
            "Its backup loads only into a server that has that, so that it cannot be proved",
            "Save both by one plan",
        )


def _unseen(connection: Any, database: str, engine: str) -> Iterator[Finding]:
    for entry in unseen(connection, database, engine):
        yield Finding(
            Severity.WARNING,
            "preflight-unseen",
            f"Whether {database} has {entry.what} cannot be seen by this login",
            "A dump leaves out what its login cannot see, without a word, and its proof knows nothing of it",
            f"Grant {entry.grant}, if there may be any",
        )


def _database(connection: Any, facts: DatabaseFacts) -> Iterator[Finding]:
    import pymysql

    if not facts.tables and not facts.views:
        yield Finding(
            Severity.ERROR,
            "preflight-empty",
            f"{facts.name} holds no table",
            "It is empty, or this user may see nothing of it",
            "Check the name and the user's rights",
        )
    for table in facts.tables:
        try:
            rows_of(connection, f"SELECT 1 FROM {identifier(facts.name)}.{identifier(table)} LIMIT 1")
        except pymysql.MySQLError as error:
            yield Finding(
                Severity.ERROR,
                "preflight-rights",
                f"{facts.name}.{table} cannot be read",
                message_of(error),
                "Grant SELECT on the database",
            )
    for view in facts.views:
        try:
            rows_of(connection, f"SHOW CREATE VIEW {identifier(facts.name)}.{identifier(view)}")
        except pymysql.MySQLError as error:
            yield Finding(
                Severity.ERROR,
                "preflight-rights",
                f"The view {facts.name}.{view} cannot be dumped",
                message_of(error),
                "Grant SHOW VIEW on the database",
            )
        why = view_trouble(connection, facts.name, view)
        if why:
            yield Finding(
                Severity.WARNING,
                "preflight-view",
                f"The view {facts.name}.{view} is broken",
                why,
                "Repair or drop it: its restored copy will be broken too",
            )
    for account in missing_accounts(connection, facts.definers) or ():
        yield Finding(
            Severity.WARNING,
            "preflight-definer",
            f"{account} does not exist",
            f"Views or routines of {facts.name} act as this account",
            "Create it, or give them another definer: they do not work, here or restored",
        )
    if facts.outside_snapshot:
        yield Finding(
            Severity.WARNING,
            "preflight-engine",
            f"{count_of(len(facts.outside_snapshot), f'table of {facts.name} is', f'tables of {facts.name} are')} outside of the snapshot",
            ", ".join(facts.outside_snapshot[:20]),
            "Convert them to InnoDB; until then their rows may mix several moments",
        )
    rounded = [f"{table}.{column}" for table, column in float_columns(connection, facts.name).items()]
    if rounded:
        yield Finding(
            Severity.INFO,
            "preflight-float",
            f"Values of FLOAT columns of {facts.name} come back rounded to six digits",
            "; ".join(rounded[:5]),
            "Make them DOUBLE where more digits matter: no dump program writes more of a FLOAT",
        )
    if kept := len(facts.versioned):
        yield Finding(
            Severity.INFO,
            "preflight-history",
            f"{count_of(kept, f'table of {facts.name} keeps', f'tables of {facts.name} keep')} old rows",
            "They are dumped only with `history` on",
            "Switch `history` on in the plan's source if they matter",
        )


def _room(plan: Plan, facts: DatabaseFacts, options: Options) -> Iterator[Finding]:
    if plan.proof.scratch:
        return
    try:
        find_programs(options.mariadb_folder)
        place, free = room_of(options.scratch_folder)
    except OpsError as error:
        yield _trouble("preflight-scratch", error, Severity.WARNING)
        return
    needed = facts.size * 2 + (300 << 20)
    if free < needed:
        yield Finding(
            Severity.WARNING,
            "preflight-room",
            "There is not enough room for a rehearsal",
            f"About {needed / 1e9:,.1f} GB are needed in {place}, {free / 1e9:,.1f} GB are free",
            "Free some space, or choose another folder in the settings",
        )


def _bucket(job: Job[Any], plan: Plan, vault: Vault) -> Iterator[Finding]:
    job.report(2, 3, f"Looking at the bucket {plan.target.bucket}")
    try:
        with explained(f"look into the bucket {plan.target.bucket}"):
            there = vault.client.list_objects_v2(Bucket=plan.target.bucket, Prefix=plan.prefix)
    except OpsError as error:
        yield _trouble("preflight-bucket", error)
        return
    strangers = vault.strangers(item["Key"] for item in there.get("Contents", ()))
    if strangers:
        yield Finding(
            Severity.WARNING,
            "preflight-shared",
            "The plan's place in the bucket holds other things",
            strange_to(plan, strangers),
            "Give the plan a prefix of its own: its expiry is about all that lies there",
        )
    try:
        left = vault.open_uploads()
    except OpsError:  # not every role and endpoint can list them, and a backup does not need it
        left = []
    if left:
        yield Finding(
            Severity.WARNING,
            "preflight-uploads",
            f"{count_of(len(left), 'unfinished upload lies', 'unfinished uploads lie')} under {plan.prefix}",
            "They cost storage and no list of objects shows them",
            "Abort them, or let the lifecycle do it",
        )


def _alerts(plan: Plan) -> Iterator[Finding]:
    if plan.schedule.times and not set(plan.alerts.channels) - {"desktop"}:
        yield Finding(
            Severity.WARNING,
            "preflight-alerts",
            "Nobody hears of a scheduled run that fails",
            "The desktop is told by an open window alone, and a timer has none",
            "Let the plan tell somebody by mail, SNS or a webhook",
        )


def _endpoint(facts: EndpointFacts | None) -> Iterator[Finding]:
    for words in facts.words if facts else ():
        yield Finding(Severity.INFO, "endpoint", words)
