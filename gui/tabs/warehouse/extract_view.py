"""The extract wizard: input, pattern with a live preview, columns and types, and where the table goes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QColor, QFocusEvent, QTextCursor, QTextFormat
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHeaderView,
    QMenu,
    QPlainTextEdit,
    QSplitter,
    QTableWidget,
    QTableWidgetItem,
    QTextEdit,
    QWidget,
)

from core.warehouse.extract.definition import DOCUMENT, TYPES, XML, Definition
from core.warehouse.extract.presets import PRESETS
from core.warehouse.extract.preview import Preview
from gui.parts.buttons import Button
from gui.parts.dialogs import Dialog
from gui.parts.form import Field, line
from gui.parts.layout import column, row
from gui.parts.notices import Banner, Spinner
from gui.parts.words import Label, shortened
from gui.style.theme import font, theme
from gui.style.tokens import Space

_SHOWN = 200
_RECORD = "item: @sku, price, maker/name"
_WHOLE_LINE = r"(?P<client>\S+) (?P<status>\d+) ..."
_ANYWHERE = r'<item sku="(?P<sku>[^"]*)">.*?<price>(?P<price>[^<]*)'
_FAINT = 52  # alpha of a group's ground: the text stays readable on it in both themes


class _TypeBox(QComboBox):
    """Comes into sight when the keys come to it."""

    def __init__(self, reveal: Callable[[], None]) -> None:
        super().__init__()
        self._reveal = reveal

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._reveal()


class ExtractDialog(Dialog):
    input_changed = Signal(str)
    pattern_changed = Signal()
    extract_asked = Signal()
    ddl_asked = Signal(str)  # hive | athena
    command_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Extract a table from text", "Extract", parent, width=940)
        self.banner = Banner("danger")
        self.input = line("/var/log/nginx/access.log, a folder, or s3://bucket/prefix", mono=True)
        self.choose_file, self.choose_folder = Button("File…"), Button("Folder…")
        self.how = QComboBox()
        self.how.addItem("A pattern for each whole line", "")
        self.how.addItem("A pattern over whole documents (XML)", DOCUMENT)
        for name, definition in PRESETS.items():
            self.how.addItem(definition.title, name)
        self.how.setCurrentIndex(self.how.findData("nginx"))
        self.pattern = line(_WHOLE_LINE, mono=True)
        self.skip = line(r"none, or like ^#", mono=True)
        self.input_field = Field("Read from", self.input, "Plain, gzip or zstd; a folder is read with all it holds")
        self.pattern_field = Field("Pattern", self.pattern, "Every group ( ) is a column")
        how_field, skip_field = Field("As", self.how), Field("Skip lines that match", self.skip)
        self.spinner = Spinner(14)
        self.spinner.hide()
        self.count = Label("", "small")
        self.count.setAccessibleName("Result of the preview")
        self.lines = QPlainTextEdit()
        self.lines.setReadOnly(True)
        self.lines.setProperty("role", "mono")
        self.lines.setFont(font("mono"))
        self.lines.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.lines.setAccessibleName("Sample lines, groups coloured")
        self.lines.setPlaceholderText("A sample of the lines appears here")
        self.columns = QTableWidget(0, 3)
        self.columns.setHorizontalHeaderLabels(["Column", "Type", "First values"])
        self.columns.verticalHeader().hide()
        self.columns.setAccessibleName("Columns and their types")
        self.columns.setColumnWidth(0, 130)
        self.columns.setColumnWidth(1, 124)
        self.columns.horizontalHeader().setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        self.columns.setSelectionMode(QTableWidget.SelectionMode.NoSelection)
        self.columns.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # Tab goes to the types in it, and on
        self.columns.setTabKeyNavigation(False)
        self.columns.setShowGrid(False)
        self.advice = Label("", "small", wrap=True)
        self.often = QCheckBox("It will be queried often")
        self.often.setToolTip("How often the data are asked decides, with their size, which tool fits")
        self.to_table, self.to_file = QCheckBox("Make a table in the warehouse"), QCheckBox("Write a Parquet file")
        self.to_table.setChecked(True)
        self.table = line("public.access_log", mono=True)
        self.table.setAccessibleName("Name of the table")
        self.file = line("access_log.parquet", mono=True)
        self.file.setAccessibleName("Name of the file")
        self.rejects = QCheckBox("Keep rejected lines in a file beside it")
        self.rejects.setChecked(True)
        self.more = Button("Copy as…", icon_name="copy")
        middle = QSplitter(Qt.Orientation.Horizontal)
        middle.addWidget(self.lines)
        middle.addWidget(self.columns)
        middle.setSizes([520, 400])
        middle.setHandleWidth(Space.M)
        middle.setMinimumHeight(220)
        ends = row(self.choose_file, self.choose_folder)
        first = row(self.input_field, ends)
        first.setStretch(0, 1)
        first.setAlignment(ends, Qt.AlignmentFlag.AlignVCenter)
        second = row(how_field, self.pattern_field, skip_field, gap=Space.M)
        second.setStretch(1, 1)
        for field in (how_field, skip_field):
            second.setAlignment(field, Qt.AlignmentFlag.AlignTop)
        self.body.setSpacing(Space.S)
        self.body.addWidget(self.banner)
        for part in (first, second, row(self.spinner, self.count, None)):
            self.body.addLayout(part)
        self.body.addWidget(middle, 1)
        told = row(self.advice, self.often, gap=Space.M)
        told.setStretch(0, 1)
        self.body.addLayout(told)
        self.body.addLayout(
            column(row(self.to_table, self.table), row(self.to_file, self.file), self.rejects, gap=Space.XS)
        )
        for edit in (self.table, self.file):
            edit.setMinimumWidth(200)
        self.foot.insertWidget(0, self.more)
        self._pause = QTimer(self, singleShot=True, interval=350)
        self._pause.timeout.connect(self.pattern_changed)
        self._input_pause = QTimer(self, singleShot=True, interval=500)
        self._input_pause.timeout.connect(lambda: self.input_changed.emit(self.input.text().strip()))
        self.input.textChanged.connect(lambda *_: self._input_pause.start())
        self.pattern.textEdited.connect(self._own_pattern)
        self.skip.textEdited.connect(lambda *_: self._pause.start())
        self.how.activated.connect(self._preset_chosen)
        self.choose_file.clicked.connect(lambda: self._choose(QFileDialog.FileMode.ExistingFile))
        self.choose_folder.clicked.connect(lambda: self._choose(QFileDialog.FileMode.Directory))
        self.to_table.toggled.connect(self.table.setEnabled)
        self.to_file.toggled.connect(self.file.setEnabled)
        self.file.setEnabled(False)
        self.more.clicked.connect(self._more)
        self.asked.connect(self.extract_asked)
        self.show_preset()
        self.input.setFocus()
        self.resize(980, 640)

    # -- what the hand did ------------------------------------------------------------------
    @property
    def preset(self) -> str:
        """Name of the preset; "" for a pattern of one's own."""
        return str(self.how.currentData() or "")

    def kinds(self) -> dict[str, str]:
        """Types as chosen in the list of columns."""
        chosen = {}
        for number in range(self.columns.rowCount()):
            box = self.columns.cellWidget(number, 1)
            if isinstance(box, QComboBox):
                chosen[self.columns.item(number, 0).text()] = str(box.currentData())  # type: ignore[union-attr]
        return chosen

    def _own_pattern(self, _text: str) -> None:
        if self.preset not in (DOCUMENT, XML):
            self.how.setCurrentIndex(0)
        self._pause.start()

    def _preset_chosen(self, _index: int) -> None:
        self.show_preset()
        self.pattern_changed.emit()

    def show_preset(self) -> None:
        definition = PRESETS.get(self.preset)
        if definition is not None:
            self.pattern.setText(definition.pattern)
            self.pattern.setCursorPosition(0)
        whole = self.preset == DOCUMENT
        if whole and self.pattern.text() in [one.pattern for one in PRESETS.values()]:
            self.pattern.clear()
        by_path = self.preset == XML
        word, hint, example = (
            ("Record", "The element that is a row; after a colon the paths of its columns. Empty: guessed", _RECORD)
            if by_path
            else ("Pattern", "Every group ( ) is a column; a document of up to 64 MB is held in memory", _ANYWHERE)
            if whole
            else ("Pattern", "Every group ( ) is a column, named by (?P<name> )", _WHOLE_LINE)
        )
        self.pattern_field.show_words(word, hint)
        self.pattern.setPlaceholderText(example)
        lines = definition is None or bool(definition.pattern)
        self.pattern_field.setEnabled(lines or by_path)
        self.skip.setEnabled(lines and not whole)

    def _choose(self, mode: QFileDialog.FileMode) -> None:
        dialog = QFileDialog(self, "Read from")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(mode)
        dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
        dialog.fileSelected.connect(self.input.setText)
        dialog.open()

    def _more(self) -> None:
        menu = QMenu(self)
        menu.addAction("Hive DDL", lambda: self.ddl_asked.emit("hive"))
        menu.addAction("Athena DDL", lambda: self.ddl_asked.emit("athena"))
        menu.addAction("Command line", self.command_asked.emit)
        menu.popup(self.more.mapToGlobal(self.more.rect().bottomLeft()))

    # -- what is shown ------------------------------------------------------------------------
    def show_warehouse(self, name: str) -> None:
        """The warehouse a table would be made in; "" while there is none."""
        was = self.to_table.isEnabled()
        self.to_table.setEnabled(bool(name))
        self.to_table.setToolTip(name)
        self.to_table.setText(
            f"Make a table in {shortened(name)}" if name else "Make a table (no warehouse is connected yet)"
        )
        if not name:
            self.to_table.setChecked(False)
            self.to_file.setChecked(True)
        elif not was:
            self.to_table.setChecked(True)
            self.to_file.setChecked(bool(self.file.text()))

    def show_busy(self, words: str) -> None:
        self.spinner.show()
        self.count.setText(words)
        self.count.set_tone("")

    def show_idle(self, words: str, tone: str = "") -> None:
        self.spinner.hide()
        self.count.setText(words)
        self.count.set_tone(tone)

    def show_ready(self, ready: bool) -> None:
        self.accept_button.setEnabled(ready)
        self.more.setEnabled(ready)

    def show_preview(self, found: Preview) -> None:
        """Sample lines with their groups coloured, rejected lines in red, the columns with their guessed types."""
        self.banner.hide()
        self.pattern_field.show_fault("")
        self._show_lines(found)
        self._show_columns(found.definition, found)

    def _show_lines(self, found: Preview) -> None:
        if not found.lines:
            self.lines.setPlainText("\n".join("  ".join(value or "NULL" for value in values) for values in found.rows))
            self.lines.setExtraSelections([])
            return
        shown = found.lines[:_SHOWN]
        self.lines.setPlainText("\n".join(line.text for line in shown))
        selections = []
        block = self.lines.document().begin()
        for entry in shown:
            start = block.position()
            if not entry.matched:
                mark = QTextEdit.ExtraSelection()
                mark.cursor = QTextCursor(block)
                mark.format.setBackground(theme().color("danger_soft"))
                mark.format.setForeground(theme().color("danger"))
                mark.format.setProperty(QTextFormat.Property.FullWidthSelection, True)
                selections.append(mark)
            for begin, end, group in entry.spans:
                mark = QTextEdit.ExtraSelection()
                mark.cursor = QTextCursor(self.lines.document())
                mark.cursor.setPosition(start + min(begin, len(entry.text)))
                mark.cursor.setPosition(start + min(end, len(entry.text)), QTextCursor.MoveMode.KeepAnchor)
                ground = QColor(theme().chart_color(group))
                ground.setAlpha(_FAINT)
                mark.format.setBackground(ground)
                selections.append(mark)
            block = block.next()
        self.lines.setExtraSelections(selections)

    def _show_columns(self, definition: Definition, found: Preview) -> None:
        self.columns.setRowCount(len(definition.columns))
        for number, part in enumerate(definition.columns):
            name = QTableWidgetItem(part.name)
            name.setFlags(Qt.ItemFlag.ItemIsEnabled)
            ground = QColor(theme().chart_color(number))
            ground.setAlpha(_FAINT)
            if found.lines and definition.pattern:
                name.setBackground(ground)
            box = _TypeBox(partial(self.columns.scrollToItem, name))
            for kind in TYPES:
                box.addItem(kind, kind)
            box.setCurrentIndex(box.findData(part.kind))
            box.setAccessibleName(f"Type of {part.name}")
            first = [str(values[number]) for values in found.rows[:6] if values[number] is not None]
            values = QTableWidgetItem(", ".join(dict.fromkeys(first)))
            values.setFlags(Qt.ItemFlag.ItemIsEnabled)
            self.columns.setItem(number, 0, name)
            self.columns.setCellWidget(number, 1, box)
            self.columns.setItem(number, 2, values)
            self.columns.setRowHeight(number, 36)

    def show_pattern_fault(self, why: str) -> None:
        self.pattern_field.show_fault(why)
        self.show_idle("The pattern cannot be used", "danger")
