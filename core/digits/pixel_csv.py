"""Reads Kaggle's Digit Recognizer CSV block by block: uint8 from the start, bounded memory, every fault named with its line.

A line is 784 pixels, or a label and 784 pixels, all whole numbers; the header says which. A general CSV reader
makes int64 of it (measured: 0.6-1.0 GB for 77 MB of text) and cannot name the line that is wrong.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from core.base.errors import OpsError
from core.digits.number_scan import NumberScan
from core.digits.patches import SIDE

PIXELS = SIDE * SIDE
_BLOCK = 1 << 17  # bytes of text at a time, some 70 rows: stays in the processor's cache
_LONGEST_LINE = 64 << 10
_ROW_NUMBERS = ("", "id", "index", "imageid", "unnamed: 0")
"""What the column is called that pandas writes unasked."""

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class BadRow:
    """A row that could not be used: its line in the file (the header is line 1) and why."""

    line: int
    why: str


@dataclass(frozen=True)
class Rows:
    """A block of rows in file order. good: which of them are usable; the others hold zeros and stand in ``bad``."""

    pixels: Bytes  # (n, 784)
    labels: Bytes | None  # (n,)
    good: NDArray[np.bool_]
    bad: list[BadRow] = field(default_factory=list)


def read_rows(
    path: Path, *, strict: bool = True, on_progress: Callable[[int, int], None] = lambda done, total: None
) -> Iterator[Rows]:
    """The rows of a CSV file (plain, gzip, or alone in a zip archive), block by block.

    strict: the first bad row raises OpsError (code ``data``); otherwise bad rows are marked and reading goes on.
    A wrong header or an empty file always raises. ``on_progress(bytes read, bytes in all)`` may raise to stop.
    """
    with _opened(path) as (file, position):
        size = path.stat().st_size
        rest, labelled, line, first = b"", False, 1, True
        scan = NumberScan(_BLOCK + _LONGEST_LINE + 1)
        while True:
            try:
                chunk = file.read(_BLOCK)
            except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
                raise bad_data(path, f"The file breaks off or is damaged after line {line}: {error}") from error
            text = rest + chunk
            if chunk:
                end = text.rfind(b"\n") + 1
                text, rest = text[:end], text[end:]
                if len(rest) > _LONGEST_LINE:
                    raise bad_data(path, f"After line {line} comes a line longer than any row of digits can be")
            elif text and not text.endswith(b"\n"):
                text += b"\n"
            if first and text:
                head, _, body = text.partition(b"\n")
                labelled, has_header = _understood_header(path, head)
                first = False
                if has_header:
                    text, line = body, 2
            if text:
                if b"\r" in text:
                    text = text.replace(b"\r\n", b"\n")
                rows = _parsed(scan, text, labelled, line)
                if strict and rows.bad:
                    raise bad_data(path, f"Line {rows.bad[0].line}: {rows.bad[0].why}")
                if len(rows.good):
                    yield rows
                line += text.count(b"\n")
            on_progress(position(), size)
            if not chunk:
                break
        if first:
            raise bad_data(path, "The file is empty")


def bad_data(path: Path, why: str, remedy: str = "Correct the file and open it again; nothing was loaded") -> OpsError:
    return OpsError(f"{path.name} cannot be used", why, remedy, code="data")


@contextmanager
def _opened(path: Path) -> Iterator[tuple[IO[bytes], Callable[[], int]]]:
    """The text of the file, and how many bytes of the file itself have been read."""
    try:
        raw = path.open("rb")
    except OSError as error:
        raise OpsError(
            f"{path.name} could not be opened",
            error.strerror or str(error),
            "Check the name and its permissions",
            code="data",
        ) from error
    with raw:
        start = raw.read(2)
        raw.seek(0)
        if start == b"PK":
            (table,) = tables_in(path)
            with ExitStack() as held:
                try:
                    unzipped = held.enter_context(held.enter_context(zipfile.ZipFile(raw)).open(table))
                except (RuntimeError, NotImplementedError) as error:  # encrypted, or packed in an unknown way
                    why = f"{table} in it cannot be read: {error}"
                    raise bad_data(path, why, "Unpack it, and open the file in it") from error
                yield unzipped, raw.tell
            return
        yield (gzip.GzipFile(fileobj=raw) if start == b"\x1f\x8b" else raw), raw.tell  # type: ignore[misc]


def tables_in(path: Path) -> list[str]:
    """The CSV file in a zip archive, as Kaggle hands it out; empty where there is none. Raises OpsError where there are several."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [
                name for name in archive.namelist() if name.lower().endswith(".csv") and not name.startswith("__MACOSX")
            ]
    except (zipfile.BadZipFile, NotImplementedError):
        return []  # whoever opens it says why
    if len(names) > 1:
        raise bad_data(path, f"It is an archive of several files: {', '.join(names[:5])}",
                       "Unpack it, and open the one that is meant: train.csv to train, test.csv to predict")  # fmt: skip
    return names


def _understood_header(path: Path, head: bytes) -> tuple[bool, bool]:
    """(rows begin with a label, the line was a header). Raises OpsError for a header that is not Kaggle's."""
    if b"\0" in head or head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise bad_data(
            path, "It is no plain text, or text in UTF-16: there are zero bytes in line 1", "Save it as CSV in UTF-8"
        )
    text = head.decode("utf-8-sig", "replace").strip()
    for sign, word in ((";", "semicolons"), ("\t", "tabs")):
        if text.count(sign) >= PIXELS - 1 > text.count(","):
            raise bad_data(path, f"Its columns are separated by {word}; commas are expected", "Save it with commas")
    names = [name.strip().strip('"').lower() for name in text.split(",")]
    if not text:
        raise bad_data(path, "Line 1 is empty; it should name the columns")
    if text.replace(",", "").replace(".", "").replace(" ", "").isdigit():
        if len(names) in (PIXELS, PIXELS + 1):
            return len(names) == PIXELS + 1, False
        raise bad_data(
            path, f"Line 1 has {len(names)} columns; a row has {PIXELS} pixels, with a label before them {PIXELS + 1}"
        )
    if len(names) == PIXELS + 1 and names[0] == "label":
        _in_order(path, names[1:])
        return True, True
    if len(names) == PIXELS and "label" not in names:
        _in_order(path, names)
        return False, True
    found = f"{len(names):,} columns, the first one named {names[0][:40]!r}"
    why = f"The header (line 1) has {found}; expected label,pixel0 .. pixel{PIXELS - 1} or pixel0 .. pixel{PIXELS - 1}"
    if "label" in names[1:] and len(names) == PIXELS + 1:
        raise bad_data(path, why, f"Put the label before the pixels: it is column {names.index('label') + 1}")
    if names[0] in _ROW_NUMBERS and len(names) in (PIXELS + 1, PIXELS + 2):
        raise bad_data(path, why, "Leave the column of row numbers out: pandas' to_csv(..., index=False)")
    raise bad_data(path, why)


def _in_order(path: Path, names: list[str]) -> None:
    """Pixels are read by their place: a header whose numbers (pixel7, 1x28) say another order would be read wrongly, unseen."""
    places = [tuple(int(digits) for digits in re.findall(r"\d+", name)) for name in names]
    for before, after in pairwise(range(len(names))):
        if all(places) and places[before] >= places[after]:
            raise bad_data(
                path,
                f"The header (line 1) names {names[after][:40]!r} after {names[before][:40]!r}",
                "Put the columns in the order of the pixels: row by row, from the top left",
            )


def _parsed(scan: NumberScan, text: bytes, labelled: bool, first_line: int) -> Rows:
    """All rows of whole lines of text: the fast way, or line by line where something is odd."""
    width = PIXELS + labelled
    table = scan(text, width)
    if table is not None and not (labelled and table[:, 0].max(initial=0) > 9):
        labels = table[:, 0].copy() if labelled else None
        rows = Rows(np.ascontiguousarray(table[:, labelled:]), labels, np.ones(len(table), bool))
    else:
        rows = _careful(text, labelled, first_line)
    if rows.pixels.max(initial=0) == 1:  # black and white as 0 and 1: no digit has so little ink
        rows.pixels[:] *= 255
    return rows


def _careful(text: bytes, labelled: bool, first_line: int) -> Rows:
    lines = text.decode("utf-8", "replace").split("\n")[:-1]
    while lines and not lines[-1].strip():  # blank lines at the end mean nothing
        lines.pop()
    width = PIXELS + labelled
    table = np.zeros((len(lines), width), np.uint8)
    good, bad = np.ones(len(lines), bool), []
    for number, line in enumerate(lines):
        try:
            table[number] = _line_values(line, width, labelled)
        except ValueError as error:
            good[number] = False
            bad.append(BadRow(first_line + number, str(error)))
    return Rows(table[:, labelled:].copy(), table[:, 0].copy() if labelled else None, good, bad)


def _line_values(line: str, width: int, labelled: bool) -> list[int]:
    fields = next(csv.reader(io.StringIO(line)), []) if '"' in line else line.split(",")
    if len(fields) != width:
        return _refuse("the line is empty" if not line.strip() else f"{len(fields)} values instead of {width}")
    values = []
    for column, word in enumerate(fields):
        value = _number(word)
        limit = 9 if labelled and column == 0 else 255
        if value is None or not 0 <= value <= limit:
            name = "label" if labelled and column == 0 else f"pixel{column - labelled}"
            if limit == 255 and re.fullmatch(r"\s*(0?\.\d+|\d(\.\d+)?e-\d+)\s*", word):
                _refuse(f"{name} is {word.strip()[:20]!r}, a share of 1; multiply the pixels by 255 and round them")
            _refuse(f"{name} is {word.strip()[:20]!r}, not a whole number from 0 to {limit}")
        values.append(value)
    return values  # type: ignore[return-value]


def _number(word: str) -> int | None:
    word = word.strip()
    whole, point, fraction = word.partition(".")
    if point and fraction.strip("0"):
        return None
    return int(whole) if whole.isascii() and whole.isdigit() and len(whole) < 10 else None


def _refuse(why: str) -> list[int]:
    raise ValueError(why)
