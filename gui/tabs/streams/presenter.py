"""Decides for the Streams page: which stream, what state the page is in, and who does what is asked of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import partial

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QGuiApplication

from core.base.errors import OpsError
from core.streams.budget import ReadBudget
from core.streams.policy import tap_policy
from core.streams.positions import start_from
from core.streams.service import StreamDetails
from core.streams.tap import Tap
from gui.bridge.tab_context import TabContext
from gui.parts.words import number
from gui.tabs.streams.actions import Actions
from gui.tabs.streams.carrying import Carrying
from gui.tabs.streams.catalogue import Catalogue
from gui.tabs.streams.changes import Changes
from gui.tabs.streams.dialogs import StartDialog
from gui.tabs.streams.open_dialog import OpenDialog
from gui.tabs.streams.producing import Producing
from gui.tabs.streams.tapping import Tapping
from gui.tabs.streams.view import State, StreamsView

_LOOK_AGAIN = 3_000  # ms between looks while there is no stream or no answer: the sandbox fills itself after its start


class StreamsPresenter(QObject):
    def __init__(self, view: StreamsView, context: TabContext) -> None:
        super().__init__(view)
        self.view, self._context = view, context
        self._service = context.desk.streams
        self.state = State.LOADING
        self.catalogue = Catalogue(context, self)
        self.tapping = Tapping(view, context, self)
        self.announcer, self.figures, self.records = self.tapping.announcer, self.tapping.figures, self.tapping.records
        self.producing = Producing(view.produce, context)
        self.carrying = Carrying(view.carry, context)
        self.changes = Changes(view, context, lambda: self.catalogue.details)
        self._again = QTimer(self, interval=_LOOK_AGAIN)
        self._again.timeout.connect(self.catalogue.read)
        self._actions = Actions(view, context.commands, self, sandbox=context.desk.dials is not None)
        self._wire()
        if view.isVisible():
            self._shown()

    def _wire(self) -> None:
        view, bar = self.view, self.view.toolbar
        view.shown.connect(self._shown)
        view.hidden.connect(self._again.stop)
        view.retry_asked.connect(self.refresh)
        view.open_asked.connect(self.ask_open)
        view.create_asked.connect(self.changes.ask_create)
        self.announcer.step_asked.connect(self._next_step)
        bar.stream_chosen.connect(self.choose)
        bar.search_asked.connect(self._search)
        bar.start_chosen.connect(self.tapping.start_from_place)
        view.chart.budget.fan_out_asked.connect(self.ask_fan_out)
        view.chart.budget.policy_asked.connect(self.copy_policy)
        bar.elsewhere_asked.connect(self._ask_start)
        bar.produce.toggled.connect(view.show_producer)
        view.produce.closed.connect(partial(bar.produce.setChecked, False))
        self.changes.failed.connect(self.announcer.show_fault)
        self.changes.made.connect(self._made)
        self.changes.reshaped.connect(self.catalogue.describe)
        self.catalogue.listed.connect(self._listed)
        self.catalogue.described.connect(self._described)
        self.catalogue.list_failed.connect(self._list_failed)
        self.catalogue.failed.connect(self.announcer.show_fault)
        self.catalogue.weighed.connect(self._weighed)
        view.shards.scale_asked.connect(self.changes.ask_scale)
        view.shards.split_asked.connect(self.changes.ask_split)
        view.shards.merge_asked.connect(self.changes.ask_merge)
        self._context.guard.changed.connect(self._guard_changed)
        self._context.settings.changed.connect(self._look_changed)

    # -- what is shown ----------------------------------------------------------
    def show_state(self, state: State) -> None:
        self._enter(state)
        locked, details = self.locked, self.catalogue.details
        self.view.show_state(state, locked=locked)
        here = details is not None and state not in (State.LOADING, State.NO_STREAMS, State.UNREACHABLE, State.UNLISTED)
        pushed = self.tap is not None and self.tap.pushed
        tapped = self.tap is not None
        self.view.chart.budget.show_allowed(locked)
        self._actions.follow(state, locked=bool(locked), described=here, tapped=tapped, pushed=pushed)
        self.producing.show_stream(self.catalogue.stream if here else "", locked=locked)
        self.carrying.show_stream(self.catalogue.stream if here else "", locked=locked)
        forbidden = locked or ("" if here else "Choose a stream")
        if not forbidden and details is not None and details.mode == "ON_DEMAND":
            forbidden = "The stream is on-demand: AWS changes its shards by itself"
        self.view.shards.show_allowed(forbidden)
        if state in (State.READY, State.STARTING) and self.tap is None:
            hint = "The records of all shards, as they come"
            self.view.records.show_empty("Nothing is tapped yet", "Start tap", hint)
        elif state.tapping:
            self.tapping.say_waiting()

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

    def ask_open(self) -> None:
        self._search("")

    def _search(self, typed: str) -> None:
        dialog = OpenDialog(self.view.toolbar.offered, self.stream, self.view)
        dialog.name.setText(typed)
        dialog.open_asked.connect(self._open)
        dialog.open()

    def _open(self, name: str) -> None:
        self.choose(name)
        self.view.toolbar.show_streams(sorted({*self.view.toolbar.offered, name}), name)

    def ask_create(self) -> None:
        self.changes.ask_create()

    def ask_scale(self) -> None:
        self.changes.ask_scale()

    def ask_delete(self) -> None:
        self.changes.ask_delete()

    def ask_dials(self) -> None:
        self.changes.ask_dials()

    def ask_carry(self) -> None:
        self.view.show_carry()

    def ask_reset(self) -> None:
        self.view.show_carry()
        self.carrying.ask_reset()

    def ask_replay(self) -> None:
        self.changes.ask_replay()

    def copy_policy(self) -> None:
        """What an identity needs to tap the chosen stream, and nothing more."""
        if self.catalogue.details is not None:
            policy = tap_policy(self.catalogue.details.arn, fan_out=True)
            QGuiApplication.clipboard().setText(json.dumps(policy, indent=2))
            self._context.praise("The policy is on the clipboard: reading, and enhanced fan-out")

    def send(self) -> None:
        """Start or stop sending made-up records, the producer in sight."""
        if self.view.toolbar.produce.isEnabled():
            self.view.toolbar.produce.setChecked(True)
            self.view.produce.press()

    def ask_query(self) -> None:
        self.records.ask_query()

    def copy_command(self) -> None:
        self.records.copy_tap_command(self.tapping.start_place)

    def _shown(self) -> None:
        if self.state is State.LOADING:
            self.refresh()
        elif self.state.tapping:
            self.tapping.look()
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
            self.tapping.drop()
            hint = self.locked or "A stream takes in records and keeps them for a day or longer"
            if self._context.desk.profile.kind == "sandbox":
                hint = "The sandbox's own stream appears here as soon as it is filled"
            self._enter(State.NO_STREAMS)
            self.view.show_nothing(self.state, "There is no stream yet", "" if self.locked else "New stream", hint)
            return
        if here not in names:
            self.tapping.drop()
            self.catalogue.choose(names[0])
        self.view.toolbar.show_streams(names, self.catalogue.stream)
        if not self.state.tapping:
            self.show_state(State.READY)
        self.catalogue.describe()

    def _list_failed(self, fault: OpsError) -> None:
        if self.state.tapping:
            self.announcer.show_fault(fault)
            return
        if fault.code == "denied":  # many may read their stream and list none
            self._not_allowed_to_list(fault)
            return
        self._enter(State.UNREACHABLE)
        why = " ".join(f"{part.rstrip('.')}." for part in (fault.why, fault.remedy) if part)
        self.view.show_nothing(self.state, fault.title, "Try again", why)

    def _not_allowed_to_list(self, fault: OpsError) -> None:
        if known := self.catalogue.stream:
            self._listed(sorted({*self.view.toolbar.offered, known}))
            return
        self._enter(State.UNLISTED)
        told = (fault.why, fault.remedy, "A stream that you may read can be opened by its name")
        why = " ".join(f"{part.rstrip('.')}." for part in told if part)
        self.view.show_nothing(self.state, fault.title, "Open a stream by name", why)

    def choose(self, name: str) -> None:
        """Work on another stream; a tap of the former one ends."""
        if name == self.catalogue.stream and self.catalogue.details is not None:
            return
        self.tapping.drop()
        self.catalogue.choose(name)
        self.show_state(State.READY)
        self.catalogue.describe()

    def _described(self, details: StreamDetails) -> None:
        self.figures.by_key = details.by_key
        self.show_facts(len(details.open_shards))
        self._weighed(None)
        self.catalogue.weigh()
        self.show_state(self.state)

    def _weighed(self, budget: ReadBudget | None) -> None:
        details = self.catalogue.details
        if details is not None:
            self.view.chart.budget.show_budget(
                budget, self._service.reads_per_second, details.consumers, details.consumer_count
            )

    def show_facts(self, shards: int) -> None:
        words = f"{number(shards)} shard{'s' if shards != 1 else ''}"
        details = self.catalogue.details
        mode = "" if details is None else "On-demand" if details.mode == "ON_DEMAND" else "Provisioned"
        if details is not None and details.status != "ACTIVE":
            mode = details.status.capitalize()
        self.view.toolbar.show_facts(words, mode)

    # -- the tap -----------------------------------------------------------------------
    @property
    def tap(self) -> Tap | None:
        return self.tapping.tap

    @property
    def stream(self) -> str:
        return self.catalogue.stream

    def start_tap(self) -> None:
        self.tapping.start()

    def pause_or_resume(self) -> None:
        self.tapping.pause_or_resume()

    def stop_tap(self) -> None:
        self.tapping.stop()

    def ask_fan_out(self) -> None:
        """For the tap that runs, or for the one to be started."""
        details = self.catalogue.details
        if details is None or (self.tap is not None and self.tap.pushed and self.state.tapping):
            return
        if self.state.tapping:
            self.changes.ask_fan_out(details, self.tapping.go_on_by_fan_out)
        elif self.state is State.READY:
            self.changes.ask_fan_out(details, partial(self.tapping.start, fan_out=True))

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
            self.tapping.start_from_place(text.strip())

        dialog.start_asked.connect(take)
        dialog.open()

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
            self.tapping.drop()
            self.catalogue.choose(name)
        elif self.tap is not None:
            self.tapping.drop()
            self.state = State.READY
        self.refresh()
