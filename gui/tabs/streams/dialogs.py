"""The page's dialogs: a new stream, a place to start from, fan-out, a replay, and a change of shards with its dry run."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QCheckBox, QLineEdit, QWidget

from core.base.errors import OpsError
from core.streams.positions import short_shard
from core.streams.shards import FAN_OUT_GB_PRICE, FAN_OUT_SHARD_HOUR_PRICE, HASH_SPACE, ReshardPlan
from gui.parts.dialogs import ENVIRONMENT_TONE, Dialog
from gui.parts.form import Field, SpinBox, line
from gui.parts.layout import row
from gui.parts.notices import Banner, Busy
from gui.parts.range_map import Range, RangeChange
from gui.parts.words import Chip, Label, breakable, byte_size, number, shortened

_COUNTING_PAUSE = 300  # ms


class CreateDialog(Dialog):
    """A stream's name and its shards."""

    create_asked = Signal(str, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("New stream", "Create stream", parent)
        self.name = line("pageviews", mono=True)
        self.shards = SpinBox()
        self.shards.setRange(1, 500)
        self.shards.setValue(2)
        self.on_demand = QCheckBox("On-demand: AWS adds and removes shards by itself")
        self.name_field = Field("Name", self.name, "Letters, digits, dots, dashes and underscores")
        self.body.addWidget(self.name_field)
        self.body.addWidget(Field("Shards", self.shards, "Each takes in 1,000 records and 1 MiB a second"))
        self.body.addWidget(self.on_demand)
        self.banner = Banner("danger")
        self.body.addWidget(self.banner)
        self.on_demand.toggled.connect(self.shards.setDisabled)
        self.name.textChanged.connect(lambda text: self.accept_button.setEnabled(bool(text.strip())))
        self.accept_button.setEnabled(False)
        self.asked.connect(self._ask)
        self.name.setFocus()

    def show_fault(self, fault: OpsError) -> None:
        self.accept_button.setEnabled(True)
        self.banner.show_fault(fault.title, fault.why, fault.remedy, details=fault.details)

    def _ask(self) -> None:
        self.create_asked.emit(self.name.text().strip(), 0 if self.on_demand.isChecked() else self.shards.value())


class StartDialog(Dialog):
    """A place to start from, typed."""

    start_asked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Read from", "Read from here", parent)
        self.place = line("2026-11-22T14:00:00Z", mono=True)
        self.field = Field(
            "Time or sequence number",
            self.place,
            "An ISO time (UTC unless it says otherwise), an age like 90s, 10m, 2h or 1d, or SHARD:SEQUENCE",
        )
        self.body.addWidget(self.field)
        self.asked.connect(lambda: self.start_asked.emit(self.place.text()))
        self.place.setFocus()


class FanOutDialog(Dialog):
    """Says what enhanced fan-out costs before a consumer is registered."""

    def __init__(
        self, stream: str, shards: int, consumers: int, environment: str, parent: QWidget | None = None
    ) -> None:
        super().__init__("Use enhanced fan-out?", "Register a consumer", parent)
        self.head.addWidget(Chip(environment.upper(), ENVIRONMENT_TONE.get(environment, "")))
        per_hour = shards * FAN_OUT_SHARD_HOUR_PRICE
        for text in (
            "The tap then has 2 MB/s of each shard to itself and takes none of the five reads a second that your "
            "consumers share.",
            f"AWS bills about ${number(per_hour, 3)} an hour for {number(shards)} shards, and ${FAN_OUT_GB_PRICE:g} a GB "
            "(us-east-1 list price).",
            f"{number(consumers)} of the 20 consumer places of {stream} are taken; this takes one more. It is given back when "
            "the tap stops.",
        ):
            self.body.addWidget(Label(text, wrap=True))
        self.asked.connect(self.accept)


class ReplayDialog(Dialog):
    """Says what sending an exported file again means."""

    def __init__(self, path: Path, stream: str, environment: str, command: str, parent: QWidget | None = None) -> None:
        super().__init__(f"Send {path.name} again?", f"Send into {shortened(stream)}", parent)
        self.head.addWidget(Chip(environment.upper(), ENVIRONMENT_TONE.get(environment, "")))
        for text in (
            f"Every record of the file ({byte_size(path.stat().st_size)}) goes into {stream} once more, with its partition "
            "key and in the order of the file.",
            "Whoever reads the stream gets them as new records. Into a table they come once: a row is known by its event_id.",
        ):
            self.body.addWidget(Label(breakable(text), wrap=True))
        self.body.addWidget(Label(breakable(command), "mono", wrap=True))
        self.asked.connect(self.accept)


class ReshardDialog(Dialog):
    """What a split, merge or scaling would do; the button does it. ``count_changed`` asks for another dry run."""

    count_changed = Signal(int)
    reshard_asked = Signal()

    def __init__(
        self,
        title: str,
        environment: str,
        parent: QWidget | None = None,
        *,
        count: int | None = None,
        confirm: str = "",
    ) -> None:
        """``count``: the shards to scale to, to choose from; ``confirm``: a name that must be typed (production)."""
        super().__init__(title, "Reshard", parent, width=620)
        self.head.addWidget(Chip(environment.upper(), ENVIRONMENT_TONE.get(environment, "")))
        self.count = SpinBox()
        self.count.setRange(1, 10_000)
        self._counting = QTimer(self, singleShot=True, interval=_COUNTING_PAUSE)
        self._counting.timeout.connect(lambda: self.count_changed.emit(self.count.value()))
        if count is not None:
            self.count.setValue(count)
            self.body.addWidget(Field("Shards", self.count))
            self.count.valueChanged.connect(lambda _value: self._wait())
        self.busy = Busy("Thinking it through")
        self.change = RangeChange("What becomes of the shards")
        self.cost = Label("", "strong", wrap=True)
        self.notes = Label("", "small", wrap=True)
        self.problem = Banner("danger")
        self.problem.dismiss.hide()
        self.command = Label("", "mono", wrap=True)
        self.typed = QLineEdit()
        self._confirm = confirm
        for widget in (self.busy, self.change, self.cost, self.notes, self.problem):
            self.body.addWidget(widget)
        line_below = row(Label("As a command:", "small"), self.command)
        line_below.setStretch(1, 1)
        self.body.addLayout(line_below)
        if confirm:
            self.body.addWidget(Field(f"Type {confirm} to confirm", self.typed))
            self.typed.textChanged.connect(lambda _text: self._weigh())
        self._plan: ReshardPlan | None = None
        self.asked.connect(self._ask)
        self._wait()

    def show_plan(self, plan: ReshardPlan) -> None:
        self._plan = plan
        self.busy.hide()
        before = [
            Range(short_shard(s.id), s.first_hash / HASH_SPACE, (s.last_hash + 1) / HASH_SPACE, 0.25 if s.id in plan.closing else 0.0)
            for s in plan.before
        ]  # fmt: skip
        places = {shard.id: index for index, shard in enumerate(plan.before)}
        after = [
            Range(
                short_shard(s.id) if s.id else "new",
                s.first_hash / HASH_SPACE,
                (s.last_hash + 1) / HASH_SPACE,
                0.0 if s.id else 0.6,
                joined=tuple(places[parent] for parent in s.parents) if s.parents else (places[s.id],) if s.id else (),
            )
            for s in plan.after
        ]
        self.change.show_change(before, after)
        self.cost.setText(
            f"{len(plan.before)} → {len(plan.after)} shards · about ${number(plan.cost_before, 2)} → "
            f"${number(plan.cost_after, 2)} a month"
        )
        self.cost.setToolTip("List price of the shards in us-east-1, without the records put; other regions differ")
        self.notes.setText("\n".join(plan.notes))
        self.command.setText(plan.command)
        self.accept_button.setText(plan.title.split(" of ")[0] if not plan.title.startswith("Scale") else
                                   f"Scale to {len(plan.after)} shards")  # fmt: skip
        if plan.problems:
            self.problem.show_text("This is not possible", ". ".join(plan.problems), tone="danger", dismissable=False)
        else:
            self.problem.hide()
        self._weigh()

    def show_fault(self, title: str, why: str, remedy: str, details: dict[str, str]) -> None:
        self.busy.hide()
        self.problem.show_fault(title, why, remedy, details=details)
        self._weigh()

    def _wait(self) -> None:
        self._plan = None
        self.busy.show()
        self._weigh()
        self._counting.start()

    def _weigh(self) -> None:
        fits = not self._confirm or self.typed.text() == self._confirm
        self.accept_button.setEnabled(self._plan is not None and not self._plan.problems and fits)

    def _ask(self) -> None:
        self.accept()
        self.reshard_asked.emit()
