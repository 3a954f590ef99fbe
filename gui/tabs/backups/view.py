"""The Backups page: plans and their proofs, or the objects in the buckets."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from gui.parts.buttons import Button, Segments
from gui.parts.focus import begin_at
from gui.parts.layout import row
from gui.style.tokens import Size, Space
from gui.tabs.backups.objects_view import ObjectsView
from gui.tabs.backups.plans_view import PlansView


class BackupsView(QWidget):
    """Two halves, one at a time: side by side neither a table of objects nor a ladder of checks had room (920 px)."""

    half_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self.halves = Segments((("plans", "Plans and proofs"), ("objects", "Buckets and objects")), "What is shown")
        self.back_up = Button("Back up now", "primary", icon_name="archive")
        self.verify = Button("Verify", icon_name="shield-check")
        self.restore = Button("Restore…", icon_name="rotate-ccw")
        self.stack = QStackedWidget(self)
        self.plans = PlansView(self.stack)
        self.objects = ObjectsView(self.stack)
        self.objects.setContentsMargins(
            0, 0, Size.GUTTER, 0
        )  # the other half scrolls, with its bar in the page's margin
        self.stack.addWidget(self.plans)
        self.stack.addWidget(self.objects)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(Space.XL, Space.L, Space.XL - Size.GUTTER, Space.L)
        layout.setSpacing(Space.M)
        bar = row(self.halves, None, self.back_up, self.verify, self.restore, margins=(0, 0, Size.GUTTER, 0))
        layout.addLayout(bar)
        layout.addWidget(self.stack, 1)
        begin_at(self, self.halves)
        self.halves.chosen.connect(self.show_half)

    def show_half(self, half: str) -> None:
        self.halves.choose(half)
        self.stack.setCurrentIndex(0 if half == "plans" else 1)
        for button in (self.back_up, self.verify, self.restore):
            button.setVisible(half == "plans")
        self.half_chosen.emit(half)
