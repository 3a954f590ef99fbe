"""What is in a database: schemas, tables, columns, keys, sizes; read in one sweep, kept on disk, never asked for twice."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.base.errors import OpsError
from core.base.files import write_atomic

Ask = Callable[[str], list[dict[str, Any]]]
"""Runs a query and returns its rows by column name."""


@dataclass(frozen=True, slots=True)
class TableColumn:
    """sort_position: 1 for the first sort key column, 0 for none; negative in an interleaved key.

    references: what a foreign key refers to, as ``customers(id)``. partition: a partition key (Athena).
    """

    name: str
    type_name: str
    nullable: bool = True
    default: str = ""
    encoding: str = ""
    dist_key: bool = False
    sort_position: int = 0
    primary_key: bool = False
    references: str = ""
    partition: bool = False
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """kind: table | view | late-binding view | materialized view | external table.

    rows, size_mb, skew (most rows on a slice / fewest), unsorted and stats_off (percent): None where unknown.
    keys: primary, unique and foreign keys as they are written in CREATE TABLE.
    """

    schema: str
    name: str
    kind: str
    columns: tuple[TableColumn, ...] = ()
    dist_style: str = ""
    rows: int | None = None
    size_mb: float | None = None
    skew: float | None = None
    unsorted: float | None = None
    stats_off: float | None = None
    keys: tuple[str, ...] = ()
    comment: str = ""

    @property
    def keys_hold(self) -> bool:
        """Whether the keys are enforced. Redshift, whose columns have encodings, only takes note of them."""
        return not any(column.encoding for column in self.columns)

    @property
    def sort_keys(self) -> tuple[str, ...]:
        keyed = [column for column in self.columns if column.sort_position]
        return tuple(column.name for column in sorted(keyed, key=lambda column: abs(column.sort_position)))

    @property
    def dist_keys(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.dist_key)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """One database as it was at ``read``. notes: what could not be read, and why."""

    connection: str
    database: str
    read: datetime
    schemas: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()

    def of_schema(self, schema: str) -> list[Table]:
        return [table for table in self.tables if table.schema == schema]

    def find(self, name: str) -> Table:
        """The table called ``name`` or ``schema.name``. Raises OpsError where there is none, or more than one."""
        schema, _, last = name.rpartition(".")
        found = [t for t in self.tables if t.name == last.strip('"') and schema.strip('"') in ("", t.schema)]
        if not found:
            raise OpsError(
                f"There is no table {name}",
                f"The database {self.database} was read at {self.read:%H:%M} UTC",
                "See `warehouse tables`, or refresh the catalogue",
                code="not-found",
            )
        if len(found) > 1 and not (public := [t for t in found if t.schema == "public"]):
            schemas = ", ".join(table.schema for table in found)
            raise OpsError(f"{name} is not one table", f"It is in {schemas}", "Name its schema too", code="ambiguous")
        if len(found) > 1:
            found = public
        return found[0]


_HIDDEN = "('information_schema', 'pg_catalog', 'pg_internal', 'pg_toast', 'pg_automv', 'pg_auto_copy', 'pg_mv', 'pg_s3', 'rs_meta')"

# svv_tables and svv_columns list external tables and late-binding views too; pg_table_def would list the search path only.
_REDSHIFT = f"""
SELECT t.table_schema, t.table_name, t.table_type, c.column_name, c.ordinal_position, c.data_type,
       c.character_maximum_length, c.numeric_precision, c.numeric_scale, c.is_nullable, c.column_default,
       t.remarks AS table_comment, c.remarks AS column_comment
FROM svv_tables t
LEFT JOIN svv_columns c ON c.table_schema = t.table_schema AND c.table_name = t.table_name
WHERE t.table_schema NOT IN {_HIDDEN}
ORDER BY t.table_schema, t.table_name, c.ordinal_position"""
_REDSHIFT_KEYS = f"""
SELECT schema_name, table_name, column_name, encoding, distkey, sortkey
FROM svv_redshift_columns
WHERE database_name = current_database() AND schema_name NOT IN {_HIDDEN}"""
_REDSHIFT_SIZES = """
SELECT "schema", "table", diststyle, tbl_rows, size, skew_rows, unsorted, stats_off FROM svv_table_info"""
_REDSHIFT_SCHEMAS = (
    f"SELECT nspname FROM pg_namespace WHERE nspname NOT IN {_HIDDEN} AND nspname NOT LIKE 'pg!_%' ESCAPE '!'"
)

_REDSHIFT_PLAIN = f"""
SELECT t.table_schema, t.table_name, t.table_type, c.column_name, c.ordinal_position, c.data_type,
       c.character_maximum_length, c.numeric_precision, c.numeric_scale, c.is_nullable, c.column_default
FROM information_schema.tables t
LEFT JOIN information_schema.columns c ON c.table_schema = t.table_schema AND c.table_name = t.table_name
WHERE t.table_schema NOT IN {_HIDDEN}
ORDER BY 1, 2, 5"""

_POSTGRES = f"""
SELECT n.nspname AS table_schema, c.relname AS table_name,
       CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'f' THEN 'EXTERNAL TABLE'
                      ELSE 'BASE TABLE' END AS table_type,
       a.attname AS column_name, a.attnum AS ordinal_position, format_type(a.atttypid, a.atttypmod) AS data_type,
       CASE WHEN a.attnotnull THEN 'NO' ELSE 'YES' END AS is_nullable, pg_get_expr(d.adbin, d.adrelid) AS column_default,
       CASE WHEN c.relkind IN ('r', 'p', 'm') AND c.reltuples >= 0 THEN c.reltuples::bigint END AS tbl_rows,
       CASE WHEN c.relkind IN ('r', 'p', 'm') THEN pg_total_relation_size(c.oid) / 1048576.0 END AS size_mb,
       td.description AS table_comment, cd.description AS column_comment
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
LEFT JOIN pg_description td ON td.classoid = 'pg_class'::regclass AND td.objoid = c.oid AND td.objsubid = 0
LEFT JOIN pg_description cd ON cd.classoid = 'pg_class'::regclass AND cd.objoid = c.oid AND cd.objsubid = a.attnum
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN {_HIDDEN} AND n.nspname NOT LIKE 'pg\\_temp%'
ORDER BY 1, 2, 5"""
_POSTGRES_SCHEMAS = f"SELECT nspname FROM pg_namespace WHERE nspname NOT IN {_HIDDEN} AND nspname NOT LIKE 'pg\\_%'"

_CONSTRAINTS = f"""
SELECT n.nspname AS table_schema, c.relname AS table_name, pg_get_constraintdef(k.oid) AS definition
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE k.contype IN ('p', 'u', 'f') AND n.nspname NOT IN {_HIDDEN}"""

_KINDS = {"BASE TABLE": "table", "TABLE": "table", "LOCAL TEMPORARY": "table", "VIEW": "view"}


def read_catalogue(connection: str, database: str, dialect: str, ask: Ask, now: datetime) -> Catalogue:
    """Read everything with a handful of statements. What may not be read (keys, sizes) is left out and noted."""
    notes: list[str] = []
    if dialect == "hive":
        return _read_hive(connection, database, ask, now)
    redshift = dialect == "redshift"
    try:
        rows = ask(_REDSHIFT if redshift else _POSTGRES)
    except OpsError as error:
        if error.code != "sql" or not redshift:
            raise
        rows = ask(_REDSHIFT_PLAIN)
        notes.append(f"External tables and late-binding views are not listed: {error.why}")
    schemas = [str(row["nspname"]) for row in ask(_REDSHIFT_SCHEMAS if redshift else _POSTGRES_SCHEMAS)]
    constraints: dict[tuple[str, str], list[str]] = {}
    for row in _tolerated(ask, _CONSTRAINTS, "primary and foreign keys", notes):
        constraints.setdefault((str(row["table_schema"]), str(row["table_name"])), []).append(str(row["definition"]))
    keys: dict[tuple[str, str, str], dict[str, Any]] = {}
    sizes: dict[tuple[str, str], dict[str, Any]] = {}
    if redshift:
        for row in _tolerated(ask, _REDSHIFT_KEYS, "keys and encodings", notes):
            keys[str(row["schema_name"]), str(row["table_name"]), str(row["column_name"])] = row
        for row in _tolerated(ask, _REDSHIFT_SIZES, "sizes and skew", notes):
            sizes[str(row["schema"]), str(row["table"])] = row
    tables = tuple(_tables(rows, keys, sizes, constraints))
    names = sorted({*schemas, *(table.schema for table in tables)})
    return Catalogue(connection, database, now, tuple(names), tables, tuple(notes))


_HIVE_TABLES = 500  # Hive describes one table a question; beyond this the tree would keep the server busy for minutes


def _read_hive(connection: str, database: str, ask: Ask, now: datetime) -> Catalogue:
    names = [str(list(row.values())[-1 if len(row) == 1 else 1]) for row in ask(f"SHOW TABLES IN {database}")]
    notes = (
        []
        if len(names) <= _HIVE_TABLES
        else [f"Columns of the first {_HIVE_TABLES:,} of {len(names):,} tables were read"]
    )
    tables = []
    for number, name in enumerate(names):
        columns: list[TableColumn] = []
        for row in ask(f"DESCRIBE {database}.`{name}`") if number < _HIVE_TABLES else ():
            column, kind, comment = (str(value or "") for value in [*row.values(), ""][:3])
            if not column or column.startswith("#"):
                break  # partitions and storage follow
            columns.append(TableColumn(column, kind, comment=comment))
        tables.append(Table(database, name, "table", tuple(columns)))
    return Catalogue(connection, database, now, (database,), tuple(tables), tuple(notes))


def _tolerated(ask: Ask, query: str, what: str, notes: list[str]) -> list[dict[str, Any]]:
    try:
        return ask(query)
    except OpsError as error:
        if error.code not in ("sql", "denied"):
            raise
        notes.append(f"The {what} could not be read: {error.why}")
        return []


def _tables(
    rows: Iterable[dict[str, Any]], keys: Any, sizes: Any, constraints: dict[tuple[str, str], list[str]]
) -> Iterable[Table]:
    grouped: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        grouped.setdefault((str(row["table_schema"]), str(row["table_name"])), []).append(row)
    for (schema, name), members in grouped.items():
        first = members[0]
        size = sizes.get((schema, name), {})
        declared = sorted(constraints.get((schema, name), ()), key=lambda text: "PUF".find(text[0]))
        primary, references = _in_keys(declared)
        columns = tuple(
            replace(
                _column(row, keys.get((schema, name, str(row["column_name"])), {})),
                primary_key=str(row["column_name"]) in primary,
                references=references.get(str(row["column_name"]), ""),
            )
            for row in members
            if row.get("column_name") is not None
        )
        word = str(first["table_type"]).upper()
        size_mb = size.get("size", first.get("size_mb"))
        yield Table(
            schema,
            name,
            _KINDS.get(word, word.lower()),
            columns,
            str(size.get("diststyle") or ""),
            _number(size.get("tbl_rows", first.get("tbl_rows")), int),
            _number(size_mb, float),
            _number(size.get("skew_rows"), float),
            _number(size.get("unsorted"), float),
            _number(size.get("stats_off"), float),
            tuple(declared),
            str(first.get("table_comment") or ""),
        )


_NAME = r'(?:"(?:[^"]|"")+"|[^",()\s]+)'
_KEY = re.compile(
    rf"(?P<kind>PRIMARY|FOREIGN) KEY \((?P<columns>{_NAME}(?:, {_NAME})*)\)(?: REFERENCES (?P<other>.*?\)(?= |$)))?"
)


def _in_keys(declared: list[str]) -> tuple[set[str], dict[str, str]]:
    """The columns of the primary key, and those of foreign keys with what each refers to."""
    primary: set[str] = set()
    references: dict[str, str] = {}
    for text in declared:
        if (found := _KEY.match(text)) is None:
            continue
        names = re.findall(_NAME, found["columns"])
        columns = [name[1:-1].replace('""', '"') if name.startswith('"') else name for name in names]
        if found["kind"] == "PRIMARY":
            primary.update(columns)
        elif found["kind"] == "FOREIGN":
            references |= dict.fromkeys(columns, found["other"] or "")
    return primary, references


_SHORT = (
    ("character varying", "varchar"),
    ("timestamp without time zone", "timestamp"),
    ("timestamp with time zone", "timestamptz"),
    ("time without time zone", "time"),
    ("time with time zone", "timetz"),
    ("character(", "char("),
    ("binary varying", "varbyte"),
)


def _short(type_name: str) -> str:
    """The name one would write, for the long one the standard prescribes."""
    for long, short in _SHORT:
        if type_name.startswith(long):
            return short + type_name[len(long) :]
    return type_name


def _column(row: dict[str, Any], key: dict[str, Any]) -> TableColumn:
    type_name = _short(str(row.get("data_type") or "").lower())
    length, precision = row.get("character_maximum_length"), row.get("numeric_precision")
    if length and "(" not in type_name and "char" in type_name.lower():
        type_name += f"({int(length)})"
    elif precision and type_name.lower() in ("numeric", "decimal"):
        type_name += f"({int(precision)},{int(row.get('numeric_scale') or 0)})"
    return TableColumn(
        str(row["column_name"]),
        type_name,
        str(row.get("is_nullable", "YES")).upper() not in ("NO", "FALSE"),
        str(row.get("column_default") or ""),
        str(key.get("encoding") or ""),
        str(key.get("distkey") or "").lower() in ("true", "t", "1"),
        int(key.get("sortkey") or 0),
        comment=str(row.get("column_comment") or ""),
    )


def _number(value: Any, kind: Callable[[Any], Any]) -> Any:
    return None if value is None else kind(value)


# -- kept on disk -----------------------------------------------------------------
def store(catalogue: Catalogue, path: Path) -> None:
    import orjson

    write_atomic(path, orjson.dumps(asdict(catalogue)))


def stored(path: Path) -> Catalogue | None:
    """The catalogue of last time, so that the tree stands at once; None where there is none or it cannot be read."""
    import orjson

    try:
        plain = orjson.loads(path.read_bytes())
        tables = []
        for entry in plain["tables"]:
            columns = tuple(TableColumn(**column) for column in entry.pop("columns"))
            tables.append(Table(columns=columns, keys=tuple(entry.pop("keys", ())), **entry))
        return Catalogue(
            plain["connection"],
            plain["database"],
            datetime.fromisoformat(plain["read"]).astimezone(UTC),
            tuple(plain["schemas"]),
            tuple(tables),
            tuple(plain["notes"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None  # a cache: it is read anew
