"""The dialog that orders a training: data, algorithm, parameters, and what it will cost before it starts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QCheckBox, QDoubleSpinBox, QFileDialog, QGridLayout, QLineEdit, QSpinBox, QWidget

from core.digits.algorithms import free_name
from gui.parts.buttons import Button
from gui.parts.dialogs import Dialog
from gui.parts.form import DoubleSpinBox, Field, SpinBox, choice
from gui.parts.layout import column, row
from gui.parts.notices import Banner
from gui.parts.words import Label, duration, number
from gui.style.tokens import Size, Space
from gui.tabs.digits.values import AlgorithmChoice, ParameterField, TrainWish

DATA_KINDS = "Digits (*.csv *.csv.gz *.zip *.npz *idx* *ubyte* *.gz);;All files (*)"


class DataField(QWidget):
    """A path to a data set: typed, browsed for a file, or browsed for a folder."""

    changed = Signal(str)

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.edit = QLineEdit(text)
        self.edit.setPlaceholderText("train.csv, images.npz, train-images-idx3-ubyte.gz or a folder")
        self.edit.setAccessibleName("Data")
        self.file = Button("File…", "small")
        self.folder = Button("Folder…", "small")
        self.setLayout(row(self.edit, self.file, self.folder))
        self.setFocusProxy(self.edit)
        self.edit.textChanged.connect(self.changed)
        self.file.clicked.connect(self._browse_file)
        self.folder.clicked.connect(self._browse_folder)

    @property
    def path(self) -> str:
        return self.edit.text().strip()

    def _browse_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open digits", self.path, DATA_KINDS)
        if path:
            self.edit.setText(path)

    def _browse_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "A folder with folders 0 to 9", self.path)
        if path:
            self.edit.setText(path)


_PROBE_AFTER = 500  # ms without a change: a path is typed letter by letter


class TrainDialog(Dialog):
    ordered = Signal(object)  # TrainWish
    probe_asked = Signal(str, str)  # data, algorithm: how fast is it here?

    def __init__(
        self,
        algorithms: Sequence[AlgorithmChoice],
        data: str,
        samples: int,
        parent: QWidget | None = None,
        *,
        names: Collection[str] = (),
    ) -> None:
        super().__init__("Train a model", "Train", parent, width=620)
        self._algorithms = {algorithm.id: algorithm for algorithm in algorithms}
        self._names = names
        self._probes: dict[tuple[str, str], Any] = {}
        self._asked: set[tuple[str, str]] = set()
        self._probe_timer = QTimer(self, singleShot=True, interval=_PROBE_AFTER)
        self._probe_timer.timeout.connect(self._ask_probe)
        self._values: dict[str, QSpinBox | QDoubleSpinBox | QCheckBox] = {}
        self.fault = Banner("danger")
        self.data = DataField(data)
        self.data_field = Field(
            "Data", self.data, "Labelled digits: Kaggle CSV, IDX, NPZ, or folders 0 to 9 of pictures"
        )
        self.algorithm = choice([(algorithm.id, algorithm.name) for algorithm in algorithms])
        self.good_for = Label("", "small", wrap=True)
        self.good_for.setMinimumHeight(48)
        self.good_for.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.parameters = QGridLayout()
        self.parameters.setHorizontalSpacing(Space.M)
        self.parameters.setVerticalSpacing(Space.M)
        self.name = QLineEdit()
        self.name.setMinimumWidth(190)
        self.holdout = _whole(20, 1, 90, " %")
        self.seed = _whole(0, 0, 1_000_000)
        self.limit = _whole(0, 0, 5_000_000)
        self.limit.setSpecialValueText("all")
        self.with_samples = QCheckBox(
            f"Mix in my {number(samples)} samples" if samples else "Mix in my samples (none yet)"
        )
        self.with_samples.setEnabled(samples > 0)
        self.with_samples.setChecked(samples > 0)
        self.estimate = Label("", "strong", wrap=True)
        self.body.addWidget(self.fault)
        self.body.addWidget(self.data_field)
        self.body.addWidget(Field("Algorithm", self.algorithm))
        self.body.addWidget(self.good_for)
        self.body.addLayout(self.parameters)
        last = row(
            Field("Name", self.name),
            Field("Held out", self.holdout),
            Field("Rows", self.limit),
            Field("Seed", self.seed),
            gap=Space.M,
        )
        last.setStretch(0, 1)
        self.body.addLayout(last)
        self.body.addLayout(column(self.with_samples, self.estimate, gap=Space.S))
        self.algorithm.currentIndexChanged.connect(self._choose)
        self.data.changed.connect(self._data_changed)
        for box in (self.limit, self.holdout):
            box.valueChanged.connect(self._show_estimate)
        self.asked.connect(self._order)
        self._choose()

    @property
    def wish(self) -> TrainWish:
        return TrainWish(
            self.data.path,
            str(self.algorithm.currentData()),
            self.name.text().strip() or self.name.placeholderText(),
            self._parameter_values(),
            self.holdout.value() / 100,
            self.seed.value(),
            self.limit.value() or None,
            self.with_samples.isChecked() and self.with_samples.isEnabled(),
        )

    def show_fault(self, title: str, why: str) -> None:
        self.fault.show_text(title, why)
        self.accept_button.setEnabled(True)

    def show_probe(self, data: str, algorithm: str, probe: Any) -> None:
        """What a quick fit on this computer found; None: it could not be made, the table's figures stand."""
        self._asked.discard((data, algorithm))
        self._probes[data, algorithm] = probe
        self._show_estimate()

    def _data_changed(self) -> None:
        self.data_field.show_fault("")
        self._probe_timer.start()
        self._show_estimate()

    def _ask_probe(self) -> None:
        wanted = self._wanted_probe
        if self.data.path and wanted not in self._probes:
            self._asked = {wanted}  # the one before is given up
            self.probe_asked.emit(*wanted)
            self._show_estimate()

    @property
    def _wanted_probe(self) -> tuple[str, str]:
        return self.data.path, str(self.algorithm.currentData())

    def _choose(self) -> None:
        self._probe_timer.start()
        algorithm = self._algorithms[str(self.algorithm.currentData())]
        self.good_for.setText(algorithm.good_for)
        self.name.setPlaceholderText(free_name(algorithm.name, self._names))
        while self.parameters.count():
            item = self.parameters.takeAt(0)
            widget = item.widget() if item else None
            if widget:
                widget.setParent(None)
                widget.deleteLater()
        self._values = {}
        for index, parameter in enumerate(algorithm.parameters):
            box = _box_for(parameter)
            self._values[parameter.name] = box
            field = Field(parameter.label, box)
            box.setToolTip(parameter.help)
            field.setMinimumHeight(Size.CONTROL + 24)
            self.parameters.addWidget(field, index // 3, index % 3)
            if isinstance(box, QSpinBox | QDoubleSpinBox):
                box.valueChanged.connect(self._show_estimate)
        self._show_estimate()

    def _parameter_values(self) -> dict[str, Any]:
        return {
            name: box.isChecked() if isinstance(box, QCheckBox) else box.value() for name, box in self._values.items()
        }

    def _show_estimate(self, *_: object) -> None:
        algorithm = self._algorithms[str(self.algorithm.currentData())]
        probe = self._probes.get(self._wanted_probe)
        rows = self.limit.value() or (probe.rows if probe else 60_000)
        seconds, megabytes, accuracy, milliseconds = algorithm.estimate(rows, self._parameter_values(), probe)
        if probe:
            source = "for {0} rows, from a quick fit of these digits on this computer"
        elif self._wanted_probe in self._asked:
            source = "for {0} rows, as measured elsewhere; timing a quick fit here…"
        else:
            source = "for {0} rows of MNIST, as measured on a server's core"
        self.estimate.setText(
            "About {} of one core, {} MB, {} % right, {} ms an image ({})".format(
                duration(seconds) if seconds >= 60 else f"{max(1, round(seconds))} s",
                number(megabytes, 1 if megabytes >= 0.1 else 2),
                number(accuracy * 100, 1),
                number(milliseconds, 1),
                source.format(number(rows)),
            )
        )

    def _order(self) -> None:
        if not self.data.path:
            self.data_field.show_fault("Choose the digits to learn from")
            self.data.edit.setFocus()
            return
        self.ordered.emit(self.wish)


def _whole(value: int, low: int, high: int, suffix: str = "") -> QSpinBox:
    box = SpinBox()
    box.setRange(low, high)
    box.setValue(value)
    box.setSuffix(suffix)
    box.setGroupSeparatorShown(True)
    return box


def _box_for(parameter: ParameterField) -> QSpinBox | QDoubleSpinBox | QCheckBox:
    if isinstance(parameter.default, bool):
        check = QCheckBox()
        check.setChecked(parameter.default)
        return check
    if isinstance(parameter.default, int):
        return _whole(parameter.default, int(parameter.minimum), int(parameter.maximum))
    box = DoubleSpinBox()
    # as many places as the default needs, and one more
    places = max(2, len(f"{parameter.default:.8f}".rstrip("0").partition(".")[2]) + 1)
    box.setDecimals(min(places, 8))
    box.setRange(parameter.minimum, parameter.maximum)
    box.setSingleStep(10 ** -(places - 1))
    box.setValue(parameter.default)
    return box
