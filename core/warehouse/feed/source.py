"""A MySQL server as a source: where it is, and what its information_schema says of the tables to pull."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from core.base.errors import OpsError, WrongUse


@dataclass(frozen=True, slots=True)
class Server:
    """Host, port and login of one MySQL or MariaDB server, and the database meant."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str = ""
    ca_file: str = ""

    @classmethod
    def from_url(cls, url: str) -> Server:
        """``mysql://user:password@host:port/database``. Raises WrongUse."""
        parts = urlsplit(url)
        if parts.scheme not in ("mysql", "mariadb") or not parts.hostname:
            raise WrongUse(
                f"{_bare(url)!r} is not a MySQL address", "It should be mysql://user@host:3306/database", "Correct it"
            )
        return cls(
            parts.hostname,
            parts.port or 3306,
            unquote(parts.username or "root"),
            unquote(parts.password or ""),
            unquote(parts.path.strip("/")),
        )

    @property
    def url(self) -> str:
        """With the password: for the reader's own memory only, never for a log or a file."""
        login = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"mysql://{login}@{host}:{self.port}/{quote(self.database, safe='')}"

    @property
    def name(self) -> str:
        """What the state table knows it by."""
        return f"{self.host}:{self.port}/{self.database}"

    def connect(self) -> Any:
        """A PyMySQL connection in UTC. Raises OpsError."""
        import pymysql

        from core.base.mysql import Line

        try:
            return Line(
                host=self.host,
                port=self.port,
                user=self.user,
                password=self.password,
                database=self.database or None,
                charset="utf8mb4",
                connect_timeout=10,
                init_command="SET time_zone = '+00:00'",
                ca_file=self.ca_file,
            )
        except pymysql.MySQLError as error:
            raise OpsError(
                f"The MySQL server {self.name} cannot be reached",
                str(error.args[-1]) if error.args else "It gave no reason",
                "Check address, user and password",
                code="source",
            ) from error


def demands_tls(connection: Any) -> bool:
    """Whether the server refuses whoever comes without TLS."""
    import pymysql

    with connection.cursor() as cursor:
        try:
            cursor.execute("SELECT @@require_secure_transport")
        except pymysql.MySQLError:  # before MySQL 5.7 and MariaDB 10.5
            return False
        return bool(cursor.fetchone()[0])


@dataclass(frozen=True, slots=True)
class SourceColumn:
    name: str
    kind: str
    """data_type: int, varchar, ..."""
    full: str
    """column_type: int(10) unsigned, enum('a','b'), ..."""
    nullable: bool
    length: int
    precision: int
    scale: int
    auto_increment: bool = False

    @property
    def unsigned(self) -> bool:
        return "unsigned" in self.full.lower()


@dataclass(frozen=True, slots=True)
class SourceTable:
    """One table as it is now; ``rows`` is the server's estimate."""

    database: str
    name: str
    columns: tuple[SourceColumn, ...]
    primary_key: tuple[str, ...]
    indexed: frozenset[str]
    """Columns that lead an index."""
    references: tuple[tuple[str, str], ...]
    """Foreign keys of one column: (column, table it refers to)."""
    rows: int
    json_columns: frozenset[str] = frozenset()

    def column(self, name: str) -> SourceColumn | None:
        return next((one for one in self.columns if one.name == name), None)


def read_tables(
    connection: Any, database: str, names: list[str] | None = None, exclude: frozenset[str] = frozenset()
) -> list[SourceTable]:
    """The base tables of a database (or those named), in name order. Raises OpsError for one that is not there."""
    with connection.cursor() as cursor:
        rows = _rows(
            cursor,
            "SELECT TABLE_NAME, COALESCE(TABLE_ROWS, 0) FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_TYPE = 'BASE TABLE'",
            database,
        )
        sizes = {name: int(count) for name, count in rows}
        wanted = names or sorted(sizes)
        for name in wanted:
            if name not in sizes:
                raise OpsError(
                    f"The table {database}.{name} does not exist",
                    "The source has no table of this name",
                    "Correct the plan",
                    code="not-found",
                )
        columns = _rows(
            cursor,
            "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, IS_NULLABLE, COALESCE(CHARACTER_MAXIMUM_LENGTH, 0), COALESCE(NUMERIC_PRECISION, 0),"
            " COALESCE(NUMERIC_SCALE, 0), EXTRA FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s ORDER BY TABLE_NAME, ORDINAL_POSITION",
            database,
        )
        keys = _rows(
            cursor,
            "SELECT TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX, COLUMN_NAME FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = %s ORDER BY 1, 2, 3",
            database,
        )
        foreign = _rows(
            cursor,
            "SELECT TABLE_NAME, COLUMN_NAME, REFERENCED_TABLE_NAME FROM information_schema.KEY_COLUMN_USAGE"
            " WHERE TABLE_SCHEMA = %s AND REFERENCED_TABLE_NAME IS NOT NULL",
            database,
        )
        checks = _json_checks(cursor, database)
    return [
        SourceTable(
            database,
            name,
            tuple(
                SourceColumn(
                    column,
                    kind.lower(),
                    full,
                    nullable == "YES",
                    int(length),
                    int(precision),
                    int(scale),
                    "auto_increment" in extra,
                )
                for table, column, kind, full, nullable, length, precision, scale, extra in columns
                if table == name and f"{table}.{column}" not in exclude
            ),
            tuple(column for table, index, _, column in keys if table == name and index == "PRIMARY"),
            frozenset(column for table, _, place, column in keys if table == name and place == 1),
            tuple((column, other) for table, column, other in foreign if table == name),
            sizes[name],
            frozenset(column for table, column in checks if table == name),
        )
        for name in wanted
    ]


def _json_checks(cursor: Any, database: str) -> list[tuple[str, str]]:
    """MariaDB's JSON is LONGTEXT with the check json_valid(column): these are the columns meant as JSON."""
    import pymysql

    try:
        rows = _rows(
            cursor,
            "SELECT TABLE_NAME, CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = %s",
            database,
        )
    except pymysql.MySQLError:
        return []  # MySQL 8 has no TABLE_NAME there, and a JSON type of its own
    return [
        (table, found[1]) for table, clause in rows if (found := re.fullmatch(r"json_valid\(`(.+)`\)", str(clause)))
    ]


def _rows(cursor: Any, sql: str, database: str) -> list[tuple[Any, ...]]:
    cursor.execute(sql, (database,))
    return list(cursor.fetchall())


def _bare(url: str) -> str:
    """A URL without its password, for messages."""
    head, at, tail = url.rpartition("@")
    return f"{head.partition(':')[0]}://...@{tail}" if at else url
