"""The frame is used by mouse and keys: pages, palette, drawer, theme, settings, closing."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication

from tests.journeys.hand import Hand, Heartbeat, opened


@pytest.fixture
def console(home, qapp):
    with opened("env") as made:
        yield made


def test_a_newcomer_finds_the_way(console, tmp_path) -> None:
    hand, beat = Hand(console.window), Heartbeat()
    window = console.window
    hand.wait_until(window.isActiveWindow, "the window is in front")
    hand.click(window.rail.buttons["streams"])
    hand.wait_until(lambda: window.header.title.text() == "Streams", "the Streams page")
    hand.key("ctrl+3")
    hand.wait_until(lambda: window.header.title.text() == "Warehouse", "the Warehouse page by key")
    hand.wait_until(lambda: window.page("warehouse").isAncestorOf(QApplication.focusWidget()), "keys go to the page")
    hand.key("ctrl+k")
    hand.wait_until(window.palette_box.isVisible, "the palette")
    hand.type("go back")
    hand.key("Return")
    hand.wait_until(lambda: window.header.title.text() == "Backups", "the Backups page by palette")
    hand.key("ctrl+j")
    hand.wait_until(window.drawer.isVisible, "the drawer")
    hand.click(window.header.theme)
    hand.wait_until(lambda: console.store.current.appearance.theme in ("dark", "light"), "the theme is chosen")
    hand.key("ctrl+comma")
    hand.wait_until(
        lambda: window.settings_dialog and window.settings_dialog.isActiveWindow(), "the settings are in front"
    )
    hand.key("Escape")
    hand.wait_until(lambda: not window.settings_dialog.isVisible(), "Esc closes the settings")
    window.rail.buttons["backups"].setFocus()
    hand.key("Down")
    hand.wait_until(lambda: window.header.title.text() == "Edge", "the next page by an arrow in the rail")
    hand.key("Up", "Up")
    hand.wait_until(lambda: window.header.title.text() == "Warehouse", "the keys stay in the rail")
    hand.key("Return")
    hand.wait_until(lambda: window.page("warehouse").isAncestorOf(QApplication.focusWidget()), "Enter goes in")
    print(beat.stop())


def test_a_window_as_large_as_the_screen_has_its_foot_on_it(home, qapp) -> None:
    """The window manager's frame comes on top of the size that was remembered."""
    free = qapp.primaryScreen().availableGeometry()
    with opened("env", (free.width(), free.height())) as made:
        window = made.window
        hand = Hand(window)
        hand.wait_until(lambda: window.frameGeometry() != window.geometry(), "it has its frame")
        hand.wait_until(lambda: free.contains(window.frameGeometry()), f"all of it is within {free}")
