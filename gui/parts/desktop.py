"""Files and folders, shown by the desktop's own programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication


def show_file(path: Path, praise: Callable[[str], None]) -> None:
    """Open a file or folder; where the desktop has no program for it, its path is on the clipboard and ``praise`` says so."""
    if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(path))):
        QGuiApplication.clipboard().setText(str(path))
        praise(f"No program here shows {path.name}: its path is on the clipboard")
