"""Open, closed and saved SQL: nothing that was typed is lost."""

from __future__ import annotations

import threading

from PySide6.QtWidgets import QApplication

from core.warehouse.drafts import Drafts
from gui.parts.dialogs import ConfirmDialog
from gui.tabs.warehouse import drafts
from gui.tabs.warehouse.lists import ClosedDialog
from tests.gui.warehouse.seen import dialog, shown


def test_open_sql_comes_back_with_the_page(make_page, qtbot) -> None:
    first = make_page()
    first.write("SELECT 'kept'")
    first.view.editors.add_file("SELECT 'two'", "two.sql")
    first.view.editors.add_file("SELECT 'three'", "three.sql")
    for text in ("SELECT 'gone'", "SELECT 'too'"):
        first.view.editors.add_file(text)
        first.command("close")
    first.view.editors.show_file(1)
    first.window.hide()  # closing keeps what was typed a moment ago
    second = make_page()
    kept = [("query 1.sql", "SELECT 'kept'"), ("two.sql", "SELECT 'two'"), ("three.sql", "SELECT 'three'")]
    qtbot.waitUntil(lambda: [(file.title, file.text) for file in second.view.editors.files()] == kept)
    assert second.view.editors.tabs.currentIndex() == 1
    second.command("closed")
    qtbot.waitUntil(lambda: any(isinstance(w, ClosedDialog) and w.isVisible() for w in QApplication.topLevelWidgets()))
    listed = dialog(ClosedDialog)
    assert [listed.list.topLevelItem(row).text(2) for row in range(2)] == ["SELECT 'too'", "SELECT 'gone'"]
    assert str(second.context.desk.warehouse.drafts.path) in listed.place.text()
    listed.list.setCurrentItem(listed.list.topLevelItem(1))
    listed.list.itemActivated.emit(listed.list.topLevelItem(1), 0)
    qtbot.waitUntil(lambda: second.view.editors.editor.text == "SELECT 'gone'")


def test_what_ran_before_the_files_came_back_stays_in_front_with_its_result(make_page, qtbot, monkeypatch) -> None:
    first = make_page()
    first.write("SELECT 'kept'")
    first.window.hide()
    come, begin = threading.Event(), Drafts.begin
    monkeypatch.setattr(Drafts, "begin", lambda drafts: come.wait(10) and begin(drafts))
    second = make_page()
    qtbot.waitUntil(lambda: second.view.run.isEnabled())
    second.view.editors.editor.go_to(60, 60)  # behind the page's own first words
    second.command("run")
    qtbot.waitUntil(lambda: shown(second) == [["1"]])
    come.set()
    qtbot.waitUntil(lambda: len(second.view.editors.files()) == 2)
    assert second.view.editors.editor.text.endswith("SELECT 1 AS one;\n") and shown(second) == [["1"]]
    assert [file.title for file in second.view.editors.files()] == ["query 1.sql", "query 2.sql"]


def test_the_first_files_of_two_windows_come_back_under_two_names(make_page, qtbot) -> None:
    both = [make_page(), make_page()]
    for number, page in enumerate(both):
        qtbot.waitUntil(lambda page=page: not page.context.jobs.running())
        page.write(f"SELECT {number}")
    for page in both:
        page.window.hide()
    third = make_page()
    names = [("query 1.sql", "SELECT 0"), ("query 2.sql", "SELECT 1")]
    qtbot.waitUntil(lambda: sorted((file.title, file.text) for file in third.view.editors.files()) == names)


def test_what_is_typed_is_kept_while_the_window_lives_and_shown_by_no_other(page, qtbot) -> None:
    page.write("SELECT 'first'")
    other = Drafts(page.context.desk.places.state, "test")
    qtbot.waitUntil(lambda: [draft.text for draft in other._found("1")] == ["SELECT 'first'"])
    assert other.begin() == []
    other.close()


def test_a_file_that_cannot_be_kept_is_told_and_tried_again(make_page, qtbot, monkeypatch) -> None:
    monkeypatch.setattr(drafts, "_AGAIN", 20)
    page = make_page()
    qtbot.waitUntil(lambda: not page.context.jobs.running())
    path = page.context.desk.warehouse.drafts.path
    page.context.desk.warehouse.drafts._database.close()
    aside = path.rename(path.with_suffix(".aside"))
    path.mkdir()
    page.write("SELECT 'kept'")
    qtbot.waitUntil(lambda: page.view.banner.isVisible())
    assert "cannot be kept" in page.view.banner.title.text()
    path.rmdir()
    aside.rename(path)
    qtbot.waitUntil(lambda: not page.view.banner.isVisible())
    assert [draft.text for draft in page.context.desk.warehouse.drafts.begin()] == ["SELECT 'kept'"]


def files_of(page):
    return next(child for child in page.view.children() if type(child).__name__ == "Files")


def test_saving_keeps_windows_line_ends_and_asks_before_it_writes_over_a_change(make_page, qtbot, tmp_path) -> None:
    path = tmp_path / "report.sql"
    path.write_bytes(b"\xef\xbb\xbfSELECT 1;\r\nSELECT '2\xc2\xa0'\r\n")
    path.chmod(0o640)
    page = make_page()
    files_of(page).read(path)
    qtbot.waitUntil(lambda: page.view.editors.path_of(page.view.editors.current_key) == str(path))
    page.view.editors.editor.insert("-- mine\n")
    page.command("save")
    qtbot.waitUntil(lambda: len(page.praised) == 1)
    assert path.read_bytes() == b"\xef\xbb\xbf-- mine\r\nSELECT 1;\r\nSELECT '2\xc2\xa0'\r\n"
    assert path.stat().st_mode & 0o777 == 0o640

    page.window.hide()  # and it is known again after the window was closed
    again = make_page()
    qtbot.waitUntil(lambda: again.view.editors.path_of(again.view.editors.current_key) == str(path))
    again.view.editors.editor.insert("-- again\n")
    path.write_bytes(b"theirs")
    again.command("save")
    qtbot.waitUntil(lambda: any(isinstance(w, ConfirmDialog) and w.isVisible() for w in QApplication.topLevelWidgets()))
    dialog(ConfirmDialog).reject()
    assert path.read_bytes() == b"theirs" and again.praised == []
    again.command("save")
    qtbot.waitUntil(lambda: any(isinstance(w, ConfirmDialog) and w.isVisible() for w in QApplication.topLevelWidgets()))
    dialog(ConfirmDialog).accept_button.click()
    qtbot.waitUntil(lambda: again.praised == ["report.sql saved (lines end as on Windows, CRLF)"])
    assert path.read_bytes().startswith(b"\xef\xbb\xbf-- again\r\n-- mine\r\n")
    again.command("save")  # what is there now is ours
    qtbot.waitUntil(lambda: len(again.praised) == 2)


def test_saving_a_file_of_several_line_ends_says_what_became_of_them(page, qtbot, tmp_path) -> None:
    path = tmp_path / "report.sql"
    path.write_bytes(b"SELECT 1;\nSELECT 2;\r\nSELECT 3;\n")
    files_of(page).read(path)
    qtbot.waitUntil(lambda: page.view.editors.path_of(page.view.editors.current_key) == str(path))
    for told in ("report.sql saved: its lines ended in several ways, and all end with LF now", "report.sql saved"):
        page.command("save")
        qtbot.waitUntil(lambda told=told: page.praised[-1:] == [told])
    assert path.read_bytes() == b"SELECT 1;\nSELECT 2;\nSELECT 3;\n"


def test_a_closed_file_comes_back_with_its_text_and_its_place_on_disk(page, qtbot, tmp_path) -> None:
    path = tmp_path / "report.sql"
    path.write_text("SELECT 1\n")
    files_of(page).read(path)
    qtbot.waitUntil(lambda: page.view.editors.path_of(page.view.editors.current_key) == str(path))
    page.view.editors.editor.insert("-- not saved\n")
    page.command("close")
    assert "not saved" not in page.view.editors.editor.text
    page.view.results.table.setFocus()
    page.command("new")
    assert QApplication.focusWidget() is page.view.editors.editor, "a new file is for typing into"
    page.command("close")
    page.command("reopen")
    qtbot.waitUntil(lambda: page.view.editors.editor.text == "-- not saved\nSELECT 1\n")
    path.write_text("theirs")
    page.command("save")
    qtbot.waitUntil(lambda: any(isinstance(w, ConfirmDialog) and w.isVisible() for w in QApplication.topLevelWidgets()))
    dialog(ConfirmDialog).reject()
    page.command("reopen")  # no more of them
    qtbot.waitUntil(lambda: page.praised == ["No closed file is left"])
    assert [file.title for file in page.view.editors.files()] == ["query 1.sql", "report.sql"]
