"""MySQL tables are pulled, and text is turned into a table, by the wizards, by hand; both are asked: on the whole sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QLabel

from tests.journeys.hand import Hand, opened
from tests.sandboxed import Sandbox


@pytest.fixture
def hand(sandbox: Sandbox, qapp, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hand]:
    monkeypatch.setenv("OPSDESK_HOME", str(sandbox.places.config.parent))
    with sandbox.mysql() as link, link.cursor() as cursor:
        cursor.execute("CREATE DATABASE IF NOT EXISTS shop")
        cursor.execute("DROP TABLE IF EXISTS shop.pulled_by_hand")
        cursor.execute(
            "CREATE TABLE shop.pulled_by_hand (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, name VARCHAR(40), paid DECIMAL(9,2))"
        )
        cursor.executemany(
            "INSERT INTO shop.pulled_by_hand (name, paid) VALUES (%s, %s)",
            [(f"é {n}", n * 1.25) for n in range(1, 301)],
        )
        link.commit()
    with opened("sandbox") as console:
        made = Hand(console.window)
        made.wait_until(console.window.isActiveWindow, "the window is in front")
        made.click(console.window.rail.buttons["warehouse"])
        yield made


def asked(hand: Hand, view: Any, table: str, select: str, wanted: tuple[str, str]) -> None:
    """``table`` (schema.name) comes to stand in the tree; asked by hand, it gives one row of the two ``wanted`` values."""
    hand.wait_until(
        lambda: view.tree._catalogue and table in [f"{t.schema}.{t.name}" for t in view.tree._catalogue.tables],
        "the table stands in the tree", 90,
    )  # fmt: skip
    hand.click(view.editors.editor.viewport())
    hand.key("ctrl+a")
    hand.type(f"{select} FROM {table}")
    hand.key("Escape", "ctrl+Return")
    model = view.results.table.column_model
    hand.wait_until(lambda: model.rowCount() == 1 and model.text(0, 0) == wanted[0], "its rows are there", 60)
    assert model.text(0, 1) == wanted[1]


def test_tables_are_pulled_by_the_wizard(hand: Hand) -> None:
    from gui.parts.dialogs import ConfirmDialog
    from gui.tabs.warehouse.dialogs import TextDialog
    from gui.tabs.warehouse.plans import PlansDialog
    from gui.tabs.warehouse.pull_view import PullDialog

    view: Any = hand.window.page("warehouse")  # type: ignore[attr-defined]
    hand.wait_until(view.run.isEnabled, "connected", 90)
    hand.click(view.tree.pull)
    dialog: Any = hand.dialog(PullDialog)
    tables = dialog.tables
    hand.wait_until(lambda: tables.topLevelItemCount() > 0, "the tables of the source", 60)
    item = next(
        i for n in range(tables.topLevelItemCount()) if (i := tables.topLevelItem(n)).text(0) == "pulled_by_hand"
    )
    hand.click(tables.viewport(), tables.visualItemRect(item).center())
    hand.wait_until(lambda: "pulled_by_hand" in dialog.ddl.toPlainText(), "its DDL is shown")
    assert "BIGINT" in dialog.ddl.toPlainText()
    hand.click(dialog.schema)
    hand.type("byhand")
    hand.wait_until(
        lambda: "byhand" in dialog.ddl.toPlainText() and dialog.accept_button.isEnabled(), "the schema is ours", 30
    )
    for number in range(tables.topLevelItemCount()):  # only ours, whatever else lives in this sandbox
        item = tables.topLevelItem(number)
        if item.text(0) != "pulled_by_hand":
            hand.click(tables.viewport(), tables.visualItemRect(item).center())
            hand.key("space")
    hand.wait_until(lambda: dialog.chosen_tables() == ["pulled_by_hand"], "one table is ticked")
    hand.click(dialog.plan)
    hand.type("nightly")
    hand.click(dialog.accept_button)
    asked(hand, view, "byhand.pulled_by_hand", "SELECT COUNT(*) AS n, SUM(paid) AS paid", ("300", "56437.50"))

    # the report is a click away in the drawer
    hand.key("ctrl+j")
    hand.click(hand.button("Show the report", hand.window.drawer))  # type: ignore[attr-defined]
    report = hand.dialog(TextDialog)
    assert any("byhand.pulled_by_hand" in label.text() for label in report.findChildren(QLabel))
    hand.key("Escape")
    hand.key("ctrl+j")

    # the plan was kept; it is seen in the list, and removed
    hand.click(view.tree.plans)
    plans: Any = hand.dialog(PlansDialog)
    hand.wait_until(lambda: plans.list.topLevelItemCount() == 1, "the plan")
    row = plans.list.topLevelItem(0)
    assert (row.text(0), row.text(2), row.text(3)) == ("nightly", "byhand", "by hand") and row.text(4) != "–"
    hand.click(plans.list.viewport(), plans.list.visualItemRect(row).center())
    hand.click(plans.remove)
    hand.click(hand.dialog(ConfirmDialog).accept_button)  # type: ignore[attr-defined]
    hand.wait_until(lambda: plans.list.topLevelItemCount() == 0, "it is gone")


def test_text_becomes_a_table_by_the_wizard_and_is_asked(hand: Hand, tmp_path: Path) -> None:
    from gui.tabs.warehouse.extract_view import ExtractDialog

    line = '10.0.0.{} - - [22/Nov/2026:10:11:12 +0000] "GET /{} HTTP/1.1" 200 {} "-" "curl"'
    (tmp_path / "access.log").write_text("\n".join([*(line.format(n, n, n * 10) for n in range(50)), "rubbish"]))
    view: Any = hand.window.page("warehouse")  # type: ignore[attr-defined]
    hand.wait_until(view.run.isEnabled, "connected", 90)
    hand.click(view.tree.extract)
    dialog: Any = hand.dialog(ExtractDialog)
    hand.click(dialog.input)
    hand.type(str(tmp_path / "access.log"))
    hand.wait_until(dialog.accept_button.isEnabled, "the preview", 60)
    assert dialog.to_table.isChecked()
    hand.click(dialog.table)
    hand.key("ctrl+a")
    hand.type("log_by_hand")
    hand.wait_until(dialog.accept_button.isEnabled, "it may begin")
    hand.click(dialog.accept_button)
    asked(hand, view, "public.log_by_hand", "SELECT COUNT(*) AS n, SUM(bytes) AS bytes", ("50", "12250"))
