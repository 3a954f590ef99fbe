"""The card of the models: the table, what can be done with the chosen one, and the validation curves."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QMenu,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from gui.parts.buttons import Button
from gui.parts.layout import Card, row
from gui.parts.notices import Banner
from gui.parts.small_chart import Axis, Curve, SmallChart
from gui.parts.words import Label, byte_size, number, short_count
from gui.style.icons import icon
from gui.style.tokens import Size
from gui.tabs.digits.values import ModelRow

_COLUMNS = ("Model", "Accuracy", "Macro-F1", "Rows", "Size", "State")
_STATES = {
    "in use": ("In use", "circle-check", "success"),
    "ready": ("Ready", "check", "text2"),
    "training": ("Training", "loader-circle", "info"),
    "damaged": ("Damaged", "triangle-alert", "danger"),
}


class ModelsCard(Card):
    chosen = Signal(str)
    train_asked = Signal()
    evaluate_asked = Signal(str)
    predict_asked = Signal(str)
    import_asked = Signal()
    action_asked = Signal(str, str)  # action, model id: use rename export onnx s3 delete compare

    def __init__(self, parent: QWidget | None = None) -> None:
        self.evaluate = Button("Evaluate…", "small")
        self.predict = Button("Predict file…", "small")
        self.train = Button("Train model…", "primary", icon_name="plus")
        super().__init__("Models", self.evaluate, self.predict, self.train, parent=parent)
        self.fault = Banner("danger")
        self.body.addWidget(self.fault)
        self.table = QTableWidget(0, len(_COLUMNS))
        self.table.setHorizontalHeaderLabels(list(_COLUMNS))
        self.table.setAccessibleName("Models")
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setShowGrid(False)
        self.table.setTabKeyNavigation(False)  # Tab leads out of the table, not round its cells
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(Size.ROW)
        head = self.table.horizontalHeader()
        head.setHighlightSections(False)
        head.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column, width in ((1, 82), (2, 78), (3, 72), (4, 84), (5, 112)):
            head.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            self.table.setColumnWidth(column, width)
        for column in range(len(_COLUMNS)):
            item = self.table.horizontalHeaderItem(column)
            side = Qt.AlignmentFlag.AlignRight if 0 < column < 5 else Qt.AlignmentFlag.AlignLeft
            if item:
                item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
        # as low as the page needs: by its own wish the page would scroll on a usual screen
        self.table.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self.table.setMinimumHeight(118)
        self.body.addWidget(self.table, 3)
        self.more = Button("More with this model", "icon", icon_name="ellipsis")
        self.curve_title = Label("Validation accuracy", "small")
        self.body.addLayout(row(self.curve_title, None, self.more))
        self.curve = SmallChart("Validation accuracy as training went on")
        self.body.addWidget(self.curve, 2)
        self.fault.installEventFilter(self)
        self._rows: list[ModelRow] = []
        self.train.clicked.connect(self.train_asked)
        self.evaluate.clicked.connect(lambda: self.evaluate_asked.emit(self.chosen_id))
        self.predict.clicked.connect(lambda: self.predict_asked.emit(self.chosen_id))
        self.table.itemSelectionChanged.connect(self._selected)
        self.table.cellDoubleClicked.connect(lambda *_: self.action_asked.emit("use", self.chosen_id))
        self.table.customContextMenuRequested.connect(lambda at: self._menu(self.table.viewport().mapToGlobal(at)))
        self.more.clicked.connect(lambda: self._menu(self.more.mapToGlobal(self.more.rect().bottomLeft())))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A fault takes the room of the curve: table, fault and curve together are higher than the card."""
        if watched is self.fault and event.type() in (QEvent.Type.ShowToParent, QEvent.Type.HideToParent):
            for widget in (self.curve, self.curve_title):
                widget.setVisible(self.fault.isHidden())
        return super().eventFilter(watched, event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where the card is narrow, name, accuracy and state are what one needs."""
        super().resizeEvent(event)
        for column, least in ((2, 640), (4, 560), (3, 440)):
            self.table.setColumnHidden(column, self.width() < least)

    @property
    def chosen_id(self) -> str:
        index = self.table.currentRow()
        return self._rows[index].id if 0 <= index < len(self._rows) else ""

    def show_models(self, rows: Sequence[ModelRow]) -> None:
        """Keeps the choice where the model is still there."""
        before = self.chosen_id
        self._rows = list(rows)
        self.table.blockSignals(True)
        self.table.setRowCount(len(rows))
        for index, model in enumerate(rows):
            self._fill(index, model)
        wanted = next((index for index, model in enumerate(rows) if model.id == before), 0)
        if rows:
            self.table.selectRow(wanted)
        self.table.blockSignals(False)
        if self.chosen_id != before:
            self._selected()
        self._show_curve()

    def _fill(self, index: int, model: ModelRow) -> None:
        words, icon_name, token = _STATES[model.state]
        if model.state == "training" and model.share is not None:
            words = f"{words} {model.share:.0%}"
        texts = (
            model.name,
            f"{number(model.accuracy * 100, 2)} %" if model.accuracy is not None else "–",
            number(model.macro_f1, 4) if model.macro_f1 is not None else "–",
            short_count(model.rows) if model.rows else "–",
            byte_size(model.size) if model.size else "–",
            words,
        )
        for column, text in enumerate(texts):
            item = self.table.item(index, column)
            if item is None:
                item = QTableWidgetItem()
                self.table.setItem(index, column, item)
            item.setText(text)
            item.setToolTip(model.why or model.details)
            if 0 < column < 5:
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            if column == 5:
                item.setIcon(icon(icon_name, token))

    def _selected(self) -> None:
        model = next((model for model in self._rows if model.id == self.chosen_id), None)
        usable = model is not None and model.state in ("in use", "ready")
        for button in (self.evaluate, self.predict):
            button.setEnabled(usable)
        self._show_curve()
        if model:
            self.chosen.emit(model.id)

    def _show_curve(self) -> None:
        chosen = [model for model in self._rows if model.id == self.chosen_id and len(model.curve) > 1]
        others = [model for model in self._rows if len(model.curve) > 1 and model.id != self.chosen_id]
        training = [model for model in others if model.state == "training"]
        shown = [*chosen, *training, *(model for model in others if model not in training)][:3]
        if not shown:
            self.curve.show_curves((), Axis(0, 1, ()), Axis(0, 1, ()))
            self.curve_title.setText("Validation accuracy: no model was trained in stages yet")
            return
        low = min(accuracy for model in shown for _, accuracy in model.curve)
        # a tenth of the range below the lowest point, on a round figure
        bottom = max(0.0, min(0.99, int(low * 100 - 1) / 100))
        step = next(step for step in (0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5) if (1 - bottom) / step <= 4.01)
        ticks = [
            (1 - index * step, f"{number((1 - index * step) * 100, 1)} %")
            for index in range(5)
            if 1 - index * step >= bottom - 1e-9
        ]
        curves = [
            Curve(
                model.name,
                [(index / (len(model.curve) - 1), accuracy) for index, (_, accuracy) in enumerate(model.curve)],
                marks=len(model.curve) < 8,
            )
            for model in shown
        ]
        first, last = shown[0].curve[0][0], shown[0].curve[-1][0]
        self.curve_title.setText("Validation accuracy by stage")
        summary = "; ".join(f"{model.name}: {model.curve[-1][1]:.2%} at {model.curve[-1][0]}" for model in shown)
        self.curve.show_curves(curves, Axis(0, 1, [(0, first), (1, last)]), Axis(bottom, 1, ticks), summary=summary)

    def _menu(self, at: QPoint) -> None:
        model = next((model for model in self._rows if model.id == self.chosen_id), None)
        menu = QMenu(self)
        usable = model is not None and model.state in ("in use", "ready")
        own = model is not None and model.own and model.state != "training"
        for words, action, allowed in (
            ("Use for drawing", "use", usable),
            ("Compare with another…", "compare", usable),
            ("About this model…", "about", usable),
            ("Rename…", "rename", own and usable),
            ("Export…", "export", usable),
            ("Export as ONNX…", "onnx", usable),
            ("Store in S3…", "s3", usable),
            ("Copy as CLI", "cli", usable),
            ("Delete…", "delete", own),
            ("Cancel the training", "cancel", model is not None and model.state == "training"),
        ):
            entry = menu.addAction(words, partial(self.action_asked.emit, action, self.chosen_id))
            entry.setEnabled(allowed)
        menu.addSeparator()
        menu.addAction("Import a model file…", self.import_asked.emit)
        menu.addAction("Load a model from S3…", lambda: self.action_asked.emit("fetch", ""))
        menu.addAction("Look at a data set…", lambda: self.action_asked.emit("browse", ""))
        menu.popup(at)
