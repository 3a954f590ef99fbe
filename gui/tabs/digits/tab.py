"""Builds the Digits page: its view and the presenters that lead it."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from gui.bridge.tab_context import TabContext
from gui.tabs.digits.drawing_presenter import DrawingPresenter
from gui.tabs.digits.explore_presenter import ExplorePresenter
from gui.tabs.digits.keeping_presenter import KeepingPresenter
from gui.tabs.digits.models_presenter import ModelsPresenter
from gui.tabs.digits.predict_presenter import PredictPresenter
from gui.tabs.digits.samples_presenter import SamplesPresenter
from gui.tabs.digits.training_presenter import TrainingPresenter
from gui.tabs.digits.view import DigitsView


def build(context: TabContext, parent: QWidget | None = None) -> QWidget:
    view = DigitsView(parent)
    drawing = DrawingPresenter(view, context)
    samples = SamplesPresenter(view, context)
    samples.picture_opened.connect(drawing.show_picture)
    models = ModelsPresenter(view, context)
    drawing.model_opened.connect(models.refresh)
    TrainingPresenter(view, context, models)
    PredictPresenter(view, context, models)
    exploring = ExplorePresenter(view, context, models)
    exploring.picture_opened.connect(drawing.show_picture)
    keeping = KeepingPresenter(view, context, models)
    keeping.live_changed.connect(drawing.ask_again)
    return view
