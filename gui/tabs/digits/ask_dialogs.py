"""The page's smaller dialogs: which data, predict a file, a new name, a place in S3, compare two models."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QFileDialog, QFormLayout, QLineEdit, QWidget

from gui.parts.buttons import Button
from gui.parts.dialogs import Dialog
from gui.parts.form import Field, choice
from gui.parts.layout import row
from gui.parts.notices import Banner
from gui.parts.words import Label, breakable
from gui.style.tokens import Space
from gui.tabs.digits.train_dialog import DataField
from gui.tabs.digits.values import PredictWish


class DataDialog(Dialog):
    """Asks for a labelled data set, to evaluate or compare on."""

    ordered = Signal(str, str)  # data, the other model ("" where none was asked for)

    def __init__(
        self,
        title: str,
        verb: str,
        data: str,
        parent: QWidget | None = None,
        *,
        others: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(title, verb, parent)
        self.data = DataField(data)
        self.field = Field("Data", self.data, "Labelled digits that the model was not trained on say most")
        self.other = choice(list(others))
        if others:
            self.body.addWidget(Field("Compare with", self.other))
        self.body.addWidget(self.field)
        self.asked.connect(self._order)

    def _order(self) -> None:
        if not self.data.path:
            self.field.show_fault("Choose a data set")
            return
        self.ordered.emit(self.data.path, str(self.other.currentData() or ""))
        self.accept()


class PredictDialog(Dialog):
    """A file to predict, and where the results go."""

    ordered = Signal(object)  # PredictWish

    def __init__(self, model: str, data: str, parent: QWidget | None = None) -> None:
        super().__init__("Predict a file", "Predict", parent, width=620)
        self.fault = Banner("danger")
        self.data = DataField(data)
        self.data_field = Field(
            "Data", self.data, "Rows of pixels, labelled or not; a bad row is left blank and reported"
        )
        self.submission = _Target("Kaggle submission (ImageId,Label)", "submission.csv", "CSV (*.csv)")
        self.scores = _Target("Scores per class (Amazon ML's format)", "scores.csv.gz", "Gzip CSV (*.csv.gz *.csv)")
        self.s3 = QLineEdit()
        self.s3.setPlaceholderText("s3://bucket/prefix/")
        self.s3_field = Field(
            "To S3 as well", self.s3, "Scores, submission and manifest, as a batch prediction writes them"
        )
        self.body.addWidget(Label(breakable(f"Model: {model}"), "strong", wrap=True))
        for widget in (self.fault, self.data_field, self.submission, self.scores, self.s3_field):
            self.body.addWidget(widget)
        self.submission.check.setChecked(True)
        self._model = re.sub(r"[^\w.]+", "-", model).strip("-")[:60]
        self.data.changed.connect(self._beside)
        self._beside(self.data.path)
        self.asked.connect(self._order)

    def _beside(self, data: str) -> None:
        """Results go beside the data, under the model's name: another model's are not written over."""
        for target in (self.submission, self.scores):
            target.suggest(str(Path(data).with_name(target.named(self._model))) if Path(data).name else "")

    def _order(self) -> None:
        if not self.data.path:
            self.data_field.show_fault("Choose a file to predict")
            return
        wish = PredictWish(self.data.path, self.scores.path, self.submission.path, self.s3.text().strip())
        for target in (self.submission, self.scores):
            if target.check.isChecked() and not target.path:
                self.fault.show_text("A file needs a name", "Say where it goes, or take its check away")
                target.edit.setFocus()
                return
        if not (wish.scores or wish.submission or wish.s3):
            self.fault.show_text("Nothing would be written", "Choose a submission, scores, or a place in S3")
            return
        if wish.s3 and not wish.s3.startswith("s3://"):
            self.s3_field.show_fault("It should be s3://bucket/prefix/")
            return
        self.ordered.emit(wish)
        self.accept()


class _Target(QWidget):
    """A file to write, or not."""

    def __init__(self, title: str, name: str, kinds: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.check = QCheckBox(title)
        self.edit = QLineEdit()
        self.edit.setPlaceholderText(name)
        self.edit.setAccessibleName(title)
        self.browse = Button("Choose…", "small")
        self._kinds, self._name, self._suggested = kinds, name, ""
        self.setLayout(row(self.check, self.edit, self.browse))
        self.edit.setEnabled(False)
        self.browse.setEnabled(False)
        self.check.toggled.connect(self.edit.setEnabled)
        self.check.toggled.connect(self.browse.setEnabled)
        self.browse.clicked.connect(self._choose)

    def named(self, model: str) -> str:
        stem, dot, ending = self._name.partition(".")
        return f"{stem}-{model}{dot}{ending}"

    def suggest(self, path: str) -> None:
        """Until a name is typed or chosen by hand."""
        if self.edit.text() == self._suggested:
            self._suggested = path
            self.edit.setText(path)

    @property
    def path(self) -> str:
        return self.edit.text().strip() if self.check.isChecked() else ""

    def _choose(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, self.check.text(), self.edit.text() or self._name, self._kinds)
        if path:
            self.edit.setText(path)


class AboutDialog(Dialog):
    """What a model's card says: (what, words) line by line."""

    def __init__(self, title: str, lines: Sequence[tuple[str, str]], parent: QWidget | None = None) -> None:
        super().__init__(title, "Close", parent, width=560)
        self.cancel_button.hide()
        facts = QFormLayout()
        facts.setHorizontalSpacing(Space.XL)
        facts.setVerticalSpacing(Space.S)
        for what, words in lines:
            shown = Label(words, wrap=True)
            shown.setMinimumWidth(380)  # a wrapped label otherwise asks for the height of a narrow one
            shown.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            facts.addRow(Label(what, "small"), shown)
        self.body.addLayout(facts)
        self.asked.connect(self.accept)


class DuelDialog(Dialog):
    """Two models on the same digits, with McNemar's test, and published results beside them."""

    def __init__(
        self,
        lines: Sequence[tuple[str, str]],
        verdict: str,
        published: Sequence[tuple[str, float, str]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("Two models side by side", "Close", parent, width=720)
        self.cancel_button.hide()
        for name, words in lines:
            shown = Label(name, "strong", wrap=True)
            shown.setMinimumWidth(360)
            line = row(shown, Label(words))
            line.setStretch(0, 1)
            self.body.addLayout(line)
        self.body.addWidget(Label(verdict, "strong", wrap=True))
        self.body.addWidget(Label("Published results on the MNIST test set (error)", "caption"))
        for method, error, source in published:
            self.body.addLayout(row(Label(method, "small"), None, Label(f"{error:g} %  ·  {source}", "small")))
        self.asked.connect(self.accept)
