"""SQL by hand: connect, browse, run, cancel, chart, sort, copy, export; text becomes a table by the wizard."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QLineEdit, QMenu

from tests.core.warehouse.conftest import data_api_url  # noqa: F401  (a fixture)
from tests.journeys.hand import Hand, Heartbeat, opened

SLOW = (
    "SELECT SUM(SIN(a.n + b.n + c.n)) FROM numbers a, numbers b, numbers c, numbers e, numbers f, numbers g, numbers h"
)


def _run(client: Any, sql: str) -> None:
    statement = client.execute_statement(WorkgroupName="default", Database="dev", Sql=sql)["Id"]
    while (answer := client.describe_statement(Id=statement, WaitTimeSeconds=5))["Status"] not in (
        "FINISHED",
        "FAILED",
    ):
        pass
    assert answer["Status"] == "FINISHED", answer


@pytest.fixture
def hand(data_api_url: str, home, qapp, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hand]:  # noqa: F811
    for name, value in (
        ("AWS_ENDPOINT_URL", data_api_url),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_DEFAULT_REGION", "eu-west-1"),
    ):
        monkeypatch.setenv(name, value)
    client = boto3.client("redshift-data")
    tens = " UNION ALL ".join(f"SELECT {n} AS n" for n in range(10))
    for sql in (
        "DROP TABLE IF EXISTS orders",
        "DROP TABLE IF EXISTS numbers",
        "CREATE TABLE orders (id INTEGER, status VARCHAR(16), total DECIMAL(12,2)) DISTKEY (id) SORTKEY (id)",
        f"CREATE TABLE numbers AS SELECT a.n + 10 * b.n AS n FROM ({tens}) a, ({tens}) b",
        "INSERT INTO orders SELECT a.n * 100 + b.n, CASE WHEN b.n % 2 = 0 THEN 'paid' ELSE 'open' END, a.n * 1.5"
        " FROM numbers a, numbers b",
    ):
        _run(client, sql)
    with opened("env") as console:
        made = Hand(console.window)
        made.wait_until(console.window.isActiveWindow, "the window is in front")
        made.click(console.window.rail.buttons["warehouse"])
        yield made


def menu_entry(hand: Hand, words: str) -> None:
    """Click an entry of the menu that is open."""
    from PySide6.QtWidgets import QApplication

    hand.wait_until(
        lambda: any(isinstance(w, QMenu) and w.isVisible() for w in QApplication.topLevelWidgets()), "a menu"
    )
    menu = next(w for w in QApplication.topLevelWidgets() if isinstance(w, QMenu) and w.isVisible())
    action = next(action for action in menu.actions() if action.text().startswith(words))
    hand.click(menu, menu.actionGeometry(action).center())


def saved(hand: Hand, name: QLineEdit, path: Path) -> None:
    """The dialog's ``name`` has the keys, takes the path as a user sees it, and the file comes."""
    hand.wait_until(name.hasFocus, "the name has the keys")
    hand.key("ctrl+a")
    hand.type(str(path))
    hand.wait_until(lambda: name.text() == str(path), "the path stands in the dialog")
    hand.key("Return")
    hand.wait_until(path.exists, "the file")


def write(hand: Hand, view: Any, sql: str) -> None:
    hand.click(view.editors.editor.viewport())
    hand.key("ctrl+a")
    hand.type(sql)
    hand.key("Escape")  # closes the completions, if they are open


def test_connect_browse_run_cancel_chart_export(hand: Hand, tmp_path: Path) -> None:
    beat = Heartbeat()
    view: Any = hand.window.page("warehouse")  # type: ignore[attr-defined]
    tree = view.tree.tree
    hand.wait_until(lambda: view.tree.stack.currentWidget() is tree, "the catalogue", 60)

    # browse: find the table by a column's name, open it, look at its columns
    hand.click(view.tree.search)
    hand.type("total")
    hand.wait_until(
        lambda: tree.topLevelItemCount() == 1 and tree.topLevelItem(0).childCount() == 1, "the tree is filtered"
    )
    table = tree.topLevelItem(0).child(0)
    assert (table.text(0), table.isExpanded()) == ("orders", True)
    hand.click(tree.viewport(), tree.visualItemRect(table).center(), double=True)
    hand.wait_until(lambda: "public.orders" in view.editors.editor.toPlainText(), "the name is inserted")

    # run
    write(hand, view, "SELECT id, status, total FROM orders ORDER BY id")
    hand.key("ctrl+Return")
    hand.wait_until(lambda: view.results.line.text().startswith("10,000 rows, "), "the rows", 60)
    grid = view.results.table
    assert grid.column_model.rowCount() == 10_000

    # sort by a click on the header, twice for downwards; copy a block with headers
    header = grid.horizontalHeader()
    for _ in range(2):
        hand.click(header.viewport(), QPoint(header.sectionViewportPosition(0) + 40, 10))
        hand.pause(0.3)
    hand.wait_until(lambda: grid.column_model.text(0, 0) == "9999", "the largest id on top")
    first, last = grid.visualRect(grid.model().index(0, 0)), grid.visualRect(grid.model().index(1, 1))
    hand.drag(grid.viewport(), [first.center(), last.center()])
    hand.key("ctrl+c")
    hand.wait_until(
        lambda: QGuiApplication.clipboard().text().startswith("id\tstatus\n9999\topen\n9998\tpaid"), "copied"
    )

    # chart
    write(hand, view, "SELECT status, SUM(total) AS revenue FROM orders GROUP BY status ORDER BY status")
    hand.click(view.run)
    hand.wait_until(lambda: view.results.line.text().startswith("2 rows, "), "two rows")
    hand.click(hand.button("Show: Chart"))
    hand.wait_until(
        lambda: view.results.chart._picture is not None and view.results.chart._plot is not None, "a chart", 60
    )
    assert view.results.chart._picture.labels == ("open", "paid")
    hand.picture(tmp_path / "chart.png")

    # cancel, by mouse, confirmed by the server
    write(hand, view, SLOW)
    hand.key("ctrl+Return")
    hand.wait_until(lambda: "running" in view.results.line.text(), "it runs")
    hand.click(view.cancel)
    hand.wait_until(lambda: "confirmed by the server" in view.results.line.text(), "the server confirms", 30)

    # wrong SQL is marked at its place
    write(hand, view, "SELECT totl FROM orders")
    hand.key("ctrl+Return")
    hand.wait_until(view.results.banner.isVisible, "the fault")
    assert "totl" in view.results.banner.why.text()
    hand.wait_until(
        lambda: view.editors.editor._errors[:1] and view.editors.editor._errors[0][:2] == (7, 11), "the mark"
    )

    # export
    write(hand, view, "SELECT id FROM orders ORDER BY id")
    hand.key("ctrl+Return")
    hand.wait_until(lambda: view.results.line.text().startswith("10,000 rows, "), "the rows again")
    hand.click(view.results.export_button)
    menu_entry(hand, "CSV")
    chooser = hand.dialog(QFileDialog)
    name = chooser.findChild(QLineEdit)
    assert name is not None
    hand.click(name)
    saved(hand, name, tmp_path / "ids.csv")
    assert len((tmp_path / "ids.csv").read_text().splitlines()) == 10_001
    print(beat.stop())


def test_an_expert_uses_the_keys_alone(hand: Hand, tmp_path: Path) -> None:
    """Browse, run, filter, sort, hide, pin, profile, two results, chart, find and replace, history, cancel, export: no mouse."""
    from PySide6.QtWidgets import QApplication

    from gui.tabs.warehouse.dialogs import ProfileDialog
    from gui.tabs.warehouse.lists import HistoryDialog

    view: Any = hand.window.page("warehouse")  # type: ignore[attr-defined]
    editors, results, tree = view.editors, view.results, view.tree.tree
    grid = results.table
    hand.wait_until(lambda: view.tree.stack.currentWidget() is tree, "the catalogue", 60)

    def focus_in(widget: Any, what: str) -> None:
        hand.wait_until(
            lambda: widget is QApplication.focusWidget() or widget.isAncestorOf(QApplication.focusWidget()), what
        )

    def sql(text: str) -> None:
        for _ in range(3):
            if QApplication.focusWidget() is editors.editor:
                break
            hand.key("F6")
        focus_in(editors.editor, "keys go to the SQL")
        hand.key("ctrl+a")
        hand.type(text)
        hand.key("Escape")

    def column_menu(entry: int) -> None:
        """The last entry of a cell's menu is the column's own menu; its first entry is chosen as it opens."""
        hand.key("Menu")
        hand.wait_until(
            lambda: any(isinstance(w, QMenu) and w.isVisible() for w in QApplication.topLevelWidgets()), "a menu"
        )
        hand.key("Up", "Right", *["Down"] * entry, "Return")

    # the catalogue: to the table by letters, its name into the SQL
    view.editors.editor.setFocus()  # where the window puts the keys at its start is the shell's matter
    hand.key("F6", "F6")
    focus_in(tree, "keys go to the catalogue")
    hand.type("orders")
    hand.wait_until(
        lambda: tree.currentItem() is not None and tree.currentItem().text(0) == "orders", "the table by letters"
    )
    hand.key("Return")
    hand.wait_until(lambda: "public.orders" in editors.editor.toPlainText(), "the name is inserted")

    # run; filter; sort, profile, hide and pin by the cell's menu
    sql("SELECT id, status, total FROM orders ORDER BY id")
    hand.key("ctrl+Return")
    hand.wait_until(lambda: results.line.text().startswith("10,000 rows, "), "the rows", 60)
    hand.key("ctrl+f")
    hand.wait_until(editors.find_bar.isVisible, "in the SQL it finds there")
    hand.key("Escape", "F6")
    focus_in(grid, "keys go to the rows")
    hand.key("ctrl+f")
    hand.wait_until(lambda: grid._header.fields_shown, "the filter fields")
    hand.pause(0.1)
    hand.type("> 9990")
    hand.wait_until(lambda: grid.column_model.rowCount() == 9, "the filter")
    hand.key("Return")
    focus_in(grid, "keys go back to the rows")
    column_menu(1)
    hand.wait_until(lambda: grid.column_model.text(0, 0) == "9999", "sorted downwards")
    hand.key("Right")
    column_menu(2)
    hand.dialog(ProfileDialog)
    hand.key("Escape")
    hand.wait_until(
        lambda: not any(isinstance(w, ProfileDialog) and w.isVisible() for w in QApplication.topLevelWidgets()),
        "closed",
    )
    column_menu(3)
    hand.wait_until(lambda: grid._pinned == [1], "pinned")
    column_menu(4)
    hand.wait_until(lambda: grid.hidden_columns() == ["status"], "hidden")

    # a second result beside the first, and back
    hand.key("ctrl+shift+k")
    hand.wait_until(results.pin_button.isChecked, "the first result is kept")
    sql("SELECT status, SUM(total) AS revenue FROM orders GROUP BY status ORDER BY status")
    hand.key("ctrl+Return")
    hand.wait_until(lambda: results.line.text().startswith("2 rows, ") and results.results.count() == 2, "two results")
    hand.key("alt+Page_Up")
    hand.wait_until(lambda: grid.column_model.rowCount() == 9, "the first again, sorted and filtered as it was")
    hand.key("alt+Page_Down")
    hand.wait_until(lambda: grid.column_model.rowCount() == 2, "the second")
    hand.key("alt+2")
    hand.wait_until(lambda: results.chart._picture is not None and results.chart._plot is not None, "a chart", 60)
    hand.key("alt+1")

    # find and replace, then what ran before
    sql("SELECT id AS x, x FROM orders")
    hand.key("ctrl+h")
    hand.wait_until(editors.find_bar.isVisible, "the find bar")
    hand.type("x")
    hand.key("Tab")
    hand.type("number")
    hand.key("Tab", "Tab", "Tab", "space")
    hand.wait_until(lambda: editors.editor.toPlainText() == "SELECT id AS number, number FROM orders", "replaced")
    hand.key("Escape")
    hand.key("ctrl+shift+h")
    past: Any = hand.dialog(HistoryDialog)
    hand.wait_until(lambda: past.list.topLevelItemCount() >= 2, "the history")
    hand.type("revenue")
    hand.wait_until(lambda: past.list.topLevelItemCount() == 1, "searched")
    hand.key("Return", "Return")
    hand.wait_until(
        lambda: "revenue" in editors.editor.toPlainText() and editors.tabs.count() == 2, "in a file of its own"
    )

    # cancel, then export
    sql(SLOW)
    hand.key("ctrl+Return")
    hand.wait_until(lambda: "running" in results.line.text(), "it runs")
    hand.key("ctrl+period")
    hand.wait_until(lambda: "confirmed by the server" in results.line.text(), "the server confirms", 30)
    sql("SELECT id FROM orders ORDER BY id")
    hand.key("ctrl+Return")
    hand.wait_until(lambda: results.line.text().startswith("10,000 rows, "), "the rows again")
    hand.key("ctrl+shift+e")
    hand.wait_until(
        lambda: any(isinstance(w, QMenu) and w.isVisible() for w in QApplication.topLevelWidgets()), "a menu"
    )
    hand.key("Down", "Return")
    name = hand.dialog(QFileDialog).findChild(QLineEdit)
    assert name is not None
    saved(hand, name, tmp_path / "ids.csv")
    assert len((tmp_path / "ids.csv").read_text().splitlines()) == 10_001


def test_text_becomes_a_table_by_the_wizard(hand: Hand, tmp_path: Path) -> None:
    view: Any = hand.window.page("warehouse")  # type: ignore[attr-defined]
    line = '10.0.0.{} - - [22/Nov/2026:10:11:12 +0000] "GET /{} HTTP/1.1" 200 {} "-" "curl"'
    text = "\n".join([*(line.format(n, n, n * 10) for n in range(50)), "rubbish"])
    with gzip.open(tmp_path / "access.log.gz", "wt") as out:
        out.write(text)
    hand.wait_until(lambda: view.run.isEnabled(), "connected", 60)
    hand.click(view.tree.extract)
    from gui.tabs.warehouse.extract_view import ExtractDialog

    dialog: Any = hand.dialog(ExtractDialog)
    hand.click(dialog.input)
    hand.type(str(tmp_path / "access.log.gz"))
    hand.wait_until(dialog.accept_button.isEnabled, "the preview", 60)
    assert dialog.count.text().startswith("50 of 51 sampled lines match")
    hand.click(dialog.to_table)  # no S3 here: only a file
    hand.click(dialog.to_file)
    hand.click(dialog.file)
    hand.type(str(tmp_path / "access.parquet"))
    hand.click(dialog.accept_button)
    hand.wait_until((tmp_path / "access.parquet").exists, "the Parquet file", 60)
    hand.wait_until((tmp_path / "access.rejects.jsonl").exists, "the rejects")
    import polars as pl

    assert pl.read_parquet(tmp_path / "access.parquet")["bytes"].sum() == sum(n * 10 for n in range(50))
    assert "rubbish" in (tmp_path / "access.rejects.jsonl").read_text()
