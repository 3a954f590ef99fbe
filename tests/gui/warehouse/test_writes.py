"""Statements that write: what is asked before they are sent, and of whom."""

from __future__ import annotations

import threading

import pyarrow as pa
import pytest
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from core.settings.profiles import Profile
from core.warehouse.intent import intent_of
from gui.parts.dialogs import ConfirmDialog
from gui.tabs.warehouse.asking import question
from tests.fakes.warehouse import Answer, FakeDriver
from tests.gui.warehouse.seen import dialog


def test_a_write_on_production_names_table_and_rows_and_wants_the_name(make_page, qtbot) -> None:
    driver = FakeDriver()
    driver.answers["SELECT COUNT(*) FROM orders WHERE id > 5"] = Answer([pa.table({"count": [8400]})])
    driver.answers["DELETE FROM orders WHERE id > 5"] = Answer(affected=8400)
    page = make_page(driver, Profile("acme", environment="production"))
    qtbot.waitUntil(lambda: page.view.tree.stack.currentWidget() is page.view.tree.tree)
    page.write("DELETE FROM orders WHERE id > 5")
    page.command("run")
    qtbot.waitUntil(lambda: any(isinstance(w, ConfirmDialog) and w.isVisible() for w in QApplication.topLevelWidgets()))
    asked = dialog(ConfirmDialog)
    assert asked.accept_button.text() == "Delete 8,400 rows"
    assert not asked.accept_button.isEnabled()
    asked.field.setText("acme")
    asked.accept_button.click()
    qtbot.waitUntil(lambda: page.view.results.line.text().startswith("DELETE: 8,400 rows"))


def test_a_write_that_is_not_confirmed_is_not_sent(make_page, qtbot) -> None:
    page = make_page(profile=Profile("safe", environment="staging", read_only=True))
    qtbot.waitUntil(lambda: page.view.tree.stack.currentWidget() is page.view.tree.tree)
    page.write("DROP TABLE orders")
    page.command("run")
    qtbot.waitUntil(lambda: any(isinstance(w, ConfirmDialog) and w.isVisible() for w in QApplication.topLevelWidgets()))
    dialog(ConfirmDialog).reject()
    qtbot.waitUntil(lambda: page.view.results.line.text() == "Nothing was run")
    assert page.driver.sent == ["SELECT COUNT(*) FROM orders"]


def test_the_count_before_a_write_can_be_cancelled_and_is_made_once(make_page, qtbot) -> None:
    driver = FakeDriver()
    driver.answers["SELECT COUNT(*) FROM orders"] = Answer([pa.table({"count": [1]})], gate=threading.Event())
    page = make_page(driver)
    qtbot.waitUntil(lambda: page.view.tree.stack.currentWidget() is page.view.tree.tree)
    page.write("DELETE FROM orders")
    page.command("run")
    page.command("run")  # a second press while it counts
    qtbot.waitUntil(lambda: driver.sent == ["SELECT COUNT(*) FROM orders"])
    assert page.view.cancel.isEnabled() and not page.view.run.isEnabled()
    page.view.cancel.click()
    qtbot.waitUntil(lambda: page.view.run.isEnabled())
    assert page.view.results.line.text() == "Nothing was run"
    assert driver.sent == ["SELECT COUNT(*) FROM orders"] and len(driver.cancelled) == 1


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("DROP TABLE orders", ["All 3,371 rows of orders are lost."]),
        ("TRUNCATE TABLE orders", ["All 3,371 rows of orders are deleted.", "It commits at once: no ROLLBACK brings them back."]),
        ("UPDATE orders SET total = 0", ["All 3,371 rows of orders are changed.", "It has no WHERE."]),
    ],
)  # fmt: skip
def test_what_becomes_of_the_rows_is_said_of_each_deed(qtbot, sql: str, words: list[str]) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    asked = question(intent_of(sql), sql, 3_371, Profile("p"), parent)
    shown = [label.text() for label in asked.findChildren(QLabel)]
    assert set(words) < set(shown) and "The statement:" in shown and sql in shown


def test_a_forgotten_where_is_asked_about_on_any_profile(make_page, qtbot) -> None:
    driver = FakeDriver()
    driver.answers["SELECT COUNT(*) FROM orders"] = Answer([pa.table({"count": [3371]})])
    page = make_page(driver)
    qtbot.waitUntil(lambda: page.view.tree.stack.currentWidget() is page.view.tree.tree)
    page.write("DELETE FROM orders")
    page.command("run")
    qtbot.waitUntil(lambda: any(isinstance(w, ConfirmDialog) and w.isVisible() for w in QApplication.topLevelWidgets()))
    asked = dialog(ConfirmDialog)
    shown = [label.text() for label in asked.findChildren(QLabel)]
    assert "All 3,371 rows of orders are deleted." in shown and "It has no WHERE." in shown
    asked.reject()
    page.write("DELETE FROM orders WHERE id > 5")
    page.command("run")
    qtbot.waitUntil(lambda: page.driver.sent[-1] == "DELETE FROM orders WHERE id > 5")
    assert "DELETE FROM orders" not in page.driver.sent
