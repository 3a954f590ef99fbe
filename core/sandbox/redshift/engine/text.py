"""Redshift SQL as tokens: what is a string, a comment, a name, so that nothing is ever matched inside a literal."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Token:
    """kind: word, quoted, string, dollar, number, parameter, op. ``text`` is as written, ``value`` what it means.

    A word's value is folded to lower case, a quoted name's too (Redshift folds both unless told otherwise),
    a string's has its escapes resolved.
    """

    kind: str
    text: str
    value: str
    start: int
    end: int

    def is_(self, *words: str) -> bool:
        """Whether it is one of these keywords or operators (lower case)."""
        return self.kind in ("word", "op") and self.value in words


class Unfinished(ValueError):
    """A string, name or comment is not closed."""


_TOKEN = re.compile(
    r"""
    (?P<space>\s+|--[^\n]*)
  | (?P<comment>/\*)
  | (?P<string>[eE]?')
  | (?P<quoted>")
  | (?P<dollar>\$[A-Za-z_]*\$)
  | (?P<placeholder>\$\d+)
  | (?P<word>[^\W\d][\w$]*|\#[^\W\d][\w$#]*)
  | (?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
  | (?P<cast>::)
  | (?P<parameter>:[A-Za-z0-9_]+)
  | (?P<op><=|>=|<>|!=|\|\|/?|\|/|!~~?\*?|~~?\*?|<<|>>|:=|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_BACKSLASH = re.compile(r"\\([0-7]{1,3}|.)", re.DOTALL)


def unescape(inner: str) -> str:
    """The value of a string literal's inside: '' is one quote, a backslash escapes (as in PostgreSQL 8.0)."""
    return _BACKSLASH.sub(_escaped, inner.replace("''", "'")) if "\\" in inner else inner.replace("''", "'")


def _escaped(found: re.Match[str]) -> str:
    what = found[1]
    return chr(int(what, 8)) if what[0] in "01234567" else _ESCAPES.get(what, what)


def tokens(sql: str) -> list[Token]:
    """All tokens but space and comments. Raises Unfinished for a literal or comment without its end."""
    found: list[Token] = []
    at = 0
    while at < len(sql):
        match = _TOKEN.match(sql, at)
        assert match is not None  # the last alternative takes any character
        kind, end = match.lastgroup or "op", match.end()
        value = match[0]
        if kind == "space":
            at = end
            continue
        if kind == "comment":
            at = _comment_end(sql, at)
            continue
        if kind == "string":
            end = _string_end(sql, end)
            value = unescape(sql[match.end() : end - 1])
        elif kind == "quoted":
            end = _quoted_end(sql, end)
            value = sql[match.end() : end - 1].replace('""', '"').lower()
        elif kind == "dollar":
            close = sql.find(match[0], end)
            if close < 0:
                raise Unfinished(f"unterminated dollar-quoted string at or near {sql[at : at + 20]!r}")
            value, end = sql[end:close], close + len(match[0])
        elif kind == "word":
            value = value.lower()
        elif kind in ("cast", "placeholder"):
            kind = "op" if kind == "cast" else "placeholder"
        elif kind == "parameter":
            value = value[1:]
        found.append(Token(kind, sql[at:end], value, at, end))
        at = end
    return found


def _comment_end(sql: str, at: int) -> int:
    depth = 0
    for match in re.compile(r"/\*|\*/").finditer(sql, at):
        depth += 1 if match[0] == "/*" else -1
        if depth == 0:
            return match.end()
    raise Unfinished("unterminated /* comment")


def _string_end(sql: str, at: int) -> int:
    while at < len(sql):
        if sql[at] == "\\":
            at += 2
        elif sql[at] == "'":
            if sql[at + 1 : at + 2] != "'":
                return at + 1
            at += 2
        else:
            at += 1
    raise Unfinished("unterminated quoted string")


def _quoted_end(sql: str, at: int) -> int:
    while (close := sql.find('"', at)) >= 0:
        if sql[close + 1 : close + 2] != '"':
            return close + 1
        at = close + 2
    raise Unfinished("unterminated quoted identifier")


def parameter_names(sql: str) -> set[str]:
    """Names used as ``:name``; none for a text that is not closed (running it gives the error)."""
    try:
        return {token.value for token in tokens(sql) if token.kind == "parameter"}
    except Unfinished:
        return set()


def statements(sql: str) -> list[list[Token]]:
    """The tokens of each statement, split at semicolons."""
    parts: list[list[Token]] = [[]]
    for token in tokens(sql):
        if token.is_(";"):
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]


def names_in(sql: str) -> set[str]:
    """Every word and quoted name of a text that could be read."""
    return {token.value for token in tokens(sql) if token.kind in ("word", "quoted")}


def quoted(name: str) -> str:
    """A name for DuckDB."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string for DuckDB."""
    return "'" + text.replace("'", "''") + "'"


def matches(pattern: str | None, name: str) -> bool:
    """Whether a name fits a SQL LIKE pattern (% and _), as SHOW and the list operations take it; none fits all."""
    if not pattern:
        return True
    translated = re.escape(pattern).replace("%", ".*").replace("_", ".")
    return re.fullmatch(translated, name, re.DOTALL) is not None
