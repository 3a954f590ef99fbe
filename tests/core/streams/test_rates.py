"""The charts' bins: what is added is found again, and memory stays as it is."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.streams.rates import SECONDS_KEPT, Rates, Ring

BASE = 1_763_800_000


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 9)), min_size=1, max_size=60).map(sorted))
def test_a_ring_keeps_the_newest_bins(added: list[tuple[int, int]]) -> None:
    ring, exact, newest = Ring(1, 50, 1), Counter[int](), added[-1][0]
    for offset, count in added:
        ring.add(BASE + offset, (count,))
        exact[offset] += count
    assert list(ring.series(BASE + newest, 50)[:, 0]) == [exact[offset] for offset in range(newest - 49, newest + 1)]


def test_late_records_find_their_second() -> None:
    rates = Rates()
    rates.add("s", {BASE: (10, 100), BASE + 1: (20, 200)})
    rates.add("s", {BASE: (5, 50)})
    series = rates.series(3, BASE + 1.5)
    assert list(series.records["s"]) == [0, 15, 20]
    assert list(series.bytes["s"]) == [0, 150, 200]
    assert list(series.times) == [BASE - 1, BASE, BASE + 1]


def test_a_running_minute_shows_its_rate_so_far() -> None:
    rates, minute = Rates(), BASE // 60 * 60
    rates.add("s", {minute - 30: (600, 1), minute + 5: (100, 1)})
    series = rates.series(3_600, minute + 10)
    assert series.step == 60
    assert series.records["s"][-2] == 10
    assert series.records["s"][-1] == pytest.approx(10)


def test_ages_and_delays_hold_between_reads() -> None:
    rates = Rates()
    rates.read("s", BASE, 5_000, 100)
    rates.read("s", BASE, 3_000, 700)
    rates.read("s", BASE + 3, 0, 0)
    series = rates.series(5, BASE + 4)
    assert list(series.ages["s"]) == [5_000, 5_000, 5_000, 0, 0]
    assert list(series.delays["s"]) == [700, 700, 700, 0, 0]


def test_refused_reads_are_counted_where_they_happened() -> None:
    rates, minute = Rates(), BASE // 60 * 60
    for second in (minute, minute, minute + 2):
        rates.throttled("s", second)
    assert list(rates.series(4, minute + 3).throttles["s"]) == [2, 0, 1, 0]
    assert list(rates.series(3_600, minute + 3).throttles["s"])[-2:] == [0, 3]


def test_more_than_a_quarter_is_drawn_in_minutes() -> None:
    rates = Rates()
    assert rates.series(SECONDS_KEPT, BASE).step == 1
    assert rates.series(SECONDS_KEPT + 1, BASE).step == 60
