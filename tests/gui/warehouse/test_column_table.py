"""The grid on its own: NULL told apart, copy with headers, hidden and pinned columns, growing, a million rows."""

from __future__ import annotations

from datetime import datetime

import polars as pl
import pytest
from PySide6.QtCore import QItemSelection, QItemSelectionModel, Qt
from PySide6.QtGui import QGuiApplication

from gui.parts.column_model import ColumnModel
from gui.parts.column_table import ColumnTable

FRAME = pl.DataFrame({"n": [1, None, 3], "s": ["a\tb", "line\nend", None], "when": ["x", "y", "z"]})


@pytest.fixture
def table(qtbot) -> ColumnTable:
    made = ColumnTable()
    qtbot.addWidget(made)
    made.resize(700, 400)
    made.show()
    made.show_frame(FRAME, ["int4", "varchar", "varchar"])
    return made


def select(table: ColumnTable, top: int, left: int, bottom: int, right: int) -> None:
    model = table.column_model
    block = QItemSelection(model.index(top, left), model.index(bottom, right))
    table.selectionModel().select(block, QItemSelectionModel.SelectionFlag.ClearAndSelect)


def test_null_is_not_the_word_null(table: ColumnTable) -> None:
    model = table.column_model
    assert model.text(1, 0) is None
    assert model.data(model.index(1, 0)) == "NULL"
    assert model.data(model.index(1, 0), Qt.ItemDataRole.ForegroundRole) is not None
    assert model.data(model.index(0, 0), Qt.ItemDataRole.ForegroundRole) is None
    assert model.headerData(0, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole) == "n: int4"


def test_copy_has_headers_and_quotes_what_would_break_a_sheet(table: ColumnTable) -> None:
    select(table, 0, 0, 2, 1)
    table.copy(headers=True)
    assert QGuiApplication.clipboard().text() == 'n\ts\n1\t"a\tb"\n\t"line\nend"\n3\t\n'
    select(table, 0, 0, 0, 0)
    table.copy(headers=False)
    assert QGuiApplication.clipboard().text() == "1\n"


@pytest.mark.parametrize(("at", "copied"), [((0, 0), "1"), ((1, 0), ""), ((0, 1), "a\tb"), ((1, 1), "line\nend")])
def test_one_cell_is_copied_as_its_value(table: ColumnTable, qtbot, at: tuple[int, int], copied: str) -> None:
    select(table, *at, *at)
    QGuiApplication.clipboard().setText("before")
    qtbot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == copied
    select(table, 0, 0, 0, 1)
    qtbot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == 'n\ts\n1\t"a\tb"\n'


@pytest.mark.parametrize(("headers", "form"), [(True, "tsv"), (False, "plain")])
@pytest.mark.parametrize("frame", [pl.DataFrame({"n": range(500_000)}), pl.DataFrame({"s": ["x" * 65_535] * 80})])
def test_a_large_copy_is_handed_over_with_what_was_asked(table: ColumnTable, frame, headers: bool, form: str) -> None:
    table.show_frame(frame)
    select(table, 0, 0, frame.height - 1, 0)
    asked = []
    table.copy_asked.connect(lambda block, wanted: asked.append((block.height, wanted)))
    table.copy(headers=headers)
    assert asked == [(frame.height, form)]


def test_bytes_are_copied_as_hexadecimal(table: ColumnTable) -> None:
    table.show_frame(pl.DataFrame({"b": [b"\x00\xff", None]}))
    select(table, 0, 0, 1, 0)
    table.copy(headers=False)
    assert QGuiApplication.clipboard().text() == "00ff\n\n"


def test_no_column_costs_a_walk_over_the_others_or_over_all_rows(table: ColumnTable, monkeypatch) -> None:
    """1,600 columns took 13 s to show and 16 s to pin one of; a million rows 15 s to select."""
    table.show_filters(True)
    table.show_frame(pl.DataFrame({f"c{n}": [n] for n in range(300)}))
    placed = []
    new_field = type(table._header)._new_field
    monkeypatch.setattr(type(table._header), "_new_field", lambda h, n: placed.append(n) or new_field(h, n))
    table.pin(150, True)
    assert set(placed) == {150}
    table.show_frame(pl.DataFrame({"n": pl.int_range(100_000, eager=True)}))
    table.selectAll()
    asked = []
    monkeypatch.setattr(type(table.column_model), "rowCount", lambda *_: asked.append(1) or 100_000)
    table.horizontalHeader().viewport().repaint()
    assert len(asked) < 100


def test_keys_stay_in_their_column_over_sorting(table: ColumnTable) -> None:
    table.setCurrentIndex(table.column_model.index(2, 1))
    table.show_order(pl.Series([2, 0], dtype=pl.UInt32))
    assert (table.currentIndex().row(), table.currentIndex().column()) == (0, 1)


def test_hidden_columns_are_not_copied_and_moved_ones_keep_their_place(table: ColumnTable) -> None:
    table.set_shown([1], False)
    table.pin(2, True)
    select(table, 0, 0, 0, 2)
    frame = table.selected_frame()
    assert frame is not None
    assert frame.columns == ["when", "n"]
    assert table.hidden_columns() == ["s"]
    assert table._frozen.isVisible()
    table.pin(2, False)
    assert not table._frozen.isVisible()


def test_rows_that_arrive_later_do_not_move_those_shown(table: ColumnTable) -> None:
    table.show_frame(pl.DataFrame({"n": list(range(1000))}))
    table.verticalScrollBar().setValue(4000)
    before = table.rowAt(5)
    table.grow(pl.DataFrame({"n": list(range(5000))}))
    assert table.column_model.rowCount() == 5000
    assert table.rowAt(5) == before
    assert table.column_model.text(4999, 0) == "4999"


def test_a_header_click_sorts_up_down_and_not_at_all(table: ColumnTable, qtbot) -> None:
    asked = []
    table.order_asked.connect(lambda filters, sorts: asked.append(sorts))
    for _ in range(3):
        table._header_clicked(0)
    assert asked == [[("n", False)], [("n", True)], []]


def test_a_million_rows_are_shown_at_once_and_scrolled(table: ColumnTable) -> None:
    rows = 1_000_000
    table.show_frame(pl.select(pl.int_range(rows).alias("n"), (pl.int_range(rows) * 3).cast(pl.String).alias("s")))
    assert table.column_model.rowCount() == rows
    table.scrollToBottom()
    table.viewport().repaint()
    assert table.column_model.text(rows - 1, 1) == str((rows - 1) * 3)
    assert len(table.column_model._pages) < 50  # only what was looked at became text


def test_the_longest_texts_of_all_kinds_of_columns(qtbot) -> None:
    model = ColumnModel()
    assert model.longest(3) == []
    frame = {"^a.*": ["x" * 900, None], "n": [None, 12345], "b": [b"\xff\x00", b""], "t": [datetime(2026, 1, 2), None],
             "m": ["two\nlines", ""]}  # fmt: skip
    model.show_frame(pl.DataFrame(frame))
    assert model.longest(2) == [400, 5, 4, len("2026-01-02 00:00:00"), 10]
    assert model.longest(0) == [0, 0, 0, 0, 0]
