"""What is to be extracted: how lines become columns, and of which types."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from core.base.errors import OpsError

TYPES = ("text", "whole", "number", "boolean", "date", "time")
"""whole: 64 bit; time: a timestamp in UTC without a zone."""

PATTERN, JSON, XML, DOCUMENT = "pattern", "json", "xml", "document"


@dataclass(frozen=True, slots=True)
class OutputColumn:
    """time_format: how a date or time is written (chrono's notation, as polars takes it). path: where the value
    stands in a JSON object (key) or an XML record (child, child/child, @attribute, or "." for its text)."""

    name: str
    kind: str = "text"
    time_format: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Definition:
    """kind: ``pattern`` (a regular expression over each whole line), ``json`` (an object a line), ``xml`` (records by path),
    ``document`` (a regular expression found anywhere in a whole file, each match a row).

    record: for XML the element that is one row. skip: lines that match this are no data at all (comments).
    null: texts that mean NULL.
    """

    kind: str = PATTERN
    pattern: str = ""
    columns: tuple[OutputColumn, ...] = ()
    record: str = ""
    skip: str = ""
    null: tuple[str, ...] = ("-", "")
    title: str = ""

    def with_kinds(self, kinds: dict[str, str]) -> Definition:
        """The same with other column types."""
        return replace(self, columns=tuple(replace(c, kind=kinds.get(c.name, c.kind)) for c in self.columns))


MOST_REJECTS = 1_000_000
"""Texts kept; all are counted."""


@dataclass(slots=True)
class Tally:
    """What happened to the input. Counts are lines (records for XML); rejected = those in no row of the table.
    misread: lines with bytes that are not UTF-8, shown as replacement characters.
    problems: files that could not be read to their end, and why."""

    lines: int = 0
    rows: int = 0
    rejected: int = 0
    skipped: int = 0
    bytes: int = 0
    files: int = 0
    misread: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)
    longest: dict[str, int] = field(default_factory=dict)
    """the longest value of each text column, in bytes of UTF-8"""

    def add(self, other: Tally) -> None:
        """Count another's input with this one's."""
        for name in ("lines", "rows", "skipped", "bytes", "files", "misread"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for reason, count in other.reasons.items():
            self.reject(reason, count)
        self.problems += other.problems
        for name, size in other.longest.items():
            self.longest[name] = max(self.longest.get(name, 0), size)

    def reject(self, reason: str, count: int = 1) -> None:
        if count:
            self.rejected += count
            self.reasons[reason] = self.reasons.get(reason, 0) + count

    @property
    def remark(self) -> str:
        """What a reader of the table has to know, or nothing."""
        remarks = []
        if self.misread:
            remarks.append(
                f"{self.misread:,} lines hold bytes that are not UTF-8, each shown as \ufffd: convert the file first to keep them"
            )
        if self.rejected > MOST_REJECTS:
            remarks.append(f"Of {self.rejected:,} rejects the first {MOST_REJECTS:,} texts are kept")
        return ". ".join(remarks)


def xml_definition(text: str) -> Definition:
    """Records of XML as one writes them: ``item``, or with the paths of its columns ``item: @sku, price, maker/name``;
    without paths, or without a record, they are guessed from the sample."""
    record, _, paths = (part.strip() for part in text.partition(":"))
    columns = [path.strip() for path in paths.split(",") if path.strip()]
    names = [re.sub(r"\W+", "_", path).strip("_") or record for path in columns]
    return Definition(
        XML, record=record, columns=tuple(OutputColumn(n, path=p) for n, p in zip(names, columns, strict=True))
    )


def bad_pattern(pattern: str, why: str) -> OpsError:
    return OpsError(
        "The pattern is no regular expression",
        why,
        "Correct the pattern; each group ( ) becomes a column",
        details={"pattern": pattern},
        code="pattern",
    )
