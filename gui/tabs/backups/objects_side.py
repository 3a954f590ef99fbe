"""The panel beside the browser: what is known of the chosen object, bucket or selection."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.backups.objects.values import Archive, BucketFacts, Entry, Link, ObjectFacts
from gui.parts.buttons import Button
from gui.parts.form import DropDown
from gui.parts.layout import Card, column, row, scrolled
from gui.parts.words import Chip, Label, breakable, byte_size, number
from gui.style.tokens import Space
from gui.tabs.backups import wording

_LIVES = (("900", "15 minutes"), ("3600", "1 hour"), ("86400", "1 day"), ("604800", "7 days"))
_VERSIONS = 200  # of one object that are shown

_TIERS = (
    ("Standard", "within hours"), ("Bulk", "within two days, cheapest"), ("Expedited", "within minutes, dear"),
)  # fmt: skip


def _until(restore: str) -> str:
    """Of S3's header ``ongoing-request="false", expiry-date="Fri, 21 Dec 2012 00:00:00 GMT"``."""
    _, found, rest = restore.partition('expiry-date="')
    return f"a copy is here until {rest.partition(chr(34))[0]}" if found else Archive.HERE.value


class ObjectsSide(Card):
    link_asked = Signal(int)  # seconds
    edit_asked = Signal()
    versions_asked = Signal()
    restore_asked = Signal(object)  # Entry
    undelete_asked = Signal(str)
    lifecycle_asked = Signal()
    uploads_asked = Signal()
    versioning_asked = Signal(bool)
    size_asked = Signal()
    keys_left = Signal()  # what had the keys is about to go; unheard, they leave the page
    bring_back_asked = Signal(str)  # how soon: a tier

    def __init__(self) -> None:
        super().__init__("Nothing chosen")
        self.title.setWordWrap(True)
        holder = QWidget()
        self._lines = column(gap=Space.XS)
        whole = QVBoxLayout(holder)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addLayout(self._lines)
        whole.addStretch(1)  # not by alignment: a layout that is aligned is never higher than its lines unwrapped
        self.area = scrolled(holder, surface=True, gutter=Space.M)  # its words wrap at one width, bar or none
        self.area.setAccessibleName("Details of what is chosen")
        self.body.addWidget(self.area)
        self.lives = DropDown()
        self.link: Label | None = None
        self._versions: Button | None = None

    # -- what may be shown --------------------------------------------------------------
    def show_nothing(self, sentence: str) -> None:
        self._begin("Details")
        self._lines.addWidget(Label(sentence, "small", wrap=True))

    def show_waiting(self, name: str) -> None:
        self._begin(name)
        self._lines.addWidget(Label("Reading…", "small"))

    def show_trouble(self, name: str, sentence: str) -> None:
        self._begin(name)
        self._lines.addWidget(Label(sentence, "small", tone="danger", wrap=True))

    def show_many(self, entries: Sequence[Entry], counted: str = "") -> None:
        folders = any(entry.folder for entry in entries)
        self._begin(wording.contents(entries))
        listed = byte_size(sum(entry.size for entry in entries)) + (" and the folders" if folders else "")
        self._pair("Size", counted or listed)
        if folders:
            self._button("Count what is in the folders", "gauge", self.size_asked)

    def show_folder(self, entry: Entry, size: str) -> None:
        self._begin(entry.name)
        self._pair("Prefix", entry.key, mono=True)
        self._pair("Size", size or "not counted")
        self._button("Count what is in it", "gauge", self.size_asked)

    def show_deleted(self, entry: Entry, *, may_write: bool) -> None:
        """What lies below a delete marker can come back."""
        self._begin(entry.name)
        self._pair("Key", entry.key, mono=True)
        self._pair("Deleted", wording.stamp(entry.modified))
        self._lines.addWidget(Label("Its versions are still there.", "small", wrap=True))
        button = self._button("Undelete", "rotate-ccw", None)
        button.clicked.connect(lambda: self.undelete_asked.emit(entry.key))
        button.setEnabled(may_write)

    def show_bucket(self, facts: BucketFacts, *, may_write: bool) -> None:
        self._begin(facts.name)
        self._pair("Region", facts.region or "not known")
        words = {"Enabled": "on: a delete can be undone", "Suspended": "suspended", "Off": "off: a delete is final"}
        self._pair("Versioning", words.get(facts.versioning, "not known"))
        self._pair("Encryption", "not known" if facts.encryption is None else facts.encryption or "as the store does")
        self._pair("Object lock", "not known" if facts.object_lock is None else facts.object_lock or "off")
        rules = facts.lifecycle_rules
        self._pair("Lifecycle", "not known" if rules is None else wording.count_of(rules, "rule"))
        self._lacking(facts.lacking)
        self._button("Lifecycle rules…", "calendar-clock", self.lifecycle_asked)
        self._button("Unfinished uploads…", "loader", self.uploads_asked)
        on = facts.versioning != "Enabled"
        button = self._button("Enable versioning" if on else "Suspend versioning", "history", None)
        button.clicked.connect(lambda: self.versioning_asked.emit(on))
        button.setEnabled(may_write and bool(facts.versioning))

    def show_object(self, facts: ObjectFacts, *, may_write: bool) -> None:
        self._begin(facts.key.rsplit("/", 1)[-1])
        self._pair("Key", facts.key, mono=True)
        self._pair("Size", f"{byte_size(facts.size)} ({number(facts.size)} bytes)")
        self._pair("Modified", wording.stamp(facts.modified))
        self._pair("Class", facts.storage_class)
        self._archive(facts, may_write=may_write)
        self._pair("Type", facts.content_type)
        if facts.encryption:
            self._pair("Encrypted", facts.encryption)
        if facts.expires:
            self._pair("Expires", facts.expires)
        if facts.locked_until:
            self._pair("Locked until", wording.stamp(facts.locked_until))
        for kind, value in facts.checksums.items():
            by_parts = " by parts" if "-" in value else ""
            self._pair(f"{kind}{by_parts}", value, mono=True)
        self._pair("ETag", facts.etag + (" (no checksum)" if "-" in facts.etag else ""), mono=True)
        self._table("Metadata", facts.metadata)
        self._table("Tags", facts.tags)
        self._lacking(facts.lacking)
        edit = self._button("Class, metadata, tags…", "pencil", self.edit_asked)
        edit.setEnabled(may_write)
        self._heading("Presigned link, for anybody")
        self.lives = DropDown()
        for seconds, words in _LIVES:
            self.lives.addItem(words, int(seconds))
        self.lives.setCurrentIndex(1)
        self.lives.setAccessibleName("How long the link works")
        make = Button("Copy a link", "small", icon_name="link")
        make.clicked.connect(lambda: self.link_asked.emit(self.lives.currentData()))
        self._lines.addLayout(row(self.lives, None))
        self._lines.addLayout(row(make, None))
        self.link = Label("", "small", wrap=True)
        self._lines.addWidget(self.link)
        self._heading("Versions")
        self._versions = self._button("Show the versions", "history", self.versions_asked)

    def _archive(self, facts: ObjectFacts, *, may_write: bool) -> None:
        """Where an archived object is now, and how it comes back."""
        state = facts.archive
        if state is Archive.NONE:
            return
        self._pair("Archive", _until(facts.restore) if state is Archive.HERE else state.value)
        if state is Archive.COMING:
            return
        tiers = DropDown()
        for tier, words in _TIERS:
            if tier != "Expedited" or facts.storage_class == "GLACIER" or facts.archive_tier == "ARCHIVE_ACCESS":
                tiers.addItem(words, tier)
        tiers.setAccessibleName("How soon it comes back")
        what = "Bring back" if facts.archive_tier else "Bring back for 7 days"
        button = Button(what, "small", icon_name="rotate-ccw")
        button.clicked.connect(lambda: self.bring_back_asked.emit(tiers.currentData()))
        button.setEnabled(may_write)
        self._lines.addLayout(row(tiers, None))
        self._lines.addLayout(row(button, None))

    def show_versions(self, versions: Sequence[Entry], *, may_write: bool) -> None:
        """Newest first; a delete marker on top can be taken away."""
        if self._versions is not None:
            self._versions.hide()  # once is enough
        if len(versions) <= 1 and not any(item.version != "null" for item in versions):
            self._lines.addWidget(Label("There is only this one: the bucket keeps no versions.", "small", wrap=True))
            return
        for item in versions[:_VERSIONS]:
            kind = Chip(
                "DELETED" if item.delete_marker else "CURRENT" if item.latest else "OLD",
                "accent" if item.latest else "",
            )
            size = "" if item.delete_marker else f" · {byte_size(item.size)}".replace(" ", "\u00a0")
            told = Label(f"{wording.stamp(item.modified)}{size}", "small", wrap=True)
            told.setToolTip(f"{item.modified or ''}\n{item.version}".strip())
            line = row(kind, told)
            line.setStretch(1, 1)  # what does not fit beside it goes below: the panel never widens
            self._lines.addLayout(line)
            if item.delete_marker and item.latest:
                button = Button("Undelete", "link")
                button.clicked.connect(lambda _checked=False, item=item: self.undelete_asked.emit(item.key))
            elif not item.latest and not item.delete_marker:
                button = Button("Make it the current one", "link")
                button.clicked.connect(lambda _checked=False, item=item: self.restore_asked.emit(item))
            else:
                continue
            button.setEnabled(may_write)
            self._lines.addLayout(row(Space.M, button, None))
        if len(versions) > _VERSIONS:
            more = wording.count_of(len(versions) - _VERSIONS, "older version")
            self._lines.addWidget(Label(f"{more} not shown here.", "small", wrap=True))

    def show_link(self, link: Link) -> None:
        QGuiApplication.clipboard().setText(link.url)
        if self.link is not None:
            self.link.setText(f"Copied. It works until {wording.stamp(link.expires)}. {link.note}".strip())
            self.link.set_tone("warning" if link.note else "success")

    # -- inside -------------------------------------------------------------------------
    def _begin(self, title: str) -> None:
        self.link = self._versions = None
        self.title.setText(breakable(title, 14))
        self.title.setVisible(True)
        if self.isVisible() and self.area.isAncestorOf(self.window().focusWidget() or self):
            self.keys_left.emit()
        _clear(self._lines)

    def _heading(self, text: str) -> None:
        self._lines.addSpacing(Space.S)
        self._lines.addWidget(Label(text, "strong"))

    def _pair(self, name: str, value: str, *, mono: bool = False) -> None:
        shown = Label(breakable(value or "–", 14), "mono" if mono else "body", wrap=True)
        copy = QAction("Copy", shown)  # not by selecting: that would copy the breaks
        copy.triggered.connect(lambda *_: QGuiApplication.clipboard().setText(value))
        shown.addAction(copy)
        shown.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        shown.setAccessibleName(f"{name}: {value}")
        self._lines.addLayout(column(Label(name, "caption"), shown, gap=0))

    def _table(self, name: str, values: dict[str, str]) -> None:
        if values:
            self._pair(name, "\n".join(f"{key} = {value}" for key, value in values.items()), mono=True)

    def _lacking(self, sentences: Sequence[str]) -> None:
        for sentence in sentences:
            self._lines.addWidget(Label(f"{sentence}.", "small", tone="warning", wrap=True))

    def _button(self, words: str, icon: str, signal: object) -> Button:
        button = Button(words, "small", icon_name=icon)
        if signal is not None:
            button.clicked.connect(lambda: signal.emit())  # type: ignore[attr-defined]
        self._lines.addLayout(row(button, None))
        return button


def _clear(layout: QVBoxLayout) -> None:
    while item := layout.takeAt(0):
        inner = item.layout()
        if inner is not None:
            _clear(inner)  # type: ignore[arg-type]
        widget = item.widget()
        if widget is not None:
            widget.hide()
            widget.deleteLater()
