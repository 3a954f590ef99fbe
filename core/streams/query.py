"""SQL over the records a tap has kept: a private in-memory DuckDB that can reach no file and no network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.base.errors import WrongUse
from core.jobs.job import Job
from core.streams.decode import Record

MOST_ROWS = 10_000
_LOOKED_AT = 200  # newest records whose fields become columns
_MOST_FIELDS = 60
_OWN = ("arrived", "shard", "partition_key", "sequence", "sub_sequence", "size", "codec", "data")


@dataclass(frozen=True, slots=True)
class Answer:
    """``frame`` is a polars DataFrame; ``cut``: there were more than MOST_ROWS rows."""

    frame: Any
    cut: bool


def fields_of(records: Sequence[Record]) -> dict[str, str]:
    """Top-level JSON fields of the newest records -> DuckDB type that holds all their values."""
    found: dict[str, set[str]] = {}
    taken = set(_OWN)  # DuckDB's column names know no case
    for record in records[-_LOOKED_AT:]:
        value = record.json()
        for name, inner in value.items() if isinstance(value, dict) else ():
            if name in found:
                found[name].add(_type_of(inner))
            elif name and name.isprintable() and name.casefold() not in taken and len(found) < _MOST_FIELDS:
                taken.add(name.casefold())
                found[name] = {_type_of(inner)}
    return {name: _common(types - {""}) for name, types in found.items()}


def query(job: Job[Any], records: Sequence[Record], sql: str) -> Answer:
    """Run one SELECT over the table ``records``: a row a record, oldest first, with its JSON fields as columns.

    Raises WrongUse with the database's own words where the statement cannot be run; a cancel interrupts it.
    """
    import duckdb
    import pyarrow

    fields = fields_of(records)
    table = pyarrow.table(
        {
            "arrived": pyarrow.array([round(record.arrived * 1000) for record in records], pyarrow.timestamp("ms")),
            "shard": [record.shard for record in records],
            "partition_key": [record.partition_key for record in records],
            "sequence": [record.sequence for record in records],
            "sub_sequence": pyarrow.array([record.sub_sequence for record in records], pyarrow.int32()),
            "size": pyarrow.array([record.size for record in records], pyarrow.int32()),
            "codec": [record.codec for record in records],
            "data": pyarrow.array([record.text for record in records], pyarrow.string()),
        }
    )
    with duckdb.connect(":memory:", config={"enable_external_access": "false", "threads": "1"}) as database:
        database.register("kept", table)
        values = "".join(f", {_cast(name, kind)} AS {_quoted(name)}" for name, kind in fields.items())
        json = "CASE WHEN codec LIKE '%json' THEN data END"
        database.execute(
            f"CREATE TABLE records AS SELECT * EXCLUDE (value){values} FROM (SELECT *, {json} AS value FROM kept)"
        )
        database.unregister("kept")
        database.execute("SET lock_configuration = true")
        with job.interruptible(database.interrupt):
            try:
                statements = database.extract_statements(sql)
                if len(statements) != 1:
                    raise WrongUse(
                        "The query cannot be run", f"It holds {len(statements)} statements", "Write one SELECT"
                    )
                frame = _fetched(database, statements[0])
            except duckdb.Error as error:
                job.checkpoint()
                raise WrongUse(
                    "The query cannot be run",
                    str(error).strip().split("\n\n")[0],
                    f"The table is records; its columns: {_names(fields)}",
                ) from error
    return Answer(frame.head(MOST_ROWS), frame.height > MOST_ROWS)


def _fetched(database: Any, statement: Any) -> Any:
    """One row more than is shown, to know whether it was cut."""
    import polars

    answer = database.execute(statement)
    if answer.description is None:
        return polars.DataFrame()
    rows = answer.fetchmany(MOST_ROWS + 1)
    names = _distinct([column[0] for column in answer.description])
    columns = {name: [row[at] for row in rows] for at, name in enumerate(names)}
    return polars.DataFrame({name: polars.Series(name, values, strict=False) for name, values in columns.items()})


def _distinct(names: list[str]) -> list[str]:
    """A frame has no two columns of one name; ``a, a`` become ``a, a_2``."""
    seen: dict[str, int] = {}
    made = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        made.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return made


def _type_of(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "BOOLEAN"
    if isinstance(value, int):
        return "BIGINT"
    return "DOUBLE" if isinstance(value, float) else "VARCHAR"


def _common(types: set[str]) -> str:
    if types == {"BIGINT", "DOUBLE"}:
        return "DOUBLE"
    return types.pop() if len(types) == 1 else "VARCHAR"


def _cast(name: str, kind: str) -> str:
    # A JSON pointer takes any name; DuckDB's $ paths have no way to write a backslash.
    path = "'/" + name.replace("~", "~0").replace("/", "~1").replace("'", "''") + "'"
    return f"TRY_CAST(json_extract_string(value, {path}) AS {kind})"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _names(fields: dict[str, str]) -> str:
    return ", ".join([*_OWN, *fields])
