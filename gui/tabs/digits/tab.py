"""Builds the page."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from gui.bridge.tab_context import TabContext
from gui.parts.layout import page


def build(context: TabContext) -> QWidget:
    return page()
