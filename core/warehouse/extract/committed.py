"""A pattern made quick: the same groups wherever it matches, found without ever going back.

An engine that captures groups goes back and forth where a pattern leaves a choice open: after ``\\d+``, before ``.*``,
between ``"GET ..."`` and ``[^"]*``. Rust's engine is several times faster where the next character alone decides every
choice (its one-pass automaton). ``committed`` writes a pattern down as that: at each choice the preferred of the ways that may
take the next character is taken for good, and the others are narrowed so that they cannot begin with it.

Why the groups are the same: an engine prefers ways in order, and the first choice that leads to a match counts. Let
the committed pattern match a line. Were there a match that is preferred to it, the two would part at some choice, where that other one takes
a way preferred to ours; but every such way that may take the next character was excluded when ours was allowed. So there is none.
What may follow is estimated from above and what is taken from below, never the other way: then lines are missed, not
matched in another way. Lines that the committed pattern misses prove nothing, and are left to the pattern itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.warehouse.extract.syntax import (
    ASCII,
    END,
    FOREVER,
    OTHER,
    Characters,
    Choice,
    Group,
    Node,
    Repeat,
    Sequence,
    Unreadable,
    parsed,
)

MOST_GROUPS = 16
"""Groups that a one-pass automaton of Rust's engine can follow; more of them take another pass."""
_LONGEST = 20_000  # characters; a pattern that grows beyond would be too large an automaton
_MOST_STEPS = 10_000  # the rest of a pattern is written once for each way before it: a?b?c?d? has sixteen

Way = tuple[str, int]
"""One way through a node: how it is written, and the symbols that may come behind it."""


@dataclass(frozen=True, slots=True)
class Committed:
    """passes: patterns whose groups, named gN for the group N from 0, make up the columns together; a group that no line can
    reach is in none. sure: the group of the first pass that is null only where the line does not match."""

    passes: tuple[str, ...]
    sure: str


def committed(pattern: str) -> Committed | None:
    """The quick form of a pattern over whole lines, or None where there is none."""
    try:
        tree = parsed(pattern)
        numbers = sorted(tree.groups)
        always = min(tree.always, default=-1)
        if always < 0:  # a line may match with all its groups empty: a group around all of it tells
            tree, always = Group(len(numbers), tree), len(numbers)
        numbers = [always, *(n for n in numbers if n != always)]
        passes = []
        for begin in range(0, len(numbers), MOST_GROUPS):
            writer = _Writer(frozenset(numbers[begin : begin + MOST_GROUPS]))
            passes.append(f"^{_joined(writer.ways(tree, tree.first | (END if tree.nullable else 0), END))[0]}$")
    except (Unreadable, RecursionError):
        return None
    return Committed(tuple(one for one in passes if "(?P<g" in one), f"g{always}")


class _Writer:
    """groups: those that are to be captured; the others are only passed through."""

    def __init__(self, groups: frozenset[int]) -> None:
        self._groups = groups
        self._left = _MOST_STEPS

    def ways(self, node: Node, entry: int, follow: int) -> list[Way]:
        """All ways through a node, no two of which can begin with the same symbol. Empty: there is none.

        entry: the symbols it may begin with (those behind it, where it may be empty). follow: those that may
        come behind it at all.
        """
        self._left -= 1
        if self._left < 0:
            raise Unreadable("too many ways")
        if isinstance(node, Characters):
            taken = node.sure & entry
            return [(written(taken), follow)] if taken else []
        if isinstance(node, Group):
            if not (inside := self.ways(node.body, entry, follow)):
                return []
            text, behind = _joined(inside)
            return [(f"(?P<g{node.number}>{text})" if node.number in self._groups else text, behind)]
        if isinstance(node, Choice):
            return self._choice(node, entry, follow)
        if isinstance(node, Sequence):
            return self._sequence(node.parts, entry, follow)
        if isinstance(node.body, Characters):
            return _run(node, node.body, entry, follow)
        return self._repeat(node, entry, follow)

    def _choice(self, node: Choice, entry: int, follow: int) -> list[Way]:
        found: list[Way] = []
        for branch in node.branches:
            viable = branch.first | (follow if branch.nullable else 0)
            found += self.ways(branch, entry & viable, follow)
            entry &= ~viable
        return found

    def _sequence(self, parts: tuple[Node, ...], entry: int, follow: int) -> list[Way]:
        if not parts:
            return [("", entry & follow)] if entry & follow else []
        rest = Sequence(parts[1:])
        heads = self.ways(parts[0], entry, rest.first | (follow if rest.nullable else 0))
        # Ways that go on differently each need the rest for themselves, which no group can be written twice for.
        by_behind: dict[int, list[Way]] = {}
        for head in heads:
            by_behind.setdefault(head[1], []).append(head)
        if rest.groups and len(by_behind) > 1:
            by_behind = {_joined(heads)[1]: heads}
        found: list[Way] = []
        for behind, alike in by_behind.items():
            if tails := self._sequence(rest.parts, behind, follow):
                tail, after = _joined(tails)
                found.append((_joined(alike)[0] + tail, after))
        if sum(len(text) for text, _ in found) > _LONGEST:
            raise Unreadable("too many ways")
        return found

    def _repeat(self, node: Repeat, entry: int, follow: int) -> list[Way]:
        """A repetition of more than a character. Each round is entered as the first one may be."""
        first = node.body.first
        again = node.most != 1
        behind = follow | (first if again else 0)
        if node.lazy:
            first &= ~follow
            if node.least > 1 or (node.least and again):
                raise Unreadable("a lazy repetition of more than a character")
        if (node.least, node.most) not in ((0, 1), (0, FOREVER), (1, FOREVER), (node.least, node.least)):
            raise Unreadable("a counted repetition of more than a character")
        enter = entry & (node.body.first if node.least else first)
        inside = self.ways(node.body, enter, behind)
        found: list[Way] = []
        if inside:
            text, after = _joined(inside)
            if again and node.body.first & ~after:
                raise Unreadable("rounds that hinder each other")
            sign = {(0, 1): "", (0, FOREVER): "+", (1, FOREVER): "+"}.get((node.least, node.most), f"{{{node.most}}}")
            exits = after & follow & ~(node.body.first if node.most == FOREVER and not node.lazy else 0)
            found.append((f"(?:{text}){sign}" if sign else text, exits))
        if node.least == 0:
            kept = entry & follow & (-1 if node.lazy else ~node.body.first)
            if kept:
                found.append(("", kept))
        return found


def _run(node: Repeat, body: Characters, entry: int, follow: int) -> list[Way]:
    """A repetition of one character."""
    more = body.sure & ~follow if node.lazy else body.sure
    exits = follow if node.lazy else follow & ~body.may
    found: list[Way] = []
    begin = entry & (body.sure if node.least else more)
    if begin:
        rest = ""
        if node.least > 1:
            rest = written(body.sure) + (f"{{{node.least - 1}}}" if node.least > 2 else "")
        left = node.most - max(node.least, 1)
        if node.most == FOREVER:
            rest += f"{written(more)}*" if more else ""
        elif left and more:
            rest += f"{written(more)}{{0,{left}}}"
        text = f"{written(begin)}+" if rest == f"{written(begin)}*" else written(begin) + rest
        found.append((text, exits if left else follow))
    if node.least == 0 and (kept := entry & follow & (-1 if node.lazy else ~body.may)):
        found.append(("", kept))
    return found


def _joined(ways: list[Way]) -> Way:
    """Several ways as one; behind it may come what may come behind each of them."""
    if not ways:
        raise Unreadable("no way leads through")
    behind = ways[0][1]
    for _, one in ways[1:]:
        behind &= one
    texts = list(dict.fromkeys(text for text, _ in ways))
    return texts[0] if len(texts) == 1 else f"(?:{'|'.join(texts)})", behind


def written(symbols: int) -> str:
    """A set of characters as a pattern of Rust's."""
    negated = bool(symbols & OTHER)
    bits = ASCII & ~symbols if negated else symbols & ASCII
    spans = []
    place = 0
    while bits >> place:
        if bits >> place & 1:
            begin = place
            while bits >> (place + 1) & 1:
                place += 1
            spans.append(_char(begin) if begin == place else f"{_char(begin)}-{_char(place)}")
        place += 1
    if negated:
        return f"[^{''.join(spans)}]" if spans else "(?s:.)"
    return spans[0] if symbols.bit_count() == 1 else f"[{''.join(spans)}]"


def _char(place: int) -> str:
    one = chr(place)
    return one if one.isalnum() or one in " \"',;:/_=%@!" else f"\\x{place:02x}"
