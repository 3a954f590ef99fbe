"""The produce card: made-up records at a rate that a dial sets, and how their puts fare."""

from __future__ import annotations

import math

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QSlider

from core.streams.producing import ProducerSnapshot
from gui.parts.buttons import Button
from gui.parts.focus import begin_at
from gui.parts.form import SpinBox, choice
from gui.parts.layout import Card, row
from gui.parts.words import Label, duration, number, short_count
from gui.style.tokens import Size, Space
from gui.tabs.streams.pair import show_one

FILE = "file"
_FASTEST = 20_000  # records a second
_STEPS = 1_000
_FACTS = ("Sent", "Rate", "Put p50 / p95 / p99", "Queue", "Oldest waiting", "Senders", "Sent again", "Dropped")


class ProduceCard(Card):
    start_asked = Signal(str, int)
    stop_asked = Signal()
    rate_changed = Signal(int)
    file_asked = Signal()
    closed = Signal()

    def __init__(self) -> None:
        self.close_button = Button("Hide the producer", "icon", icon_name="x")
        super().__init__("Produce", self.close_button)
        self.head.setAlignment(self.note, Qt.AlignmentFlag.AlignVCenter)
        self.template = choice([("pageview", "Page views"), ("order", "Orders"), (FILE, "Lines of a file…")])
        self.template.setAccessibleName("What is sent")
        self.rate = SpinBox()
        self.rate.setRange(1, _FASTEST)
        self.rate.setSuffix(" /s")
        self.rate.setAccessibleName("Records a second")
        self.rate.setMinimumWidth(104)
        self.dial = QSlider(Qt.Orientation.Horizontal)
        self.dial.setRange(0, _STEPS)
        self.dial.setAccessibleName("Records a second, dial")
        self.dial.setMinimumWidth(140)
        self.dial.setMinimumHeight(Size.CONTROL_SMALL)
        self.start = Button("Start sending", icon_name="send")
        self.stop = Button("Stop sending", "danger", icon_name="circle-stop")
        self.body.addLayout(row(self.template, self.dial, self.rate, self.start, self.stop, gap=Space.M))
        self.trouble = Label("", "small", tone="warning", wrap=True)
        self.trouble.hide()
        grid = QGridLayout()
        grid.setHorizontalSpacing(Space.L)
        grid.setVerticalSpacing(0)
        self._facts: dict[str, Label] = {}
        for place, name in enumerate(_FACTS):
            self._facts[name] = Label("–", "strong")
            grid.addWidget(Label(name, "caption"), 0, place)
            grid.addWidget(self._facts[name], 1, place)
        self.body.addLayout(grid)
        self.body.addWidget(self.trouble)
        self._file = ""
        self.dial.valueChanged.connect(self._dialled)
        self.rate.valueChanged.connect(self._rated)
        self.template.activated.connect(self._template_chosen)
        self.start.clicked.connect(lambda: self.start_asked.emit(self.chosen_template, self.rate.value()))
        self.stop.clicked.connect(self.stop_asked)
        self.close_button.clicked.connect(self.closed)
        self.rate.setValue(100)
        self.show_running(False)
        begin_at(self, self.start)

    def press(self) -> None:
        """Start or stop sending, whichever is offered."""
        (self.start if self.stop.isHidden() else self.stop).click()

    @property
    def chosen_template(self) -> str:
        return self._file if self.template.currentData() == FILE else str(self.template.currentData())

    def show_file(self, path: str) -> None:
        """The file whose lines are sent; "" takes the choice back."""
        self._file = path
        if path:
            self.template.setItemText(2, f"Lines of {path.rsplit('/', 1)[-1]}")
        else:
            self.template.setCurrentIndex(0)

    def show_running(self, running: bool, *, locked: str = "") -> None:
        self.start.setEnabled(not locked)
        show_one(self.start, self.stop, running=running)
        self.template.setEnabled(not running)
        self.start.setToolTip(locked)

    def show_stream(self, name: str) -> None:
        self.set_note(f"into {name}" if name else "")

    def show_snapshot(self, snapshot: ProducerSnapshot) -> None:
        p50, p95, p99 = snapshot.put_ms
        facts = {
            "Sent": short_count(snapshot.acknowledged),
            "Rate": f"{number(snapshot.rate)}/s",
            "Put p50 / p95 / p99": f"{number(p50)} / {number(p95)} / {number(p99)} ms" if p50 else "–",
            "Queue": short_count(snapshot.queued)
            + (f" + {short_count(snapshot.spilled)} on disk" if snapshot.spilled else ""),
            "Oldest waiting": duration(snapshot.oldest) if snapshot.queued else "–",
            "Senders": f"{snapshot.senders_busy} busy, {number(snapshot.senders_needed, 1)} needed",
            "Sent again": short_count(snapshot.retried),
            "Dropped": short_count(snapshot.dropped),
        }
        for name, text in facts.items():
            self._facts[name].setText(text)
        self._facts["Dropped"].set_tone("danger" if snapshot.dropped else "")
        self._facts["Sent again"].set_tone("warning" if snapshot.retried else "")
        told = ""
        if snapshot.trouble is not None:
            lost = "Memory and disk are full: what comes now is dropped." if snapshot.dropped else "The records wait."
            told = f"{snapshot.trouble.title}. {snapshot.trouble.why}. {lost}"
        elif snapshot.error_codes:
            code, count = max(snapshot.error_codes.items(), key=lambda entry: entry[1])
            told = f"{number(count)} records were refused with {code} and sent again, in order: the shards take in no more."
        if snapshot.refusal is not None:
            told = " ".join([told, f"{number(snapshot.refused)} set aside: {snapshot.refusal}"]).strip()
        self.trouble.setText(told)
        self.trouble.setVisible(bool(told))

    def _dialled(self, step: int) -> None:
        self.rate.setValue(round(math.exp(step / _STEPS * math.log(_FASTEST))))

    def _rated(self, rate: int) -> None:
        self.dial.blockSignals(True)
        self.dial.setValue(round(math.log(rate) / math.log(_FASTEST) * _STEPS))
        self.dial.blockSignals(False)
        self.rate_changed.emit(rate)

    def _template_chosen(self, _index: int) -> None:
        if self.template.currentData() == FILE:
            self.file_asked.emit()
