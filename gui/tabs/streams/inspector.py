"""One record in full: where it stood, its JSON as a tree, its text, its bytes."""

from __future__ import annotations

import json

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QGridLayout, QPlainTextEdit, QStackedWidget

from core.streams.decode import Record
from gui.parts.buttons import Button, Segments
from gui.parts.json_tree import JsonTree
from gui.parts.layout import column, row
from gui.parts.words import Label, byte_size, number
from gui.style.theme import font
from gui.style.tokens import Space
from gui.tabs.streams.wording import full_time, shard_word

_MOST_SHOWN = 256 * 1024  # bytes of text; more would make the editor slow, and is said
_MOST_DUMPED = 16 * 1024


class Inspector(QFrame):
    closed = Signal()
    filter_asked = Signal(str)
    command_asked = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("kind", "sunken")
        self.setAccessibleName("Record")
        self.record: Record | None = None
        self.kinds = Segments([("tree", "Tree"), ("text", "Text"), ("bytes", "Bytes")], "Show the record as")
        self.close_button = Button("Close the inspector", "icon", icon_name="x")
        self.copy = Button("Copy", "link")
        self.command = Button("Copy as CLI", "link")
        self.filter = Button("Filter on this value", "link")
        self.tree = JsonTree("The record as a tree")
        self.text = _reader("The record as text")
        self.bytes = _reader("The record as bytes")
        self.pages = QStackedWidget()
        for page in (self.tree, self.text, self.bytes):
            page.setMinimumHeight(80)
            self.pages.addWidget(page)
        self.note = Label("", "small", tone="warning", wrap=True)
        self.note.hide()
        self._facts = QGridLayout()
        self._facts.setHorizontalSpacing(Space.M)
        self._facts.setVerticalSpacing(2)
        self._facts.setColumnStretch(1, 1)
        self._values: dict[str, Label] = {}
        for line, name in enumerate(("Arrived", "Shard", "Key", "Sequence", "Size")):
            value = Label("", "mono", wrap=name in ("Sequence", "Key"))
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self._values[name] = value
            self._facts.addWidget(Label(name, "small"), line, 0, Qt.AlignmentFlag.AlignTop)
            self._facts.addWidget(value, line, 1)
        self.setLayout(
            column(
                row(self.kinds, None, self.close_button),
                self._facts,
                self.note,
                self.pages,
                row(self.copy, self.command, self.filter, None, gap=Space.L),
                margins=(Space.M, Space.S, Space.S, Space.S),
            )
        )
        self.setMinimumWidth(300)
        self._leaf = ("", "")
        self.filter.setEnabled(False)
        self.kinds.chosen.connect(self._show_kind)
        self.close_button.clicked.connect(self.closed)
        self.copy.clicked.connect(self._copy)
        self.command.clicked.connect(lambda: self.command_asked.emit(self.record))
        self.filter.clicked.connect(lambda: self.filter_asked.emit(f"{self._leaf[0]} = {self._leaf[1]}"))
        self.tree.value_chosen.connect(self._value_chosen)

    def show_record(self, record: Record, *, utc: bool) -> None:
        self.record = record
        self._values["Arrived"].setText(full_time(record.arrived, utc=utc))
        self._values["Shard"].setText(shard_word(record.shard))
        self._values["Key"].setText(record.partition_key)
        # Zero-width spaces: 56 digits have no other place to break.
        pieces = [record.sequence[at : at + 14] for at in range(0, len(record.sequence), 14)]
        inner = f" : {record.sub_sequence}" if record.codec.startswith("kpl") else ""
        self._values["Sequence"].setText("\u200b".join(pieces) + inner)
        self._values["Size"].setText(f"{byte_size(record.size)} · {record.codec.replace('+', ' › ')}")
        value = record.json()
        self.tree.show_value(value)
        self._show_text(record, value)
        self.bytes.setPlainText(_dump(record.data))
        kind = "tree" if isinstance(value, dict | list) else "text" if record.is_text else "bytes"
        self.kinds.choose(kind)
        self._show_kind(kind)

    def _show_text(self, record: Record, value: object) -> None:
        if value is not None:
            text = json.dumps(value, indent=2, ensure_ascii=False)
        else:
            text = record.text if record.text is not None else "These bytes are no text."
        self.note.setVisible(len(text) > _MOST_SHOWN)
        self.note.setText(f"Only the first {number(_MOST_SHOWN)} characters are shown; Copy takes all.")
        self.text.setPlainText(text[:_MOST_SHOWN])

    def _show_kind(self, kind: str) -> None:
        self.pages.setCurrentIndex(("tree", "text", "bytes").index(kind))
        self.filter.setVisible(kind == "tree")

    def _value_chosen(self, path: str, value: str) -> None:
        self._leaf = (path, value)
        self.filter.setEnabled(bool(path))

    def _copy(self) -> None:
        if self.record is not None:
            text = self.record.text
            QGuiApplication.clipboard().setText(text if text is not None else self.record.data.hex())


def _reader(name: str) -> QPlainTextEdit:
    made = QPlainTextEdit()
    made.setReadOnly(True)
    made.setFont(font("mono"))
    made.setProperty("role", "mono")
    made.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
    made.setAccessibleName(name)
    made.setTabChangesFocus(True)
    return made


def _dump(data: bytes) -> str:
    """Offset, hexadecimal, and what is printable."""
    lines = []
    for at in range(0, min(len(data), _MOST_DUMPED), 16):
        piece = data[at : at + 16]
        shown = "".join(chr(byte) if 32 <= byte < 127 else "·" for byte in piece)
        lines.append(f"{at:06x}  {piece.hex(' '):<47}  {shown}")
    if len(data) > _MOST_DUMPED:
        lines.append(f"… {number(len(data) - _MOST_DUMPED)} more bytes")
    return "\n".join(lines)
