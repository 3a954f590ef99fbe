"""Builds the Digits page: its view and the two presenters that lead it."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from gui.bridge.tab_context import TabContext
from gui.tabs.digits.drawing_presenter import DrawingPresenter
from gui.tabs.digits.models_presenter import ModelsPresenter
from gui.tabs.digits.view import DigitsView


def build(context: TabContext) -> QWidget:
    view = DigitsView()
    drawing = DrawingPresenter(view, context)
    models = ModelsPresenter(view, context)
    models.live_changed.connect(drawing.ask_again)
    models.picture_opened.connect(drawing.show_picture)
    return view
