"""The trouble panel: an unexpected error is shown once, with what a report needs, and the window goes on."""

from __future__ import annotations

import logging
import traceback

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from core.base.journal import redact
from gui.parts.buttons import Button
from gui.parts.dialogs import Dialog
from gui.parts.words import Label


class TroublePanel(Dialog):
    """Collects what comes while it is open, instead of stacking dialogs."""

    def __init__(self, journal: str, parent: QWidget | None = None) -> None:
        super().__init__("Something unexpected happened", "Close", parent, width=680)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)  # what it has collected stays
        self.setModal(False)
        self.cancel_button.hide()
        self.asked.connect(self.accept)
        self.body.addWidget(
            Label(
                f"This is a fault of Opsdesk, not of yours. What you were doing may be incomplete. The journal keeps it: {journal}",
                wrap=True,
            )
        )
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setProperty("role", "mono")
        self.text.setMinimumHeight(220)
        self.text.setMaximumBlockCount(2000)
        self.text.setAccessibleName("Technical details")
        self.body.addWidget(self.text)
        self.copy = Button("Copy details")
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.text.toPlainText()))
        self.foot.insertWidget(0, self.copy)

    def show_error(self, error: BaseException) -> None:
        details = "".join(traceback.format_exception(error))
        logging.getLogger("opsdesk.trouble").error("%s", details)
        self.text.appendPlainText(redact(details))
        self.show()
        self.raise_()
