"""Decides for what is measured: tiles, chart, shards' map and hot keys, drawn from the tap that is attached."""

from __future__ import annotations

import time
from collections import deque
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog

from core.streams.rates import SECONDS_KEPT
from core.streams.shards import key_advice
from core.streams.tap import Tap, TapStatus
from gui.bridge.tab_context import TabContext
from gui.tabs.streams.chart_card import RANGES
from gui.tabs.streams.view import StreamsView
from gui.tabs.streams.wording import shard_word

_COMPLETE_AFTER = 2.0  # seconds: a second's bin is whole when every shard was read once after it
_RATE_SECONDS = 10
_RANGE_OF_START = {"latest": "60", "1m": "60", "10m": "900", "1h": "3600"}


class Figures(QObject):
    moment_chosen = Signal(tuple)  # (first, last) epoch seconds of a bin

    def __init__(self, view: StreamsView, context: TabContext) -> None:
        super().__init__(view)
        self._view, self._context = view, context
        self._tap: Tap | None = None
        self._fitting = False  # the range still widens with what comes
        self.by_key = True  # False: the stream spreads its records whatever their keys
        self._history: deque[tuple[float, dict[str, tuple[int, int]]]] = deque(maxlen=_RATE_SECONDS + 1)
        card = view.chart
        card.chart.time_chosen.connect(self._time_chosen)
        for changed in (card.range.chosen, card.drawn.chosen, card.total.toggled):
            changed.connect(self._redraw)
        card.range.chosen.connect(self._range_chosen)
        card.export.clicked.connect(self._save_chart)

    def attach(self, tap: Tap | None) -> None:
        """Draw this tap from now on; None empties all."""
        self._tap = tap
        self._history.clear()
        self._view.tiles.clear()
        if tap is None:
            self._view.chart.clear()
            self._view.shards.show_shards([], {})
            self._view.keys.show_keys([], 0)

    def go_on_with(self, tap: Tap) -> None:
        """Another tap in the same window."""
        self._tap = tap
        self._history.clear()

    def fit(self, start: str) -> None:
        """Show as much time as a tap that starts there will bring; where that is not known, as much as it has brought."""
        self._fitting = start not in _RANGE_OF_START
        self._view.chart.range.choose(_RANGE_OF_START.get(start, RANGES[0][0]))

    def draw(self, *, summarise: bool = False) -> None:
        if self._tap is None:
            return
        now = time.time() + self._tap.skew - _COMPLETE_AFTER
        card = self._view.chart
        series = self._tap.window.series(card.seconds, now)
        utc = self._context.settings.current.appearance.utc
        card.show_series(series, self._tap.shards(), utc=utc, since=self._tap.since, skew=self._tap.skew)
        if summarise:
            card.summarise()

    def show(self, status: TapStatus) -> None:
        """Once a second."""
        if self._tap is None:
            return
        view = self._view
        self._widen(status)
        view.tiles.show_status(status)
        view.shards.show_shards(status.shards, self._shard_rates(status))
        view.keys.show_keys(key_advice(self._tap.window.top_keys(), status.shards), status.seen, by_key=self.by_key)
        view.chart.chart.mark(frozenset(shard_word(s.shard.id) for s in status.shards if s.throttles_per_minute))

    def _widen(self, status: TapStatus) -> None:
        oldest = self._tap.window.oldest if self._tap is not None else None
        if not self._fitting or oldest is None:
            return
        card, age = self._view.chart, time.time() + status.skew - oldest
        fitting = next((value for value, _ in RANGES if int(value) >= age), RANGES[-1][0])
        if int(fitting) > card.seconds:
            card.range.choose(fitting)
        self._fitting = any(shard.behind != 0 for shard in status.shards if shard.state != "closed")

    def _range_chosen(self, _value: str) -> None:
        self._fitting = False  # by hand, from now on

    def _redraw(self, *_: object) -> None:
        self.draw(summarise=True)

    def _shard_rates(self, status: TapStatus) -> dict[str, tuple[float, float]]:
        now = time.monotonic()
        counts = {shard.shard.id: (shard.records, shard.bytes) for shard in status.shards}
        self._history.append((now, counts))
        then, before = self._history[0]
        if len(self._history) < 2:
            return {}
        passed = max(now - then, 1e-9)
        return {
            name: (
                (records - before.get(name, (0, 0))[0]) / passed,
                (size - before.get(name, (0, 0))[1]) / passed,
            )
            for name, (records, size) in counts.items()
        }

    # -- the hand on the chart ----------------------------------------------------
    def _time_chosen(self, at: float) -> None:
        self.moment_chosen.emit((at, at + (1.0 if self._view.chart.seconds <= SECONDS_KEPT else 60.0)))

    def _save_chart(self) -> None:
        stream = self._tap.stream if self._tap is not None else "chart"
        suggested = str(Path.home() / f"{stream}-{datetime.now():%Y%m%d-%H%M%S}.svg")
        chosen, _ = QFileDialog.getSaveFileName(self._view, "Save the chart", suggested, "*.svg *.png")
        if chosen and self._view.chart.chart.save_picture(Path(chosen)):
            self._context.praise(f"The chart is in {Path(chosen).name}")
