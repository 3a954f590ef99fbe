"""The activity drawer never takes so much from a page that the page is cut."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QScrollArea, QWidget

from core.base.places import Places
from gui.app import Console


def _right(window: QWidget, part: QWidget) -> int:
    return part.mapTo(window, part.rect().topRight()).x()


@pytest.mark.parametrize(("width", "beside"), [(1440, True), (1024, False), (960, False)])
def test_no_page_is_cut_while_it_is_open(
    qtbot, home: Places, monkeypatch: pytest.MonkeyPatch, width: int, beside: bool
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # nobody is there, and nobody is needed
    made = Console("env")
    window = made.window
    window.go("edge")
    window.resize(width, 700)
    window.show()
    window.toggle_drawer()
    drawer, area = window.drawer, window.page("edge").findChild(QScrollArea, "pageScroll")
    qtbot.waitUntil(lambda: _right(window, drawer) == width - 1)  # laid out at the window's right edge
    qtbot.waitUntil(lambda: area.widget().width() <= area.viewport().width())
    qtbot.waitUntil(lambda: (_right(window, window.stack) < width - drawer.width()) is beside)
    assert not window.header.drawer.visibleRegion().isEmpty()
    window.resize(1440, 700)
    qtbot.waitUntil(lambda: window.stack.width() == 1440 - window.rail.width() - drawer.width())
    window.close()
    qtbot.waitUntil(lambda: not made.jobs.running(), timeout=20_000)
    assert made.close() == []
