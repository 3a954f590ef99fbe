"""The chart card: records or bytes a second by shard, over a minute, a quarter, an hour or a day."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QStackedWidget

from core.streams.rates import Series
from core.streams.reader import ShardStatus
from core.streams.shards import WRITE_BYTES, WRITE_RECORDS
from gui.parts.buttons import Button, Segments
from gui.parts.layout import Card
from gui.parts.live_chart import LiveChart
from gui.parts.words import Label, number
from gui.tabs.streams.wording import shard_word

RANGES = (("60", "1 min"), ("900", "15 min"), ("3600", "1 h"), ("86400", "24 h"))
_DRAWN = {
    # title, unit, what one shard takes in of it
    "records": ("Records per second by shard", "rec/s", float(WRITE_RECORDS)),
    "bytes": ("Kilobytes per second by shard", "kB/s", WRITE_BYTES / 1e3),
    "ages": ("Iterator age by shard", "ms", None),
}


class ChartCard(Card):
    def __init__(self) -> None:
        self.drawn = Segments([("records", "Records"), ("bytes", "Bytes"), ("ages", "Age")], "What is drawn")
        self.range = Segments(RANGES, "Time shown")
        self.export = Button("Save the chart as a picture", "icon", icon_name="download")
        super().__init__(_DRAWN["records"][0], self.drawn, self.range, self.export)
        self.chart = LiveChart(*_DRAWN["records"][:2])
        self.empty = Label("Start a tap to see records per second by shard", "small", wrap=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.empty)
        self.pages.addWidget(self.chart)
        self.body.addWidget(self.pages, 1)
        self.drawn.chosen.connect(self._show_metric)
        self._show_metric("records")

    @property
    def seconds(self) -> int:
        return int(self.range.value)

    def show_series(
        self, series: Series, shards: Sequence[ShardStatus], *, utc: bool, since: float, skew: float
    ) -> None:
        """``shards`` in the order of their hash keys; closed ones without records in this time are left out.
        ``since``: when the tap began to see (epoch seconds); ``skew``: of the server's clock."""
        self.pages.setCurrentWidget(self.chart)
        order = [status.shard.id for status in shards if status.state != "closed"]
        drawn = self.drawn.value
        if drawn == "bytes":
            lines = {name: values / 1e3 for name, values in series.bytes.items()}
        else:
            lines = series.records if drawn == "records" else series.ages
        known = [name for name in order if name in lines]
        others = sorted(name for name in lines if name not in known and lines[name].any())
        # A second is whole once the shard was read after its end; of the minute that runs the rate so far is drawn.
        until = {
            shard_word(status.shard.id): status.known_until + skew - (series.step if series.step == 1 else 0)
            for status in shards
            if status.state != "closed" and status.known_until
        }
        self.chart.show_lines(
            series.times,
            {shard_word(name): lines[name] for name in [*known, *others]},
            utc=utc,
            since=since,
            until=until,
        )

    def clear(self) -> None:
        self.pages.setCurrentWidget(self.empty)

    def summarise(self, series: Series) -> None:
        """For screen readers, once a second: the mean of what is drawn."""
        words = [f"{shard_word(name)} {number(float(line.mean()), 1)}" for name, line in series.records.items()]
        self.chart.summarise(f"Mean records per second: {', '.join(words)}" if words else "Nothing yet")

    def _show_metric(self, metric: str) -> None:
        title, unit, limit = _DRAWN[metric]
        self.title.setText(title)
        self.chart.set_unit(unit, title, limit, adds_up=metric != "ages")
