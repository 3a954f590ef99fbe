"""What stands in place of content, or above it: empty states, faults next to their cause, banners, busy signs."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from gui.parts.buttons import Button
from gui.parts.layout import column, row
from gui.parts.words import Label, breakable, restyle
from gui.style.icons import pixmap
from gui.style.theme import theme
from gui.style.tokens import Space


class Picture(QWidget):
    """An icon as a picture that follows the theme; drawn when it is first seen."""

    def __init__(self, name: str, token: str = "text2", size: int = 16, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name, self._token = name, token
        self.setFixedSize(size, size)
        theme().changed.connect(self.update)

    def show_icon(self, name: str, token: str) -> None:
        self._name, self._token = name, token
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).drawPixmap(0, 0, pixmap(self._name, self._token, self.width()))


class EmptyState(QWidget):
    """One sentence and one first action, where there is nothing yet."""

    action_asked = Signal()

    def __init__(
        self, icon_name: str, sentence: str, action: str = "", *, hint: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.sentence = Label(sentence, "h2", wrap=True)
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.hint = Label(hint, "small", wrap=True)
        self.hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.hint.setVisible(bool(hint))
        self.button = Button(action or " ", "primary")
        self.button.setVisible(bool(action))
        self.button.clicked.connect(self.action_asked)
        self._picture = Picture(icon_name, "text3", 40)
        policy = self._picture.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # or the room that is asked for shrinks, and it never comes back
        self._picture.setSizePolicy(policy)
        layout = QVBoxLayout(self)
        layout.setSpacing(Space.M)
        layout.addStretch(1)
        layout.addWidget(self._picture, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addWidget(self.sentence)
        layout.addWidget(self.hint)
        layout.addWidget(self.button, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where there is no room for the picture the words go without: Qt would lay one over the other."""
        super().resizeEvent(event)
        layout = self.layout()
        assert layout is not None
        self._picture.setVisible(layout.heightForWidth(self.width()) <= self.height())


class Banner(QFrame):
    """A line across the page: what is the matter, why, and the next step as a link. ``tone``: warning, danger, info, success."""

    action_asked = Signal()
    dismissed = Signal()

    _ICONS = {"warning": "triangle-alert", "danger": "circle-alert", "info": "info", "success": "circle-check"}

    def __init__(self, tone: str = "warning", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tone = tone
        self.setProperty("kind", "notice")
        self.setProperty("tone", tone)
        self._picture = Picture(self._ICONS[tone], tone)
        self.title = Label("", "strong", wrap=True)
        self.why = Label("", "body", wrap=True)
        self.action = Button("", "link")
        self.copy = Button("Copy details", "link")
        self.dismiss = Button("Dismiss", "link")
        self._details = ""
        self.action.clicked.connect(self.action_asked)
        self.copy.clicked.connect(self._copy)
        self.dismiss.clicked.connect(self.hide)
        self.dismiss.clicked.connect(self.dismissed)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(Space.M, Space.S, Space.M, Space.S)
        layout.setSpacing(Space.M)
        layout.addWidget(self._picture, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(column(self.title, self.why, gap=2), 1)
        for button in (self.action, self.copy, self.dismiss):
            layout.addWidget(button, 0, Qt.AlignmentFlag.AlignVCenter)
        self.setAccessibleName("Notice")
        self.hide()

    def show_text(
        self,
        title: str,
        why: str = "",
        action: str = "",
        *,
        tone: str = "",
        details: str = "",
        dismissable: bool = True,
    ) -> None:
        """``title`` in bold, ``why`` below it; ``details`` go to the clipboard with "Copy details"."""
        if tone and tone != self._tone:
            self._tone = tone
            self.setProperty("tone", tone)
            self._picture.show_icon(self._ICONS[tone], tone)
            restyle(self)
        self.title.setText(breakable(title))
        self.why.setText(breakable(why))
        self.why.setVisible(bool(why))
        self.action.setText(action)
        self.action.setAccessibleName(action)
        self.action.setVisible(bool(action))
        self._details = details
        self.copy.setVisible(bool(details))
        self.dismiss.setVisible(dismissable)
        self.setAccessibleDescription(f"{title}. {why}")
        self.show()

    def show_fault(
        self, title: str, why: str, remedy: str, *, action: str = "", details: dict[str, str] | None = None
    ) -> None:
        """An expected trouble (the fields of OpsError), next to its cause."""
        text = " ".join(f"{part.rstrip('.')}." for part in (why, remedy) if part)
        lines = [title, text, *(f"{key}: {value}" for key, value in (details or {}).items())]
        self.show_text(title, text, action, tone="danger", details="\n".join(lines))

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._details)
        self.copy.setText("Copied")
        QTimer.singleShot(1500, self.copy, lambda: self.copy.setText("Copy details"))


class Spinner(QWidget):
    """A turning arc while something is on its way; still under reduced motion, and costing nothing while hidden."""

    def __init__(self, size: int = 16, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedSize(size, size)
        self._angle = 0
        self._timer = QTimer(self, interval=60)
        self._timer.timeout.connect(self._turn)
        self.setAccessibleName("Busy")

    def showEvent(self, event: object) -> None:
        if not theme().reduced_motion:
            self._timer.start()

    def hideEvent(self, event: object) -> None:
        self._timer.stop()

    def sizeHint(self) -> QSize:
        return self.size()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(2, 2, -2, -2)
        painter.setPen(QPen(theme().color("border"), 2))
        painter.drawEllipse(box)
        painter.setPen(QPen(theme().color("accent"), 2, c=Qt.PenCapStyle.RoundCap))
        painter.drawArc(box, -self._angle * 16, 100 * 16)

    def _turn(self) -> None:
        self._angle = (self._angle + 20) % 360
        self.update()


class Busy(QWidget):
    """Spinner and words: "Reading the list of streams"."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.label = Label(text, "small")
        layout = row(None, Spinner(), self.label, None)
        self.setLayout(layout)

    def show_text(self, text: str) -> None:
        self.label.setText(text)
        self.show()
