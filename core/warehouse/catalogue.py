"""What is in a database: schemas, tables, columns, keys, sizes; read in one sweep, kept on disk, never asked for twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.base.errors import OpsError
from core.base.files import write_atomic

Ask = Callable[[str], list[dict[str, Any]]]
"""Runs a query and returns its rows by column name."""


@dataclass(frozen=True, slots=True)
class TableColumn:
    """sort_position: 1 for the first sort key column, 0 for none; negative in an interleaved key."""

    name: str
    type_name: str
    nullable: bool = True
    default: str = ""
    encoding: str = ""
    dist_key: bool = False
    sort_position: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """kind: table | view | late-binding view | materialized view | external table.

    rows, size_mb, skew (most rows on a slice / fewest), unsorted and stats_off (percent): None where unknown.
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
       c.character_maximum_length, c.numeric_precision, c.numeric_scale, c.is_nullable, c.column_default
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
       CASE WHEN c.relkind IN ('r', 'p', 'm') THEN pg_total_relation_size(c.oid) / 1048576.0 END AS size_mb
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN {_HIDDEN} AND n.nspname NOT LIKE 'pg\\_temp%'
ORDER BY 1, 2, 5"""
_POSTGRES_SCHEMAS = f"SELECT nspname FROM pg_namespace WHERE nspname NOT IN {_HIDDEN} AND nspname NOT LIKE 'pg\\_%'"

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
    keys: dict[tuple[str, str, str], dict[str, Any]] = {}
    sizes: dict[tuple[str, str], dict[str, Any]] = {}
    if redshift:
        for row in _tolerated(ask, _REDSHIFT_KEYS, "keys and encodings", notes):
            keys[str(row["schema_name"]), str(row["table_name"]), str(row["column_name"])] = row
        for row in _tolerated(ask, _REDSHIFT_SIZES, "sizes and skew", notes):
            sizes[str(row["schema"]), str(row["table"])] = row
    tables = tuple(_tables(rows, keys, sizes))
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
            column, kind = (str(value or "") for value in list(row.values())[:2])
            if not column or column.startswith("#"):
                break  # partitions and storage follow
            columns.append(TableColumn(column, kind))
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


def _tables(rows: Iterable[dict[str, Any]], keys: Any, sizes: Any) -> Iterable[Table]:
    grouped: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        grouped.setdefault((str(row["table_schema"]), str(row["table_name"])), []).append(row)
    for (schema, name), members in grouped.items():
        first = members[0]
        size = sizes.get((schema, name), {})
        columns = tuple(
            _column(row, keys.get((schema, name, str(row["column_name"])), {}))
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
        )


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
    )


def _number(value: Any, kind: Callable[[Any], Any]) -> Any:
    return None if value is None else kind(value)


# -- advice ----------------------------------------------------------------------
_SMALL, _LARGE = 2_000_000, 10_000_000  # rows; below the first a copy on every node is cheap


def advice(table: Table, others: Iterable[Table] = ()) -> list[str]:
    """What the keys and figures of a table suggest, each with its reason. Suggestions, not orders: AUTO is a good default."""
    if table.kind != "table" or table.rows is None:
        return []
    found = []
    if table.skew is not None and table.skew > 4:
        key = ", ".join(table.dist_keys) or "its distribution"
        found.append(
            f"Rows are uneven: the fullest slice holds {table.skew:.1f} times the emptiest, so it decides how long a "
            f"query takes. {key} has too few or too unequal values; choose another DISTKEY or DISTSTYLE EVEN."
        )
    if table.stats_off is not None and table.stats_off > 10:
        found.append(
            f"Statistics are {table.stats_off:.0f} % off: the planner guesses. Run ANALYZE {table.schema}.{table.name}."
        )
    if table.unsorted is not None and table.unsorted > 20:
        found.append(
            f"{table.unsorted:.0f} % is unsorted, so range filters read more blocks. Run VACUUM {table.schema}.{table.name}."
        )
    style = table.dist_style.upper()
    if 0 < table.rows < _SMALL and style.startswith(("EVEN", "KEY")) and "AUTO" not in style:
        found.append(f"With {table.rows:,} rows a copy on every node (DISTSTYLE ALL) makes every join with it local.")
    shared = _join_column(table, others)
    if table.rows >= _LARGE and style.startswith("EVEN") and shared:
        found.append(f"{shared} is in other large tables too: as DISTKEY of all of them, joins on it move no rows.")
    times = [c.name for c in table.columns if c.type_name.lower().startswith(("timestamp", "date"))]
    if table.rows >= _SMALL and not table.sort_keys and times:
        found.append(f"No sort key: with SORTKEY ({times[0]}), queries over a time range skip the other blocks.")
    return found


def _join_column(table: Table, others: Iterable[Table]) -> str:
    """The id column that most other large tables have as well."""
    counts: dict[str, int] = {}
    for other in others:
        if (other.schema, other.name) != (table.schema, table.name) and (other.rows or 0) >= _SMALL:
            for column in other.columns:
                if column.name.endswith("_id"):
                    counts[column.name] = counts.get(column.name, 0) + 1
    mine = [(counts[c.name], c.name) for c in table.columns if c.name in counts]
    return max(mine)[1] if mine else ""


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
            tables.append(Table(columns=columns, **entry))
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
