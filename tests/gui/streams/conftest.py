"""The Streams page offscreen, over streams in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtWidgets import QWidget

from core.settings.profiles import Profile
from core.settings.store import SettingsStore
from gui.bridge.commands import Commands
from gui.bridge.guard import Guard
from gui.bridge.memory import Memory
from gui.bridge.settings_bridge import SettingsBridge
from gui.bridge.tab_context import TabContext
from tests.fakes.streams import MemorySource, MemoryStreams
from tests.gui.streams.page import FakeDesk, Page


@pytest.fixture
def make(jobs, qtbot, tmp_path) -> Iterator[Callable[..., Page]]:
    from gui.tabs.streams.presenter import StreamsPresenter
    from gui.tabs.streams.view import StreamsView

    made: list[Page] = []

    def build(streams: MemoryStreams, *, environment: str = "sandbox") -> Page:
        window = QWidget()
        qtbot.addWidget(window)
        profile = Profile("test", environment=environment)
        praised: list[str] = []
        context = TabContext(
            FakeDesk(streams, profile),  # type: ignore[arg-type]
            jobs,
            SettingsBridge(SettingsStore(tmp_path / "settings.toml"), jobs),
            Commands(window),
            Guard(profile),
            Memory(tmp_path / "window.json"),
            praised.append,
            lambda _page: None,
        )
        view = StreamsView(2_000)
        list(view.furnish())
        view.setParent(window)
        page = Page(
            view,
            StreamsPresenter(view, context),
            context,
            streams,
            praised,
            lambda c: qtbot.waitUntil(c),
        )
        window.resize(1200, 900)
        view.resize(1200, 900)
        window.show()
        made.append(page)
        return page

    yield build
    for page in made:
        if page.presenter.tap is not None:
            page.presenter.tap.stop()
            assert page.presenter.tap.wait(10)


@pytest.fixture
def orders() -> MemorySource:
    return MemorySource("orders", 2)
