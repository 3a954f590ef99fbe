"""Builds the page."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from gui.bridge.tab_context import TabContext
from gui.tabs.streams.presenter import StreamsPresenter
from gui.tabs.streams.view import StreamsView


def build(context: TabContext) -> QWidget:
    view = StreamsView(context.settings.current.streams.kept_records)
    StreamsPresenter(view, context)
    return view
