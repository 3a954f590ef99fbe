"""A model that takes its time, or hangs: the page says that it waits, and an old answer does not stand under new ink."""

from __future__ import annotations

import threading
from typing import Any

from core.base.errors import OpsError
from core.digits.plain_digits import plain_digit
from gui.tabs.digits.samples_presenter import pad_strokes
from gui.tabs.digits.view import DigitsView


def test_a_slow_model_is_waited_for_in_words(qtbot, home, monkeypatch) -> None:
    from gui.app import Console

    console = Console("env")
    console.window.memory.put("digits.model", "gone")  # the model of the last time was deleted since
    page: Any = console.window.page("digits")
    view = page if isinstance(page, DigitsView) else page.findChild(DigitsView)
    console.window.go("digits")
    console.window.show()
    view.draw.pad.show_strokes(pad_strokes(plain_digit(3, 22)))
    qtbot.waitUntil(lambda: view.answer.hero.text() == "3")
    qtbot.waitUntil(view.banner.isVisible)
    assert "There is no model" in view.banner.title.text()
    assert "The model that ships" in view.banner.why.text()
    desk = console.window.desk
    go_on, reads = threading.Event(), desk.digits.read_drawing

    def slowly(*given: Any, **named: Any) -> Any:
        assert go_on.wait(30)
        return reads(*given, **named)

    monkeypatch.setattr(desk.digits, "read_drawing", slowly)
    view.draw.pad.show_strokes(pad_strokes(plain_digit(7, 22)))
    qtbot.waitUntil(lambda: view.answer.sure.text() == "Waiting for the model …")
    assert view.answer.hero.text() == "" and not view.answer.name_it.isEnabled()
    assert view.draw.live.text() == "Waiting"
    go_on.set()
    qtbot.waitUntil(lambda: view.answer.hero.text() == "7")
    assert view.draw.live.text() == "Live"

    def fails(*_: Any, **__: Any) -> None:
        raise OpsError("The model did not answer in time", "It was ended", "Try again")

    monkeypatch.setattr(desk.digits, "read_drawing", fails)
    view.draw.pad.show_strokes(pad_strokes(plain_digit(1, 22)))
    qtbot.waitUntil(lambda: view.answer.next_best.text() == "It was ended. Try again")
    assert view.draw.live.text() == "Stopped"
    console.window.hide()
    assert console.close() == []
