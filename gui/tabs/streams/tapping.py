"""Decides for the tap: its life from start to stop, by polling or by fan-out, and what is pulled from it ten times a second."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Protocol

from PySide6.QtCore import QObject, QTimer

from core.base.errors import OpsError
from core.jobs.job import Job
from core.streams.positions import start_from
from core.streams.tap import Tap
from gui.bridge.tab_context import TabContext
from gui.tabs.streams.announcer import Announcer
from gui.tabs.streams.figures import Figures
from gui.tabs.streams.notices import notice_of
from gui.tabs.streams.records_presenter import RecordsPresenter
from gui.tabs.streams.view import State, StreamsView

_TICK = 100  # ms
_CHART_EVERY, _FIGURES_EVERY = 2, 10  # ticks
_MINUTE = 60  # seconds of chart


class PageHand(Protocol):
    """What the tap needs of the page's presenter."""

    state: State

    @property
    def stream(self) -> str: ...
    def show_state(self, state: State) -> None: ...
    def show_facts(self, shards: int) -> None: ...


class Tapping(QObject):
    def __init__(self, view: StreamsView, context: TabContext, page: PageHand) -> None:
        super().__init__(view)
        self._view, self._context, self._page = view, context, page
        self._service = context.desk.streams
        self.tap: Tap | None = None
        self.start_place = "latest"
        self._ticks = 0
        self._timer = QTimer(self, interval=_TICK)
        self._timer.timeout.connect(self._tick)
        self.announcer = Announcer(view.banner)
        self.figures = Figures(view, context)
        self.records = RecordsPresenter(view.records, context)
        self._holder = _TapHolder()
        view.destroyed.connect(self._holder.stop)
        view.hidden.connect(self._timer.stop)
        view.records.empty_action_asked.connect(self._empty_action)
        self.records.failed.connect(self.announcer.show_fault)
        self.figures.moment_chosen.connect(self.records.show_moment)

    # -- its life -------------------------------------------------------------------
    def start(self, *, fan_out: bool = False) -> None:
        """``fan_out``: register a consumer and be pushed from the first record on; it was asked about before."""
        name = self._page.stream
        if self._page.state is not State.READY or not name:
            return
        start = start_from(self.start_place, datetime.now(UTC))
        self.drop()
        self.figures.fit(self.start_place)
        self._page.show_state(State.STARTING)

        def work(job: Job[Tap]) -> Tap:
            if fan_out:
                tap = self._service.tap_by_fan_out(job, name, start, unseen_stop=True)
            else:
                tap = self._service.tap(name, start, unseen_stop=True)
            return self._holder.held(job, tap)

        self._context.jobs.start(
            self,
            f"Tap {name}",
            work,
            room="streams",
            lane="streams.tap",
            quiet=not fan_out,
            write=fan_out,
            on_success=self._started,
            on_failure=self._failed,
            on_cancelled=lambda: self._page.show_state(State.READY),
        )

    def start_from_place(self, place: str) -> None:
        """Read from another place; a tap that runs begins again there."""
        self.start_place = place
        if self._page.state.tapping:
            self._restart()

    def _started(self, tap: Tap) -> None:
        if tap.stream != self._page.stream or self._page.state is not State.STARTING:
            tap.stop()
            return
        self.tap = self._holder.tap = tap
        self._ticks = 0
        self.announcer.begin()
        self.figures.attach(tap)
        self.records.attach(tap, tap.stream)
        self._page.show_state(State.READING)
        self.look()

    def _failed(self, fault: OpsError) -> None:
        self._page.show_state(State.READY)
        self.announcer.show_fault(fault, "Try again", "start")

    def pause_or_resume(self) -> None:
        if self.tap is None or not self._page.state.tapping:
            return
        if self._page.state is State.READING:
            self.tap.pause()
            self._page.show_state(State.PAUSED)
        else:
            self.tap.resume()
            self.announcer.hide()
            self._page.show_state(State.READING)
        self._show_figures()

    def go_on_by_fan_out(self) -> None:
        """Register a consumer and go on with the running tap, without a gap; it was asked about before."""
        polled = self.tap
        if polled is None or polled.pushed:
            return
        self._context.jobs.start(
            self,
            f"Register a consumer of {polled.stream}",
            lambda job: self._holder.held(job, self._service.fan_out(job, polled)),
            room="streams",
            lane="streams.tap",
            write=True,
            on_success=lambda pushed: self._pushed(polled, pushed),
            on_failure=self.announcer.show_fault,
        )

    def _pushed(self, polled: Tap, pushed: Tap) -> None:
        """The window is the same, so the table goes on where it is."""
        if self.tap is not polled:
            pushed.stop()
            return
        self.tap = self._holder.tap = pushed
        self.records.go_on_with(pushed)
        self.figures.go_on_with(pushed)
        self.announcer.hide()
        self._page.show_state(State.READING)

    def stop(self) -> None:
        """End reading; what was read stays on the page."""
        if self.tap is None:
            return
        self._timer.stop()
        self.tap.stop()
        self.records.pull()
        self.announcer.hide()
        self._page.show_state(State.READY)

    def drop(self) -> None:
        """End reading and empty the page."""
        if self.tap is not None:
            self.tap.stop()
        self.tap = self._holder.tap = None
        self._timer.stop()
        self.records.attach(None, self._page.stream)
        self.figures.attach(None)
        self.announcer.hide()

    def _restart(self) -> None:
        pushed = self.tap is not None and self.tap.pushed
        self.drop()
        self._page.show_state(State.READY)
        self.start(fan_out=pushed and not self._context.guard.locked)

    # -- ten times a second -------------------------------------------------------------
    def look(self) -> None:
        """Pull while the page is to be seen."""
        if self._view.isVisible():
            self._timer.start()

    def _tick(self) -> None:
        if self.tap is None:
            return
        self.tap.look()
        self._ticks += 1
        if not self.records.pull():
            self.say_waiting()
        # A long range moves by a pixel or two a second: drawn five times, it would cost five times as much.
        every = _CHART_EVERY if self._view.chart.seconds <= _MINUTE else _FIGURES_EVERY
        if self._ticks % every == 0 and self._page.state is State.READING:
            self.figures.draw(summarise=self._ticks % _FIGURES_EVERY == 0)
        if self._ticks % _FIGURES_EVERY == 1:
            self._show_figures()

    def _show_figures(self) -> None:
        if self.tap is None:
            return
        status = self.tap.status()
        self.figures.show(status)
        self._page.show_facts(sum(s.state != "closed" and not s.shard.closed for s in status.shards))
        state = {"paused": State.PAUSED, "unseen": State.UNSEEN, "failed": State.FAILED}.get(
            status.state, State.READING
        )
        if status.state == "stopped":
            self.stop()
            return
        if self._page.state.tapping and state is not self._page.state:
            self._page.show_state(state)
        self.announcer.notify(notice_of(status))

    # -- where there are no rows ----------------------------------------------------------
    def say_waiting(self) -> None:
        """Why the table has no rows, and what to do about it."""
        card, records = self._view.records, self.records
        if records.moment:
            words, oldest = records.moment_words(), self.tap.window.oldest if self.tap is not None else None
            if oldest is None or records.moment[1] <= oldest:
                title, hint = f"No record of {words} was read", "This tap has read none that came so early"
            else:
                title = f"No record of {words} {'that matches is kept' if records.filter_text else 'is kept'}"
                hint = "None came then, or newer ones took its place in this window"
            card.show_empty(title, f"Tap from {words}", f"{hint}; the stream may still have some")
        elif records.filter_text:
            card.show_empty("No record matches the filter yet", "Clear the filter", records.filter_hint)
        elif self._page.state is State.PAUSED:
            card.show_empty("Paused before the first record", "Resume")
        elif self.start_place == "latest":
            pushed = self.tap is not None and self.tap.pushed
            hint = "New records are pushed as they come" if pushed else "Every shard is read once a second"
            card.show_empty("Waiting for the first record", "Read from the oldest kept", hint)
        else:
            card.show_empty("No record yet", "", "There may be none in this time; reading goes on")

    def _empty_action(self) -> None:
        self._view.toolbar.streams.setFocus()  # the pressed button goes; Qt would pass its focus on to one below and scroll there
        if self.records.moment:
            self._restart_from(datetime.fromtimestamp(self.records.moment[0], UTC).isoformat())
        elif self.records.filter_text and self.tap is not None:
            self._view.records.filter.clear()
        elif self._page.state is State.READY:
            self.start()
        elif self._page.state is State.PAUSED:
            self.pause_or_resume()
        else:
            self._restart_from("trim_horizon")

    def _restart_from(self, place: str) -> None:
        self.start_place = place
        self._view.toolbar.show_start(place)
        self._restart()


class _TapHolder:
    """Ends the tap when the page dies: its threads belong to no widget, and its consumer costs money."""

    def __init__(self) -> None:
        self.tap: Tap | None = None
        self._over = False

    def held(self, job: Job[Any], tap: Tap) -> Tap:
        """On the worker that made it: the tap, unless nobody is left to take it."""
        if self._over or job.stopping:
            tap.stop()
        job.checkpoint()
        return tap

    def stop(self, *_: object) -> None:
        self._over = True
        if self.tap is not None:
            self.tap.stop()
