"""Builds the Warehouse page."""

from __future__ import annotations

from functools import partial

from PySide6.QtWidgets import QWidget

from core.warehouse.copying import FORMS
from gui.bridge.tab_context import TabContext
from gui.tabs.warehouse.presenter import WarehousePresenter
from gui.tabs.warehouse.result_pane import SIDES
from gui.tabs.warehouse.view import WarehouseView


def build(context: TabContext, parent: QWidget | None = None) -> QWidget:
    """View and presenter, joined by commands; the presenter lives as long as the view."""
    view = WarehouseView(parent)
    presenter = WarehousePresenter(view, context)
    editors, results, commands = view.editors, view.results, context.commands

    def add(name: str, title: str, run: object, icon: str, shortcut: str = "") -> None:
        commands.add(f"warehouse.{name}", title, run, owner=view, room="warehouse", icon=icon, shortcut=shortcut)  # type: ignore[arg-type]

    add("run", "Run the statement at the cursor", presenter.runs.run, "play", "Ctrl+Return")
    add("run_all", "Run all statements of the file", presenter.runs.run_all, "play", "Ctrl+Shift+Return")
    add("cancel", "Cancel the running statement", presenter.runs.cancel, "square", "Ctrl+.")
    add("explain", "Explain the statement at the cursor", presenter.runs.explain, "git-branch", "Ctrl+E")
    add("format", "Format the SQL", presenter.format, "wand-2", "Ctrl+Shift+F")
    add("new", "New SQL file", editors.new_file, "plus", "Ctrl+T")
    add("close", "Close the SQL file", editors.close_current, "x", "Ctrl+W")
    add("reopen", "Open the closed SQL file again", presenter.drafts.reopen, "undo-2", "Ctrl+Shift+T")
    add("closed", "Closed SQL files", presenter.drafts.show_closed, "history")
    add("find", "Find and replace in the SQL", editors.open_find, "search", "Ctrl+H")
    add("filter", "Filter the rows", view.results.filter_button.toggle, "list-filter", "Ctrl+F")
    add("refresh", "Read the catalogue again", presenter.place.read_catalogue, "refresh-cw", "F5")
    add("history", "History of statements", lambda: presenter.show_history(), "history", "Ctrl+Shift+H")
    add("saved", "Saved queries", presenter.show_saved, "bookmark")
    add("pull", "Pull tables from MySQL", presenter.open_pull, "arrow-down-to-line")
    add("plans", "Plans of pulls", presenter.open_plans, "calendar-clock")
    add("extract", "Extract a table from text", presenter.open_extract, "file-code")
    add("running", "Running statements", presenter.show_running, "list")
    add("open", "Open a SQL file", editors.open_asked.emit, "folder-open", "Ctrl+O")
    add("save", "Save the SQL to a file", editors.save_asked.emit, "save", "Ctrl+S")
    add("save_as", "Save the SQL as another file", editors.save_as_asked.emit, "save", "Ctrl+Shift+S")
    add("next_file", "Next SQL file", partial(editors.choose_next, 1), "chevron-right", "Ctrl+PgDown")
    add("previous_file", "Previous SQL file", partial(editors.choose_next, -1), "chevron-left", "Ctrl+PgUp")
    add("next_result", "Next result", partial(results.choose_next, 1), "chevron-right", "Alt+PgDown")
    add("previous_result", "Previous result", partial(results.choose_next, -1), "chevron-left", "Alt+PgUp")
    for number, (side, words) in enumerate(SIDES, 1):
        add(f"side_{side}", f"Show: {words}", partial(results.go_to_side, side), "eye", f"Alt+{number}")
    add("export", "Export the result", results.export_button.click, "download", "Ctrl+Shift+E")
    add("row", "Show the whole row", results.open_row, "list", "Alt+Return")
    add("columns", "Columns of the result", results.columns_button.click, "columns-3", "Ctrl+Shift+C")
    add("pin", "Keep the result", results.pin_button.click, "pin", "Ctrl+Shift+K")
    for form, words in FORMS:
        add(f"copy_{form}", f"{words} (of the rows selected)", partial(results.table.copy_as, form), "copy")
    for command, button in (("run", view.run), ("cancel", view.cancel), ("explain", view.explain)):
        commands.button(f"warehouse.{command}", button)
    return view
