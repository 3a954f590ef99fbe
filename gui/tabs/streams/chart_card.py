"""The chart card: records, bytes, ages, delays or throttles by shard or in all, over a minute, a quarter, an hour or a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtWidgets import QStackedWidget

from core.streams.rates import Lines, Series
from core.streams.reader import ShardStatus
from core.streams.shards import WRITE_BYTES, WRITE_RECORDS
from gui.parts.buttons import Button, Segments
from gui.parts.layout import Card
from gui.parts.live_chart import LiveChart
from gui.parts.words import number
from gui.tabs.streams.budget_note import BudgetNote
from gui.tabs.streams.wording import shard_word

RANGES = (("60", "1 min"), ("900", "15 min"), ("3600", "1 h"), ("86400", "24 h"))


@dataclass(frozen=True, slots=True)
class _Metric:
    """``scale`` leads from the series' unit to the shown one. ``limit``: what one shard takes in of it. ``adds_up``: the
    sum over shards means something."""

    word: str
    title: str
    unit: str
    scale: float = 1.0
    limit: float | None = None
    adds_up: bool = False


_METRICS = {
    "records": _Metric("Records", "Records per second", "rec/s", limit=float(WRITE_RECORDS), adds_up=True),
    "bytes": _Metric("Bytes", "Kilobytes per second", "kB/s", 1e-3, WRITE_BYTES / 1e3, adds_up=True),
    "ages": _Metric("Age", "Iterator age", "s", 1e-3),
    "delays": _Metric("Delay", "Tap delay", "s", 1e-3),
    "throttles": _Metric("Throttles", "Refused reads", "reads", adds_up=True),
}
_ALL = "All shards"


def _clocks(skew: float) -> str:
    """A delay is between two clocks: how far they are known to differ."""
    if abs(skew) < 0.05:
        return "stream's clock to ours; they agree to the second"
    return f"stream's clock to ours; it is {number(abs(skew), 1)} s {'ahead' if skew > 0 else 'behind'}, which is taken off"


class ChartCard(Card):
    def __init__(self) -> None:
        self.drawn = Segments([(name, metric.word) for name, metric in _METRICS.items()], "What is drawn")
        self.range = Segments(RANGES, "Time shown")
        self.total = Button("All shards together", "icon", icon_name="sigma")
        self.total.setCheckable(True)
        self.export = Button("Save the chart as a picture", "icon", icon_name="download")
        super().__init__(_METRICS["records"].title, self.drawn, self.range, self.total, self.export)
        self.chart = LiveChart(_METRICS["records"].title, _METRICS["records"].unit)
        self.budget = BudgetNote()
        self.pages = QStackedWidget()
        self.pages.addWidget(self.budget)
        self.pages.addWidget(self.chart)
        self.body.addWidget(self.pages, 1)
        self._shards = 1
        self._narrow = False
        self._lines: Lines = {}
        self.drawn.chosen.connect(self._show_metric)
        self.total.toggled.connect(self._show_metric)
        self._show_metric()

    @property
    def seconds(self) -> int:
        return int(self.range.value)

    @property
    def showing(self) -> _Metric:
        return _METRICS[self.drawn.value]

    @property
    def in_all(self) -> bool:
        """One line for all shards, where a sum means something."""
        return self.total.isChecked() and self.showing.adds_up

    def show_series(
        self, series: Series, shards: Sequence[ShardStatus], *, utc: bool, since: float, skew: float
    ) -> None:
        """``shards`` in the order of their hash keys; closed ones without records in this time are left out.
        ``since``: when the tap began to see (epoch seconds); ``skew``: of the server's clock."""
        self.pages.setCurrentWidget(self.chart)
        open_shards = [status for status in shards if status.state != "closed"]
        if len(open_shards) != self._shards:
            self._shards = len(open_shards)
            self._show_metric()
        drawn, scale = self.drawn.value, self.showing.scale
        self.set_note(_clocks(skew) if drawn == "delays" and not self._narrow else "")
        lines: Lines = {name: values * scale for name, values in getattr(series, drawn).items()}
        order = [status.shard.id for status in open_shards]
        known = [name for name in order if name in lines]
        others = sorted(name for name in lines if name not in known and lines[name].any())
        until: dict[str, float] = {}
        if drawn != "throttles":  # those are known at once
            # A second is whole once the shard was read after its end; of the minute that runs the rate so far is drawn.
            until = {
                shard_word(status.shard.id): status.known_until + skew - (series.step if series.step == 1 else 0)
                for status in open_shards
                if status.known_until
            }
        self._lines = {shard_word(name): lines[name] for name in [*known, *others]}
        if self.in_all:
            total = np.sum(list(self._lines.values()), axis=0) if self._lines else np.zeros(len(series.times))
            self._lines = {_ALL: total}
            until = {_ALL: min(until.values())} if until else {}
        self.chart.show_lines(series.times, self._lines, utc=utc, since=since, until=until)

    def clear(self) -> None:
        self.pages.setCurrentWidget(self.budget)

    def show_narrow(self, narrow: bool) -> None:
        """Where there is little room the title stands in a line of its own."""
        if narrow != self._narrow:
            self._narrow = narrow
            self.stand_title(above=narrow)

    def summarise(self) -> None:
        """For screen readers, once a second: the mean of what is drawn."""
        words = [f"{name} {number(float(line.mean()), 1)}" for name, line in self._lines.items() if len(line)]
        metric = self.showing
        self.chart.summarise(f"Mean of {metric.title}, {metric.unit}: {', '.join(words)}" if words else "Nothing yet")

    def _show_metric(self, *_: object) -> None:
        metric, in_all = self.showing, self.in_all
        self.total.setEnabled(metric.adds_up)
        title = f"{metric.title} {'of all shards' if in_all else 'by shard'}"
        self.title.setText(title)
        limit = metric.limit * self._shards if metric.limit and in_all else metric.limit
        word = "what all shards take in" if in_all else "what a shard takes in"
        self.chart.set_unit(metric.unit, title, limit, word, adds_up=metric.adds_up and not in_all)
