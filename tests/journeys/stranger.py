"""A window of another program: files can be dragged from it, or dropped onto it. ``python -m tests.journeys.stranger PATH...``

Says ``ready X Y`` (its middle on the screen) once it stands, and ``got PATH SHA256`` for each file that was dropped on it; it ends
with its standard input.
"""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from pathlib import Path

from PySide6.QtCore import QMimeData, Qt, QTimer, QUrl
from PySide6.QtGui import QDrag, QDragEnterEvent, QDropEvent, QMouseEvent
from PySide6.QtWidgets import QApplication, QLabel


class Files(QLabel):
    def __init__(self, paths: list[Path]) -> None:
        super().__init__("files")
        self.paths = paths
        self.setAcceptDrops(True)
        self.setWindowFlag(Qt.WindowType.WindowStaysOnTopHint)
        self.setGeometry(40, 60, 120, 80)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        drag = QDrag(self)
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path)) for path in self.paths])
        drag.setMimeData(data)
        drag.exec(Qt.DropAction.CopyAction)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasFormat("text/uri-list"):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        for url in event.mimeData().urls():
            path = Path(url.toLocalFile())
            print("got", path, hashlib.sha256(path.read_bytes()).hexdigest(), flush=True)
        event.acceptProposedAction()


def main() -> None:
    application = QApplication(sys.argv[:1])
    files = Files([Path(name) for name in sys.argv[1:]])
    files.show()

    def ready() -> None:
        middle = files.mapToGlobal(files.rect().center())
        print("ready", middle.x(), middle.y(), flush=True)

    QTimer.singleShot(600, ready)  # until the window manager has put it in its place
    # At once: a drag that nobody took would still be waiting for its end.
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    application.exec()


if __name__ == "__main__":
    main()
