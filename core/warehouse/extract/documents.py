"""A pattern over whole documents: each place where it is found is a row (XML without its tree, as Hive's users write it)."""

from __future__ import annotations

import codecs
import html
import re
from collections.abc import Iterator

from core.base.errors import OpsError
from core.warehouse.extract.definition import Definition, bad_pattern
from core.warehouse.extract.matching import SECONDS_A_BLOCK, python_pattern, time_limit
from core.warehouse.extract.sources import Damaged, Source, raw_blocks

LARGEST = 64_000_000
"""Bytes of one document. It is held in memory, for a match may span all of it; a larger one can be read by path, as a stream."""
_PIECE = 20_000
"""Matches looked for within one time limit."""
_CDATA, _CDATA_END = "<![CDATA[", "]]>"

Found = tuple[str, list[str | None]]
"""The text that matched, and its groups as values."""


def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern; a dot means any character, line ends too. Raises OpsError (code ``pattern``)."""
    try:
        made = re.compile(python_pattern(pattern), re.DOTALL)
    except re.error as error:
        raise bad_pattern(pattern, f"{error}") from error
    if not made.groups:
        raise bad_pattern(pattern, "It has no group, so there is nothing to put into columns")
    return made


def read_document(source: Source) -> tuple[str, int]:
    """The whole text, and its bytes. Raises Damaged for a document that is too large or cannot be read."""
    data = bytearray()
    for piece in raw_blocks(source):
        data += piece
        if len(data) > LARGEST:
            raise Damaged(f"it is larger than {LARGEST // 1_000_000} MB: name the record element and its paths instead")
    return _decoded(bytes(data)), len(data)


def _decoded(data: bytes) -> str:
    """By its byte order mark, by what the XML declares, else as UTF-8."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    declared = re.match(rb"""(?:\xef\xbb\xbf)?<\?xml[^>]*?encoding\s*=\s*["']([\w.\-]+)""", data)
    try:
        encoding = codecs.lookup(declared[1].decode()).name if declared else "utf-8"
    except LookupError:
        encoding = "utf-8"
    return data.decode("utf-8-sig" if encoding == "utf-8" else encoding, "replace")


def matches(definition: Definition, text: str, name: str, seconds: float = SECONDS_A_BLOCK) -> Iterator[Found]:
    """Every match in a document called ``name``. Raises OpsError (code ``slow-pattern``) where the pattern runs away."""
    found = compiled(definition.pattern).finditer(text)
    marked = _CDATA in text
    place, more = 0, True
    while more:
        piece: list[Found] = []
        more = False
        try:
            with time_limit(seconds):
                for match in found:
                    place = match.end()
                    piece.append((match[0], _values(match, marked)))
                    if len(piece) >= _PIECE:
                        more = True
                        break
        except TimeoutError:
            raise OpsError(
                "The pattern takes too long",
                f"{seconds:g} s were not enough; it stood behind {text[max(0, place - 60) : place]!r} in {name}",
                "Nested repetitions such as (a+)+ explode: make them simpler",
                details={"pattern": definition.pattern, "document": name},
                code="slow-pattern",
            ) from None
        yield from piece


def _values(match: re.Match[str], marked: bool) -> list[str | None]:
    """The groups as a reader of the document means them: entities stand for their characters, CDATA for its content.

    ``marked``: the document has CDATA sections (only then are they looked for).
    """
    if not marked:
        return [None if value is None else html.unescape(value.strip()) for value in match.groups()]
    return [
        None if value is None else _unmarked(value.strip(), match.string.endswith(_CDATA, 0, match.start(number)))
        for number, value in enumerate(match.groups(), 1)
    ]


def _unmarked(value: str, inside: bool) -> str:
    """``inside``: the value begins within a CDATA section, where an ampersand is an ampersand."""
    made = []
    while value:
        if inside:
            text, _, value = value.partition(_CDATA_END)
            made.append(text)
        else:
            text, mark, value = value.partition(_CDATA)
            made.append(html.unescape(text))
            if not mark:
                break
        inside = not inside
    return "".join(made)
