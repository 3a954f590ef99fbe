"""The card to draw on: the pad, pen or eraser, its width, undo, redo, clear, and other ways to bring a digit in."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QMenu, QSlider, QWidget

from gui.parts.buttons import Button
from gui.parts.ink_pad import InkPad
from gui.parts.layout import Card, row
from gui.parts.words import Chip, Label


class DrawCard(Card):
    pen_width_chosen = Signal(int)
    paste_asked = Signal()
    open_picture_asked = Signal()
    plain_digit_asked = Signal(int)
    save_picture_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        self.live = Chip("Live", "success")
        self.more = Button("More ways to bring a digit in", "icon", icon_name="ellipsis")
        super().__init__("Draw a digit", self.live, self.more, parent=parent)
        self.pad = InkPad()
        self.pen = Button("Pen", "icon", icon_name="pencil")
        self.eraser = Button("Eraser", "icon", icon_name="eraser")
        for button in (self.pen, self.eraser):
            button.setCheckable(True)
        self.pen.setChecked(True)
        self.width_slider = QSlider(Qt.Orientation.Horizontal)
        self.width_slider.setRange(4, 60)
        self.width_slider.setAccessibleName("Pen width")
        self.width_slider.setMinimumWidth(32)
        self.width_label = Label("22 px", "small")
        self.width_label.setMinimumWidth(36)
        self.undo = Button("Undo", "icon", icon_name="undo-2")
        self.redo = Button("Redo", "icon", icon_name="redo-2")
        self.clear = Button("Clear", "small")
        self.clear.setMinimumWidth(56)
        self.body.addWidget(self.pad, 1)
        self.body.addLayout(
            row(self.pen, self.eraser, self.width_slider, self.width_label, self.undo, self.redo, self.clear, gap=4)
        )
        self._connect()
        self._build_menu()
        for widget in (self.pad, self.pen, self.eraser, self.width_slider, self.undo, self.redo, self.clear):
            widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def _connect(self) -> None:
        self.pen.clicked.connect(lambda: self._choose_tool(False))
        self.eraser.clicked.connect(lambda: self._choose_tool(True))
        self.width_slider.valueChanged.connect(self._width_changed)
        self.width_slider.sliderReleased.connect(lambda: self.pen_width_chosen.emit(self.width_slider.value()))
        self.pad.history_changed.connect(self._history_changed)
        self._history_changed(False, False)

    def _build_menu(self) -> None:
        menu = QMenu(self)
        menu.addAction("Paste a picture", self.paste_asked.emit)
        menu.addAction("Open a picture…", self.open_picture_asked.emit)
        plain = menu.addMenu("Load a plain digit")
        for digit in range(10):
            plain.addAction(str(digit), partial(self.plain_digit_asked.emit, digit))
        menu.addSeparator()
        menu.addAction("Save the drawing as PNG…", self.save_picture_asked.emit)
        self.more.clicked.connect(lambda: menu.popup(self.more.mapToGlobal(self.more.rect().bottomLeft())))

    def show_pen_width(self, width: int) -> None:
        self.width_slider.setValue(width)
        self._width_changed(width)

    def show_live(self, words: str, tone: str) -> None:
        self.live.show_state(words, tone)

    def _choose_tool(self, erasing: bool) -> None:
        self.pad.erasing = erasing
        self.pen.setChecked(not erasing)
        self.eraser.setChecked(erasing)

    def _width_changed(self, width: int) -> None:
        self.pad.pen_width = float(width)
        self.width_label.setText(f"{width} px")

    def _history_changed(self, can_undo: bool, can_redo: bool) -> None:
        self.undo.setEnabled(can_undo)
        self.redo.setEnabled(can_redo)
