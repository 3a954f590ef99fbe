"""Is the target what the source is? Counts, sums and key ranges of the whole; checksums of key ranges find the hole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.aws.faults import explained
from core.warehouse.feed.mapping import LONGEST, Mapped, ticked
from core.warehouse.feed.pull import TablePull
from core.warehouse.scratch import scratch
from core.warehouse.statements import quoted

BUCKET = 10_000  # keys a checksum covers: small enough to pull again at once, large enough to compare millions quickly
_INTEGERS = ("int16", "int32", "int64")


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison; ``expected`` is the source's."""

    name: str
    ok: bool
    expected: str
    actual: str

    def document(self) -> dict[str, Any]:
        return {"name": self.name, "ok": self.ok, "expected": self.expected, "actual": self.actual}


def reconcile(pull: TablePull, connection: Any) -> list[Check]:
    """Compare the whole table. ``pull`` has run, so its columns are known."""
    table = f"{ticked(pull.table.database)}.{ticked(pull.table.name)}"
    names, theirs, ours = ["rows"], ["COUNT(*)"], ["COUNT(*)"]
    for one in pull.columns:
        if one.shape in _INTEGERS or (one.shape.startswith("decimal") and not one.shape.startswith("decimal:38")):
            names.append(f"sum of {one.name}")
            theirs.append(f"CAST(SUM(CAST({ticked(one.name)} + 0 AS DECIMAL(65,10))) AS CHAR)")
            ours.append(f"CAST(SUM(CAST({quoted(one.name.lower())} AS DECIMAL(38,10))) AS VARCHAR)")
    for key in pull.table.primary_key:
        column = pull.table.column(key)
        if column is not None and column.kind.endswith("int"):
            for function in ("MIN", "MAX"):
                names.append(f"{function.lower()} of {key}")
                theirs.append(f"CAST({function}({ticked(key)}) AS CHAR)")
                ours.append(f"CAST({function}({quoted(key.lower())}) AS VARCHAR)")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(theirs)} FROM {table}")
        expected = cursor.fetchone()
    actual = pull.target.rows(pull.job, f"SELECT {', '.join(ours)} FROM {pull.place}")[0]
    return [
        Check(name, _number(one) == _number(two), str(one), str(two))
        for name, one, two in zip(names, expected, actual, strict=True)
    ]


def _number(value: Any) -> str:
    text = "" if value is None else str(value)
    return text.rstrip("0").rstrip(".") if "." in text else text


def holes(pull: TablePull, connection: Any) -> list[int]:
    """The buckets (key // 10,000) whose rows differ; without a single integer key to cut by, all rows are the bucket 0."""
    key = cut_by(pull)
    theirs, ours = _checksum(pull, _digest(connection))
    table = f"{ticked(pull.table.database)}.{ticked(pull.table.name)}"
    bucket = f"CAST(FLOOR({ticked(key)} / {BUCKET}) AS SIGNED)" if key else "0"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {bucket} AS b, COUNT(*), CAST(SUM({theirs}) AS CHAR) FROM {table} GROUP BY b")
        expected = {int(bucket): (int(count), str(total)) for bucket, count, total in cursor.fetchall()}
    bucket = f"CAST(FLOOR({quoted(key.lower())} / {BUCKET}.0) AS BIGINT)" if key else "0"
    rows = pull.target.rows(
        pull.job, f"SELECT {bucket} AS b, COUNT(*), CAST(SUM({ours}) AS VARCHAR) FROM {pull.place} GROUP BY 1"
    )
    actual = {int(one): (int(count), str(total)) for one, count, total in rows}
    return sorted(one for one in expected.keys() | actual.keys() if expected.get(one) != actual.get(one))


def cut_by(pull: TablePull) -> str:
    """The single whole number that is the primary key, or empty: what ranges of rows are cut and pulled again by."""
    keys = pull.table.primary_key
    column = pull.table.column(keys[0]) if len(keys) == 1 else None
    return column.name if column is not None and column.kind.endswith("int") else ""


def _digest(connection: Any) -> str:
    """The hash that both sides have, as a pattern: MySQL 9.6 has MD5 no more, unless a component is installed."""
    import pymysql

    with connection.cursor() as cursor:
        try:
            cursor.execute("SELECT MD5('')")
        except pymysql.MySQLError as error:
            if error.args[0] not in (1046, 1305, 1370):  # read as a function of the user's own
                raise
            return "SHA2({}, 256)"
    return "MD5({})"


def uncompared(pull: TablePull) -> list[str]:
    """The columns whose values no checksum covers."""
    return [one.name for one in pull.columns if _texts(one, "{}") is None]


def _checksum(pull: TablePull, digest: str) -> tuple[str, str]:
    """The same number from a row on both sides: 32 bits of the ``digest`` of its values as text."""
    pairs = [_texts(one, digest) for one in pull.columns]
    theirs = "CONCAT_WS('|', " + ", ".join(pair[0] for pair in pairs if pair) + ")"
    ours = " || '|' || ".join(pair[1] for pair in pairs if pair)
    return (
        f"CAST(CONV(LEFT({digest.format(theirs)}, 8), 16, 10) AS DECIMAL(20,0))",
        f"CAST(STRTOL(LEFT({digest.format(ours)}, 8), 16) AS DECIMAL(20,0))",
    )


def _texts(column: Mapped, digest: str) -> tuple[str, str] | None:
    """A column as the same text at the source and here; None for what has no such text (floats, JSON, bytes)."""
    name = quoted(column.name.lower())
    if column.target == "SUPER" or column.shape in ("float", "double", "binary"):
        return None
    theirs = f"CAST({column.expression} AS CHAR)"
    if (
        column.shape == "string" and column.target == f"VARCHAR({LONGEST})"
    ):  # a text may have been cut, and several must fit one
        head = 16_000  # characters: within 65,535 bytes whatever they are
        cut = [digest.format(f"LEFT({one}, {head})") for one in (column.expression, name)]
        return f"COALESCE({cut[0]}, '~')", f"COALESCE({cut[1]}, '~')"
    if column.shape == "string":
        return f"COALESCE({column.expression}, '~')", f"COALESCE({name}, '~')"
    if column.shape == "bool":
        return f"COALESCE({theirs}, '~')", f"CASE WHEN {name} IS NULL THEN '~' WHEN {name} THEN '1' ELSE '0' END"
    if column.shape == "date":
        return f"COALESCE({theirs}, '~')", f"COALESCE(CAST(DATEDIFF(day, DATE '1970-01-01', {name}) AS VARCHAR), '~')"
    if column.shape == "timestamp":
        return (
            f"COALESCE({theirs}, '~')",
            f"COALESCE(CAST(DATEDIFF(microsecond, TIMESTAMP '1970-01-01 00:00:00', {name}) AS VARCHAR), '~')",
        )
    return f"COALESCE({theirs}, '~')", f"COALESCE(CAST({name} AS VARCHAR), '~')"


def repair(pull: TablePull, buckets: list[int]) -> int:
    """Pull the buckets again: their rows are replaced in one transaction, so deletes at the source arrive too."""
    key = cut_by(pull)
    total = 0
    for bucket in buckets:
        pull.job.checkpoint()
        low, high = bucket * BUCKET, (bucket + 1) * BUCKET
        name = ticked(key)
        with scratch("feed") as folder:
            path = folder / "part.parquet"
            rows, _ = pull.read(path, f"{name} >= {low} AND {name} < {high}")
            staged = f"{pull.stage.prefix}{pull.table.database}.{pull.table.name}/{pull.run_id}/repair-{bucket}.parquet"
            if rows:
                with explained("upload the staged rows"):
                    pull.stage.s3.upload_file(str(path), pull.stage.bucket, staged)
        column = quoted(key.lower())
        try:
            pull.reload(rows, staged, f"DELETE FROM {pull.place} WHERE {column} >= {low} AND {column} < {high}")
        finally:
            if rows:
                with explained("remove the staged rows"):
                    pull.stage.s3.delete_object(Bucket=pull.stage.bucket, Key=staged)
        total += rows
    return total
