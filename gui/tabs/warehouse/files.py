"""SQL files on disk and saved queries: open, save, keep; reading and writing on a worker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from core.base.errors import OpsError
from core.base.files import write_atomic
from core.warehouse.service import WarehouseService
from gui.bridge.job_bridge import JobBridge
from gui.parts.dialogs import LineDialog
from gui.tabs.warehouse.view import WarehouseView

_LARGEST = 5_000_000  # bytes of SQL an editor can be asked to hold


def open_sql(owner: QObject, jobs: JobBridge, view: WarehouseView) -> None:
    """Choose a file and open it in a tab of its own."""
    dialog = QFileDialog(view, "Open a SQL file", str(Path.home()), "SQL (*.sql *.txt);;All files (*)")
    dialog.setOption(QFileDialog.Option.DontUseNativeDialog)

    def read(path: Path) -> str:
        try:
            if path.stat().st_size > _LARGEST:
                raise OpsError(
                    f"{path.name} is too large",
                    "An editor holds 5 MB",
                    "Use `warehouse query --file`",
                    code="too-large",
                )
            return path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise OpsError(f"{path.name} cannot be read", str(error), "Choose another file", code="disk") from error

    def chosen(name: str) -> None:
        path = Path(name)

        def show(text: str) -> None:
            view.editors.add_file(text, path.name, str(path))

        jobs.start(
            owner, "Open a file", lambda _job: read(path), quiet=True,
            on_success=show,
            on_failure=lambda fault: view.results.banner.show_fault(fault.title, fault.why, fault.remedy),
        )  # fmt: skip

    dialog.fileSelected.connect(chosen)
    dialog.open()


def save_sql(owner: QObject, jobs: JobBridge, view: WarehouseView, praise: Callable[[str], None]) -> None:
    """Write the file in front to disk; the first time it asks where."""
    key, text = view.editors.current_key, view.editors.editor.toPlainText()
    title = view.editors.title_of(key)
    before = view.editors.path_of(key)

    def write(name: str) -> None:
        path = Path(name)

        def done(_nothing: object) -> None:
            view.editors.name_file(key, path.name, str(path))
            praise(f"{path.name} saved")

        jobs.start(
            owner, f"Save {path.name}", lambda _job: write_atomic(path, text, mode=0o644), quiet=True, on_success=done,
            on_failure=lambda fault: view.results.banner.show_fault(fault.title, fault.why, fault.remedy),
        )  # fmt: skip

    dialog = QFileDialog(view, "Save SQL", before or str(Path.home() / title), "SQL (*.sql)")
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix("sql")
    dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
    dialog.selectFile(Path(before).name if before else title)
    dialog.fileSelected.connect(write)
    dialog.open()


def keep_query(
    owner: QObject, jobs: JobBridge, view: WarehouseView, service: WarehouseService, praise: Callable[[str], None]
) -> None:
    """Keep the text in front under a name, for this profile."""
    key, text = view.editors.current_key, view.editors.editor.toPlainText()
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
