"""The lifecycle editor: the rules in words, one at a time to edit, what would change, and what would be gone on a day."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from PySide6.QtCore import QDate, Qt, QTimer, Signal
from PySide6.QtWidgets import QCheckBox, QPlainTextEdit, QSpinBox, QWidget

from core.backups.objects.fate import Fate, end_of
from core.backups.objects.lifecycle import Lifecycle, Rule, check, difference, in_words, merged, rule
from core.base.errors import OpsError
from gui.parts.buttons import Button
from gui.parts.dialogs import Dialog
from gui.parts.form import DateEdit, Field, SpinBox, choice, line
from gui.parts.layout import column, row
from gui.parts.notices import Banner, Busy
from gui.parts.words import Label
from gui.style.theme import font
from gui.style.tokens import Space
from gui.tabs.backups.rows import Column, RowTable

_CLASSES = [("", "stay where they are"), *((name, f"move to {name}") for name in (
    "STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"))]  # fmt: skip


_LINES = 7  # of the difference that are seen at once: one rule that is added, but for its end
_AHEAD = 61  # days: what is made today and kept for 60 goes at the midnight after them


def _days(value: int, name: str) -> QSpinBox:
    box = SpinBox()
    box.setRange(0, 36_500)
    box.setSpecialValueText("never")
    box.setSuffix(" days")
    box.setValue(value)
    box.setAccessibleName(name)
    return box


class LifecycleDialog(Dialog):
    """Rules of other programs stay as they are unless they are edited here. Nothing is written before "Write N changes"."""

    try_asked = Signal(object, object)  # Lifecycle, datetime
    write_asked = Signal(object, object)  # new, expected

    def __init__(
        self, bucket: str, now: Lifecycle, prefix: str, parent: QWidget | None = None, *, may_write: bool
    ) -> None:
        super().__init__(f"Lifecycle of {bucket}", "Write the rules", parent, width=760)
        self.enter_asks = False  # rules delete: no stray key may write them
        self._before = self._after = now
        self._may_write = may_write
        self._prefix = prefix
        self.table = RowTable(
            "Lifecycle rules",
            (Column("Rule", lambda item: item.get("ID", "–"), 190), Column("What it does", in_words, tip=in_words)),
        )
        self.table.setFixedHeight(92)
        self.add = Button("Add a rule", "small", icon_name="plus")
        self.drop = Button("Remove", "small", icon_name="trash-2", token="danger")
        self.add.clicked.connect(self._add)
        self.drop.clicked.connect(self._drop)
        self.name, self.prefix = line("keep-60-days"), line("backups/", mono=True)
        self.enabled = QCheckBox("On")
        self.expire = _days(0, "Objects are deleted after")
        self.kind = choice(list(_CLASSES))
        self.move_days = _days(30, "They move after")
        self.noncurrent = _days(0, "Old versions are deleted after")
        self.abort = _days(0, "Unfinished uploads are aborted after")
        beside = row(Field("Name", self.name), Field("For objects under", self.prefix), self.enabled)
        beside.setAlignment(
            self.enabled, Qt.AlignmentFlag.AlignBottom
        )  # at the height of the lines, not of their labels
        self.enabled.setMinimumHeight(self.name.sizeHint().height())
        self.editor = QWidget()
        self.editor.setLayout(
            column(
                beside,
                row(
                    Field("Objects are deleted after", self.expire), Field("Old versions after", self.noncurrent),
                    Field("Unfinished uploads after", self.abort),
                ),
                row(Field("Before that, they", self.kind), Field("after", self.move_days)), gap=Space.S,
            )
        )  # fmt: skip
        self.editor.setMinimumHeight(self.editor.sizeHint().height())
        self.problem = Label(
            " ", "small", tone="danger", wrap=True
        )  # its line stays free: nothing may jump while a rule is edited
        self.changes = QPlainTextEdit()
        self.changes.setReadOnly(True)
        self.changes.setFont(font("mono"))
        self.changes.setFixedHeight(_LINES * self.changes.fontMetrics().lineSpacing() + 2 * Space.S)
        self.changes.setAccessibleName("What would change")
        self.day = DateEdit()
        self.day.setDate(QDate.currentDate().addDays(_AHEAD))
        self.day.setCalendarPopup(True)
        self.day.dateChanged.connect(lambda _: self._forget_fate())
        self.day.setAccessibleName("The day")
        self.try_out = Button("What will be gone by then?", "small", icon_name="calendar-clock")
        self.try_out.clicked.connect(self._try)
        self._tried: tuple[Lifecycle, datetime] | None = None
        self.day.setMinimumDate(QDate.currentDate())
        self.busy = Busy()
        self.busy.hide()
        self.fate = Label("", wrap=True)
        self.fate.setMinimumHeight(3 * self.fate.fontMetrics().lineSpacing())  # three lines of an answer have room, too
        self.fate.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.banner = Banner("danger")
        self.banner.hide()
        for part in (
            self.banner, self.table, row(self.add, self.drop, None), self.editor, self.problem,
            Label("What would change", "strong"), self.changes, row(self.day, self.try_out, self.busy, None), self.fate,
        ):  # fmt: skip
            if isinstance(part, QWidget):
                self.body.addWidget(part)
            else:
                self.body.addLayout(part)
        self.table.picked.connect(self._picked)
        for box in (self.expire, self.move_days, self.noncurrent, self.abort):
            box.valueChanged.connect(self._edited)
        for edit in (self.name, self.prefix):
            edit.textEdited.connect(self._edited)
        self.enabled.toggled.connect(self._edited)
        self.kind.currentIndexChanged.connect(self._edited)
        self.kind.currentIndexChanged.connect(lambda _: self.move_days.setEnabled(bool(self.kind.currentData())))
        self.move_days.setEnabled(False)
        self.asked.connect(lambda: self.write_asked.emit(self._after, self._before))
        self._filling = False
        self._number = -1
        self._show_rules(0)

    def add_abort_rule(self) -> None:
        """For the janitor: unfinished uploads go after a week."""
        self._append(rule("opsdesk-unfinished-uploads", "", abort_days=7))

    def show_fate(self, fate: Fate) -> None:
        if self._tried != (self._after, self._chosen_day()):
            return  # it was asked of other rules, or for another day
        self.busy.hide()
        text = fate.in_words
        self.fate.setText(f"{text} For example {fate.examples[0]}" if fate.examples else text)
        self.fate.set_tone(
            "danger" if fate.all_gone else "warning" if fate.gone or fate.old_gone or fate.unsure else "success"
        )
        QTimer.singleShot(0, self, self._go_to_fate)

    def _go_to_fate(self) -> None:
        if self._area is not None:  # in a small window the body scrolls, and the answer is its end
            self._area.ensureWidgetVisible(self.fate)

    def show_busy(self) -> None:
        self.busy.show_text("Looking through the bucket")

    def show_fault(self, fault: OpsError) -> None:
        self.busy.hide()
        self.accept_button.setEnabled(True)
        self.banner.show_fault(fault.title, fault.why, fault.remedy, details=fault.details)

    # -- inside -------------------------------------------------------------------------
    def _try(self) -> None:
        self._tried = (self._after, self._chosen_day())
        self.try_asked.emit(*self._tried)

    def _forget_fate(self) -> None:
        self.busy.hide()
        self.fate.setText("")

    def _chosen_day(self) -> datetime:
        day = self.day.date()
        return end_of(date(day.year(), day.month(), day.day()))

    def _show_rules(self, number_: int) -> None:
        self.table.show_rows(self._after.rules)
        self.table.choose(min(number_, len(self._after.rules) - 1))
        self._weigh()

    def _picked(self) -> None:
        chosen = self.table.selectionModel().selectedRows()
        self._number = chosen[0].row() if chosen else -1
        self.editor.setEnabled(self._number >= 0 and self._may_write)
        self.drop.setEnabled(self._number >= 0 and self._may_write)
        self.add.setEnabled(self._may_write)
        if self._number >= 0:
            self._fill(self._after.rules[self._number])

    def _fill(self, item: Rule) -> None:
        self._filling = True
        self.name.setText(item.get("ID", ""))
        self.prefix.setText(item.get("Filter", {}).get("Prefix", item.get("Prefix", "")) or "")
        plain = not (item.get("Filter", {}).get("And") or item.get("Filter", {}).get("Tag"))
        self.prefix.setEnabled(plain)
        self.prefix.setPlaceholderText("" if plain else "by tags or sizes: kept as it is")
        self.enabled.setChecked(item.get("Status") == "Enabled")
        self.expire.setValue(item.get("Expiration", {}).get("Days", 0))
        self.noncurrent.setValue(item.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays", 0))
        self.abort.setValue(item.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation", 0))
        first: dict[str, Any] = (item.get("Transitions") or [{}])[0]
        self.kind.setCurrentIndex(max(self.kind.findData(first.get("StorageClass", "")), 0))
        self.move_days.setValue(first.get("Days", 30))
        self._filling = False

    def _edited(self, *_: object) -> None:
        """The rule on show becomes what the fields say; all else that it holds stays."""
        if self._filling or self._number < 0:
            return
        item = dict(self._after.rules[self._number])
        item["ID"], item["Status"] = self.name.text().strip(), "Enabled" if self.enabled.isChecked() else "Disabled"
        if self.prefix.isEnabled():
            item.pop("Prefix", None)
            item["Filter"] = {"Prefix": self.prefix.text().strip()}
        _put(item, "Expiration", "Days", self.expire.value())
        _put(item, "NoncurrentVersionExpiration", "NoncurrentDays", self.noncurrent.value())
        _put(item, "AbortIncompleteMultipartUpload", "DaysAfterInitiation", self.abort.value())
        kind = self.kind.currentData()
        steps = list(item.get("Transitions", ()))[1:]
        item["Transitions"] = ([{"Days": self.move_days.value(), "StorageClass": kind}] if kind else []) + steps
        if not item["Transitions"]:
            del item["Transitions"]
        rules = list(self._after.rules)
        rules[self._number] = item
        self._after = Lifecycle(tuple(rules), self._after.small_objects)
        model = self.table.row_model
        model.rows[self._number] = item
        model.dataChanged.emit(model.index(self._number, 0), model.index(self._number, 1))
        self._weigh()

    def _add(self) -> None:
        names = {item.get("ID") for item in self._after.rules}
        name = next(name for name in (f"rule-{number_}" for number_ in range(1, 2000)) if name not in names)
        self._append(rule(name, self._prefix, expire_days=60, abort_days=7))

    def _append(self, item: Rule) -> None:
        self._after = merged(self._after, [item])
        self._show_rules(len(self._after.rules) - 1)

    def _drop(self) -> None:
        rules = [item for number_, item in enumerate(self._after.rules) if number_ != self._number]
        self._after = Lifecycle(tuple(rules), self._after.small_objects)
        self._show_rules(self._number)

    def _weigh(self) -> None:
        problems, changes = check(self._after.rules), difference(self._before, self._after)
        self.problem.setText(problems[0] if problems else " ")
        self.changes.setPlainText("\n".join(changes) or "Nothing")
        self.accept_button.setEnabled(bool(changes) and not problems and self._may_write)
        self._forget_fate()


def _put(item: Rule, action: str, unit: str, days: int) -> None:
    """0 days: never. Other facts of the action (a date, how many versions stay) are kept."""
    inside = {name: value for name, value in item.get(action, {}).items() if name != unit}
    if days:
        if action == "Expiration":
            inside = {}  # S3 allows one way to expire a rule
        inside[unit] = days
    elif action == "NoncurrentVersionExpiration":
        inside = {}
    if inside:
        item[action] = inside
    else:
        item.pop(action, None)
