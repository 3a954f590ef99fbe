"""Builds the page."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QWidget

from gui.bridge.tab_context import TabContext
from gui.parts.focus import begin_at
from gui.tabs.streams.presenter import StreamsPresenter
from gui.tabs.streams.view import StreamsView


def build(context: TabContext, parent: QWidget | None = None) -> QWidget:
    """The page's frame at once; its parts come one by one, so that the window stays alive meanwhile."""
    view = StreamsView(context.settings.current.streams.kept_records, parent)
    parts = view.furnish()

    def go_on() -> None:
        if next(parts, view) is view:
            waits = view.hasFocus()
            StreamsPresenter(view, context)
            begin_at(view, view.toolbar.streams)
            if waits:
                view.toolbar.streams.setFocus()
        else:
            QTimer.singleShot(0, view, go_on)

    QTimer.singleShot(0, view, go_on)
    return view
