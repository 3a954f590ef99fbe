"""Why does my site link to https://host:80: found by mouse on real nginx with TLS, explained, cured, and clean afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from shiboken6 import isValid

from core.settings.profiles import Profile, Profiles
from gui.parts.dialogs import ConfirmDialog
from gui.tabs.edge.findings import FindingRow
from tests.journeys.front import front
from tests.journeys.hand import Hand, Heartbeat, opened


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("core.edge.inspect.resolved", lambda host, port: ["127.0.0.1"])  # the test's name server
    monkeypatch.setattr("core.edge.probe.resolved", lambda host, port: ["127.0.0.1"])
    with front(tmp_path / "front", "80") as made:
        yield made


@pytest.fixture
def console(home, qapp, site):
    Profiles(home.config / "profiles.toml").add(
        Profile("edge", environment="sandbox", region="us-east-1", ca_bundle=str(site.ca_file))
    )
    with opened("edge") as made:
        made.window.go("edge")
        yield made


def test_the_fault_is_found_explained_and_cured(console, site, tmp_path: Path) -> None:
    hand, beat = Hand(console.window), Heartbeat()
    view = console.window.page("edge")
    assert view is not None

    def rules() -> list[str]:
        return [row.rule for row in view.findChildren(FindingRow) if row.isVisible()]

    def check(path: str) -> list[str]:
        hand.click(view.url)
        hand.key("ctrl+a")
        hand.type(site.url + path)
        hand.key("Return")
        hand.wait_until(
            lambda: view.presenter.state.value == "working" or view.hops.findChildren(object), "the check has begun"
        )
        hand.wait_until(lambda: view.presenter.state.value == "idle" and view.summary.isVisible(), f"{path} is checked")
        hand.pause(0.1)
        return rules()

    hand.wait_until(console.window.isActiveWindow, "the window is in front")
    assert check("/") == ["scheme-port-mismatch"]
    hand.click(hand.button("Show the setting", view))
    hand.wait_until(lambda: view.settings.text.hasFocus(), "the setting is in sight")
    hand.click(view.settings.copy)
    hand.wait_until(lambda: "trusted_proxies" in QGuiApplication.clipboard().text(), "the setting is on the clipboard")
    assert "internal-host" in check("/leak")
    assert check("/mixed") == ["mixed-content", "mixed-content"]
    assert check("/cookie") == ["cookie-without-secure"]

    site.start("$server_port")
    assert check("/") == []
    assert view.summary.text() == "clean"
    assert "redirect-loop" in check("/loop")

    hand.click(view.probe)
    dialog = hand.dialog(ConfirmDialog)
    hand.key("Return")  # a habit must not send forged headers: the keys are on Cancel
    hand.wait_until(lambda: not isValid(dialog), "the question is gone")
    assert view.summary.text() != "ignored"
    hand.click(view.probe)
    hand.click(hand.dialog(ConfirmDialog).accept_button)
    hand.wait_until(lambda: view.finding_card.title.text() == "Trust", "the probe has answered")
    assert view.summary.text() == "ignored"  # nginx overwrites what strangers send
    hand.picture(tmp_path / "edge.png")
    print(beat.stop())
