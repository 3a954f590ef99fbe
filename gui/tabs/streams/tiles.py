"""The four figures of a tap: how many, how much, how late, how often throttled."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from PySide6.QtWidgets import QWidget

from core.streams.positions import short_shard
from core.streams.reader import READS_A_SECOND
from core.streams.tap import SILENT, TapStatus
from gui.parts.layout import row
from gui.parts.stat_tile import StatTile
from gui.parts.words import duration, number
from gui.style.tokens import Space

_KEPT = 60  # values of a curve: one a second
_LATE = 10_000.0  # milliseconds: more than a few reads behind


class Tiles(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.rate = StatTile("Records per second")
        self.volume = StatTile("Throughput")
        self.age = StatTile("Iterator age p99")
        self.throttles = StatTile("Throttled reads")
        self._curves: dict[StatTile, deque[float]] = {
            tile: deque(maxlen=_KEPT) for tile in (self.rate, self.volume, self.age, self.throttles)
        }
        for tile, tip in (
            (self.rate, "User records received by this tap, mean of the last 10 seconds"),
            (
                self.volume,
                "Payload received by this tap, mean of the last 10 seconds. A shard takes in 1 MiB and 1,000 records a second: "
                "the one that came nearest to either is named",
            ),
            (self.age, "How far the reads of the last minute were behind the newest record, 99th percentile"),
            (self.throttles, "Reads refused in the last minute: a shard serves five a second to all its readers"),
        ):
            tile.setToolTip(tip)
        self.setLayout(row(*self._curves, gap=Space.M))

    def clear(self) -> None:
        for tile, curve in self._curves.items():
            curve.clear()
            tile.show_figure("–")
            tile.curve.show_values([])

    def show_status(self, status: TapStatus) -> None:
        """Once a second."""
        self._show_rate(status)
        self._show_volume(status)
        self._show_age(status)
        self._show_throttles(status)

    def _show_rate(self, status: TapStatus) -> None:
        now, before = status.records_per_second, status.records_per_second_before
        note = "Mean of 10 s"
        if status.state != "reading":  # zero would be said of the stream
            self._show(self.rate, 0.0, "–", "", "Not reading")
            return
        if status.seconds >= 60 and before > 0:
            note = f"{(now / before - 1) * 100:+.1f} % vs 5 min"
        self._show(self.rate, now, number(now) if now >= 10 or not now else number(now, 1), "rec/s", note)

    def _show_volume(self, status: TapStatus) -> None:
        if status.state != "reading":
            self._show(self.volume, 0.0, "–", "", "Not reading")
            return
        shard, share = status.busiest
        value, unit = status.bytes_per_second / 1e6, "MB/s"
        if value < 0.1:
            value, unit = status.bytes_per_second / 1e3, "kB/s"
        several = sum(entry.state not in ("closed", "waiting") for entry in status.shards) > 1
        note, tone = f"{share * 100:.0f} % of write limit", "warning" if share > 0.8 else ""
        if any((entry.behind or 0) > _LATE for entry in status.shards):
            note, tone = "Catching up", ""  # what comes in is not what is written now
        elif share < 0.01:
            note = "under 1 % of write limit"
        elif several:
            note = f"Shard {short_shard(shard)}: {note}"
        self._show(self.volume, status.bytes_per_second, number(value, 2 if value < 10 else 1), unit, note, tone)

    def _show_age(self, status: TapStatus) -> None:
        age = status.age_p99
        if age is None:
            self._show(self.age, 0.0, "–", "", "No answer yet")
            return
        figure, unit = duration(age / 1000).split(" ", 1)
        silent = not status.pushed and any(shard.silent > SILENT for shard in status.shards)
        hurt = silent or any(shard.state in ("throttled", "retrying") for shard in status.shards)
        if status.state != "reading":
            note, tone = "As of the last read", ""
        elif silent:
            note, tone = "Waiting for an answer", "warning"
        elif age < _LATE:
            note, tone = "Healthy", "success"
        elif not hurt and all(shard.behind == 0 for shard in status.shards if shard.state == "reading"):
            note, tone = "Caught up by now", "success"
        else:
            note, tone = "Catching up", "warning"
        self._show(self.age, age, figure, unit, note, tone)

    def _show_throttles(self, status: TapStatus) -> None:
        hurt = [short_shard(shard.shard.id) for shard in status.shards if shard.throttles_per_minute]
        if hurt:
            note = f"Shard {hurt[0]} only" if len(hurt) == 1 else f"Shards {', '.join(hurt[:6])}"
        elif status.pushed:
            note = "Fan-out: takes none"
        else:
            note = f"Tap uses {number(status.budget * READS_A_SECOND, 1)} of {READS_A_SECOND} reads/s"
        tone = "warning" if hurt else ""
        count = status.throttles_per_minute
        self._show(self.throttles, float(count), number(count), "/min", note, tone)

    def _show(self, tile: StatTile, value: float, figure: str, unit: str, note: str, tone: str = "") -> None:
        curve = self._curves[tile]
        curve.append(value)
        values: Sequence[float] = list(curve)
        tile.show_figure(figure, unit, note=note, tone=tone, values=values)
