"""The sandbox's dials: what goes wrong in real streams, on purpose."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDoubleSpinBox, QGridLayout, QWidget

from core.sandbox.kinesis.faults import Faults
from gui.parts.buttons import Button
from gui.parts.dialogs import Dialog
from gui.parts.form import DoubleSpinBox, Field
from gui.parts.notices import Banner
from gui.parts.words import Label

_DIALS = (
    # field of Faults, label, help, highest, unit, what one step of the dial is worth in Faults
    ("latency_ms", "Latency", "Added to every answer", 10_000, " ms", 1.0),
    ("throttle_share", "Throttles", "Of all calls, and of the records of a put", 100, " %", 0.01),
    ("error_share", "Errors", "Calls answered with a 500, nothing done", 100, " %", 0.01),
    ("lost_answer_share", "Lost answers", "Puts carried out, but answered with a 500", 100, " %", 0.01),
    ("iterator_seconds", "Life of an iterator", "Five minutes on AWS", 3_600, " s", 1.0),
    ("limit_scale", "Limits of a shard", "100 % is AWS's; 0 switches them off", 1_000, " %", 0.01),
)


class DialsDialog(Dialog):
    turned = Signal(object)  # Faults

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Make the sandbox hurt", "Turn the dials", parent, width=560)
        self.body.addWidget(
            Label("Only the local sandbox is touched. Watch what the tap and the producer make of it.", wrap=True)
        )
        grid = QGridLayout()
        self.fields: dict[str, QDoubleSpinBox] = {}
        for place, (name, label, help_text, most, unit, _) in enumerate(_DIALS):
            dial = DoubleSpinBox()
            dial.setRange(0.2 if name == "iterator_seconds" else 0, most)
            dial.setDecimals(1 if name == "iterator_seconds" else 0)
            dial.setSuffix(unit)
            self.fields[name] = dial
            grid.addWidget(Field(label, dial, help_text), place // 2, place % 2)
        self.body.addLayout(grid)
        self.banner = Banner("danger")
        self.body.addWidget(self.banner)
        self.calm = Button("All off")
        self.foot.insertWidget(0, self.calm)
        self.calm.clicked.connect(lambda: self.show_faults(Faults()))
        self.asked.connect(self._turn)
        self.accept_button.setEnabled(False)

    def show_faults(self, faults: Faults) -> None:
        """The dials as they stand."""
        for name, *_, worth in _DIALS:
            self.fields[name].setValue(getattr(faults, name) / worth)
        self.accept_button.setEnabled(True)

    def show_fault(self, title: str, why: str, remedy: str) -> None:
        self.banner.show_fault(title, why, remedy)

    def _turn(self) -> None:
        values = {name: self.fields[name].value() * worth for name, *_, worth in _DIALS}
        self.turned.emit(replace(Faults(), **values))
