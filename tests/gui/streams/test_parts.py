"""The ring behind the live table keeps the newest rows in order, however they come."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gui.parts.live_table import Column, LiveModel

COLUMN = Column("N", str)


@settings(deadline=None)
@given(st.integers(1, 12), st.lists(st.integers(0, 30), max_size=12), st.booleans())
def test_the_ring_shows_the_newest_in_order(capacity: int, batches: list[int], newest_last: bool) -> None:
    model = LiveModel([COLUMN], capacity)
    model.order(newest_last=newest_last)
    added: list[int] = []
    for size in batches:
        rows = list(range(len(added), len(added) + size))
        model.append(rows)
        added += rows
        shown = [model.row(number) for number in range(model.rowCount())]
        assert shown == (added[-capacity:] if newest_last else added[::-1][:capacity])
        assert model.newest(3) == added[::-1][: min(3, capacity)]


@settings(deadline=None)
@given(st.integers(2, 12), st.lists(st.integers(0, 30), min_size=1, max_size=12), st.booleans())
def test_a_serial_leads_to_the_same_row_until_it_leaves(capacity: int, batches: list[int], newest_last: bool) -> None:
    model = LiveModel([COLUMN], capacity)
    model.order(newest_last=newest_last)
    model.append(["first"])
    serial = model.serial(0)
    for size in batches:
        model.append(["later"] * min(size, capacity - 1))
        number = model.number(serial)
        if number >= 0:
            assert model.row(number) == "first"
        else:
            assert "first" not in [model.row(row) for row in range(model.rowCount())]
