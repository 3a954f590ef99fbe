"""Hops and findings as cards: where the address led, and what is wrong on the way."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from core.edge.findings import Finding, Hop
from gui.parts.buttons import Button
from gui.parts.layout import column, row
from gui.parts.notices import Picture
from gui.parts.words import Chip, Label, byte_size, duration
from gui.style.tokens import Space

_TONE = {"error": "danger", "warning": "warning", "info": "info"}
_WORD = {"error": "Error", "warning": "Warning", "info": "Note"}

_CURABLE = {"scheme-port-mismatch", "downgrade", "insecure-link", "other-port", "mixed-content", "wrong-identity", "redirect-loop", "internal-host",
            "explicit-default-port", "cookie-without-secure"}  # fmt: skip
"""Findings that a proxy setting cures; they offer the snippet."""


def _selectable(label: Label) -> Label:
    label.setTextInteractionFlags(
        Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
    )
    return label


class HopRow(QFrame):
    """One request: number, status, address, time, and where it sent us."""

    def __init__(self, number: int, hop: Hop) -> None:
        super().__init__()
        self.setProperty("kind", "row")
        tone = "success" if hop.status < 300 else "info" if hop.status < 400 else "danger"
        size = f" · {byte_size(hop.size)}{'' if hop.whole else ' read, cut'}" if hop.size else ""
        head = row(
            Label(str(number), "caption"), Chip(str(hop.status), tone), _selectable(Label(hop.url, "mono", wrap=True))
        )
        head.setStretch(2, 1)
        body = column(
            head,
            Label(f"{hop.address} · {duration(hop.seconds)}{size}", "small"),
            gap=Space.XS,
            margins=(Space.M, Space.S, Space.M, Space.S),
        )
        if hop.location:
            body.addWidget(_selectable(Label(f"→ {hop.location}", "mono", wrap=True)))
        self.setLayout(body)
        self.setAccessibleName(f"Hop {number}: {hop.status} {hop.url}")


class FindingRow(QFrame):
    """Seen, expected, why, cure."""

    fix_asked = Signal()

    def __init__(self, finding: Finding) -> None:
        super().__init__()
        self.rule = finding.rule
        self.setProperty("kind", "row")
        head = row(Chip(_WORD[finding.severity], _TONE[finding.severity]), Label(finding.title, "strong", wrap=True))
        head.setStretch(1, 1)
        if finding.rule in _CURABLE:
            fix = Button("Show the setting", "link")
            fix.clicked.connect(self.fix_asked)
            head.addWidget(fix)
        body = column(
            head, Label(finding.where, "small", wrap=True), gap=Space.XS, margins=(Space.M, Space.S, Space.M, Space.S)
        )
        for word, text, role in (
            ("Seen", finding.seen, "mono"),
            ("Expected", finding.expected, "mono"),
            ("Why", finding.why, "body"),
            ("Fix", finding.fix, "body"),
        ):
            if text:
                name = Label(word, "caption")
                name.setFixedWidth(64)
                line = row(name, _selectable(Label(text, role, wrap=True)))
                line.setAlignment(name, Qt.AlignmentFlag.AlignTop)
                line.setStretch(1, 1)
                body.addLayout(line)
        self.setLayout(body)
        self.setAccessibleName(f"{_WORD[finding.severity]}: {finding.title}")
        self.setAccessibleDescription(f"{finding.seen}. {finding.why}")


class RowList(QWidget):
    """Rows under each other, replaced as a whole."""

    def __init__(self) -> None:
        super().__init__()
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(Space.S)

    def show_rows(self, rows: list[QWidget]) -> None:
        while (item := self._layout.takeAt(0)) is not None:
            if widget := item.widget():
                widget.deleteLater()
        for made in rows:
            self._layout.addWidget(made)
        self._layout.addStretch(1)


def all_clear() -> QWidget:
    """What stands in place of findings when there are none."""
    made = QWidget()
    made.setLayout(
        row(
            Picture("circle-check", "success", 20),
            Label("Nothing to complain about: scheme, host and port agree everywhere.", wrap=True),
        )
    )
    return made
