"""Decides for the Streams page: which stream, the tap's life, what the page pulls ten times a second."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

from PySide6.QtCore import QObject, QTimer

from core.base.errors import OpsError
from core.streams.budget import ReadBudget
from core.streams.positions import start_from
from core.streams.service import StreamDetails
from core.streams.tap import Tap
from gui.bridge.tab_context import TabContext
from gui.parts.words import number
from gui.tabs.streams.actions import Actions
from gui.tabs.streams.announcer import Announcer
from gui.tabs.streams.carrying import Carrying
from gui.tabs.streams.catalogue import Catalogue
from gui.tabs.streams.changes import Changes
from gui.tabs.streams.dialogs import StartDialog
from gui.tabs.streams.figures import Figures
from gui.tabs.streams.notices import notice_of
from gui.tabs.streams.producing import Producing
from gui.tabs.streams.records_presenter import RecordsPresenter
from gui.tabs.streams.view import State, StreamsView

_TICK = 100  # ms
_LOOK_AGAIN = 3_000  # ms between looks while there is no stream or no answer: the sandbox fills itself after its start
_CHART_EVERY, _FIGURES_EVERY = 2, 10  # ticks


class StreamsPresenter(QObject):
    def __init__(self, view: StreamsView, context: TabContext) -> None:
        super().__init__(view)
        self.view, self._context = view, context
        self._service = context.desk.streams
        self.state = State.LOADING
        self.tap: Tap | None = None
        self.catalogue = Catalogue(context, self)
        self._start = "latest"
        self._ticks = 0
        self._timer = QTimer(self, interval=_TICK)
        self._timer.timeout.connect(self._tick)
        self.announcer = Announcer(view.banner)
        self.figures = Figures(view, context)
        self.records = RecordsPresenter(view.records, context)
        self.producing = Producing(view.produce, context)
        self.carrying = Carrying(view, context)
        self.changes = Changes(view, context, lambda: self.catalogue.details)
        self._again = QTimer(self, interval=_LOOK_AGAIN)
        self._again.timeout.connect(self.catalogue.read)
        self._holder = _TapHolder()
        view.destroyed.connect(self._holder.stop)
        self._actions = Actions(view, context.commands, self, sandbox=context.desk.dials is not None)
        self._wire()
        if view.isVisible():
            self._shown()

    def _wire(self) -> None:
        view, bar = self.view, self.view.toolbar
        view.shown.connect(self._shown)
        view.hidden.connect(self._timer.stop)
        view.hidden.connect(self._again.stop)
        view.retry_asked.connect(self.refresh)
        view.create_asked.connect(self.changes.ask_create)
        self.announcer.step_asked.connect(self._next_step)
        bar.stream_chosen.connect(self.choose)
        bar.start_chosen.connect(self._choose_start)
        bar.elsewhere_asked.connect(self._ask_start)
        view.records.empty_action_asked.connect(self._empty_action)
        self.records.failed.connect(self.announcer.show_fault)
        bar.produce.toggled.connect(view.produce.setVisible)
        view.produce.closed.connect(partial(bar.produce.setChecked, False))
        self.changes.failed.connect(self.announcer.show_fault)
        self.changes.made.connect(self._made)
        self.changes.reshaped.connect(self.catalogue.describe)
        self.changes.pushed.connect(self._pushed)
        self.catalogue.listed.connect(self._listed)
        self.catalogue.described.connect(self._described)
        self.catalogue.list_failed.connect(self._list_failed)
        self.catalogue.failed.connect(self.announcer.show_fault)
        self.catalogue.weighed.connect(self._weighed)
        self.figures.moment_chosen.connect(self.records.show_moment)
        view.shards.scale_asked.connect(self.changes.ask_scale)
        view.shards.split_asked.connect(self.changes.ask_split)
        view.shards.merge_asked.connect(self.changes.ask_merge)
        self._context.guard.changed.connect(self._guard_changed)
        self._context.settings.changed.connect(lambda _settings: self._look_changed())

    # -- what is shown ----------------------------------------------------------
    def show_state(self, state: State) -> None:
        self._enter(state)
        locked, details = self.locked, self.catalogue.details
        self.view.show_state(state, locked=locked)
        here = details is not None and state not in (State.LOADING, State.NO_STREAMS, State.UNREACHABLE)
        pushed = self.tap is not None and self.tap.pushed
        tapped = self.tap is not None
        self._actions.follow(state, locked=bool(locked), described=here, tapped=tapped, pushed=pushed)
        self.producing.show_stream(self.catalogue.stream if here else "", locked=locked)
        forbidden = locked or ("" if here else "Choose a stream")
        if not forbidden and details is not None and details.mode == "ON_DEMAND":
            forbidden = "The stream is on-demand: AWS changes its shards by itself"
        self.view.shards.show_allowed(forbidden)
        if state in (State.READY, State.STARTING) and self.tap is None:
            hint = "The records of all shards, as they come"
            self.view.records.show_empty("Nothing is tapped yet", "Start tap", hint)
        elif state.tapping:
            self._say_waiting()

    def _enter(self, state: State) -> None:
        self.state = state
        if state in (State.NO_STREAMS, State.UNREACHABLE) and self.view.isVisible():
            self._again.start()
        else:
            self._again.stop()

    @property
    def locked(self) -> str:
        """Why nothing may be written, or ""."""
        guard = self._context.guard
        return f"{guard.profile.name} is read-only: unlock it in the header first" if guard.locked else ""

    def ask_create(self) -> None:
        self.changes.ask_create()

    def ask_scale(self) -> None:
        self.changes.ask_scale()

    def ask_delete(self) -> None:
        self.changes.ask_delete()

    def ask_dials(self) -> None:
        self.changes.ask_dials()

    def ask_carry(self) -> None:
        here = self.state not in (State.LOADING, State.NO_STREAMS, State.UNREACHABLE)
        self.carrying.show(self.catalogue.stream if here else "", locked=self.locked)

    def ask_query(self) -> None:
        self.records.ask_query()

    def copy_command(self) -> None:
        self.records.copy_tap_command(self._start)

    def _shown(self) -> None:
        if self.state is State.LOADING:
            self.refresh()
        elif self.state.tapping:
            self._timer.start()
        else:
            self._enter(self.state)

    def _guard_changed(self) -> None:
        self.show_state(self.state)

    def _look_changed(self) -> None:
        self.view.records.show_utc(self._context.settings.current.appearance.utc)
        self.figures.draw()

    # -- streams ------------------------------------------------------------------
    def refresh(self) -> None:
        """Read the list of streams again."""
        if not self.state.tapping:
            self.show_state(State.LOADING)
        self.catalogue.read()

    def _listed(self, names: list[str]) -> None:
        here = self.catalogue.stream
        if self.state.tapping and self.tap is not None and self.tap.state != "failed":
            self.view.toolbar.show_streams(sorted({*names, here}), here)
            return
        if not names:
            self._drop_tap()
            hint = self.locked or "A stream takes in records and keeps them for a day or longer"
            if self._context.desk.profile.kind == "sandbox":
                hint = "The sandbox's own stream appears here as soon as it is filled"
            self._enter(State.NO_STREAMS)
            self.view.show_nothing(self.state, "There is no stream yet", "" if self.locked else "New stream", hint)
            return
        if here not in names:
            self._drop_tap()
            self.catalogue.choose(names[0])
        self.view.toolbar.show_streams(names, self.catalogue.stream)
        if not self.state.tapping:
            self.show_state(State.READY)
        self.catalogue.describe()

    def _list_failed(self, fault: OpsError) -> None:
        if self.state.tapping:
            self.announcer.show_fault(fault)
            return
        self._enter(State.UNREACHABLE)
        why = " ".join(f"{part.rstrip('.')}." for part in (fault.why, fault.remedy) if part)
        self.view.show_nothing(self.state, fault.title, "Try again", why)

    def choose(self, name: str) -> None:
        """Work on another stream; a tap of the former one ends."""
        if name == self.catalogue.stream and self.catalogue.details is not None:
            return
        self._drop_tap()
        self.catalogue.choose(name)
        self.show_state(State.READY)
        self.catalogue.describe()

    def _described(self, details: StreamDetails) -> None:
        self._show_facts(len(details.open_shards))
        self._weighed(None)
        self.catalogue.weigh()
        self.show_state(self.state)

    def _weighed(self, budget: ReadBudget | None) -> None:
        details = self.catalogue.details
        if details is not None:
            self.view.chart.budget.show_budget(
                budget, self._service.reads_per_second, details.consumers, details.consumer_count
            )

    def _show_facts(self, shards: int) -> None:
        words = f"{number(shards)} shard{'s' if shards != 1 else ''}"
        details = self.catalogue.details
        mode = "" if details is None else "On-demand" if details.mode == "ON_DEMAND" else "Provisioned"
        if details is not None and details.status != "ACTIVE":
            mode = details.status.capitalize()
        self.view.toolbar.show_facts(words, mode)

    # -- the tap's life --------------------------------------------------------------
    def _choose_start(self, start: str) -> None:
        self._start = start
        if self.state.tapping:
            self._restart()

    def _ask_start(self) -> None:
        dialog = StartDialog(self.view)

        def take(text: str) -> None:
            try:
                start_from(text, datetime.now(UTC))
            except OpsError as fault:
                dialog.field.show_fault(f"{fault.title}. {fault.why}")
                return
            dialog.accept()
            self.view.toolbar.show_start(text.strip())
            self._choose_start(text.strip())

        dialog.start_asked.connect(take)
        dialog.open()

    def start_tap(self) -> None:
        if self.state is not State.READY or not self.catalogue.stream:
            return
        name = self.catalogue.stream
        start = start_from(self._start, datetime.now(UTC))
        self._drop_tap()
        self.figures.fit(self._start)
        self.show_state(State.STARTING)
        self._context.jobs.start(
            self,
            f"Tap {name}",
            lambda _job: self._service.tap(name, start, unseen_stop=True),
            room="streams",
            lane="streams.tap",
            quiet=True,
            on_success=self._tapped,
            on_failure=self._tap_failed,
        )

    def _tapped(self, tap: Tap) -> None:
        if tap.stream != self.catalogue.stream or self.state is not State.STARTING:
            tap.stop()
            return
        self.tap = self._holder.tap = tap
        self._ticks = 0
        self.announcer.begin()
        self.figures.attach(tap)
        self.records.attach(tap, self.catalogue.stream)
        self.show_state(State.READING)
        if self.view.isVisible():
            self._timer.start()

    def _tap_failed(self, fault: OpsError) -> None:
        self.show_state(State.READY)
        self.announcer.show_fault(fault, "Try again", "start")

    def pause_or_resume(self) -> None:
        if self.tap is None or not self.state.tapping:
            return
        if self.state is State.READING:
            self.tap.pause()
            self.show_state(State.PAUSED)
        else:
            self.tap.resume()
            self.announcer.hide()
            self.show_state(State.READING)
        self._figures()

    def ask_fan_out(self) -> None:
        if self.tap is not None and self.state.tapping and self.catalogue.details is not None:
            self.changes.ask_fan_out(self.tap, self.catalogue.details)

    def _pushed(self, polled: Tap, pushed: Tap) -> None:
        """The window is the same, so the table goes on where it is."""
        if self.tap is not polled:
            pushed.stop()
            return
        self.tap = self._holder.tap = pushed
        self.records.go_on_with(pushed)
        self.figures.go_on_with(pushed)
        self.announcer.hide()
        self.show_state(State.READING)

    def stop_tap(self) -> None:
        """End reading; what was read stays on the page."""
        if self.tap is None:
            return
        self._timer.stop()
        self.tap.stop()
        self.records.pull()
        self.announcer.hide()
        self.show_state(State.READY)

    def _drop_tap(self) -> None:
        if self.tap is not None:
            self.tap.stop()
        self.tap = self._holder.tap = None
        self._timer.stop()
        self.records.attach(None, self.catalogue.stream)
        self.figures.attach(None)
        self.announcer.hide()

    # -- ten times a second -------------------------------------------------------------
    def _tick(self) -> None:
        if self.tap is None:
            return
        self.tap.look()
        self._ticks += 1
        if not self.records.pull():
            self._say_waiting()
        if self._ticks % _CHART_EVERY == 0 and self.state is State.READING:
            self.figures.draw(summarise=self._ticks % _FIGURES_EVERY == 0)
        if self._ticks % _FIGURES_EVERY == 1:
            self._figures()

    def _figures(self) -> None:
        if self.tap is None:
            return
        status = self.tap.status()
        self.figures.show(status)
        self._show_facts(sum(s.state != "closed" and not s.shard.closed for s in status.shards))
        state = {"paused": State.PAUSED, "unseen": State.UNSEEN, "failed": State.FAILED}.get(
            status.state, State.READING
        )
        if status.state == "stopped":
            self.stop_tap()
            return
        if self.state.tapping and state is not self.state:
            self.show_state(state)
        self.announcer.notify(notice_of(status))

    def _say_waiting(self) -> None:
        """Why the table has no rows, and what to do about it."""
        card, records = self.view.records, self.records
        if records.moment:
            words = records.moment_words()
            hint = "The window keeps the newest records; the stream still has them"
            card.show_empty(f"No record of {words} is kept any more", f"Tap from {words}", hint)
        elif records.filter_text:
            card.show_empty("No record matches the filter yet", "Clear the filter")
        elif self.state is State.PAUSED:
            card.show_empty("Paused before the first record", "Resume")
        elif self._start == "latest":
            hint = f"{self.catalogue.stream} is read once a second and shard"
            card.show_empty("Waiting for the first record", "Read from the oldest kept", hint)
        else:
            card.show_empty("No record yet", "", "There may be none in this time; reading goes on")

    def _empty_action(self) -> None:
        self.view.setFocus()  # the pressed button goes; Qt would pass its focus on to one below and scroll there
        if self.records.moment:
            self._start = datetime.fromtimestamp(self.records.moment[0], UTC).isoformat()
            self.view.toolbar.show_start(self._start)
            self._restart()
        elif self.records.filter_text and self.tap is not None:
            self.view.records.filter.clear()
        elif self.state is State.READY:
            self.start_tap()
        elif self.state is State.PAUSED:
            self.pause_or_resume()
        else:
            self._start = "trim_horizon"
            self.view.toolbar.show_start(self._start)
            self._restart()

    def _restart(self) -> None:
        self._drop_tap()
        self.show_state(State.READY)
        self.start_tap()

    def _next_step(self, step: str) -> None:
        """What the banner's button leads to."""
        if step == "resume":
            self.pause_or_resume()
        elif step == "start":
            self.start_tap()
        elif step == "fan-out":
            self.ask_fan_out()
        elif step == "refresh":
            self.stop_tap()
            self.refresh()

    # -- changes ------------------------------------------------------------------------
    def _made(self, name: str) -> None:
        """A stream was created, or ("") deleted."""
        if name:
            self._drop_tap()
            self.catalogue.choose(name)
        elif self.tap is not None:
            self._drop_tap()
            self.state = State.READY
        self.refresh()


class _TapHolder:
    """Ends the tap when the page dies: its threads belong to no widget."""

    def __init__(self) -> None:
        self.tap: Tap | None = None

    def stop(self, *_: object) -> None:
        if self.tap is not None:
            self.tap.stop()
