"""Lines into groups: polars' regex where it can, Python's where a pattern looks around or back; all on whole lines."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from core.base.errors import OpsError
from core.warehouse.extract.committed import Committed, committed
from core.warehouse.extract.definition import bad_pattern

if TYPE_CHECKING:
    import polars as pl

SECONDS_A_BLOCK = 20.0  # a block of 4 MB takes some 0.1 s (polars) to 1 s (Python); far beyond is a pattern gone wild
_TRIAL = 10_000  # lines after which it is judged whether the quick form pays
_WORTH = 0.4  # the share of lines it has to match: it costs a third of what the pattern itself costs
_UNSUPPORTED = ("look-around", "look-ahead", "lookahead", "look-behind", "backreference", "possessive", "atomic")


def engine_of(pattern: str) -> str:
    """``polars``, or ``python`` for what linear-time engines cannot do. Raises OpsError (code ``pattern``)."""
    try:
        compiled = re.compile(python_pattern(pattern))
    except re.error as error:
        raise bad_pattern(pattern, f"{error}") from error
    if not compiled.groups:
        raise bad_pattern(pattern, "It has no group, so there is nothing to put into columns")
    import polars as pl

    try:
        pl.Series([""]).str.extract_groups(whole_line(pattern))
    except pl.exceptions.PolarsError as error:
        if any(word in str(error).lower() for word in _UNSUPPORTED) or re.search(
            r"\(\?(=|!|<=|<!|>)|\\[1-9]|\(\?P=", pattern
        ):
            return "python"
        raise bad_pattern(pattern, str(error).split("\n")[0]) from error
    return "polars"


def group_names(pattern: str) -> list[str]:
    """A name for every group, in order: its own, or column_N."""
    compiled = re.compile(python_pattern(pattern))
    names = {number: name for name, number in compiled.groupindex.items()}
    return [names.get(number, f"column_{number}") for number in range(1, compiled.groups + 1)]


def python_pattern(pattern: str) -> str:
    """``(?<name>`` as Python writes it."""
    return re.sub(r"\(\?<([A-Za-z_]\w*)>", r"(?P<\1>", pattern)


def whole_line(pattern: str) -> str:
    """As Hive's RegexSerDe matches: the whole line, with a first group that tells a match from none."""
    return f"^({pattern})$"


def with_polars(lines: pl.Series, pattern: str, names: Sequence[str]) -> pl.DataFrame:
    """One text column a group, and ``\\0ok``: whether the line matched."""
    import polars as pl

    groups = lines.str.extract_groups(whole_line(pattern))
    fields = groups.struct.fields
    frame = groups.struct.unnest()
    frame.columns = ["\0ok", *(f"\0{n}" for n in range(len(fields) - 1))]
    return frame.select(pl.col("\0ok").is_not_null(), *(pl.col(f"\0{n}").alias(name) for n, name in enumerate(names)))


class Matcher:
    """``with_polars`` for block after block of one source: the pattern's quick form first, the pattern itself for the lines that misses."""

    def __init__(self, pattern: str, names: Sequence[str]) -> None:
        self._pattern, self._names = pattern, names
        self._quick = _quick_form(pattern)
        self._tried = self._matched = 0

    def groups(self, lines: pl.Series) -> pl.DataFrame:
        """As ``with_polars`` gives them."""
        import numpy as np
        import polars as pl

        if self._quick is None:
            return with_polars(lines, self._pattern, self._names)
        made = _quickly(lines, self._quick, self._names)
        missed = ~made["\0ok"]
        count = int(missed.sum())
        self._tried += len(lines)
        self._matched += len(lines) - count
        if self._tried >= _TRIAL and self._matched < self._tried * _WORTH:
            self._quick = None
        if not count:
            return made
        places = np.arange(len(lines))
        places[missed.to_numpy()] = np.arange(len(lines), len(lines) + count)
        return pl.concat([made, with_polars(lines.filter(missed), self._pattern, self._names)])[places]


@lru_cache(64)
def _quick_form(pattern: str) -> Committed | None:
    import polars as pl

    try:
        if made := committed(pattern):
            for one in made.passes:
                pl.Series([""]).str.extract_groups(one)
        return made
    except pl.exceptions.PolarsError:  # too large an automaton
        return None


def _quickly(lines: pl.Series, quick: Committed, names: Sequence[str]) -> pl.DataFrame:
    import polars as pl

    found: dict[str, pl.Series] = {}
    for one in quick.passes:
        found |= {series.name: series for series in lines.str.extract_groups(one).struct.unnest()}
    nothing = pl.Series([None], dtype=pl.String).new_from_index(0, len(lines))
    columns = {name: found.get(f"g{number}", nothing) for number, name in enumerate(names)}
    return pl.DataFrame({"\0ok": found[quick.sure].is_not_null(), **columns})


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeoutError inside when it takes longer (Python's matcher looks out for the alarm); only in a main thread."""

    def too_long(_number: int, _frame: Any) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, too_long) if hasattr(signal, "SIGALRM") else None
    if before is not None:
        signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        if before is not None:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


def with_python(
    lines: Sequence[str], pattern: str, names: Sequence[str], seconds: float = SECONDS_A_BLOCK
) -> dict[str, list[Any]]:
    """The same as lists. Raises OpsError (code ``slow-pattern``) naming the line when it takes too long.

    For the main thread of a process of its own: the time-out is an alarm, which the matcher looks out for.
    """
    compiled = re.compile(python_pattern(pattern))
    matched: list[bool] = []
    rows: list[tuple[Any, ...]] = []
    nothing = (None,) * len(names)
    try:
        with time_limit(seconds):
            for line in lines:
                match = compiled.fullmatch(line)
                matched.append(match is not None)
                rows.append(match.groups() if match else nothing)
    except TimeoutError:
        place = min(len(matched), len(lines) - 1)
        raise OpsError(
            "The pattern takes too long",
            f"{seconds:g} s were not enough; it stood at the line {lines[place][:120]!r}",
            "Nested repetitions such as (a+)+ explode: make them simpler, or anchor them",
            details={"pattern": pattern, "line": lines[place][:2000]},
            code="slow-pattern",
        ) from None
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    return {"\0ok": matched, **{name: list(column) for name, column in zip(names, columns, strict=True)}}
