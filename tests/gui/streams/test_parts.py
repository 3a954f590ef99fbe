"""The ring behind the live table keeps the newest rows in order, however they come."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core.streams.decode import DecodeCounts
from core.streams.pages import Shard
from core.streams.reader import ShardStatus
from core.streams.tap import TapStatus
from gui.parts.live_chart import LiveChart
from gui.parts.live_table import Column, LiveModel
from gui.tabs.streams.tiles import Tiles

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


def test_beyond_twelve_lines_one_stands_for_the_highest_of_the_rest(qtbot) -> None:
    """Sixty ages of a second are no age of a minute, and sixty quiet shards do not come near the limit of one."""
    chart = LiveChart("Iterator age", "s")
    qtbot.addWidget(chart)
    chart.resize(700, 300)
    times = np.arange(1_000.0, 1_060.0)
    lines = {f"Shard {n}": np.full(60, float(n % 50 + 1)) for n in range(64)}
    chart.show_lines(times, lines, until={name: 1_050.0 if name == "Shard 0" else 1_055.0 for name in lines})
    assert len(chart._lines) == 12
    name = next(reversed(chart._lines))
    assert name == "highest of 53 others" and chart._lines[name].max() == 39.0
    assert chart._items[name].getData()[0][-1] == 1_049.0, "as far as all of them are known"
    looks = {(pen.color().name(), pen.style()) for pen in (chart._pen(one, 1) for one in chart._order)}
    assert len(looks) == 12
    chart._show_cross(1_010.0)
    assert chart._box._rows[-1] == ("All", f"{sum(line[0] for line in lines.values()):,.0f} s")


def test_a_legend_of_a_dozen_wraps_and_asks_for_no_width(qtbot) -> None:
    chart = LiveChart("Records per second", "rec/s")
    qtbot.addWidget(chart)
    chart.resize(420, 300)
    chart.show()
    times = np.arange(1_000.0, 1_060.0)
    chart.show_lines(times, {f"Shard {n}": np.full(60, 1.0) for n in range(64)})
    qtbot.waitUntil(lambda: chart._legend.height() > 30)
    entries = list(chart._legend._entries.values())
    assert chart.minimumSizeHint().width() < 200
    assert all(entry.x() >= 0 and entry.geometry().right() < 420 for entry in entries)
    assert entries[-1].geometry().bottom() < chart._legend.height() and chart.plot.height() > 150


def status(*behind: float, busiest: tuple[str, float]) -> TapStatus:
    shards = [ShardStatus(Shard(f"shardId-{n:012d}", 0, 0), "reading", late) for n, late in enumerate(behind)]
    return TapStatus(
        "reading", shards, 9, 9.0, 9e5, 9.0, 0.0, 0.0, 0, 0.2, DecodeCounts(), 0.0, None, 30.0, False, busiest
    )


def test_the_throughput_is_held_against_the_limit_of_the_busiest_shard(qtbot) -> None:
    """The mean of all would hide a hot one, and what an old record brings is not what is written now."""
    tiles = Tiles()
    qtbot.addWidget(tiles)
    tiles.show_status(status(0, 0, 0, busiest=("shardId-000000000002", 0.93)))
    assert tiles.volume.note.text() == "Shard 2: 93 % of write limit"
    tiles.show_status(status(0, busiest=("shardId-000000000000", 0.25)))
    assert tiles.volume.note.text() == "25 % of write limit"
    tiles.show_status(status(0, 3_600_000, busiest=("shardId-000000000001", 2.0)))
    assert tiles.volume.note.text() == "Catching up"


def test_a_tap_that_does_not_read_says_nothing_of_the_rate(qtbot) -> None:
    tiles = Tiles()
    qtbot.addWidget(tiles)
    tiles.show_status(replace(status(0, busiest=("shardId-000000000000", 0.0)), state="paused"))
    assert (tiles.rate.figure.text(), tiles.rate.note.text()) == ("–", "Not reading")
    assert (tiles.volume.figure.text(), tiles.volume.note.text()) == ("–", "Not reading")
