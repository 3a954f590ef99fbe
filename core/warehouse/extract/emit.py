"""The same definition as Hive or Athena DDL (RegexSerDe), and as a table of the warehouse."""

from __future__ import annotations

import re

from core.base.errors import OpsError
from core.warehouse.extract.definition import DOCUMENT, JSON, PATTERN, Definition, Tally
from core.warehouse.extract.matching import group_names, python_pattern
from core.warehouse.statements import quoted

_HIVE = {
    "text": "string",
    "whole": "bigint",
    "number": "double",
    "boolean": "boolean",
    "date": "string",
    "time": "string",
}
_REDSHIFT = {"whole": "BIGINT", "number": "DOUBLE PRECISION", "boolean": "BOOLEAN", "date": "DATE", "time": "TIMESTAMP"}


def hive_ddl(definition: Definition, table: str, location: str, *, athena: bool = False) -> str:
    """CREATE EXTERNAL TABLE for Hive or Athena. RegexSerDe gives text: other types stand in a view over it.

    Java writes named groups as ``(?<name>``, and numbers every group: each must be a column, named or not.
    Backslashes are doubled, for they stand in a SQL string.
    """
    name = table or "extracted"
    place = location if location.startswith("s3://") else "s3://BUCKET/PREFIX/"
    if definition.kind == JSON:
        columns = ",\n".join(f"  `{c.name}` {_HIVE[c.kind]}" for c in definition.columns)
        return (
            f"CREATE EXTERNAL TABLE {name} (\n{columns}\n)\nROW FORMAT SERDE '{_json_serde(athena)}'\n"
            f"{_json_names(definition, athena)}LOCATION '{place}';\n"
        )
    if definition.kind == DOCUMENT:
        raise OpsError(
            "A pattern over whole documents has no SerDe in Hive and Athena",
            "Both read lines",
            "Extract to Parquet here, and put the table over that",
            code="unsupported",
        )
    if definition.kind != PATTERN:
        raise OpsError(
            "XML has no SerDe in Hive and Athena",
            "Both read lines",
            "Extract to Parquet here, or turn the documents into JSON lines first",
            code="unsupported",
        )
    names = [column.name for column in definition.columns] or group_names(definition.pattern)
    columns = ",\n".join(f"  `{column}` string" for column in names)
    # A quote by its number: what escapes one in a string is not the same everywhere.
    java = re.sub(
        r"\\.|'", lambda m: r"\x27" if m[0][-1] == "'" else m[0], java_pattern(definition.pattern), flags=re.S
    )
    regex = java.replace("\\", "\\\\")
    ddl = (
        f"CREATE EXTERNAL TABLE {name} (\n{columns}\n)\n"
        "ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.RegexSerDe'\n"
        f"WITH SERDEPROPERTIES (\n  'input.regex' = '{regex}'\n)\nLOCATION '{place}';\n"
    )
    typed = [f"  {_cast(c.name, c.kind, c.time_format, definition.null, athena=athena)}" for c in definition.columns]
    # A line that does not match is a row of NULLs there; the first group tells it from a row.
    return (
        ddl
        + f"\nCREATE VIEW {name}_typed AS\nSELECT\n"
        + ",\n".join(typed)
        + f"\nFROM {name}\nWHERE `{names[0]}` IS NOT NULL;\n"
    )


def _json_serde(athena: bool) -> str:
    return "org.openx.data.jsonserde.JsonSerDe" if athena else "org.apache.hive.hcatalog.data.JsonSerDe"


def _json_names(definition: Definition, athena: bool) -> str:
    """Which key a column is read from, where that is not its name: else the column would be NULL in every row."""
    other = [(c.name, c.path) for c in definition.columns if c.path and c.path.lower() != c.name.lower()]
    if not other:
        return ""
    if not athena:
        raise OpsError(
            f"The key {other[0][1]!r} cannot be a column in Hive",
            "Its JSON SerDe finds keys by the column's name alone",
            "Take the DDL for Athena, or extract to Parquet here and put the table over that",
            code="unsupported",
        )
    pairs = ", ".join(f"'mapping.{name}' = '{path}'" for name, path in other)
    return f"WITH SERDEPROPERTIES ({pairs})\n"


def java_pattern(pattern: str) -> str:
    """Named groups as Java takes them: letters and digits only, so those with underscores lose their name."""
    java = re.sub(r"\(\?P<(\w+)>", lambda m: f"(?<{m[1]}>" if m[1].isalnum() else "(", python_pattern(pattern))
    return re.sub(r"\(\?P=(\w+)\)", r"\\k<\1>", java)


def _cast(name: str, kind: str, form: str, null: tuple[str, ...], *, athena: bool) -> str:
    column = f'"{name}"' if athena else f"`{name}`"
    value = f"NULLIF({column}, '-')" if "-" in null else column
    if kind == "text":
        return f"{value} AS {column}"
    if kind == "time" and "%b" in form:
        return f"{_utc_athena(column) if athena else _utc_hive(column)} AS {column}"
    target = {"time": "timestamp", "date": "date"}.get(kind, _HIVE[kind])
    if athena and kind == "time":
        return f"TRY(from_iso8601_timestamp({value})) AS {column}"
    # Hive's CAST gives NULL where Athena's ends the query.
    return f"{'TRY_CAST' if athena else 'CAST'}({value} AS {target}) AS {column}"


def _utc_athena(column: str) -> str:
    """A web log's time in UTC, as the extraction here gives it."""
    return f"TRY(CAST(parse_datetime({column}, 'dd/MMM/yyyy:HH:mm:ss Z') AT TIME ZONE 'UTC' AS timestamp))"


def _utc_hive(column: str) -> str:
    """The same; the offset is taken from the text, for Hive and Spark show a moment in the zone of their session."""
    sign = f"substr({column}, 22, 1)"
    offset = (
        f"CAST(concat({sign}, substr({column}, 23, 2)) AS int) * 3600"
        f" + CAST(concat({sign}, substr({column}, 25, 2)) AS int) * 60"
    )
    return f"CAST(from_unixtime(unix_timestamp(substr({column}, 1, 20), 'dd/MMM/yyyy:HH:mm:ss') - ({offset})) AS timestamp)"


def table_ddl(definition: Definition, table: str, tally: Tally | None = None) -> str:
    """CREATE TABLE for the warehouse; text as wide as the longest value seen, doubled, for Redshift counts bytes."""
    parts = []
    for column in definition.columns:
        kind = _REDSHIFT.get(column.kind) or f"VARCHAR({_width(tally.longest.get(column.name, 0) if tally else 0)})"
        parts.append(f"  {quoted(column.name)} {kind}")
    names = ".".join(quoted(part) for part in table.split("."))
    return f"CREATE TABLE {names} (\n" + ",\n".join(parts) + "\n)"


def _width(longest: int) -> int:
    for width in (16, 64, 256, 1024, 4096, 16_384):
        if longest * 2 <= width:
            return width
    return 65_535
