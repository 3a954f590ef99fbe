"""What hands do around the SQL: find a column, an entry of the tree, an earlier statement."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import polars as pl
import pyarrow as pa
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QPlainTextEdit, QTreeWidgetItem

from core.warehouse.catalogue import Catalogue, Table, TableColumn
from core.warehouse.history import PastRun
from gui.tabs.warehouse import connection_presenter, tree_pane
from gui.tabs.warehouse.columns_dialog import ColumnsDialog
from gui.tabs.warehouse.connection_presenter import ConnectionPresenter
from gui.tabs.warehouse.dialogs import ValueDialog
from gui.tabs.warehouse.lists import HistoryDialog
from gui.tabs.warehouse.presenter import WarehousePresenter
from gui.tabs.warehouse.row_dialog import RowDialog
from gui.tabs.warehouse.tree_pane import TreePane
from tests.fakes import warehouse as fakes
from tests.fakes.warehouse import Answer
from tests.gui.warehouse.seen import dialog, shown


def test_tables_that_come_while_the_sandbox_is_filled_appear_by_themselves(make_page, qtbot, monkeypatch) -> None:
    monkeypatch.setattr(connection_presenter, "_LOOK_AGAIN", 20)
    page = make_page(preparing=True)
    tree = page.view.tree.tree
    qtbot.waitUntil(lambda: page.view.tree.stack.currentWidget() is tree)

    def entry(*path: str) -> QTreeWidgetItem:
        return next(item for item in page.view.tree._items() if tree_pane._path(item) == path)

    entry("public", "orders").setExpanded(True)
    tree.setCurrentItem(entry("public", "orders", "total"))
    late = ("public", "a_late_one", "BASE TABLE", "id", 1, "bigint")
    monkeypatch.setattr(fakes, "CATALOGUE_ROWS", [late, *fakes.CATALOGUE_ROWS])
    qtbot.waitUntil(lambda: "a_late_one" in [item.text(0) for item in page.view.tree._items()])
    assert entry("public", "orders").isExpanded() and not entry("public", "a_late_one").isExpanded()
    assert tree_pane._path(tree.currentItem()) == ("public", "orders", "total")
    page.context.desk.preparing = False
    qtbot.waitUntil(
        lambda: not page.context.jobs.running() and not page.view.findChild(ConnectionPresenter)._look_again.isActive()
    )


def test_a_column_is_found_among_hundreds(page, qtbot) -> None:
    names = [f"c{number}" for number in range(150)]
    page.driver.answers["SELECT wide"] = Answer([pa.table({name: [1] for name in names})])
    page.write("SELECT wide")
    page.command("run")
    qtbot.waitUntil(lambda: len(shown(page)) == 1 and page.view.run.isEnabled())
    page.command("columns")
    table, columns = page.view.results.table, dialog(ColumnsDialog)
    qtbot.keyClicks(columns.search, "c14")
    assert columns.count.text() == "150 of 150 shown · 11 match"
    columns.hide_button.click()
    assert table.hidden_columns() == ["c14", *(f"c14{digit}" for digit in range(10))]
    columns.search.setText("c140")
    qtbot.keyClick(columns.search, Qt.Key.Key_Down)
    qtbot.keyClick(columns.list, Qt.Key.Key_Space)
    assert "c140" in table.shown_columns() and columns.count.text() == "140 of 150 shown · 1 match"
    columns.search.setText("c149")
    qtbot.keyClick(columns.search, Qt.Key.Key_Down)
    qtbot.keyClick(columns.list, Qt.Key.Key_Return)
    assert not columns.isVisible() and table.currentIndex().column() == 149 and "c149" in table.shown_columns()


def test_columns_that_a_statement_without_rows_took_away_are_not_asked_for(page, qtbot) -> None:
    results = page.view.results
    results.show_frame(pl.DataFrame({"a": [1], "b": [2]}), ["int", "int"])
    results.show_done("3 rows inserted")
    results.open_columns()
    assert not [top for top in QApplication.topLevelWidgets() if isinstance(top, ColumnsDialog) and top.isVisible()]


def test_the_tree_is_filtered_by_columns_too(page, qtbot) -> None:
    page.view.tree.search.setText("nam")
    qtbot.waitUntil(lambda: page.view.tree.tree.topLevelItemCount() == 1)
    root = page.view.tree.tree.topLevelItem(0)
    assert (root.text(0), root.child(0).text(0)) == ("crm", "people")


def test_a_star_opens_all_below_the_entry(page, qtbot) -> None:
    """Qt's own way of it ended the whole program: columns come while it opens their tables."""
    tree = page.view.tree.tree
    schema = next(tree.topLevelItem(n) for n in range(3) if tree.topLevelItem(n).text(0) == "public")
    tree.setCurrentItem(schema)
    qtbot.keyClicks(tree, "*")
    assert schema.isExpanded() and schema.child(0).isExpanded() and schema.child(0).childCount() == 2


def test_to_find_is_to_find_where_the_keys_are(page, qtbot) -> None:
    page.write("SELECT 1")
    page.command("run")
    qtbot.waitUntil(lambda: shown(page) == [["1"]])
    editor, results = page.view.editors.editor, page.view.results
    editor.setFocus()
    qtbot.keyClick(editor, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert page.view.editors.find_bar.isVisible() and not results.filter_button.isChecked()
    results.table.setFocus()
    qtbot.keyClick(results.table, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert results.filter_button.isChecked()


def test_no_state_of_the_history_is_cut(qtbot) -> None:
    listed = HistoryDialog()
    qtbot.addWidget(listed)
    at = datetime(2026, 11, 29, tzinfo=UTC)
    ends = (("cancelled", ""), ("failed", "no"))
    runs = [PastRun(n, "c", "d", "SELECT 1", "id", at, 1.0, state, -1, why) for n, (state, why) in enumerate(ends)]
    listed.show_runs(runs[:1])
    assert listed.list.columnWidth(1) >= listed.list.sizeHintForColumn(1) and listed.list.isColumnHidden(5)
    listed.show_runs(runs)
    assert not listed.list.isColumnHidden(5)


def test_the_statement_that_makes_a_table_opens_in_a_file(page, qtbot) -> None:
    tree, made = page.view.tree, "CREATE TABLE public.orders (id bigint)"
    orders = next(table for table in tree._catalogue.tables if table.name == "orders")
    assert not tree.tells_creation(orders), "PostgreSQL has no statement for it"
    presenter = page.view.findChild(WarehousePresenter)
    presenter.place.connection = replace(presenter.place.connection, port=5439)
    assert tree.tells_creation(orders)
    page.driver.answers["SHOW TABLE public.orders"] = Answer([pa.table({"Show Table DDL statement": [made]})])
    tree.creation_asked.emit(orders)
    qtbot.waitUntil(lambda: page.view.editors.editor.text == f"{made};\n")
    assert page.view.editors.title_of(page.view.editors.current_key) == "orders.sql"


def test_a_row_is_read_as_a_list_of_its_columns(page, qtbot) -> None:
    seen = datetime(2026, 11, 29, 7, 30)
    page.driver.answers["SELECT r"] = Answer(
        [pa.table({"id": [1, 2], "note": ["x" * 50_000, None], "seen": [seen, seen]})]
    )
    page.write("SELECT r")
    page.command("run")
    qtbot.waitUntil(lambda: len(shown(page)) == 2 and page.view.run.isEnabled())
    page.command("row")
    row = dialog(RowDialog)

    def listed() -> list[list[str]]:
        items = [row.list.topLevelItem(number) for number in range(3)]
        return [[item.text(0), item.text(2)[:19]] for item in items if not item.isHidden()]

    assert row.heading.text() == "Row 1 of 2"
    assert listed() == [["id", "1"], ["note", "x" * 19], ["seen", "2026-11-29 07:30:00"]]
    qtbot.waitUntil(row.isActiveWindow)
    qtbot.keyClick(row.search, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    assert row.heading.text() == "Row 2 of 2" and listed()[:2] == [["id", "2"], ["note", "NULL"]]
    assert not row.next.isEnabled()
    qtbot.keyClicks(row.search, "not")
    assert [name for name, _ in listed()] == ["note"]
    row.before.click()
    qtbot.keyClick(row.list, Qt.Key.Key_Return)
    whole = dialog(ValueDialog)
    assert whole.findChild(QPlainTextEdit).toPlainText() == "x" * 50_000
    whole.accept()
    row.accept()


def test_a_statement_left_running_is_offered_until_it_is_waved_away(make_page, qtbot) -> None:
    first = make_page()
    history, driver = first.context.desk.warehouse.history, first.driver
    stopped = driver.submit("SELECT other", {})
    driver.cancel(stopped)  # by the server: the sandbox ended with the window
    for sql, statement in (("SELECT long", driver.submit("SELECT long", {})), ("x", stopped), ("y", "forgotten")):
        number = history.begin("fake", "dev", sql, datetime.now(UTC))
        history.sent(number, statement)
        history.end(number, "left", 1.0, -1)
    first.window.hide()
    second = make_page(driver)
    qtbot.waitUntil(second.view.left.isVisible)
    assert second.view.left.title.text() == "A statement had not ended when the window closed"
    assert second.view.left.why.text() == "The newest has ended, and its result waits: SELECT long"
    assert [run.state for run in history.search()] == ["failed", "cancelled", "left"]
    second.view.left.dismiss.click()
    second.window.hide()
    third = make_page(driver)
    qtbot.waitUntil(lambda: third.view.run.isEnabled() and not third.context.jobs.running())
    assert not third.view.left.isVisible()


def test_keys_and_comments_are_marked_and_told(qtbot) -> None:
    """On Redshift a declared key may have doubles; what somebody wrote into a comment is no markup."""
    columns = (
        TableColumn("id", "bigint", False, encoding="az64", primary_key=True),
        TableColumn("customer", "integer", encoding="raw", dist_key=True, sort_position=1, references="customers(id)"),
        TableColumn("day", "date", partition=True, comment="<b>UTC</b>"),
    )
    table = Table("public", "orders", "table", columns, keys=("PRIMARY KEY (id)",), comment="All & sundry")
    pane = TreePane()
    qtbot.addWidget(pane)
    pane.show_catalogue(Catalogue("c", "dev", datetime.now(UTC), ("public",), (table,)))
    entry = pane.tree.topLevelItem(0).child(0)
    entry.setExpanded(True)
    parts = [entry.child(n) for n in range(3)]
    asides = [part.data(0, tree_pane._ASIDE) for part in parts]
    assert asides == ["pk · bigint", "fk · dist · sort 1 · integer", "partition · date"]
    assert "declared, not enforced" in parts[0].toolTip(0)
    assert "refers to customers(id)" in parts[1].toolTip(0)
    assert "&lt;b&gt;UTC" in parts[2].toolTip(0)
    assert "All &amp; sundry" in entry.toolTip(0) and "PRIMARY KEY (id)" in entry.toolTip(0)
