"""Builds the Edge page."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from core.edge import snippets
from gui.bridge.tab_context import TabContext
from gui.tabs.edge.presenter import EdgePresenter
from gui.tabs.edge.view import EdgeView


def build(context: TabContext, parent: QWidget | None = None) -> QWidget:
    view = EdgeView(snippets.titles(), parent)
    view.presenter = EdgePresenter(view, context)  # type: ignore[attr-defined]
    return view
