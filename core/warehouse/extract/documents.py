"""A pattern over whole documents: each place where it is found is a row (XML without its tree, as Hive's users write it)."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from core.base.errors import OpsError
from core.warehouse.extract.definition import bad_pattern
from core.warehouse.extract.matching import SECONDS_A_BLOCK, python_pattern, time_limit
from core.warehouse.extract.sources import Damaged, Source, raw_blocks

if TYPE_CHECKING:
    from core.warehouse.extract.definition import Definition

LARGEST = 64_000_000
"""Bytes of one document; a larger one would not fit the memory that is promised. Its records can be read by path."""
_BATCH = 20_000

Found = tuple[list[str], list[list[str | None]]]
"""The texts that matched, and the groups of each."""


def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern; a dot means any character, line ends too. Raises OpsError (code ``pattern``)."""
    try:
        made = re.compile(python_pattern(pattern), re.DOTALL)
    except re.error as error:
        raise bad_pattern(pattern, f"{error}") from error
    if not made.groups:
        raise bad_pattern(pattern, "It has no group, so there is nothing to put into columns")
    return made


def matches(definition: Definition, source: Source, seconds: float = SECONDS_A_BLOCK) -> Iterator[tuple[Found, int]]:
    """Matches of one document in batches, with the document's size beside the first of them (else 0); none where none is found.

    Entities stand for their characters in the values. Raises Damaged for a document that is too large or cannot be read.
    """
    pattern = compiled(definition.pattern)
    data = bytearray()
    for piece in raw_blocks(source):
        data += piece
        if len(data) > LARGEST:
            raise Damaged(f"it is larger than {LARGEST // 1_000_000} MB: name the record element and its paths instead")
    text, size = data.decode("utf-8", "replace"), len(data)
    del data
    texts: list[str] = []
    rows: list[list[str | None]] = []
    place = 0
    found = pattern.finditer(text)
    while True:
        try:
            with time_limit(seconds):
                for match in found:
                    place = match.end()
                    texts.append(match[0])
                    rows.append([None if value is None else html.unescape(value.strip()) for value in match.groups()])
                    if len(rows) >= _BATCH:
                        break
                else:
                    break
        except TimeoutError:
            raise OpsError(
                "The pattern takes too long",
                f"{seconds:g} s were not enough; it stood behind {text[max(0, place - 60) : place]!r} in {source.name}",
                "Nested repetitions such as (a+)+ explode: make them simpler",
                details={"pattern": definition.pattern, "document": source.name},
                code="slow-pattern",
            ) from None
        yield (texts, rows), size
        texts, rows, size = [], [], 0
    yield (texts, rows), size
