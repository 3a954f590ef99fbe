"""SQL files on disk and saved queries: open, save, keep; reading and writing on a worker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QFileDialog

from core.base.errors import OpsError
from core.warehouse.service import WarehouseService
from core.warehouse.sqlfile import OnDisk, read_sql, write_sql
from gui.bridge.job_bridge import JobBridge
from gui.parts.dialogs import ConfirmDialog, LineDialog
from gui.tabs.warehouse.view import WarehouseView


class Files(QObject):
    def __init__(self, view: WarehouseView, jobs: JobBridge, praise: Callable[[str], None]) -> None:
        super().__init__(view)
        self._view, self._jobs, self._praise = view, jobs, praise
        self.on_disk: dict[int, OnDisk] = {}
        """By the key of an open file, how it stood on disk when it was last read or written."""
        view.editors.open_asked.connect(self.open)
        view.editors.save_asked.connect(self.save)
        view.editors.save_as_asked.connect(self.save_as)

    def open(self) -> None:
        """Choose a file and open it in a tab of its own."""
        dialog = QFileDialog(self._view, "Open a SQL file", str(Path.home()), "SQL (*.sql *.txt);;All files (*)")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
        dialog.fileSelected.connect(lambda name: self.read(Path(name)))
        dialog.open()

    def read(self, path: Path) -> None:
        def show(found: tuple[str, OnDisk]) -> None:
            text, disk = found
            self.on_disk[self._view.editors.add_file(text, path.name, str(path))] = disk

        self._jobs.start(
            self, "Open a file", lambda _job: read_sql(path), quiet=True, on_success=show, on_failure=self._failed
        )

    def save(self) -> None:
        """Write the file in front to disk; the first time it asks where."""
        key = self._view.editors.current_key
        if path := self._view.editors.path_of(key):
            self.write(key, Path(path))
        else:
            self.save_as()

    def save_as(self) -> None:
        key = self._view.editors.current_key
        before, title = self._view.editors.path_of(key), self._view.editors.title_of(key)
        dialog = QFileDialog(self._view, "Save SQL", before or str(Path.home() / title), "SQL (*.sql)")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("sql")
        dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
        dialog.selectFile(Path(before).name if before else title)
        dialog.fileSelected.connect(lambda name: self.write(key, Path(name), chosen=True))
        dialog.open()

    def write(self, key: int, path: Path, *, chosen: bool = False) -> None:
        """``chosen``: the file dialog asked already whether to write over what is there."""
        editor = self._view.editors.editor_of(key)
        if editor is None:
            return
        same = str(path) == self._view.editors.path_of(key)
        text, before = editor.text, self.on_disk.get(key)

        def done(disk: OnDisk) -> None:
            self.on_disk[key] = disk
            self._view.editors.name_file(key, path.name, str(path))
            told = " (lines end as on Windows, CRLF)" if disk.newline == "\r\n" else ""
            if before is not None and before.mixed:
                told = f": its lines ended in several ways, and all end with {'CRLF' if told else 'LF'} now"
            self._praise(f"{path.name} saved{told}")

        def fail(fault: OpsError) -> None:
            if fault.code != "changed":
                self._failed(fault)
                return
            dialog = ConfirmDialog(
                f"Write over {path.name}?",
                "It has changed on disk since it was opened or saved here.",
                "Write over it",
                self._view,
                hint="What the other program wrote is lost then. Cancel, and open it in another tab to compare.",
            )
            dialog.confirmed.connect(lambda: self.write(key, path, chosen=True))
            dialog.open()

        self._jobs.start(
            self, f"Save {path.name}", lambda _job: write_sql(path, text, before, over=chosen or not same), quiet=True,
            write=True, on_success=done, on_failure=fail,
        )  # fmt: skip

    def _failed(self, fault: OpsError) -> None:
        self._view.results.banner.show_fault(fault.title, fault.why, fault.remedy)


def keep_query(
    owner: QObject, jobs: JobBridge, view: WarehouseView, service: WarehouseService, praise: Callable[[str], None]
) -> None:
    """Keep the text in front under a name, for this profile."""
    key, text = view.editors.current_key, view.editors.editor.text
    suggested = view.editors.title_of(key).removesuffix(".sql")
    dialog = LineDialog("Keep as a saved query", "Name", "Keep", suggested, parent=view)

    def keep(name: str) -> None:
        jobs.start(
            owner, "Keep a query", lambda _job: service.history.save(name, text), quiet=True,
            on_success=lambda _nothing: praise(f"{name} is kept"),
            on_failure=lambda fault: view.results.banner.show_fault(fault.title, fault.why, fault.remedy),
        )  # fmt: skip

    dialog.ordered.connect(keep)
    dialog.open()
