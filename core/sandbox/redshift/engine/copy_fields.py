"""The lines of COPY taken apart: CSV records, delimited fields with escapes and quotation marks (COPY, data conversion and format)."""

from __future__ import annotations

from collections.abc import Iterator

_MISSING_END = "Delimited value missing end quote"
_CSV_TROUBLE = "Invalid quote formatting for CSV"


def split_fields(line: str, delimiter: str, *, escape: bool, remove_quotes: bool) -> list[str | None]:
    """The fields of a delimited line. Raises ValueError, in Redshift's words, for an opening mark without its end.

    An escaped delimiter, mark or end of line is part of the value; of quotation marks only the surrounding pair goes,
    and it ends where a delimiter or the line's end follows.
    """
    if not escape and not remove_quotes:
        return list(line.split(delimiter))
    values: list[str | None] = []
    at = 0
    while True:
        quote = line[at] if remove_quotes and at < len(line) and line[at] in "\"'" else ""
        value, at = _field(line, at + len(quote), delimiter, quote, escape)
        values.append(value)
        if at >= len(line):
            return values
        at += 1


def _field(line: str, at: int, delimiter: str, quote: str, escape: bool) -> tuple[str, int]:
    """A value and the place of the delimiter behind it, or of the line's end."""
    part: list[str] = []
    while at < len(line):
        char = line[at]
        if escape and char == "\\" and at + 1 < len(line):
            part.append("\\N" if line[at + 1] == "N" and not part else line[at + 1])
            at += 2
            continue
        if quote and char == quote and line[at + 1 : at + 2] in ("", delimiter):
            return "".join(part), at + 1
        if not quote and char == delimiter:
            break
        part.append(char)
        at += 1
    if quote:
        raise ValueError(_MISSING_END)
    return "".join(part), at


def open_escape(line: str) -> bool:
    """Whether the end of the line is escaped, so that the value goes on in the next."""
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def csv_records(lines: Iterator[str], delimiter: str, quote: str) -> Iterator[tuple[int, str, list[str | None], str]]:
    """(number of the last line, text, values, trouble) of each record; a blank line is a record of one empty value.

    White space between a delimiter and a quotation mark does not count (COPY, CSV), which Python's reader cannot be told.
    """
    number = 0
    for first in lines:
        number += 1
        if quote not in first:
            text = first.rstrip("\r\n")
            yield number, text, list(text.split(delimiter)), ""
            continue
        record = _Record(first, lines, delimiter, quote)
        trouble = ""
        try:
            record.read()
        except ValueError as error:
            trouble = str(error)
        number += record.more
        yield number, record.text.rstrip("\r\n"), record.values, trouble


class _Record:
    """One record that begins in ``text`` and may take further lines; ``more`` counts them."""

    def __init__(self, text: str, lines: Iterator[str], delimiter: str, quote: str) -> None:
        self.text, self.more = text, 0
        self.values: list[str | None] = []
        self._lines, self._delimiter, self._quote = lines, delimiter, quote
        self._blanks = " \t".replace(delimiter, "")

    def read(self) -> None:
        at = 0
        while True:
            start = self._over_blanks(at)
            if self.text.startswith(self._quote, start):
                at = self._quoted(start + 1)
            else:
                end = self.text.find(self._delimiter, at)
                stop = len(self.text.rstrip("\r\n")) if end < 0 else end
                self.values.append(self.text[at:stop])
                at = stop
            if not self.text.startswith(self._delimiter, at):
                return
            at += 1

    def _over_blanks(self, at: int) -> int:
        while at < len(self.text) and self.text[at] in self._blanks:
            at += 1
        return at

    def _quoted(self, start: int) -> int:
        """The value that begins at ``start``; returns the place behind its mark and blanks."""
        at, parts = start, [self.text]
        length = len(self.text)
        tail, offset = self.text, 0  # the last line only is searched, so that a long value costs its length once
        while True:
            mark = tail.find(self._quote, at - offset)
            if mark < 0:
                line = next(self._lines, None)
                if line is None:
                    self.text = "".join(parts)
                    raise ValueError(_CSV_TROUBLE)
                self.more += 1
                parts.append(line)
                at, offset, tail = length, length, line
                length += len(line)
            elif tail.startswith(self._quote, mark + 1):
                at = offset + mark + 2
            else:
                break
        self.text = "".join(parts)
        end = offset + mark
        self.values.append(self.text[start:end].replace(self._quote * 2, self._quote))
        at = self._over_blanks(end + 1)
        if self.text[at : at + 1] not in ("", "\r", "\n", self._delimiter):
            raise ValueError(_CSV_TROUBLE)
        return at
