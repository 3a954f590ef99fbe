"""The Edge page: buttons follow the state, faults stand in the page, the simulator answers every key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.edge.balancers import Balancer
from gui.parts.dialogs import ConfirmDialog
from gui.tabs.edge.findings import FindingRow, HopRow
from tests.core.edge.web import html, redirect, serving


@pytest.fixture
def view(qtbot, home) -> Iterator[Any]:
    from gui.app import Console

    console = Console("env")
    page = console.window.page("edge")
    console.window.go("edge")
    console.window.show()
    yield page
    console.window.hide()
    assert console.close() == []


def idle(view: Any) -> bool:
    return view.presenter.state.value == "idle"


def test_a_check_shows_hops_and_findings_and_is_kept(qtbot, view: Any) -> None:
    pages = {"/": redirect("/login"), "/login": html("<a href='http://127.0.0.1:443/x'>x</a>")}
    with serving(pages) as base:
        assert view.empty_card.isVisible()
        QTest.keyClicks(view.url, base)
        QTest.keyClick(view.url, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: bool(view.findChildren(FindingRow)))
        assert idle(view)
        assert len(view.findChildren(HopRow)) == 2
        assert view.summary.text() == "1 error"
        assert not view.empty_card.isVisible()
        qtbot.waitUntil(lambda: len(view.menu.actions()) == 1)
        view.menu.actions()[0].trigger()
        qtbot.waitUntil(lambda: view.url.text() == base)


def test_a_dead_address_is_said_in_place_and_can_be_tried_again(qtbot, view: Any) -> None:
    view.url.setText("http://127.0.0.1:9/")
    QTest.mouseClick(view.check, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: view.banner.isVisible())
    assert "did not answer" in view.banner.title.text()
    assert view.banner.action.text() == "Try again"
    assert idle(view)
    assert view.check.isVisible()
    assert not view.cancel.isVisible()


def test_nonsense_is_refused_with_the_reason(qtbot, view: Any) -> None:
    with serving({"/": html("")}) as base:
        view.url.setText(base)
        QTest.mouseClick(view.check, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: view.results.isVisible())
    down = view.area.verticalScrollBar()
    qtbot.waitUntil(lambda: down.maximum() > 0)
    down.setValue(down.maximum())
    view.url.setText("ftp://x/")
    QTest.mouseClick(view.check, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: view.banner.isVisible())
    assert "http or https" in view.banner.why.text()
    assert not view.results.isVisible(), "of another address"
    assert down.value() == 0, "the reason is in sight"


def test_cancel_answers_at_once(qtbot, view: Any) -> None:
    import threading

    hold = threading.Event()

    def never(request: Any) -> None:
        hold.wait(10)

    with serving({"/": never}) as base:
        view.url.setText(base)
        QTest.mouseClick(view.check, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: view.cancel.isVisible())
        QTest.mouseClick(view.cancel, Qt.MouseButton.LeftButton)
        hold.set()
        qtbot.waitUntil(lambda: idle(view))
        assert not view.banner.isVisible()


def test_the_probe_asks_first(qtbot, view: Any) -> None:
    asked: list[str] = []

    def page(request: Any) -> None:
        asked.append(request.headers.get("X-Forwarded-Host", ""))
        html("<a href='http://127.0.0.1/'>x</a>")(request)

    with serving({"/": page}) as base:
        view.url.setText(base)
        QTest.mouseClick(view.probe, Qt.MouseButton.LeftButton)
        dialog = next(child for child in view.window().findChildren(ConfirmDialog) if child.isVisible())
        qtbot.wait(100)
        assert asked == []
        QTest.mouseClick(dialog.accept_button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: view.finding_card.title.text() == "Trust")
        assert asked == ["", "opsdesk-probe.invalid"]


def test_the_simulator_answers_every_key(qtbot, view: Any) -> None:
    form = view.simulator
    form.preset.setCurrentIndex(0)
    form.show_preset(0)
    assert form.url.text() == "https://dev.app.com:80/"
    assert form.verdict.text() == "Wrong port for the scheme"
    form.headers.setPlainText("X-Forwarded-Proto: https\nX-Forwarded-Port: 443")
    assert form.url.text() == "https://dev.app.com/"
    form.headers.setPlainText("no colon here")
    assert "is no header" in form.fault.text()
    form.headers.setPlainText("")
    form.trust.setText("10.0.0.0/99")
    assert "no range" in form.fault.text()
    form.trust.setText("192.0.2.0/24")
    assert form.fault.isHidden()
    assert "192.0.2.0/24" in view.settings.text.toPlainText()
    assert view.settings.note.isHidden()
    form.trust.setText("*")
    assert "stands for your proxies" in view.settings.note.text()
    view.presenter._take_ranges(Balancer("inner", "network", "", ("10.0.1.0/24",)))
    assert "10.0.1.0/24" in view.settings.text.toPlainText()
    assert "sends no forwarding headers" in view.settings.note.text()
    form.trust.setText("10.0.2.0/24")  # another's ranges: nothing is told of that balancer
    assert view.settings.note.isHidden()


def test_the_setting_follows_the_framework_that_is_looked_at(qtbot, view: Any) -> None:
    form, setting = view.simulator, view.settings
    form.preset.setCurrentIndex(form.preset.findText("A login that loops"))
    assert setting.framework.currentData() == "wordpress" and "wp-config.php" in setting.text.toPlainText()
    assert "loop" in form.cure.text()
    setting.framework.setCurrentIndex(setting.framework.findData("nginx"))
    form.peer.setText("10.0.3.8")
    assert setting.framework.currentData() == "nginx"  # chosen there, it stays
    assert all(setting.framework.findData(form.framework.itemData(i)) >= 0 for i in range(form.framework.count()))
