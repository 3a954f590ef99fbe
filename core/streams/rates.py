"""Counts per second and per minute in rings of fixed size: what the charts are drawn from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.streams.decode import Record

SECONDS_KEPT = 15 * 60
MINUTES_KEPT = 24 * 60


class Ring:
    """Counts in bins of ``step`` seconds, the newest ``size`` bins; late counts find their bin while it is kept."""

    def __init__(self, step: int, size: int, columns: int) -> None:
        self.step, self.size = step, size
        self._numbers = np.full(size, -1, dtype=np.int64)  # which bin since the epoch stands in each place
        self._counts = np.zeros((size, columns), dtype=np.float64)

    def add(self, second: int, counts: Sequence[float]) -> None:
        number = second // self.step
        place = number % self.size
        if self._numbers[place] != number:
            if self._numbers[place] > number:
                return  # older than all that is kept
            self._numbers[place] = number
            self._counts[place] = 0.0
        self._counts[place] += counts

    def raise_to(self, second: int, value: float) -> None:
        """Keep the highest value of a bin instead of a sum (first column)."""
        self.add(second, (0.0,))
        place = second // self.step % self.size
        if self._numbers[place] == second // self.step:
            self._counts[place, 0] = max(self._counts[place, 0], value)

    def known(self, last: int, bins: int) -> npt.NDArray[np.bool_]:
        """Which of the bins of ``series`` were ever filled."""
        numbers = np.arange(last // self.step - bins + 1, last // self.step + 1)
        found: npt.NDArray[np.bool_] = self._numbers[numbers % self.size] == numbers
        return found

    def series(self, last: int, bins: int) -> npt.NDArray[np.float64]:
        """The counts of the ``bins`` bins that end with the one holding second ``last``; shape (bins, columns)."""
        numbers = np.arange(last // self.step - bins + 1, last // self.step + 1)
        places = numbers % self.size
        found: npt.NDArray[np.float64] = np.where(
            (self._numbers[places] == numbers)[:, None], self._counts[places], 0.0
        )
        return found


Tally = dict[int, tuple[int, int]]
"""Second of arrival (epoch) -> (records, bytes)."""


def tally_of(records: Sequence[Record]) -> Tally:
    counts = Counter([int(record.arrived) for record in records])
    if len(counts) == 1:  # the usual page of a live tap
        return {second: (count, sum([record.size for record in records])) for second, count in counts.items()}
    sizes = dict.fromkeys(counts, 0)
    for record in records:
        sizes[int(record.arrived)] += record.size
    return {second: (count, sizes[second]) for second, count in counts.items()}


Lines = dict[str, npt.NDArray[np.float64]]
"""Shard -> one value a bin."""


@dataclass(frozen=True, slots=True)
class Series:
    """Chart lines: ``times`` are the bins' first seconds (epoch), ``step`` their length in seconds.

    records, bytes: per second, by arrival in the stream. By the time of the read: ``ages``, milliseconds behind the
    newest record, and ``delays``, milliseconds the oldest record of a page had waited in the stream, the highest of
    each bin; ``throttles``: reads refused in each bin.
    """

    step: int
    times: npt.NDArray[np.float64]
    records: Lines
    bytes: Lines
    ages: Lines
    delays: Lines
    throttles: Lines


_Rings = dict[str, tuple[Ring, Ring]]
"""Shard -> the fine ring and the coarse one."""


class Rates:
    """What is charted by shard: 1 s bins for 15 minutes, 1 min bins for 24 hours."""

    def __init__(self) -> None:
        self._counts: _Rings = {}
        self._ages: _Rings = {}
        self._delays: _Rings = {}
        self._throttles: _Rings = {}

    def read(self, shard: str, second: int, behind: float, delay: float) -> None:
        """A read of ``shard`` said that it was ``behind`` milliseconds late, and its oldest record had waited for
        ``delay`` milliseconds (0 where it brought none)."""
        for rings, value in ((self._ages, behind), (self._delays, delay)):
            for ring in _of(rings, shard, 1):
                ring.raise_to(second, value)

    def throttled(self, shard: str, second: int) -> None:
        """A read of ``shard`` was refused."""
        for ring in _of(self._throttles, shard, 1):
            ring.add(second, (1.0,))

    def add(self, shard: str, tally: Tally) -> None:
        """Count records by their arrival."""
        rings = _of(self._counts, shard, 2)
        for second, counts in tally.items():
            for ring in rings:
                ring.add(second, counts)

    def series(self, seconds: int, now: float) -> Series:
        """The last ``seconds`` before ``now``; in minutes where that is more than the 1 s bins hold."""
        fine = seconds <= SECONDS_KEPT
        step = 1 if fine else 60
        bins, last = max(1, seconds // step), int(now)
        times = (np.arange(last // step - bins + 1, last // step + 1) * step).astype(np.float64)
        lines = {shard: rings[0 if fine else 1].series(last, bins) / step for shard, rings in self._counts.items()}
        if not fine:  # the minute that runs is not over: its rate is that of the seconds it has had
            passed = max(1.0, now - float(times[-1]))
            for line in lines.values():
                line[-1] *= step / min(passed, step)
        ages, delays = (
            {
                shard: _held((ring := pair[0 if fine else 1]).series(last, bins)[:, 0], ring.known(last, bins))
                for shard, pair in rings.items()
            }
            for rings in (self._ages, self._delays)
        )
        return Series(
            step,
            times,
            {shard: line[:, 0] for shard, line in lines.items()},
            {shard: line[:, 1] for shard, line in lines.items()},
            ages,
            delays,
            {shard: pair[0 if fine else 1].series(last, bins)[:, 0] for shard, pair in self._throttles.items()},
        )


def _of(rings: _Rings, shard: str, columns: int) -> tuple[Ring, Ring]:
    found = rings.get(shard)
    if found is None:
        found = rings[shard] = (Ring(1, SECONDS_KEPT, columns), Ring(60, MINUTES_KEPT, columns))
    return found


def _held(values: npt.NDArray[np.float64], known: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Between two reads the last one counts."""
    places = np.where(known, np.arange(len(values)), 0)
    return values[np.maximum.accumulate(places)]
