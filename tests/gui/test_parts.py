"""Dialogs and notices behave: Enter never deletes, the typed name must match, faults say all three things."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QFont, QGuiApplication, QTextLayout, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QVBoxLayout, QWidget

from gui.parts.buttons import Button
from gui.parts.desktop import show_file
from gui.parts.dialogs import ConfirmDialog, Dialog
from gui.parts.form import SpinBox, choice
from gui.parts.layout import column
from gui.parts.notices import Banner, EmptyState
from gui.parts.small_chart import Axis, Curve, SmallChart
from gui.parts.words import Label, byte_size, duration, percent, short_count, show_times_in_utc, zoned
from gui.shell.toast import Toast
from gui.style.theme import theme
from gui.style.tokens import load


def test_enter_never_fires_and_the_name_must_match(qtbot) -> None:
    dialog = ConfirmDialog(
        "Delete?", "8,400 objects are removed", "Delete 8,400 objects", environment="production", type_this="acme/x"
    )
    qtbot.addWidget(dialog)
    fired = []
    dialog.confirmed.connect(lambda: fired.append(1))
    dialog.show()
    assert not dialog.accept_button.isEnabled()
    QTest.keyClicks(dialog.field, "acme/")
    assert dialog.left.text() == "1 more character to match"
    QTest.keyClicks(dialog.field, "x")
    assert dialog.accept_button.isEnabled()
    QTest.keyClick(dialog.field, Qt.Key.Key_Return)
    QTest.keyClick(dialog, Qt.Key.Key_Enter)
    assert fired == []
    QTest.mouseClick(dialog.accept_button, Qt.MouseButton.LeftButton)
    assert fired == [1]
    assert not dialog.isVisible()


def test_a_banner_shows_a_fault_and_copies_its_details(qtbot) -> None:
    banner = Banner()
    qtbot.addWidget(banner)
    banner.show_fault("Could not list", "No permission", "Ask for it", details={"request id": "r-1"})
    assert banner.isVisible()
    assert banner.why.text() == "No permission. Ask for it."
    QTest.mouseClick(banner.copy, Qt.MouseButton.LeftButton)
    assert "request id: r-1" in QGuiApplication.clipboard().text()


def test_figures_read_well() -> None:
    assert [percent(n) for n in (0, 0.0004, 0.0123, 0.9994, 0.99996, 1)] == [
        "< 0.1",
        "< 0.1",
        "1.2",
        "99.9",
        "> 99.9",
        "> 99.9",
    ]
    assert [byte_size(n) for n in (0, 999, 1000, 1_234_567, 4.1e10)] == ["0 B", "999 B", "1.0 kB", "1.2 MB", "41.0 GB"]
    assert [duration(s) for s in (0.004, 2.14, 200, 7500, 273_600)] == [
        "4 ms",
        "2.1 s",
        "3 min 20 s",
        "2 h 5 min",
        "3 d 4 h",
    ]
    assert [short_count(n) for n in (9_999, 20_000, 1_200_000)] == ["9,999", "20.0 k", "1.2 M"]


def test_a_dialog_begins_at_its_first_field_and_enter_in_it_is_its_main_button(qtbot) -> None:
    dialog, asked = Dialog("New plan", "Save"), []
    qtbot.addWidget(dialog)
    dialog.asked.connect(lambda: asked.append(1))
    second, first = QLineEdit(), QLineEdit()  # built in another order than read
    for edit in (first, second):
        dialog.body.addWidget(edit)
    dialog.show()
    visited = []
    for _ in range(4):
        visited.append(dialog.focusWidget())
        QTest.keyClick(dialog.focusWidget(), Qt.Key.Key_Tab)
    assert visited == [first, second, dialog.cancel_button, dialog.accept_button]
    QTest.keyClick(first, Qt.Key.Key_Return)
    assert asked == [1]
    QTest.keyClick(dialog.cancel_button, Qt.Key.Key_Return)  # Enter presses the button that has the keys
    assert asked == [1]
    assert not dialog.isVisible()


def _contrast(one: str, other: str) -> float:
    def light(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


def test_text_has_aa_contrast_in_both_themes() -> None:
    for name in ("light", "dark"):
        tokens = load(name)
        for ground in (tokens.bg, tokens.surface, tokens.sunken):
            for text in (
                tokens.text,
                tokens.text2,
                tokens.text3,
                tokens.accent,
                tokens.danger,
                tokens.warning,
                tokens.success,
            ):
                assert _contrast(text, ground) >= 4.5, (name, text, ground)
        for tone in ("success", "warning", "danger", "info"):
            assert _contrast(getattr(tokens, tone), getattr(tokens, f"{tone}_soft")) >= 4.5, (name, tone)


def test_the_theme_switches_everything(qtbot) -> None:
    changes = []
    theme().changed.connect(lambda: changes.append(theme().tokens.name))
    theme().choose("dark")
    theme().choose("light")
    assert changes == ["dark", "light"]


def test_a_widget_is_styled_a_few_times_however_deep_it_stands(qtbot) -> None:
    styled = []

    class Deepest(QWidget):
        def changeEvent(self, event: QEvent) -> None:
            if event.type() == QEvent.Type.StyleChange:
                styled.append(1)

    top = nest = QWidget()
    for _ in range(12):
        nest = QWidget(nest)
    Deepest(nest)
    qtbot.addWidget(top)
    top.show()
    styled.clear()
    theme().choose("dark")
    theme().choose("light")
    assert 2 <= len(styled) <= 6


def test_times_follow_the_zone_that_was_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    from gui.tabs.backups.wording import stamp

    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    try:
        assert f"{zoned(noon):%H:%M}" == "21:00"
        show_times_in_utc(True)
        assert f"{zoned(noon):%H:%M}" == "12:00"
        assert "12:00" in stamp(noon)
    finally:
        show_times_in_utc(False)
        monkeypatch.undo()
        time.tzset()


def test_a_file_that_no_program_shows_is_on_the_clipboard(qtbot, tmp_path: Path, monkeypatch) -> None:
    told: list[str] = []
    asked: list[str] = []

    def opened(url: QUrl) -> bool:  # what the desktop does is not ours to test, and must not happen in a test
        asked.append(url.toLocalFile())
        return len(asked) == 1

    monkeypatch.setattr("gui.parts.desktop.QDesktopServices.openUrl", opened)
    QGuiApplication.clipboard().clear()
    show_file(tmp_path / "a b.csv", told.append)
    assert asked == [str(tmp_path / "a b.csv")] and not told and not QGuiApplication.clipboard().text()
    show_file(tmp_path / "a b.csv", told.append)
    assert told == ["No program here shows a b.csv: its path is on the clipboard"]
    assert QGuiApplication.clipboard().text() == str(tmp_path / "a b.csv")


def test_the_words_below_a_chart_keep_clear_of_its_scale_and_its_edge(qtbot) -> None:
    chart = SmallChart("Accuracy")
    qtbot.addWidget(chart)
    chart.resize(260, 130)
    across = Axis(0, 2, ticks=[(0, "4,000 rows"), (2, "with virtual copies")])
    chart.show_curves([Curve("m", [(0, 1), (2, 2)])], across, Axis(0, 2, ticks=[(0, "97.0 %")]))
    (first, _), (last, _) = chart._labels_below(chart._plot())
    assert first.left() > 42 and last.right() <= chart.width() and first.right() < last.left()


def test_an_empty_states_picture_comes_back_with_the_room(qtbot) -> None:
    page = QWidget()
    qtbot.addWidget(page)
    empty = EmptyState("table", "Nothing yet", hint="Run a statement that returns rows")
    layout = QVBoxLayout(page)
    layout.addWidget(empty)
    layout.addStretch(1)
    page.resize(400, 400)
    page.show()
    empty.resize(empty.width(), 20)  # as in passing, while a change of the theme styles one part after the other
    layout.invalidate()
    qtbot.waitUntil(empty._picture.isVisible)


def test_an_empty_state_without_room_leaves_its_picture_out(qtbot) -> None:
    page = QWidget()
    qtbot.addWidget(page)
    empty = EmptyState("table", "Nothing yet", hint="Run a statement that returns rows", parent=page)
    page.show()
    for height, seen in ((300, True), (70, False), (300, True)):
        empty.resize(400, height)
        assert empty._picture.isVisible() is seen


def test_two_signs_are_shown_as_two(qtbot) -> None:
    """A font for code draws ``==`` and ``->`` as one sign each; a checksum or a key that ends so must be read exactly."""

    def glyphs(font: QFont, text: str) -> list[int]:
        layout = QTextLayout(text, font)
        layout.beginLayout()
        layout.createLine()
        layout.endLayout()
        return [glyph for run in layout.glyphRuns() for glyph in run.glyphIndexes()]

    theme().load_rest()
    code, words = Label("", "mono"), Label("", "body")
    for label in (code, words):
        qtbot.addWidget(label)
        label.ensurePolished()
        for signs in ("==", "->", "!="):
            assert glyphs(label.font(), signs) == [glyphs(label.font(), sign)[0] for sign in signs]


def test_the_wheel_over_a_field_scrolls_past_it(qtbot) -> None:
    """A number of days must not change because a form was scrolled; a field that has the keys may be turned."""
    form = QWidget()
    days, kind, other = SpinBox(form), choice([("a", "A"), ("b", "B"), ("c", "C")], "b"), QLineEdit(form)
    kind.setParent(form)
    days.setValue(50)
    qtbot.addWidget(form)
    form.show()
    other.setFocus()
    qtbot.waitUntil(other.hasFocus)

    def turned(field: QWidget) -> bool:
        middle = QPointF(field.rect().center())
        event = QWheelEvent(
            middle, field.mapToGlobal(middle), QPoint(), QPoint(0, -120), Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        before = (days.value(), kind.currentData())
        QApplication.sendEvent(field, event)
        return (days.value(), kind.currentData()) != before

    assert not turned(days) and not turned(kind) and other.hasFocus()
    days.setFocus()
    qtbot.waitUntil(days.hasFocus)
    assert turned(days)
    kind.setFocus()
    qtbot.waitUntil(kind.hasFocus)
    assert turned(kind)


@pytest.mark.parametrize(
    "kind", ["plain", "primary", "danger", "destructive", "ghost", "small", "icon", "nav", "segment"]
)
def test_every_button_shows_that_it_has_the_keys(qtbot, kind: str) -> None:
    form = QWidget()
    button, other = Button("Delete 8 versions", kind, icon_name="x"), QLineEdit()
    form.setLayout(column(button, other))
    qtbot.addWidget(form)
    form.show()

    def edge(focused: QWidget) -> str:
        focused.setFocus()
        qtbot.waitUntil(focused.hasFocus)
        return button.grab().toImage().pixelColor(1, button.height() // 2).name()

    assert edge(button) != edge(other)


@pytest.mark.parametrize("text", ["Copied", "Exported to /" + "a-long-folder/" * 40 + "model.onnx"])
def test_a_toast_stays_inside_its_window(qtbot, text: str) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(1024, 700)
    window.show()
    toast = Toast(window)
    for words in (text, "Copied", text):
        toast.praise(words)
    assert window.rect().contains(toast.geometry())
    assert toast.label.height() >= toast.label.heightForWidth(toast.label.width())
    assert (toast.label.height() > 30) == (len(text) > 100)
