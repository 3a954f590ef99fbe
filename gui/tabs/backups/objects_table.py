"""The browser's table: buckets or one level of a bucket; objects are dragged out once they were fetched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QDrag
from PySide6.QtWidgets import QAbstractItemView, QWidget

from core.backups.objects.values import Bucket, Entry
from gui.parts.words import byte_size
from gui.tabs.backups import wording
from gui.tabs.backups.rows import Column, RowTable

_MOMENT = 3  # the column of the date
_OF_BUCKETS = (0, _MOMENT)
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Line:
    """A bucket, or an entry below ``prefix`` with what else is known of it. ``size``: of a folder, once counted."""

    bucket: Bucket | None = None
    entry: Entry | None = None
    prefix: str = ""
    proved: datetime | None = None
    backup: bool = False
    size: str = ""

    @property
    def name(self) -> str:
        if self.entry is not None:
            return self.entry.key[len(self.prefix) :]
        return self.bucket.name if self.bucket else ""

    @property
    def is_folder(self) -> bool:
        return self.bucket is not None or bool(self.entry and self.entry.folder)


def _icon(line: Line) -> tuple[str, str]:
    if line.bucket is not None:
        return "archive", "accent"
    if line.is_folder:
        return "folder", "accent"
    if line.entry and line.entry.delete_marker:
        return "trash-2", "text3"
    return ("shield-check", "success") if line.proved else ("file", "text3")


def _size(line: Line) -> str:
    if line.size:
        return line.size
    return "" if line.is_folder or line.entry is None or line.entry.delete_marker else byte_size(line.entry.size)


def _moment(line: Line) -> datetime | None:
    return line.bucket.created if line.bucket else line.entry.modified if line.entry else None


def _modified(line: Line) -> str:
    moment = _moment(line)
    return wording.stamp(moment) if moment else ""


def _proved(line: Line) -> str:
    if line.proved:
        return wording.clock(line.proved)
    return "not yet" if line.backup else ""


_CLASSES = {
    "STANDARD_IA": "Standard-IA",
    "ONEZONE_IA": "One Zone-IA",
    "INTELLIGENT_TIERING": "Intelligent",
    "GLACIER_IR": "Glacier IR",
    "DEEP_ARCHIVE": "Deep Archive",
}
"""As AWS writes them, as far as the column goes."""


def _storage_class(line: Line) -> str:
    kind = line.entry.storage_class if line.entry else ""
    return _CLASSES.get(kind) or kind.replace("_", " ").capitalize()


class ObjectsTable(RowTable):
    def __init__(self, parent: QWidget | None = None) -> None:
        self._buckets = False
        super().__init__(
            "Objects",
            (
                Column(
                    "Name",
                    lambda line: line.name,
                    icon=_icon,
                    tip=lambda line: line.entry.key if line.entry else line.name,
                    key=lambda line: line.name.casefold(),
                ),
                Column("Size", _size, 92, right=True, key=lambda line: line.entry.size if line.entry else 0),
                Column("Class", _storage_class, 96, spare=600, key=_storage_class),
                Column("Modified", _modified, 146, spare=420, key=lambda line: _moment(line) or _NEVER),
                Column(
                    "Proved",
                    _proved,
                    100,
                    spare=520,
                    tone=lambda line: "success" if line.proved else "text3",
                    key=lambda line: line.proved or _NEVER,
                ),
            ),
            parent,
            many=True,
        )
        self.fetch: Callable[[list[Entry]], list[Path]] | None = None
        """Brings objects into a folder of this computer and waits for it with the window alive; for dragging out."""
        self.row_model.first = lambda line: line.is_folder and line.bucket is None
        self.sortable()
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # names of backups differ at the end, too
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)

    def show_kind(self, *, buckets: bool) -> None:
        """Objects are modified, buckets are created; and a bucket's size, class and proofs are nobody's."""
        self._buckets = buckets
        columns = self.row_model.columns
        columns[_MOMENT] = replace(columns[_MOMENT], title="Created" if buckets else "Modified")
        self._fit_columns()

    def hides(self, number: int) -> bool:
        return (self._buckets and number not in _OF_BUCKETS) or super().hides(number)

    def startDrag(self, actions: Qt.DropAction) -> None:
        entries = [line.entry for line in self.chosen if line.entry is not None]
        if not entries or self.fetch is None:
            return
        drag = QDrag(self)
        drag.setMimeData(_Fetched(entries, self.fetch))
        drag.exec(Qt.DropAction.CopyAction)


class _Fetched(QMimeData):
    """Promises files; they are downloaded when the place where they were dropped asks for them."""

    def __init__(self, entries: list[Entry], fetch: Callable[[list[Entry]], list[Path]]) -> None:
        super().__init__()
        self._entries, self._fetch = entries, fetch
        self._urls: list[QUrl] | None = None

    def formats(self) -> list[str]:
        return ["text/uri-list"]

    def hasFormat(self, kind: str) -> bool:
        return kind == "text/uri-list"

    def retrieveData(self, kind: str, _wanted: object) -> object:
        if kind != "text/uri-list":
            return None
        if self._urls is None:
            self._urls = [QUrl.fromLocalFile(str(path)) for path in self._fetch(self._entries)]
        return self._urls
