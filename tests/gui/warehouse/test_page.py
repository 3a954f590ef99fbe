"""The page's states: connected, running, finished, cut, failed, cancelled, guarded, unreachable; buttons follow from them."""

from __future__ import annotations

import threading

import pyarrow as pa
import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu

from core.base.errors import OpsError
from gui.tabs.warehouse.dialogs import ParameterDialog
from gui.tabs.warehouse.lists import HistoryDialog
from tests.fakes import warehouse as fakes
from tests.fakes.warehouse import Answer, FakeDriver
from tests.gui.test_names import clipped
from tests.gui.warehouse.seen import choose_file, dialog, shown


def test_connecting_fills_pickers_badge_and_tree(page, qtbot) -> None:
    view = page.view
    assert view.connection.currentText() == "fake"
    qtbot.waitUntil(lambda: view.database.count() == 2)
    assert view.badge.text() == "local engine"
    roots = [view.tree.tree.topLevelItem(n).text(0) for n in range(view.tree.tree.topLevelItemCount())]
    assert roots == ["crm", "empty", "public"]
    assert view.run.isEnabled()
    assert not view.cancel.isEnabled()


def test_the_statement_at_the_cursor_runs(page, qtbot) -> None:
    page.write("SELECT 1;\nSELECT 2;\n", at=12)
    page.command("run")
    qtbot.waitUntil(lambda: shown(page) == [["1"]])
    assert page.driver.sent == ["SELECT 2"]
    qtbot.waitUntil(lambda: page.view.results.line.text().startswith("1 row, "))


@pytest.mark.parametrize("width", [816, 1232], ids=["small", "large"])
def test_the_count_of_rows_is_never_cut(page, qtbot, width: int) -> None:
    page.window.resize(width, 700)
    page.write("SELECT 1")
    page.command("run")
    qtbot.waitUntil(lambda: page.view.results.line.text().startswith("1 row"))
    for words in ("31 rows, 0.2 s", "10,000 of 1,200,000 rows, cut by the limit, 2.1 s", "1 row, 0.1 s"):
        page.view.results.show_line(words, busy=False)
        qtbot.waitUntil(lambda: page.view.results.line.isVisible() and clipped(page.view) == [])


def test_a_script_stops_at_its_first_failure(page, qtbot) -> None:
    page.driver.answers["BAD"] = Answer(error='ERROR: syntax error at or near "BAD"')
    page.write("SELECT 1; BAD; SELECT 3")
    page.command("run_all")
    qtbot.waitUntil(lambda: page.view.results.banner.isVisible())
    assert page.driver.sent == ["SELECT 1", "BAD"]
    assert page.view.editors.editor._errors[0][:2] == (10, 13)
    assert "BAD" in page.view.results.banner.why.text()
    assert page.view.run.isEnabled()


def test_while_it_runs_only_cancel_is_offered_and_the_server_is_asked(page, qtbot) -> None:
    page.driver.answers["SELECT slow"] = Answer([pa.table({"a": [1]})], gate=threading.Event())
    page.write("SELECT slow")
    page.command("run")
    qtbot.waitUntil(lambda: page.view.cancel.isEnabled())
    assert not page.view.run.isEnabled()
    qtbot.waitUntil(lambda: "running" in page.view.results.line.text())
    page.view.cancel.click()
    qtbot.waitUntil(lambda: page.view.run.isEnabled())
    assert "confirmed by the server" in page.view.results.line.text()
    assert page.context.desk.warehouse.history.search()[0].state == "cancelled"


def test_cancel_reaches_the_server_whatever_runs_and_a_refusal_is_told(page, qtbot, monkeypatch) -> None:
    page.driver.answers["EXPLAIN SELECT slow"] = Answer([pa.table({"a": ["Scan"]})], gate=threading.Event())
    page.write("SELECT slow")
    page.command("explain")
    qtbot.waitUntil(lambda: page.view.cancel.isEnabled() and bool(page.driver.sent))
    assert not page.view.run.isEnabled()
    page.view.cancel.click()
    qtbot.waitUntil(lambda: page.view.run.isEnabled())
    assert "confirmed by the server" in page.view.results.line.text()

    arrived, go_on, submit = threading.Event(), threading.Event(), page.driver.submit

    def slowly(sql: str, values: object, *, session: str = "") -> str:
        arrived.set()
        go_on.wait(10)
        return submit(sql, values, session=session)

    monkeypatch.setattr(page.driver, "submit", slowly)
    page.driver.answers["DELETE FROM t WHERE a"] = Answer(gate=threading.Event())
    page.write("DELETE FROM t WHERE a")
    page.command("run")
    qtbot.waitUntil(arrived.is_set)
    page.view.cancel.click()
    go_on.set()
    qtbot.waitUntil(lambda: page.view.run.isEnabled())
    assert "confirmed by the server" in page.view.results.line.text()
    assert len(page.driver.cancelled) == 2

    def refuse(_statement: str) -> None:
        raise OpsError("The statement could not be cancelled", "Only its owner may", "Ask them")

    monkeypatch.setattr(page.driver, "cancel", refuse)
    page.write("DELETE FROM t WHERE a")
    page.command("run")
    qtbot.waitUntil(lambda: len(page.driver.sent) == 3 and "running" in page.view.results.line.text())
    page.view.cancel.click()
    qtbot.waitUntil(lambda: page.view.run.isEnabled())
    assert "cancelled" not in page.view.results.line.text()
    assert "Only its owner may" in page.view.results.banner.why.text()


def test_first_rows_show_while_the_rest_arrives(page, qtbot) -> None:
    between = threading.Event()
    tables = [pa.table({"n": list(range(100))}), pa.table({"n": list(range(100, 350))})]
    page.driver.answers["SELECT n"] = Answer(tables, between=between)
    page.write("SELECT n")
    page.command("run")
    qtbot.waitUntil(lambda: page.view.results.table.column_model.rowCount() == 100)
    assert page.view.cancel.isEnabled()
    between.set()
    qtbot.waitUntil(lambda: page.view.results.table.column_model.rowCount() == 350)
    qtbot.waitUntil(lambda: page.view.results.line.text().startswith("350 rows"))
    assert page.context.jobs.activities[0].job.progress.note == "350 rows", "the drawer's last word"
    assert shown(page)[349] == ["349"]


@pytest.mark.parametrize("way", ["cancelled", "login expired", "login expired at once"])
def test_rows_that_came_before_a_break_stay_and_are_never_taken_for_all(page, qtbot, tmp_path, way: str) -> None:
    between = threading.Event()
    tables = [pa.table({"n": list(range(a, b))}) for a, b in ((0, 100), (100, 180), (180, 350))]
    page.driver.answers["SELECT n"] = Answer(tables, between=between)
    if way != "cancelled":
        page.driver.fault_between = OpsError("Could not fetch the result", "The login has expired", "Sign in again")
    if way.endswith("at once"):
        between.set()
    page.write("SELECT n")
    page.command("run")
    qtbot.waitUntil(lambda: page.view.results.table.column_model.rowCount() == 100)
    if way == "cancelled":
        page.view.cancel.click()
    between.set()
    qtbot.waitUntil(lambda: page.view.run.isEnabled())
    words = page.view.results.line.text()
    here = 180 if way == "cancelled" else 100
    assert words.startswith(f"{here} of 350 rows, the rest was not fetched")
    assert ("failed after" in words, "cancelled" in words) == (way != "cancelled", way == "cancelled")
    qtbot.waitUntil(lambda: len(shown(page)) == here)
    assert page.view.results.banner.isVisible() == (way != "cancelled")
    assert way == "cancelled" or "take it up again" in page.view.results.banner.why.text()
    page.driver.fault_between = None
    presenter = next(c for c in page.view.children() if type(c).__name__ == "ResultsPresenter")
    presenter.export("csv")
    choose_file(tmp_path / "out.csv")
    qtbot.waitUntil(lambda: bool(page.praised))
    assert page.praised == ["out.csv: 350 rows"]  # the server has them all


def test_sort_and_filter_by_the_grid(page, qtbot) -> None:
    page.driver.answers["SELECT n"] = Answer([pa.table({"n": [3, 1, None, 2], "s": ["x", "y", "x", None]})])
    page.write("SELECT n")
    page.command("run")
    qtbot.waitUntil(lambda: len(shown(page)) == 4 and page.view.run.isEnabled())
    page.view.results.table.sort_by("n", True)
    qtbot.waitUntil(lambda: [row[0] for row in shown(page)] == ["3", "2", "1", "NULL"])
    page.view.results.filter_button.setChecked(True)
    page.view.results.table._header.place_fields()
    page.view.results.table._header._fields[1].setText("x")
    qtbot.waitUntil(lambda: [row[0] for row in shown(page)] == ["3", "NULL"])
    assert "2 of these shown by the filter" in page.view.results.line.text()
    page.view.results.filter_button.setChecked(False)
    qtbot.waitUntil(lambda: len(shown(page)) == 4)


def test_a_result_can_be_pinned_and_the_next_stands_beside_it(page, qtbot) -> None:
    page.driver.answers["SELECT b"] = Answer([pa.table({"b": ["second"]})])
    page.write("SELECT a;\nSELECT b")
    page.command("run")
    qtbot.waitUntil(lambda: shown(page) == [["1"]] and page.view.run.isEnabled())
    page.view.results.pin_button.click()
    page.view.editors.editor.go_to(12, 12)
    page.command("run")
    qtbot.waitUntil(lambda: shown(page) == [["second"]])
    assert page.view.results.results.count() == 2
    page.view.results.results.setCurrentIndex(0)
    qtbot.waitUntil(lambda: shown(page) == [["1"]])
    assert page.driver.sent == ["SELECT a", "SELECT b"]  # nothing ran again


def test_after_a_failure_export_means_no_earlier_result_and_a_kept_one_is_in_reach(page, qtbot) -> None:
    page.driver.answers["BAD"] = Answer(error='ERROR: syntax error at or near "BAD"')
    page.write("SELECT a;\nBAD")
    page.command("run")
    qtbot.waitUntil(lambda: shown(page) == [["1"]] and page.view.run.isEnabled())
    page.view.results.pin_button.click()
    page.view.editors.editor.go_to(11, 11)
    page.command("run")
    qtbot.waitUntil(lambda: page.view.results.banner.isVisible() and page.view.run.isEnabled())
    assert not page.view.results.export_button.isEnabled()
    assert page.view.results.results.isVisible()
    page.view.results.results.tabBarClicked.emit(0)
    assert shown(page) == [["1"]] and page.view.results.export_button.isEnabled()
    assert not page.view.results.banner.isVisible()


def test_parameters_are_asked_for_and_sent_as_data(page, qtbot) -> None:
    page.write("SELECT :day, :who")
    page.command("run")
    asked = dialog(ParameterDialog)
    asked._fields["day"][0].setText("2026-01-01'; DROP")
    asked._fields["who"][1].setChecked(True)
    asked.accept_button.click()
    values = {"day": "2026-01-01'; DROP", "who": None}
    qtbot.waitUntil(lambda: page.driver.values == [values] and page.view.run.isEnabled())
    page.command("explain")  # a plan is asked for with them too, and they are there as they were given
    dialog(ParameterDialog).accept_button.click()
    qtbot.waitUntil(lambda: page.driver.values == [values, values])


def test_a_dead_endpoint_is_told_and_can_be_tried_again(make_page, qtbot) -> None:
    driver = FakeDriver(
        fault=OpsError("Could not read", "The endpoint does not answer", "Check the network", code="unreachable")
    )
    page = make_page(driver)
    qtbot.waitUntil(page.view.banner.isVisible)
    assert "does not answer" in page.view.banner.why.text()
    driver.fault = None
    page.view.banner.action.click()
    qtbot.waitUntil(lambda: page.view.tree.stack.currentWidget() is page.view.tree.tree)
    assert not page.view.banner.isVisible()


def test_each_file_keeps_its_own_result(page, qtbot) -> None:
    page.write("SELECT 1")
    page.command("run")
    qtbot.waitUntil(lambda: shown(page) == [["1"]])
    page.view.editors.add_file("SELECT 2")
    assert shown(page) == []
    page.view.editors.show_file(0)
    assert shown(page) == [["1"]]


def test_export_writes_the_file(page, qtbot, tmp_path) -> None:
    page.driver.answers["SELECT n"] = Answer([pa.table({"n": [3, 1, 2], "secret": ["c", "a", "b"]})])
    page.write("SELECT n")
    page.command("run")
    qtbot.waitUntil(lambda: len(shown(page)) == 3 and page.view.run.isEnabled())
    presenter = next(c for c in page.view.children() if type(c).__name__ == "ResultsPresenter")
    presenter.export("csv")
    choose_file(tmp_path / "out.csv")
    qtbot.waitUntil(lambda: bool(page.praised))
    assert (tmp_path / "out.csv").read_text().splitlines()[1:] == ['3,"c"', '1,"a"', '2,"b"']
    table = page.view.results.table
    table._filters["n"] = "> 1"
    table.sort_by("n", False)
    qtbot.waitUntil(lambda: len(shown(page)) == 2)
    table.set_shown([1], False)
    page.view.results.open_export_menu()
    menu = page.view.results.findChildren(QMenu)[-1]
    assert menu.title() == "Only what is shown (2 rows, 1 column)"
    menu.actions()[0].trigger()
    choose_file(tmp_path / "some.csv")
    qtbot.waitUntil(lambda: page.praised[1:] == ["some.csv: 2 rows"])
    assert (tmp_path / "some.csv").read_text().split() == ['"n"', "2", "3"]


def test_a_selection_is_copied_as_statements_for_its_table(page, qtbot) -> None:
    page.driver.answers["SELECT * FROM people"] = Answer([pa.table({"name": ["O'Hara", None], "order": [1, 2]})])
    page.write("SELECT * FROM people")
    page.command("run")
    qtbot.waitUntil(lambda: len(shown(page)) == 2 and page.view.run.isEnabled())
    page.view.results.table.selectAll()
    page.command("copy_insert")
    qtbot.waitUntil(lambda: bool(page.praised))
    text = QGuiApplication.clipboard().text()
    assert text == "INSERT INTO people (name, \"order\") VALUES\n('O''Hara', 1),\n(NULL, 2);\n"
    assert page.praised == ["4 cells copied"]


@pytest.mark.parametrize("kind", ["line", "bar", "scatter", "histogram"])
def test_charts_are_drawn(page, qtbot, kind) -> None:
    page.driver.answers["SELECT n"] = Answer([pa.table({"n": [1.0, 2.0, 3.0], "m": [2, 4, 8], "k": ["a", "b", "c"]})])
    page.write("SELECT n")
    page.command("run")
    qtbot.waitUntil(lambda: len(shown(page)) == 3 and page.view.run.isEnabled())
    chart = page.view.results.chart
    page.view.results.show_side("chart")
    x = "k" if kind == "bar" else "n"
    chart.chart_asked.emit(kind, x, "m", "")
    qtbot.waitUntil(lambda: chart._picture is not None and chart._picture.kind == kind)


def test_formatting_is_one_step_of_undo(page, qtbot) -> None:
    page.write("select a,b from t")
    page.command("format")
    qtbot.waitUntil(lambda: "SELECT\n  a," in page.view.editors.editor.toPlainText())
    page.view.editors.editor.undo()
    assert page.view.editors.editor.toPlainText() == "select a,b from t"


def test_everything_can_be_named_by_a_screen_reader(page) -> None:
    from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit, QPlainTextEdit

    for kind in (QAbstractButton, QComboBox, QLineEdit, QPlainTextEdit):
        for widget in page.view.findChildren(kind):
            if widget.isVisible() and widget.metaObject().className() not in ("QTableCornerButton", "CloseButton"):
                words = widget.accessibleName() or getattr(widget, "text", lambda: "")() or widget.toolTip()
                assert words, (type(widget).__name__, widget.objectName(), widget.parent())


def test_a_statement_outlives_the_window_and_is_taken_up_again(make_page, qtbot) -> None:
    driver, gate = FakeDriver(), threading.Event()
    driver.answers["SELECT long"] = Answer([pa.table({"a": [42]})], gate=gate)
    first = make_page(driver)
    qtbot.waitUntil(lambda: first.view.tree.stack.currentWidget() is first.view.tree.tree)
    first.write("SELECT long")
    first.command("run")
    qtbot.waitUntil(lambda: "running" in first.view.results.line.text())
    first.window.hide()
    for job in first.context.jobs.running():  # as the window does when it closes
        job.cancel()
    qtbot.waitUntil(lambda: not first.context.jobs.running())
    assert driver.cancelled == set()
    assert first.context.desk.warehouse.history.search()[0].state == "left"

    second = make_page(driver)
    qtbot.waitUntil(lambda: second.view.left.isVisible() and second.view.run.isEnabled())
    assert "SELECT long" in second.view.left.why.text()
    second.view.left.action.click()
    listed = dialog(HistoryDialog)
    qtbot.waitUntil(lambda: listed.list.topLevelItemCount() == 1)
    assert listed.chosen.sql == "SELECT long", "it is the one to begin at"
    gate.set()
    listed._attach.click()
    qtbot.waitUntil(lambda: shown(second) == [["42"]])
    assert driver.sent == ["SELECT long"]
    assert second.context.desk.warehouse.history.search()[0].state == "finished"


def test_a_large_catalogue_makes_only_what_is_opened(make_page, qtbot, monkeypatch) -> None:
    """2,000 tables held the window for 0.2 s at every pause of typing in the filter."""
    rows = [(f"s{s}", f"t{s}_{t:03}", "BASE TABLE", "id", 1, "bigint") for s in range(5) for t in range(150)]
    monkeypatch.setattr(fakes, "CATALOGUE_ROWS", rows)
    page = make_page()
    pane = page.view.tree
    qtbot.waitUntil(lambda: pane.stack.currentWidget() is pane.tree)

    def entries() -> dict[str, int]:
        roots = [pane.tree.topLevelItem(n) for n in range(pane.tree.topLevelItemCount())]
        return {root.text(0): root.childCount() for root in roots if root.text(0).startswith("s")}

    assert entries() == dict.fromkeys(("s0", "s1", "s2", "s3", "s4"), 0)
    pane.search.setText("t")
    qtbot.waitUntil(lambda: sum(entries().values()) > 0)
    assert entries() == {"s0": 150, "s1": 150, "s2": 0, "s3": 0, "s4": 0}
    pane.search.setText("t4_149")
    qtbot.waitUntil(lambda: entries() == {"s4": 1})
