"""The window asks for the code of a second factor while a worker waits, and nothing waits for ever."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from core.base.errors import OpsError
from gui.shell.code_dialog import CodeDialog
from gui.shell.second_factor import CodeAsker


@pytest.fixture
def asker(qtbot):
    window = QWidget()
    qtbot.addWidget(window)
    window.show()
    made = CodeAsker(window)
    with ThreadPoolExecutor(2) as pool:
        yield made, lambda note="": pool.submit(made.ask, "acme", "arn:aws:iam::1:mfa/jane", note)
        made.close()


def shown(qtbot, asker: CodeAsker) -> CodeDialog:
    def open_ones() -> list[CodeDialog]:
        return [dialog for dialog in asker.parent().findChildren(CodeDialog) if dialog.isVisible()]

    qtbot.waitUntil(lambda: bool(open_ones()))
    return open_ones()[0]


def ended(qtbot, future: Future[str]) -> Future[str]:
    qtbot.waitUntil(future.done)
    return future


def test_the_code_that_is_typed_reaches_the_worker(qtbot, asker) -> None:
    made, ask = asker
    waiting = ask()
    dialog = shown(qtbot, made)
    assert not dialog.accept_button.isEnabled()
    QTest.keyClicks(dialog.code, "123 456")
    dialog.accept_button.click()
    assert ended(qtbot, waiting).result() == "123456"
    qtbot.waitUntil(lambda: not made.parent().findChildren(CodeDialog))


def test_what_was_wrong_before_stands_at_the_field(qtbot, asker) -> None:
    made, ask = asker
    ask("AWS did not take that code")
    dialog = shown(qtbot, made)
    assert dialog.field.note.text() == "AWS did not take that code"
    QTest.keyClicks(dialog.code, "12345x")
    assert not dialog.accept_button.isEnabled()


def test_a_refusal_is_trouble_of_the_login(qtbot, asker) -> None:
    made, ask = asker
    waiting = ask()
    shown(qtbot, made).reject()
    with pytest.raises(OpsError, match="Nobody signed in to acme") as caught:
        ended(qtbot, waiting).result()
    assert caught.value.code == "credentials"


def test_closing_the_window_lets_every_worker_go(qtbot, asker) -> None:
    made, ask = asker
    first, second = ask(), ask()
    shown(qtbot, made)
    made.close()
    for waiting in (first, second, ask()):
        with pytest.raises(OpsError):
            ended(qtbot, waiting).result()
