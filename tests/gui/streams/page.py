"""The Streams page as its tests hold it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.settings.profiles import Profile
from gui.bridge.tab_context import TabContext
from tests.fakes.streams import MemoryStreams


@dataclass
class FakeDesk:
    streams: Any
    profile: Profile
    dials: Any = None


@dataclass
class Page:
    view: Any
    presenter: Any
    context: TabContext
    streams: MemoryStreams
    praised: list[str]
    wait: Callable[[Callable[[], object]], None]

    def tap(self) -> None:
        self.wait(lambda: self.presenter.state.name == "READY")
        self.presenter.start_tap()
        self.wait(lambda: self.presenter.state.name == "READING")

    @property
    def rows(self) -> int:
        return int(self.view.records.table.live.rowCount())


def texts(page: Page) -> str:
    banner = page.view.banner
    return f"{banner.title.text()} {banner.why.text()}" if banner.isVisible() else ""
