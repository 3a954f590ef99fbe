"""The records card offscreen: its table, filters, columns of what came, and what leaves it."""

from __future__ import annotations

import gzip
import time
from pathlib import Path

import polars as pl
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu

from gui.tabs.streams.produce_card import ProduceCard
from gui.tabs.streams.query_dialog import QueryDialog
from tests.fakes.streams import MemoryStreams


def test_the_table_is_bounded_and_stands_still_while_it_is_read(make, orders) -> None:
    page = make(MemoryStreams(orders))
    page.tap()
    orders.put(0, *[b"%d" % n for n in range(3_000)])
    table = page.view.records.table
    page.wait(lambda: page.rows == 2_000 and table.live.row(0).data == b"2999")
    newest = table.live.row(0).data
    page.wait(lambda: table.verticalScrollBar().maximum() > 50)  # Qt lays the rows out a little later
    table.verticalScrollBar().setValue(50)
    assert not table.following
    orders.put(0, *[b"%d" % n for n in range(3_000, 3_100)])
    page.wait(lambda: page.view.records.fresh.isVisible() and "100 new rows" in page.view.records.fresh.text())
    page.wait(lambda: page.view.records.note.text() == "3,100 seen, all kept")  # the figures go on
    assert table.live.row(0).data == newest
    page.view.records.fresh.click()
    page.wait(lambda: table.live.row(0).data == b"3099")
    assert page.rows == 2_000


def test_the_newest_can_stand_at_the_bottom(make, orders) -> None:
    page = make(MemoryStreams(orders))
    page.tap()
    orders.put(0, *[b"%d" % n for n in range(200)])
    page.wait(lambda: page.rows == 200)
    page.view.records.order.click()
    table = page.view.records.table
    bar = table.verticalScrollBar()
    assert table.live.row(199).data == b"199"
    page.wait(lambda: bar.maximum() > 50 and bar.value() == bar.maximum())
    orders.put(0, b"200")
    page.wait(lambda: page.rows == 201 and bar.value() == bar.maximum())
    bar.setValue(10)
    assert not table.following
    orders.put(0, b"201")
    page.wait(lambda: page.view.records.fresh.isVisible())
    assert page.rows == 201
    page.view.records.fresh.click()
    page.wait(lambda: page.rows == 202 and bar.value() == bar.maximum())
    page.context.memory.save()
    again = make(page.streams)
    page.wait(lambda: again.view.records.table.live.newest_last)  # it is remembered


def test_filter_and_its_mistakes(make, orders) -> None:
    page = make(MemoryStreams(orders))
    page.tap()
    orders.put(0, *[b'{"status":"%s"}' % (b"paid" if n % 4 else b"open") for n in range(100)])
    page.wait(lambda: page.rows == 100)
    page.view.records.filter.setText("$.status =")
    page.wait(lambda: page.view.records.fault.isVisible())
    assert "value is missing" in page.view.records.fault.text()
    assert page.rows == 100
    page.view.records.filter.setText("$.status = open")
    page.wait(lambda: page.rows == 25)
    assert page.view.records.note.text() == "25 match of 100 seen"
    page.view.records.filter.setText("$.state = open")
    page.wait(lambda: "had no field state; they had status" in page.view.records.empty.hint.text())
    page.view.records.filter.setText("nothing like it")
    page.wait(lambda: page.view.records.empty.isVisible() and page.view.records.empty.hint.isHidden())
    page.view.records.empty.button.click()
    page.wait(lambda: page.rows == 100)


def test_a_click_on_the_time_line_shows_those_records(make, orders) -> None:
    page = make(MemoryStreams(orders))
    page.tap()
    second = float(int(time.time()))
    orders.put(0, b"early", arrived=second + 1)
    orders.put(0, b"one", b"two", arrived=second + 2.5)
    page.wait(lambda: page.rows == 3)
    page.view.chart.chart.time_chosen.emit(second + 2)
    page.wait(lambda: page.rows == 2)
    assert page.view.records.moment.isVisible()
    page.view.records.moment.click()
    page.wait(lambda: page.rows == 3)
    said = page.view.records.empty.sentence
    page.view.chart.chart.time_chosen.emit(second - 30)
    page.wait(lambda: said.text().startswith("No record of") and said.text().endswith("was read"))
    page.view.chart.chart.time_chosen.emit(second + 4)
    page.wait(lambda: said.text().endswith(" is kept"))
    page.view.records.filter.setText("shard:9")
    page.wait(lambda: said.text().endswith(" that matches is kept"))


def test_what_stays_bytes_is_counted(make, orders) -> None:
    page = make(MemoryStreams(orders))
    page.tap()
    orders.put(0, b'{"n":1}', b"\xff\x00\x01", gzip.compress(b"cut short")[:-4])
    page.wait(lambda: page.rows == 3)
    page.wait(lambda: page.view.records.note.text() == "3 seen, all kept · 2 as bytes")
    assert "1 begin like packed" in page.view.records.note.toolTip()


def test_saved_filters_say_what_they_find(make, orders) -> None:
    page = make(MemoryStreams(orders))
    page.tap()
    orders.put(0, *[b'{"status":"%s"}' % (b"paid" if n % 4 else b"open") for n in range(100)])
    page.wait(lambda: page.rows == 100)
    page.view.records.filter.setText("$.status = open")
    page.wait(lambda: page.rows == 25)
    offered: list[QMenu] = []
    page.view.records.offer_saved = offered.append
    page.view.records.saved.click()
    page.wait(lambda: len(offered) == 1)
    offered[0].actions()[0].trigger()  # "Save ..."
    page.view.records.filter.setText("")
    page.wait(lambda: page.rows == 100)
    page.view.records.saved.click()
    page.wait(lambda: len(offered) == 2)
    assert offered[1].actions()[0].text() == "$.status = open    25 of 100"
    assert '{"status":"open"}' in offered[1].actions()[0].toolTip(), "the newest it finds"
    offered[1].actions()[0].trigger()
    page.wait(lambda: page.rows == 25)


def test_export_takes_what_the_table_shows(make, orders, tmp_path: Path) -> None:
    page = make(MemoryStreams(orders))
    page.tap()
    orders.put(0, *[b"%d" % n for n in range(10)])
    page.wait(lambda: page.rows == 10)
    page.view.records.filter.setText("7")
    page.wait(lambda: page.rows == 1)
    page.presenter.records.export_to(tmp_path / "seven.csv")
    page.wait(lambda: page.praised == ["1 record is in seven.csv"])
    assert len((tmp_path / "seven.csv").read_text().splitlines()) == 2


def test_a_hidden_page_pulls_nothing(make, orders) -> None:
    page = make(MemoryStreams(orders))
    page.tap()
    page.view.hide()
    orders.put(0, b"unseen")
    page.wait(lambda: page.presenter.tap.window.seen == 1)
    assert page.rows == 0
    page.view.show()
    page.wait(lambda: page.rows == 1)


def test_rows_of_an_answer_are_copied_as_an_in_list(make, orders) -> None:
    page = make(MemoryStreams(orders))
    page.tap()
    page.presenter.ask_query()
    dialog = next(w for w in QApplication.topLevelWidgets() if isinstance(w, QueryDialog) and w.isVisible())
    dialog.show_answer(pl.DataFrame({"a": ["o'b", None, "o'b"], "b": [1, 2, 3]}), cut=False, of=3)
    dialog.table.selectAll()
    dialog.table.copy_as("in")
    page.wait(lambda: bool(page.praised))
    assert QGuiApplication.clipboard().text() == "('o''b')"
    assert page.praised == ["3 rows copied (1 NULL left out: IN never finds it; only of the column a)"]
    dialog.reject()


def test_keys_go_from_the_filter_to_the_rows_and_all_of_the_card_comes_into_sight(make, orders) -> None:
    page = make(MemoryStreams(orders))
    page.tap()
    orders.put(0, *[b"%d" % n for n in range(10)])
    page.wait(lambda: page.rows == 10)
    page.view.window().resize(1000, 640)
    page.view.toolbar.produce.setChecked(True)
    assert QApplication.focusWidget() is page.view.produce.start
    page.view.toolbar.produce.setChecked(False)
    card, table = page.view.records, page.view.records.table
    card.filter.setFocus()
    QTest.keyClick(card.filter, Qt.Key.Key_Down)
    assert QApplication.focusWidget() is table
    QTest.keyClick(table, Qt.Key.Key_Down)
    page.wait(lambda: card.inspector.isVisible())
    area = page.view._scroll.viewport()
    page.wait(lambda: card.mapTo(area, card.rect().bottomLeft()).y() <= area.height())


def test_sending_is_started_and_stopped_by_one_command(qtbot) -> None:
    card, asked = ProduceCard(), []
    qtbot.addWidget(card)
    card.start_asked.connect(lambda name, rate: asked.append((name, rate)))
    card.stop_asked.connect(lambda: asked.append("stop"))
    card.press()
    card.show_running(True)
    card.press()
    assert asked == [("pageview", 100), "stop"]
