"""What running one SQL text gives: a result as Arrow batches with Redshift's column types, or a count; or an SqlError."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from core.sandbox.redshift.engine.types import SqlType


class SqlError(Exception):
    """A statement failed as it would on Redshift ("ERROR: ..."), or names what this engine cannot do."""

    def __init__(self, message: str) -> None:
        super().__init__(message if message.startswith(("ERROR:", "FATAL:")) else f"ERROR: {message}")


class NeedsCluster(SqlError):
    """The construct is Redshift's, and only a real cluster can honour it."""

    def __init__(self, construct: str, why: str = "") -> None:
        super().__init__(
            f"{construct} needs a real cluster: the local engine does not support it{'; ' + why if why else ''}"
        )


@dataclass(frozen=True, slots=True)
class Column:
    """A result column: its label and Redshift type, and the table it comes from where that is plain."""

    label: str
    type: SqlType
    table: str = ""
    schema: str = ""
    nullable: bool = True

    def metadata(self) -> dict[str, Any]:
        """The Data API's ColumnMetadata."""
        kind = self.type
        return {
            "isCaseSensitive": kind.is_text,
            "isCurrency": False,
            "isSigned": kind.is_number,
            "label": self.label,
            "length": 0,
            "name": self.label,
            "nullable": int(self.nullable),
            "precision": kind.metadata_precision,
            "scale": kind.metadata_scale,
            "schemaName": self.schema,
            "tableName": self.table,
            "typeName": kind.api_name,
        }


def _nothing() -> Iterator[Any]:
    return iter(())


@dataclass(slots=True)
class Outcome:
    """``columns`` None: no result set. ``affected``: rows changed, -1 where that means nothing."""

    columns: list[Column] | None = None
    schema: Any = None
    produce: Callable[[], Iterator[Any]] = _nothing
    affected: int = -1
    notes: list[str] = field(default_factory=list)

    def batches(self, largest_row: int) -> Iterator[Any]:
        """Arrow record batches; raises SqlError as soon as the engine does, or for a row above ``largest_row`` bytes."""
        for batch in self.produce():
            if batch.num_rows and batch.nbytes / batch.num_rows > largest_row:
                raise SqlError(f"A row of the result is larger than {largest_row:,} bytes")
            yield batch
