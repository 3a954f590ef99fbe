"""The page's commands with their keys, and which of them can be given in which state."""

from __future__ import annotations

from functools import partial
from typing import Protocol

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut

from gui.bridge.commands import Commands
from gui.tabs.streams.view import State, StreamsView


class Hand(Protocol):
    """What the commands do; the page's presenter."""

    def refresh(self) -> None: ...
    def start_tap(self) -> None: ...
    def pause_or_resume(self) -> None: ...
    def stop_tap(self) -> None: ...
    def ask_open(self) -> None: ...
    def ask_create(self) -> None: ...
    def ask_scale(self) -> None: ...
    def ask_delete(self) -> None: ...
    def ask_fan_out(self) -> None: ...
    def ask_replay(self) -> None: ...
    def copy_policy(self) -> None: ...
    def copy_command(self) -> None: ...
    def ask_query(self) -> None: ...
    def send(self) -> None: ...
    def ask_dials(self) -> None: ...
    def ask_carry(self) -> None: ...
    def ask_reset(self) -> None: ...


class Actions:
    def __init__(self, view: StreamsView, commands: Commands, hand: Hand, *, sandbox: bool) -> None:
        """``sandbox``: the open profile is the local one, whose faults can be dialled."""
        add = partial(commands.add, owner=view, room="streams")
        table, bar = view.records.table, view.toolbar
        self._tap = add("streams.tap", "Start tap", hand.start_tap, icon="play", shortcut="Ctrl+Return")
        pausing = "Pause or resume the tap"
        self._pause = add("streams.pause", pausing, hand.pause_or_resume, icon="pause", shortcut="Ctrl+P")
        self._stop = add("streams.stop", "Stop the tap", hand.stop_tap, icon="circle-stop", shortcut="Ctrl+.")
        refresh = add("streams.refresh", "Refresh the list of streams", hand.refresh, icon="refresh-cw", shortcut="F5")
        add("streams.filter", "Filter the records", view.records.filter.setFocus, icon="filter", shortcut="Ctrl+F")
        add("streams.follow", "Show the newest records", table.follow, icon="arrow-up", shortcut="Ctrl+Home")
        add("streams.produce", "Show or hide the producer", bar.produce.toggle, icon="send")
        add("streams.send", "Start or stop sending made-up records", hand.send, icon="send")
        add("streams.export", "Export the records", view.records.ask_export, icon="download", shortcut="Ctrl+E")
        by_name = add("streams.open", "Open or find a stream…", hand.ask_open, icon="search")
        self._create = add("streams.create", "New stream…", hand.ask_create, icon="plus")
        self._scale = add("streams.scale", "Scale the stream…", hand.ask_scale, icon="layers")
        self._delete = add("streams.delete", "Delete the stream…", hand.ask_delete, icon="trash-2")
        self._fan_out = add("streams.fan-out", "Use enhanced fan-out…", hand.ask_fan_out, icon="zap")
        self._query = add("streams.query", "SQL over the kept records…", hand.ask_query, icon="database")
        self._replay = add("streams.replay", "Send an exported file again…", hand.ask_replay, icon="upload")
        self._policy = add("streams.policy", "Copy the IAM policy of a tap", hand.copy_policy, icon="shield-check")
        carry = add("streams.carry", "Collect and carry: the pipeline", hand.ask_carry, icon="workflow")
        self._reset = add("streams.reset", "Begin the pipeline anew…", hand.ask_reset, icon="rotate-ccw")
        self._dials = add("streams.dials", "Make the sandbox hurt…", hand.ask_dials, icon="sliders-horizontal")
        self._dials.setVisible(sandbox)
        self._dials.setEnabled(sandbox)
        copy = add("streams.copy-cli", "Copy the tap as CLI", hand.copy_command, icon="terminal")
        commands.button("streams.tap", bar.tap)
        commands.button("streams.pause", bar.pause)
        commands.button("streams.stop", bar.stop)
        commands.button("streams.export", view.records.export)
        bar.offer(
            [
                refresh,
                by_name,
                self._create,
                self._scale,
                self._delete,
                None,
                self._fan_out,
                self._query,
                self._replay,
                carry,
                self._reset,
                None,
                copy,
                self._policy,
                self._dials,
            ]
        )
        for widget in (table, view.chart.chart):  # Space belongs to whatever has the focus elsewhere
            key = QShortcut(QKeySequence(Qt.Key.Key_Space), widget)
            key.setContext(Qt.ShortcutContext.WidgetShortcut)
            key.activated.connect(hand.pause_or_resume)

    def follow(self, state: State, *, locked: bool, described: bool, tapped: bool, pushed: bool) -> None:
        """described: a stream is chosen and known; tapped: there is a tap, running or stopped; pushed: it uses enhanced
        fan-out already."""
        self._tap.setEnabled(state is State.READY)
        self._pause.setEnabled(state.tapping)
        self._stop.setEnabled(state.tapping)
        self._fan_out.setEnabled((state is State.READY or (state.tapping and not pushed)) and described and not locked)
        self._replay.setEnabled(described and not locked)
        self._policy.setEnabled(described)
        self._query.setEnabled(tapped)
        self._create.setEnabled(not locked)
        self._scale.setEnabled(described and not locked)
        self._delete.setEnabled(described and not locked)
        self._reset.setEnabled(described and not locked)
