"""Where one SQL statement ends and the next begins: quotes, dollar quotes, comments (nested too), parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_PLAIN, _STRING, _NAME, _COMMENT, _END = "plain", "string", "name", "comment", "end"

# What may open something other than plain code. The dollar quote must not follow a word ("a$b$c" is one name).
_OPENING = re.compile(r"""--|/\*|[eE]?'|"|(?<![\w$])\$(?:[A-Za-z_\x80-\uffff][\w\x80-\uffff]*)?\$|;""")
_STRING_WITH_ESCAPES = re.compile(r"(?:[^'\\]|''|\\.)*'", re.S)
_STRING_PLAIN = re.compile(r"(?:[^']|'')*'", re.S)
_QUOTED_NAME = re.compile(r'(?:[^"]|"")*"', re.S)
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_PARAMETER = re.compile(r"(?<![:\w]):([A-Za-z_]\w*)")


@dataclass(frozen=True, slots=True)
class Statement:
    """A piece ``text[start:end]`` of the source, with its leading blank and its ending semicolon.

    ``body`` is the statement itself, without blanks around and semicolon behind; ``body_start`` its place in the
    source. A piece of only blanks and comments has ``empty`` True. Pieces joined give the source back.
    """

    start: int
    end: int
    body: str
    body_start: int
    empty: bool

    @property
    def body_end(self) -> int:
        return self.body_start + len(self.body)


def split(text: str, *, escapes: bool = True) -> list[Statement]:
    """All pieces in order. ``escapes``: a backslash escapes in '...' (Redshift, Hive); False for PostgreSQL."""
    pieces: list[Statement] = []
    start, code = 0, False
    body_start: int | None = None
    for kind, begin, end in _tokens(text, escapes):
        if kind is _END:
            pieces.append(_piece(text, start, end, begin, body_start, code))
            start, code, body_start = end, False, None
            continue
        if kind is _PLAIN:
            blank = len(text[begin:end]) - len(text[begin:end].lstrip())
            if begin + blank == end:
                continue
            begin += blank
        if kind is not _COMMENT:
            code = True
        if body_start is None:
            body_start = begin
    if start < len(text):
        pieces.append(_piece(text, start, len(text), len(text), body_start, code))
    return pieces


def _piece(text: str, start: int, end: int, stop: int, body_start: int | None, code: bool) -> Statement:
    begin = stop if body_start is None else body_start
    return Statement(start, end, text[begin:stop].rstrip(), begin, not code)


def runnable(text: str, *, escapes: bool = True) -> list[Statement]:
    """The pieces with something to run."""
    return [piece for piece in split(text, escapes=escapes) if not piece.empty]


def statement_at(text: str, position: int, *, escapes: bool = True) -> Statement | None:
    """The statement the cursor stands in. Behind a semicolon on its own line, or in blank space after the
    last statement, that is the one before; None where there is nothing to run."""
    candidates = runnable(text, escapes=escapes)
    before = [piece for piece in candidates if piece.start <= position]
    if not before:
        return candidates[0] if candidates else None
    here = before[-1]
    if position < here.body_start and len(before) > 1 and "\n" not in text[here.start : position]:
        return before[-2]  # right behind the previous semicolon, on its line
    return here


def parameters(sql: str, *, escapes: bool = True) -> list[str]:
    """The names of ``:name`` parameters outside strings and comments, in order of first use; never of ``::type``."""
    found: dict[str, None] = {}
    if ":" not in sql:
        return []
    for match in _PARAMETER.finditer(masked(sql, escapes=escapes)):
        found[match[1]] = None
    return list(found)


def with_parameters(sql: str, replacement: dict[str, str], *, escapes: bool = True) -> str:
    """``sql`` with each ``:name`` of ``replacement`` replaced by its text; strings and comments stay as they are."""
    pieces, last = [], 0
    for match in _PARAMETER.finditer(masked(sql, escapes=escapes)):
        if match[1] in replacement:
            pieces += [sql[last : match.start()], replacement[match[1]]]
            last = match.end()
    return "".join([*pieces, sql[last:]])


def literal(value: str | None, *, escapes: bool = True) -> str:
    """A value as SQL text, safe to stand in a statement: NULL, or a quoted string."""
    if value is None:
        return "NULL"
    text = value.replace("'", "''")
    return "'" + (text.replace("\\", "\\\\") if escapes else text) + "'"


_RESERVED_WORDS = """aes128 aes256 all allowoverwrite analyse analyze and any array as asc authorization az64 backup between binary blanksasnull both
    bytedict bzip2 case cast check collate column constraint create credentials cross current_date current_time current_timestamp
    current_user current_user_id default deferrable deflate defrag delta delta32k desc disable distinct do else emptyasnull enable encode
    encrypt encryption end except explicit false for foreign freeze from full globaldict256 globaldict64k grant group gzip having identity
    ignore ilike in initially inner intersect interval into is isnull join language leading left like limit localtime localtimestamp lun
    luns lzo lzop minus mostly16 mostly32 mostly8 natural new not notnull null nulls off offline offset oid old on only open or order outer
    overlaps parallel partition percent permissions pivot placing primary qualify raw readratio recover references rejectlog resort respect
    restore right select session_user similar snapshot some sysdate system table tag tdes text255 text32k then timestamp to top trailing
    true truncatecolumns union unique unnest unpivot user using verbose wallet when where with without"""
_RESERVED = frozenset(_RESERVED_WORDS.split())
"""Redshift's reserved words (SQL reference, Reserved words): no names unless quoted."""


def quoted(name: str) -> str:
    """A name as SQL text; quotes only where needed."""
    if re.fullmatch(r"[a-z_][a-z0-9_]*", name) and name not in _RESERVED:
        return name
    return '"' + name.replace('"', '""') + '"'


def plain_blanks(sql: str, *, escapes: bool = True) -> str:
    """``sql`` with blanks for the no-break spaces that pages and chats put between words; within quotes they are data and stay."""
    if "\xa0" not in sql:
        return sql
    return "".join(
        sql[begin:end].replace("\xa0", " ") if kind is _PLAIN else sql[begin:end]
        for kind, begin, end in _tokens(sql, escapes)
    )


def masked(sql: str, *, escapes: bool = True, names: bool = True) -> str:
    """``sql`` of the same length with strings and comments (and quoted names unless ``names`` is False) blanked."""
    pieces = []
    for kind, begin, end in _tokens(sql, escapes):
        hidden = kind in (_STRING, _COMMENT) or (kind is _NAME and names)
        pieces.append(re.sub(r"[^\n]", " ", sql[begin:end]) if hidden else sql[begin:end])
    return "".join(pieces)


@lru_cache(maxsize=32)  # an editor asks for the same text several times between two keystrokes
def _tokens(text: str, escapes: bool) -> tuple[tuple[str, int, int], ...]:
    """(kind, begin, end) covering the whole text without gaps; what is never closed runs to the end."""
    return tuple(_read(text, 0, escapes))


def ends_from(text: str, place: int, *, escapes: bool = True) -> Iterator[int]:
    """Where statements end, behind their semicolons, from ``place`` on, which is itself such an end or the beginning."""
    return (end for kind, _begin, end in _read(text, place, escapes) if kind is _END)


def _read(text: str, place: int, escapes: bool) -> Iterator[tuple[str, int, int]]:
    while place < len(text):
        match = _OPENING.search(text, place)
        if match is None:
            yield _PLAIN, place, len(text)
            break
        begin, opening = match.start(), match[0]
        if opening[0] in "eE" and begin and (text[begin - 1].isalnum() or text[begin - 1] in "_$"):
            begin, opening = begin + 1, "'"  # the last letter of a word, not the E of E'...'
        if begin > place:
            yield _PLAIN, place, begin
        kind, end = _closed(text, begin, opening, match.end(), escapes)
        yield kind, begin, end
        place = end


def _closed(text: str, begin: int, opening: str, inside: int, escapes: bool) -> tuple[str, int]:
    if opening == ";":
        return _END, inside
    if opening == "--":
        end = text.find("\n", inside)
        return _COMMENT, len(text) if end < 0 else end
    if opening == "/*":
        return _COMMENT, _after_comment(text, inside)
    if opening == '"':
        match = _QUOTED_NAME.match(text, inside)
        return _NAME, match.end() if match else len(text)
    if opening.startswith("$"):
        end = text.find(opening, inside)
        return _STRING, len(text) if end < 0 else end + len(opening)
    pattern = _STRING_WITH_ESCAPES if escapes or opening[0] in "eE" else _STRING_PLAIN
    match = pattern.match(text, inside)
    return _STRING, match.end() if match else len(text)


def _after_comment(text: str, inside: int) -> int:
    depth, place = 1, inside
    while depth:
        edge = _COMMENT_EDGE.search(text, place)
        if edge is None:
            return len(text)
        depth += 1 if edge[0] == "/*" else -1
        place = edge.end()
    return place
