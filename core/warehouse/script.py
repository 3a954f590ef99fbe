"""The statements of one text while it is written: what stands before a change is not read again."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace

from core.warehouse.statements import Statement, ends_from, split


class Script:
    """Answers as ``statement_at`` does, for a text that is nearly the one of the last question (one thread only).

    Of the text before, the ends of its statements are known; those within the beginning that both share still hold,
    for nothing behind a semicolon says what it is. So a key in a file of 10,000 lines costs one statement, not all.
    """

    def __init__(self) -> None:
        self._text, self._escapes = "", True
        self._ends: list[int] = []
        """Behind each semicolon that ends a statement, from the beginning as far as was asked."""
        self._whole = True
        """No semicolon comes behind the last of these."""

    def statement_at(self, text: str, position: int, *, escapes: bool = True) -> Statement | None:
        """See ``core.warehouse.statements.statement_at``."""
        self._take(text, escapes)
        last = self._number(position)
        here = before = None
        for number in range(last, -1, -1):
            piece = self._piece(number)
            if piece.empty:
                continue
            if here is None:
                here = piece
                if position >= here.body_start or "\n" in text[here.start : position]:
                    return here
            else:
                before = piece  # the cursor stands right behind its semicolon, on its line
                break
        if here is not None:
            return before or here
        number = last + 1
        while self._know(number):
            if not (piece := self._piece(number)).empty:
                return piece
            number += 1
        return None

    def around(self, text: str, position: int, *, escapes: bool = True) -> tuple[int, int]:
        """Begin and end of the piece that the cursor stands in, semicolon and blanks included."""
        self._take(text, escapes)
        return self._bounds(self._number(position))

    def _take(self, text: str, escapes: bool) -> None:
        if text == self._text and escapes == self._escapes:
            return
        shared = _shared(self._text, text) if escapes == self._escapes else 0
        del self._ends[bisect_right(self._ends, shared) :]
        self._text, self._escapes, self._whole = text, escapes, False

    def _number(self, position: int) -> int:
        """Which piece begins at or before ``position``, the last of those."""
        while not self._whole and not (self._ends and self._ends[-1] > position):
            self._read()
        number = bisect_right(self._ends, position)
        return number - 1 if number and self._bounds(number)[0] >= len(self._text) else number

    def _know(self, number: int) -> bool:
        """Whether there is a piece of that number."""
        while not self._whole and len(self._ends) <= number:
            self._read()
        return number < len(self._ends) or (number == len(self._ends) and self._bounds(number)[0] < len(self._text))

    def _read(self) -> None:
        """One statement more."""
        end = next(ends_from(self._text, self._ends[-1] if self._ends else 0, escapes=self._escapes), None)
        if end is None:
            self._whole = True
        else:
            self._ends.append(end)

    def _bounds(self, number: int) -> tuple[int, int]:
        begin = self._ends[number - 1] if number else 0
        return begin, self._ends[number] if number < len(self._ends) else len(self._text)

    def _piece(self, number: int) -> Statement:
        begin, end = self._bounds(number)
        pieces = split(self._text[begin:end], escapes=self._escapes)
        if not pieces:
            return Statement(begin, end, "", begin, True)
        (piece,) = pieces
        return replace(piece, start=begin, end=end, body_start=begin + piece.body_start)


def _shared(one: str, other: str) -> int:
    """How many characters both begin with."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
