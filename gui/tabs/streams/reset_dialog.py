"""Beginning a pipeline anew: where, and what that means for the rows that are there, before it is done."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QLineEdit, QWidget

from core.base.errors import OpsError
from core.streams.resetting import ResetPlan
from gui.parts.dialogs import ENVIRONMENT_TONE, Dialog
from gui.parts.form import Field, choice, line
from gui.parts.layout import row
from gui.parts.notices import Banner, Busy
from gui.parts.words import Chip, Label, breakable, shortened

_TYPED = "typed"
_PLACES = [
    ("trim_horizon", "The oldest record that the stream keeps"),
    ("latest", "What comes from now on"),
    (_TYPED, "A time, or one record of one shard…"),
]
_TYPING_PAUSE = 400  # ms


class ResetDialog(Dialog):
    """``place_chosen`` asks for another dry run; ``reset_asked`` for the deed."""

    place_chosen = Signal(str)
    reset_asked = Signal(object)  # the Start that the dry run was for

    def __init__(self, stream: str, table: str, environment: str, parent: QWidget | None = None) -> None:
        super().__init__(
            f"Begin {shortened(stream)} into {shortened(table)} anew?", "Begin anew", parent, kind="danger", width=620
        )
        self.head.addWidget(Chip(environment.upper(), ENVIRONMENT_TONE.get(environment, "")))
        self.where = choice(_PLACES)
        self.place = line("2026-11-22T14:00:00Z", mono=True)
        self.place_field = Field(
            "Time or record",
            self.place,
            "An ISO time (UTC unless it says otherwise), an age like 10m or 2h, or SHARD:SEQUENCE",
        )
        self.busy = Busy("Thinking it through")
        self.told = Label("", wrap=True)
        self.fault = Banner("danger")
        self.fault.dismiss.hide()
        self.command = Label("", "mono", wrap=True)
        self.typed = QLineEdit()
        self._confirm = table if environment == "production" else ""
        self.body.addWidget(Field("The next run begins with", self.where))
        for widget in (self.place_field, self.busy, self.told, self.fault):
            self.body.addWidget(widget)
        line_below = row(Label("As a command:", "small"), self.command)
        line_below.setStretch(1, 1)
        self.body.addLayout(line_below)
        if self._confirm:
            self.body.addWidget(Field(f"Type {table} to confirm", self.typed))
            self.typed.textChanged.connect(lambda _text: self._weigh())
        self._plan: ResetPlan | None = None
        self._waiting = QTimer(self, singleShot=True)
        self._waiting.timeout.connect(lambda: self.place_chosen.emit(self.chosen))
        self.where.currentIndexChanged.connect(lambda _index: self._wait(0))
        self.place.textChanged.connect(lambda _text: self._wait(_TYPING_PAUSE))
        self.asked.connect(self._ask)
        self._wait(0)

    @property
    def chosen(self) -> str:
        """As ``--from`` takes it."""
        place = str(self.where.currentData())
        return self.place.text().strip() if place == _TYPED else place

    def show_plan(self, plan: ResetPlan) -> None:
        self._plan = plan
        self.busy.hide()
        self.fault.hide()
        self.told.setText("\n".join(plan.sentences))
        self.told.show()
        self.command.setText(breakable(f"{plan.command} --yes"))
        self._weigh()

    def show_fault(self, fault: OpsError) -> None:
        self.busy.hide()
        self.told.hide()
        self.fault.show_fault(fault.title, fault.why, fault.remedy, details=fault.details)
        self._weigh()

    def show_no_place(self, text: str) -> None:
        """What was typed is no place to begin at."""
        self.busy.hide()
        self.place_field.show_fault(text)

    def _wait(self, pause: int) -> None:
        self.place_field.setVisible(self.where.currentData() == _TYPED)
        self.place_field.show_fault("")
        self.fault.hide()
        self.told.hide()
        self.command.setText("")
        self._plan = None
        self._weigh()
        self._waiting.stop()
        self.busy.setVisible(bool(self.chosen))
        if self.chosen:
            self._waiting.start(pause)

    def _weigh(self) -> None:
        self.accept_button.setEnabled(self._plan is not None and self.typed.text() == self._confirm)

    def _ask(self) -> None:
        if self._plan is not None:
            self.accept()
            self.reset_asked.emit(self._plan.start)
