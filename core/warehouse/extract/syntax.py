"""The common part of regular expressions as a tree: what Rust's and Python's engines read alike, and nothing beyond.

A set of characters is a set of symbols, kept as the bits of a whole number: bit n for the character n of ASCII,
``OTHER`` for all characters beyond it together, ``END`` for the end of the line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

ASCII = (1 << 128) - 1
OTHER = 1 << 128
END = 1 << 129
FOREVER = -1
"""The upper bound of a repetition that has none."""
_LARGEST = 1000  # repetitions written out as a number; above, the automaton would be too large to pay


class Unreadable(Exception):
    """Something that is read otherwise elsewhere, or that is not known here."""


@dataclass(frozen=True)
class Characters:
    """One character. may: every symbol that some of its characters belong to; sure: symbols that it takes as a whole.

    They differ where it takes some of the characters beyond ASCII only, as ``\\w`` does.
    """

    may: int
    sure: int
    nullable = False
    groups: frozenset[int] = frozenset()
    always: frozenset[int] = frozenset()

    @property
    def first(self) -> int:
        return self.may


@dataclass(frozen=True)
class Sequence:
    parts: tuple[Node, ...]

    @cached_property
    def nullable(self) -> bool:
        return all(part.nullable for part in self.parts)

    @cached_property
    def first(self) -> int:
        found = 0
        for part in self.parts:
            found |= part.first
            if not part.nullable:
                break
        return found

    @cached_property
    def groups(self) -> frozenset[int]:
        return frozenset().union(*(part.groups for part in self.parts))

    @cached_property
    def always(self) -> frozenset[int]:
        return frozenset().union(*(part.always for part in self.parts))


@dataclass(frozen=True)
class Choice:
    """Branches, the preferred ones first."""

    branches: tuple[Node, ...]

    @cached_property
    def nullable(self) -> bool:
        return any(branch.nullable for branch in self.branches)

    @cached_property
    def first(self) -> int:
        found = 0
        for branch in self.branches:
            found |= branch.first
        return found

    @cached_property
    def groups(self) -> frozenset[int]:
        return frozenset().union(*(branch.groups for branch in self.branches))

    @cached_property
    def always(self) -> frozenset[int]:
        return frozenset.intersection(*(branch.always for branch in self.branches))


@dataclass(frozen=True)
class Repeat:
    """body: never empty. lazy: as few as will do."""

    body: Node
    least: int
    most: int
    lazy: bool

    @property
    def nullable(self) -> bool:
        return self.least == 0

    @property
    def first(self) -> int:
        return self.body.first

    @property
    def groups(self) -> frozenset[int]:
        return self.body.groups

    @property
    def always(self) -> frozenset[int]:
        return self.body.always if self.least else frozenset()


@dataclass(frozen=True)
class Group:
    """A group that becomes a column; they are numbered from 0 as they open."""

    number: int
    body: Node

    @property
    def nullable(self) -> bool:
        return self.body.nullable

    @property
    def first(self) -> int:
        return self.body.first

    @property
    def groups(self) -> frozenset[int]:
        return self.body.groups | {self.number}

    @property
    def always(self) -> frozenset[int]:
        return self.body.always | {self.number}


Node = Characters | Sequence | Choice | Repeat | Group
"""nullable: it may match nothing. first: symbols that what it matches may begin with. groups: those inside;
always: those of them that take part in every match."""


def _bits(text: str) -> int:
    found = 0
    for one in text:
        found |= 1 << ord(one)
    return found


def _span(low: str, high: str) -> int:
    return sum(1 << place for place in range(ord(low), ord(high) + 1))


_KINDS = {
    "d": _span("0", "9"),
    "w": _span("0", "9") | _span("a", "z") | _span("A", "Z") | _bits("_"),
    "s": _bits("\t\n\v\f\r "),
}
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v"}
_ANY = Characters((ASCII | OTHER) & ~_bits("\n"), (ASCII | OTHER) & ~_bits("\n"))


def parsed(pattern: str) -> Node:
    """The tree of a pattern that is to match a whole line. Raises Unreadable."""
    reader = _Reader(pattern)
    reader.take("^")
    made = reader.choice()
    if reader.place < len(pattern):
        raise Unreadable(pattern[reader.place :])
    return made


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.place = text, 0
        self._depth, self._groups, self._anchored = 0, 0, False

    def take(self, text: str) -> bool:
        if not self.text.startswith(text, self.place):
            return False
        self.place += len(text)
        self._anchored |= text in "^$"
        return True

    def choice(self) -> Node:
        branches = [self._sequence()]
        while self.take("|"):
            branches.append(self._sequence())
        if self._depth == 0 and len(branches) > 1 and self._anchored:
            raise Unreadable("an anchor that belongs to one branch alone")
        return branches[0] if len(branches) == 1 else Choice(tuple(branches))

    def _sequence(self) -> Node:
        parts: list[Node] = []
        while self.place < len(self.text) and self.text[self.place] not in "|)":
            if self._depth == 0 and self.place == len(self.text) - 1 and self.take("$"):
                break
            parts.append(self._repeated(self._atom()))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _atom(self) -> Node:
        one = self.text[self.place]
        self.place += 1
        if one == "(":
            return self._group()
        if one == "[":
            return self._set()
        if one == ".":
            return _ANY
        if one == "\\":
            return self._escaped()
        if one in "*+?{}[]^$" or not one.isascii():
            raise Unreadable(one)
        return _exactly(one)

    def _group(self) -> Node:
        number = -1
        if self.take("?"):
            if not self.take(":"):
                name = re.compile(r"P?<[A-Za-z_]\w*>", re.ASCII).match(self.text, self.place)
                if not name:
                    raise Unreadable("(?")
                self.place, number = name.end(), self._groups
        else:
            number = self._groups
        self._groups += number >= 0
        self._depth += 1
        body = self.choice()
        self._depth -= 1
        if not self.take(")"):
            raise Unreadable("(")
        return body if number < 0 else Group(number, body)

    def _repeated(self, node: Node) -> Node:
        found = re.compile(r"([*+?]|\{(\d{1,4})(?:(,)(\d{0,4}))?\})(\??)", re.ASCII).match(self.text, self.place)
        if not found:
            return node
        self.place = found.end()
        if self.text[self.place : self.place + 1] in ("*", "+", "?", "{"):
            raise Unreadable("a repetition of a repetition")
        if found[2]:
            least = int(found[2])
            most = least if not found[3] else int(found[4]) if found[4] else FOREVER
        else:
            least, most = {"*": (0, FOREVER), "+": (1, FOREVER), "?": (0, 1)}[found[1]]
        if node.nullable or max(least, most) > _LARGEST or most == 0 or FOREVER < most < least:
            raise Unreadable(found[0])
        return Repeat(node, least, most, bool(found[5]))

    def _escaped(self) -> Characters:
        one = self.text[self.place : self.place + 1]
        self.place += 1
        if one.lower() in _KINDS and one:
            inside = _KINDS[one.lower()]
            inside = ASCII & ~inside if one.isupper() else inside
            return Characters(inside | OTHER, inside)
        if one in _CONTROLS:
            return _exactly(_CONTROLS[one])
        if not one or not one.isascii() or one.isalnum() or one in "<>" or not one.isprintable():
            raise Unreadable(f"\\{one}")
        return _exactly(one)

    def _set(self) -> Characters:
        negated = self.text.startswith("^", self.place)
        self.place += negated
        items: list[str | Characters] = []
        begun = self.place
        while not self.text.startswith("]", self.place) or self.place == begun:
            one = self.text[self.place : self.place + 1]
            self.place += 1
            if one == "\\":
                items.append(self._escaped())
            elif one in ("", "[", "]") or not one.isascii() or (one in "&-~" and self.text.startswith(one, self.place)):
                raise Unreadable("[")
            else:
                items.append(one)
        self.place += 1
        may = sure = 0
        while items:
            low = items.pop(0)
            if len(items) > 1 and items[0] == "-":
                high = _single(items[1])
                span = sum(1 << n for n in range(_single(low), high + 1))
                if not span:
                    raise Unreadable("-")
                may, sure = may | span, sure | span
                del items[:2]
                continue
            found = _exactly(low) if isinstance(low, str) else low
            may, sure = may | found.may, sure | found.sure
        if negated:
            may, sure = (ASCII | OTHER) & ~sure, (ASCII | OTHER) & ~may
        return Characters(may, sure)


def _exactly(one: str) -> Characters:
    return Characters(1 << ord(one), 1 << ord(one))


def _single(item: str | Characters) -> int:
    """The one character that a bound of a range is."""
    bits = item.may if isinstance(item, Characters) else 1 << ord(item)
    if bits.bit_count() != 1:
        raise Unreadable("-")
    return bits.bit_length() - 1
