"""The page's dialogs: differences, parameters, one value, a column's profile, a table's description, UNLOAD."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QTextOption
from PySide6.QtWidgets import QCheckBox, QLineEdit, QPlainTextEdit, QTreeWidget, QTreeWidgetItem, QWidget

from core.warehouse.catalogue import Table
from core.warehouse.views import ColumnProfile
from gui.parts.dialogs import Dialog
from gui.parts.form import Field, choice, line
from gui.parts.layout import column, row
from gui.parts.words import Label, breakable, byte_size, number, percent
from gui.style.theme import font, theme
from gui.style.tokens import Space


class TextDialog(Dialog):
    """A heading and lines to read; closes by its one button."""

    def __init__(self, title: str, lines: Sequence[str], parent: QWidget | None = None, *, intro: str = "") -> None:
        super().__init__(title, "Close", parent, kind="plain")
        self.cancel_button.hide()
        if intro:
            self.body.addWidget(Label(intro, wrap=True))
        for text in lines:
            entry = row(Label("•", tone="muted"), Label(text, wrap=True), gap=Space.S)
            entry.setAlignment(Qt.AlignmentFlag.AlignTop)
            entry.setStretch(1, 1)
            self.body.addLayout(entry)
        self.asked.connect(self.accept)


_LONG_LINE = 10_000
"""Characters: to look for the ends of words in 64 KB holds the window for a second."""


class ValueDialog(Dialog):
    """One cell's value, whole, JSON laid out."""

    def __init__(self, name: str, value: object, parent: QWidget | None = None) -> None:
        super().__init__(name, "Close", parent, kind="plain", width=640)
        self.cancel_button.hide()
        text = "NULL" if value is None else str(value)
        if text[:1] in "[{":
            with contextlib.suppress(ValueError):  # it may only look like JSON: then it is shown as it is
                text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        shown = QPlainTextEdit()
        if max(map(len, text.split("\n"))) > _LONG_LINE:
            shown.setWordWrapMode(QTextOption.WrapMode.WrapAnywhere)
        shown.setPlainText(text)
        shown.setReadOnly(True)
        shown.setProperty("role", "mono")
        shown.setFont(font("mono"))
        shown.setMinimumHeight(260)
        shown.setAccessibleName(f"Value of {name}")
        self.body.addWidget(Label(f"{len(text):,} characters", "small"))
        self.body.addWidget(shown)
        self.asked.connect(self.accept)


class ParameterDialog(Dialog):
    """Values for the ``:name`` parameters of a statement; NULL is a choice of its own."""

    given = Signal(dict)

    def __init__(self, names: Sequence[str], before: dict[str, str | None], parent: QWidget | None = None) -> None:
        super().__init__("Values for the parameters", "Run", parent)
        self._fields: dict[str, tuple[QLineEdit, QCheckBox]] = {}
        for name in names:
            edit, null = line(text=before.get(name) or "", mono=True), QCheckBox("NULL")
            null.setChecked(name in before and before[name] is None)
            null.setAccessibleName(f"{name} is NULL")
            edit.setDisabled(null.isChecked())
            null.toggled.connect(edit.setDisabled)
            self._fields[name] = (edit, null)
            entry = row(Field(f":{name}", edit), null)
            entry.setAlignment(null, Qt.AlignmentFlag.AlignBottom)
            self.body.addLayout(entry)
        self.body.addWidget(Label("Values are sent as data, never as SQL.", "small"))
        self.asked.connect(self._give)
        next(iter(self._fields.values()))[0].setFocus()

    def _give(self) -> None:
        self.accept()
        self.given.emit(
            {name: None if null.isChecked() else edit.text() for name, (edit, null) in self._fields.items()}
        )


class UnloadDialog(Dialog):
    """Where and how the cluster itself writes the whole result to S3; shows the statement before it runs."""

    given = Signal(str, str, str)
    """S3 prefix, format, role ARN"""
    changed = Signal(str, str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("UNLOAD to S3", "Unload", parent, width=620)
        self.to = line("s3://bucket/prefix/", mono=True)
        self.form = choice([("PARQUET", "Parquet"), ("CSV", "CSV"), ("JSON", "JSON")])
        self.role = line("default role of the cluster", mono=True)
        self.preview = QPlainTextEdit()
        self.preview.setReadOnly(True)
        self.preview.setProperty("role", "mono")
        self.preview.setFont(font("mono"))
        self.preview.setFixedHeight(120)
        self.preview.setAccessibleName("The statement")
        self.target = Field("To", self.to, "The files get this prefix and a number each")
        for widget in (self.target, Field("Format", self.form), Field("IAM role", self.role), self.preview):
            self.body.addWidget(widget)
        self.to.textChanged.connect(self._tell)
        self.role.textChanged.connect(self._tell)
        self.form.currentIndexChanged.connect(self._tell)
        self.asked.connect(lambda: self.given.emit(*self._values()))
        self.accept_button.setEnabled(False)

    def _values(self) -> tuple[str, str, str]:
        return self.to.text().strip(), str(self.form.currentData()), self.role.text().strip()

    def _tell(self) -> None:
        self.changed.emit(*self._values())

    def show_statement(self, sql: str, fault: str) -> None:
        self.preview.setPlainText(sql)
        self.target.show_fault(fault if self.to.text() else "")
        self.accept_button.setEnabled(not fault)


class _Bars(QWidget):
    """Words with bars and counts; or, without words, a histogram."""

    def __init__(self, heights: Sequence[float], words: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._heights, self._words = heights, words
        self.setMinimumSize(420, len(words) * 22 if words else 110)
        self.setAccessibleName("Most frequent values" if words else "Histogram")
        self.setAccessibleDescription("; ".join(f"{w}: {h:,.0f}" for w, h in zip(words, heights, strict=False)))

    def sizeHint(self) -> QSize:
        return self.minimumSize()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        most = max(self._heights, default=0) or 1
        accent, soft, ink = theme().color("accent"), theme().color("sunken"), theme().color("text")
        painter.setFont(font("small"))
        if not self._words:
            width = self.width() / max(1, len(self._heights))
            for place, height in enumerate(self._heights):
                tall = (self.height() - 2) * height / most
                painter.fillRect(QRectF(place * width + 1, self.height() - tall, width - 2, tall), accent)
            return
        names = round(self.width() * 0.42)
        counts = max(80, painter.fontMetrics().horizontalAdvance(f"{most:,.0f}") + Space.S)
        for place, (word, height) in enumerate(zip(self._words, self._heights, strict=True)):
            top = place * 22
            room = self.width() - names - counts
            painter.fillRect(QRectF(names, top + 7, room, 8), soft)
            painter.fillRect(QRectF(names, top + 7, room * height / most, 8), accent)
            painter.setPen(ink)
            text = painter.fontMetrics().elidedText(word or "(empty)", Qt.TextElideMode.ElideRight, names - Space.S)
            painter.drawText(QRectF(0, top, names, 22), Qt.AlignmentFlag.AlignVCenter, text)
            painter.setPen(theme().color("text2"))
            painter.drawText(
                QRectF(self.width() - counts, top, counts, 22),
                Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight,
                f"{height:,.0f}",
            )


class ProfileDialog(Dialog):
    """What one column holds: facts, spread, the most frequent values."""

    def __init__(self, found: ColumnProfile, whole: bool, parent: QWidget | None = None) -> None:
        super().__init__(found.column, "Close", parent, kind="plain", width=560)
        self.cancel_button.hide()
        scope = "" if whole else " (the result was cut: only these rows are counted)"
        self.body.addWidget(Label(f"{found.type_name} · {found.rows:,} rows{scope}", "small", wrap=True))
        share = found.nulls / found.rows if found.rows else 0
        facts = [
            ("NULL", f"{found.nulls:,} ({percent(share) if found.nulls else number(0)} %)"),
            ("distinct", f"{found.distinct:,}"),
            *found.facts,
        ]
        for name, text in facts:
            title = Label(name, "small")
            title.setFixedWidth(140)
            entry = row(title, Label(breakable(text), wrap=True), gap=Space.M)
            entry.setStretch(1, 1)
            self.body.addLayout(entry)
        if found.histogram:
            self.body.addWidget(Label("Spread", "strong"))
            self.body.addWidget(_Bars([float(rows) for _start, _end, rows in found.histogram], []))
        if found.top:
            self.body.addWidget(Label("Most frequent", "strong"))
            self.body.addWidget(_Bars([float(count) for _value, count in found.top], [value for value, _ in found.top]))
        self.asked.connect(self.accept)


_KEYS_SHOWN = 6  # in full; a column's own stand beside it


class TableDialog(Dialog):
    """Columns, keys, figures of a table, and advice with its reasons."""

    def __init__(self, table: Table, advice: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(f"{table.schema}.{table.name}", "Close", parent, kind="plain", width=820)
        self.cancel_button.hide()
        figures = [table.kind]
        if table.rows is not None:
            figures.append(f"{number(table.rows)} rows")
        if table.size_mb is not None:
            figures.append(byte_size(table.size_mb * 1e6))
        if table.dist_style:
            figures.append(f"distribution {table.dist_style}")
        if table.sort_keys:
            figures.append(f"sort key {', '.join(table.sort_keys)}")
        if table.skew is not None:
            figures.append(f"skew {table.skew:.1f}")
        self.body.addWidget(Label(" · ".join(figures), "small", wrap=True))
        if table.comment:
            self.body.addWidget(Label(table.comment, wrap=True))
        listed = QTreeWidget()
        listed.setRootIsDecorated(False)
        listed.setHeaderLabels(["Column", "Type", "NULL", "Key", "Encoding", "Default", "Comment"])
        listed.setAccessibleName("Columns")
        for part in table.columns:
            keys = [
                *(["PRIMARY KEY"] if part.primary_key else []),
                *([f"→ {part.references}"] if part.references else []),
                *(["partition"] if part.partition else []),
                *(["DISTKEY"] if part.dist_key else []),
                *([f"SORTKEY {abs(part.sort_position)}"] if part.sort_position else []),
            ]
            cells = [
                part.name,
                part.type_name,
                "yes" if part.nullable else "no",
                ", ".join(keys),
                part.encoding,
                part.default,
                part.comment,
            ]
            item = QTreeWidgetItem(cells)
            for section in (3, 5, 6):  # what may be wider than its column
                item.setToolTip(section, cells[section])
            listed.addTopLevelItem(item)
        for section, width in enumerate((170, 150, 56, 170, 80)):
            listed.setColumnWidth(section, width)
        for section in (3, 4, 5, 6):  # Athena has no encodings, and most tables no comments
            items = (listed.topLevelItem(number) for number in range(listed.topLevelItemCount()))
            listed.setColumnHidden(section, not any(item is not None and item.text(section) for item in items))
        listed.setMinimumHeight(min(420, 60 + 28 * len(table.columns)))
        self.body.addWidget(listed)
        if table.keys:
            held = "Keys" if table.keys_hold else "Keys (declared: Redshift does not enforce them)"
            more = [f"and {len(table.keys) - _KEYS_SHOWN} more"] if len(table.keys) > _KEYS_SHOWN else []
            words = Label("\n".join([*table.keys[:_KEYS_SHOWN], *more]), "small", wrap=True)
            words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self.body.addLayout(column(Label(held, "strong"), words, gap=Space.XS))
        if advice:
            self.body.addLayout(
                column(Label("Advice", "strong"), *(Label(text, wrap=True) for text in advice), gap=Space.XS)
            )
        self.asked.connect(self.accept)
