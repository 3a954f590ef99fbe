"""What a database of MySQL or MariaDB holds, and its schema in comparable lines."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from core.backups.server import SYSTEM_SCHEMAS, identifier, message_of, one_of, rows_of
from core.base.errors import OpsError
from core.jobs.job import Job

_INVALID_VIEW = 1356
_READ = re.compile(r"(?:from|join) \(*`((?:[^`]|``)+)`\.`", re.IGNORECASE)
"""The server tells every table that a view reads with its database."""
LOST = "database"
"""The detail of an error that names what is not there any more."""


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """What a database holds, beside its rows. ``schema``: one comparable line per column, index, key, view, routine, trigger."""

    name: str
    charset: str
    collation: str
    tables: tuple[str, ...]
    views: tuple[str, ...]
    outside_snapshot: tuple[str, ...]
    """Tables of engines without snapshots (MyISAM, Aria, MEMORY): their rows may change during the dump."""
    size: int
    schema: tuple[str, ...]
    definers: tuple[str, ...]
    generated: tuple[str, ...]  # columns that the server computes, as "table.column"
    versioned: tuple[str, ...]
    """Tables that keep old rows (MariaDB)."""
    estimates: dict[str, tuple[int, int]]
    """{table: (bytes, rows)} as the engine guesses them: the rows of InnoDB are off by 5 % and more."""


def server_version(connection: Any) -> tuple[str, str]:
    """("mariadb" | "mysql", version text)."""
    version = str(one_of(connection, "SELECT VERSION()"))
    return ("mariadb" if "mariadb" in version.lower() else "mysql"), version


def describe(connection: Any, database: str) -> DatabaseFacts:
    """Raises OpsError (code ``not-found``) where the user cannot see such a database."""
    found = rows_of(
        connection,
        "SELECT default_character_set_name, default_collation_name FROM information_schema.schemata WHERE schema_name = %s",
        database,
    )
    if not found:
        raise OpsError(
            f"There is no database {database}",
            "It does not exist, or this user may not see it",
            "Check the name and the user's rights",
            details={LOST: database},
            code="not-found",
        )
    tables, views, outside, versioned, estimates = [], [], [], [], dict[str, tuple[int, int]]()
    for name, kind, engine, length, rows in rows_of(
        connection,
        "SELECT table_name, table_type, engine, COALESCE(data_length, 0) + COALESCE(index_length, 0), COALESCE(table_rows, 0)"
        " FROM information_schema.tables WHERE table_schema = %s ORDER BY table_name",
        database,
    ):
        if kind == "VIEW":
            views.append(name)
        elif kind in ("BASE TABLE", "SYSTEM VERSIONED"):
            tables.append(name)
            versioned += [name] if kind == "SYSTEM VERSIONED" else []
            estimates[name] = int(length), int(rows)
            if engine and engine.lower() not in ("innodb", "rocksdb", "tokudb"):
                outside.append(f"{name} ({engine})")
    return DatabaseFacts(
        database,
        found[0][0],
        found[0][1],
        tuple(tables),
        tuple(views),
        tuple(outside),
        sum(size for size, _ in estimates.values()),
        tuple(schema_lines(connection, database)),
        tuple(definers_of(connection, database)),
        tuple(
            f"{table}.{column}"
            for table, column in rows_of(
                connection,
                "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = %s"
                " AND (extra LIKE '%%VIRTUAL GENERATED%%' OR extra LIKE '%%STORED GENERATED%%') ORDER BY 1, 2",
                database,
            )
        ),
        tuple(versioned),
        estimates,
    )


def schema_lines(connection: Any, database: str) -> list[str]:
    """The schema in words, sorted; AUTO_INCREMENT counters, display widths and the database's own name do not matter."""
    lines: list[str] = []
    for table, column, kind, nullable, default, extra, charset, collation in rows_of(
        connection,
        "SELECT c.table_name, c.column_name, c.column_type, c.is_nullable, c.column_default, c.extra, c.character_set_name, c.collation_name"
        " FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)"
        " WHERE c.table_schema = %s AND t.table_type <> 'SEQUENCE'",
        database,
    ):
        text = f"column {table}.{column}: {_type(kind)}"
        text += "" if nullable == "YES" else " not null"
        if default is not None and str(default).upper() != "NULL":
            text += f" default {str(default).strip(chr(39))}"
        if extra:
            text += " " + _extra(extra)
        if charset:
            text += f" {charset.replace('utf8mb3', 'utf8')}/{collation.replace('utf8mb3', 'utf8')}"
        lines.append(text)
    for table, name, unique, columns in rows_of(
        connection,
        "SELECT table_name, index_name, MIN(non_unique) = 0, GROUP_CONCAT(CONCAT(column_name, IFNULL(CONCAT('(', sub_part, ')'), '')) ORDER BY seq_in_index)"
        " FROM information_schema.statistics WHERE table_schema = %s GROUP BY table_name, index_name",
        database,
    ):
        lines.append(f"{'unique ' if unique else ''}index {table}.{name} ({columns})")
    for table, name, columns, other, other_columns in rows_of(
        connection,
        "SELECT table_name, constraint_name, GROUP_CONCAT(column_name ORDER BY ordinal_position), referenced_table_name,"
        " GROUP_CONCAT(referenced_column_name ORDER BY ordinal_position) FROM information_schema.key_column_usage"
        " WHERE table_schema = %s AND referenced_table_name IS NOT NULL GROUP BY table_name, constraint_name, referenced_table_name",
        database,
    ):
        lines.append(f"foreign key {table}.{name} ({columns}) to {other} ({other_columns})")
    for name, kind in rows_of(
        connection, "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = %s", database
    ):
        if kind != "BASE TABLE":
            lines.append(f"{str(kind).lower()} {name}")
    for name, kind in rows_of(
        connection,
        "SELECT routine_name, routine_type FROM information_schema.routines WHERE routine_schema = %s",
        database,
    ):
        lines.append(f"{str(kind).lower()} {name}")
    for name, when, event, table in rows_of(
        connection,
        "SELECT trigger_name, action_timing, event_manipulation, event_object_table FROM information_schema.triggers WHERE trigger_schema = %s",
        database,
    ):
        lines.append(f"trigger {name} {when.lower()} {event.lower()} on {table}")
    for (name,) in rows_of(
        connection, "SELECT event_name FROM information_schema.events WHERE event_schema = %s", database
    ):
        lines.append(f"event {name}")
    return sorted(lines)


def definers_of(connection: Any, database: str) -> list[str]:
    """The accounts that views, routines, triggers and events act as, "user@host", without roles' empty hosts."""
    found = rows_of(
        connection,
        "SELECT definer FROM information_schema.views WHERE table_schema = %s AND security_type = 'DEFINER'"
        " UNION SELECT definer FROM information_schema.routines WHERE routine_schema = %s"
        " UNION SELECT definer FROM information_schema.triggers WHERE trigger_schema = %s"
        " UNION SELECT definer FROM information_schema.events WHERE event_schema = %s",
        *[database] * 4,
    )
    return sorted(str(definer) for (definer,) in found if "@" in str(definer))


def missing_accounts(connection: Any, accounts: tuple[str, ...]) -> list[str] | None:
    """Those of ``accounts`` that the server does not know; None where this user may not look."""
    import pymysql

    try:
        known = {f"{user}@{host}" for user, host in rows_of(connection, "SELECT user, host FROM mysql.user")}
    except pymysql.MySQLError:
        return None
    return [account for account in accounts if account not in known]


def view_trouble(connection: Any, database: str, view: str) -> str:
    """The engine's message where a view cannot be selected from, else nothing."""
    import pymysql

    try:
        rows_of(connection, f"SELECT 1 FROM {identifier(database)}.{identifier(view)} LIMIT 0")
    except pymysql.MySQLError as error:
        return message_of(error)
    return ""


def views_elsewhere(connection: Any, database: str, beside: Collection[str]) -> dict[str, str]:
    """{view: the databases that it reads} for those that lie outside of ``database`` and of what is saved ``beside`` it."""
    found = {}
    for view, text in rows_of(
        connection, "SELECT table_name, view_definition FROM information_schema.views WHERE table_schema = %s", database
    ):
        names = {name.replace("``", "`") for name in _READ.findall(text or "")}
        if far := sorted(names - {database, *beside, *SYSTEM_SCHEMAS}):
            found[str(view)] = ", ".join(far)
    return found


def undumpable(connection: Any, database: str, views: Iterable[str]) -> dict[str, str]:
    """{view: its definition} of those ``views`` whose columns the server cannot tell (1356): a dump program ends at them."""
    import pymysql

    found = {}
    for view in views:
        whole = f"{identifier(database)}.{identifier(view)}"
        try:
            rows_of(connection, f"SHOW FIELDS FROM {whole}")
        except pymysql.MySQLError as error:
            if error.args[0] == _INVALID_VIEW:
                found[view] = str(rows_of(connection, f"SHOW CREATE VIEW {whole}")[0][1])
    return found


def unlike_their_dump(connection: Any, database: str) -> dict[str, str]:
    """{table: why} of tables whose copy has another sum though their dump was whole: a dump writes a FLOAT with six digits, and
    old rows only where it is asked for them (restored, they have other times)."""
    found = {
        table: f"{column} is a FLOAT, of which a dump writes six digits"
        for table, column in float_columns(connection, database).items()
    }
    return found | dict.fromkeys(versioned_tables(connection, database), "its sum counts old rows, too")


def float_columns(connection: Any, database: str) -> dict[str, str]:
    """{table: one of its FLOAT columns}."""
    return {
        str(table): str(column)
        for table, column in rows_of(
            connection,
            "SELECT table_name, MIN(column_name) FROM information_schema.columns WHERE table_schema = %s AND data_type = 'float'"
            " GROUP BY table_name",
            database,
        )
    }


def versioned_tables(connection: Any, database: str) -> set[str]:
    """Those that keep old rows (MariaDB)."""
    return {
        str(table)
        for (table,) in rows_of(
            connection,
            "SELECT table_name FROM information_schema.tables WHERE table_schema = %s AND table_type = 'SYSTEM VERSIONED'",
            database,
        )
    }


def checksums(connection: Any, database: str, tables: tuple[str, ...]) -> dict[str, int]:
    """CHECKSUM TABLE of each; tables that have none (views, sequences), or ``unlike_their_dump``, are left out."""
    sums, unlike = {}, unlike_their_dump(connection, database)
    for table in tables:
        if table in unlike:
            continue
        value = rows_of(connection, f"CHECKSUM TABLE {identifier(database)}.{identifier(table)}")[0][1]
        if value is not None:
            sums[table] = int(value)
    return sums


def count_rows(
    job: Job[Any], connection: Any, database: str, tables: tuple[str, ...], with_old: Collection[str] = ()
) -> dict[str, int]:
    """COUNT(*) of every table (never the estimate of information_schema: it was off by 5 % in 2 M rows), of those ``with_old``
    the old rows, too."""
    counts = {}
    for number, table in enumerate(tables, 1):
        job.report(number, len(tables), f"Counting the rows of {database}.{table}")
        counts[table] = count_of_rows(connection, database, table, with_old=table in with_old)
    return counts


def count_of_rows(connection: Any, database: str, table: str, *, with_old: bool) -> int:
    old = " FOR SYSTEM_TIME ALL" if with_old else ""
    return int(one_of(connection, f"SELECT COUNT(*) FROM {identifier(database)}.{identifier(table)}{old}"))


def has_rows(connection: Any, database: str, table: str) -> bool:
    return bool(rows_of(connection, f"SELECT 1 FROM {identifier(database)}.{identifier(table)} LIMIT 1"))


_WIDTH = re.compile(r"\b(tinyint|smallint|mediumint|int|bigint|year)\(\d+\)")


def _type(kind: str) -> str:
    return _WIDTH.sub(r"\1", kind)


def _extra(extra: str) -> str:
    return " ".join(word for word in extra.lower().replace("default_generated", "").split())
