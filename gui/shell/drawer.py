"""The activity drawer: what runs, how far it is, how it ended, and what to do next."""

from __future__ import annotations

import time

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from core.jobs.job import JobState
from gui.bridge.job_bridge import Activity, JobBridge
from gui.parts.buttons import Button, Segments
from gui.parts.layout import column, row, scrolled
from gui.parts.notices import Picture, Spinner
from gui.parts.words import Label, duration, estimate
from gui.style.tokens import Size, Space


class JobCard(QFrame):
    """One job; ``refresh`` reads it again."""

    def __init__(self, activity: Activity, jobs: JobBridge) -> None:
        super().__init__()
        self.activity, self._jobs = activity, jobs
        self.setProperty("kind", "row")
        self._spinner = Spinner(14)
        self._picture = Picture("history", "text2", 14)
        self.title = Label(activity.job.title, "strong", wrap=True)
        self.stop = Button("Cancel", "icon", icon_name="x")
        self.stop.clicked.connect(self._close)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(f"Progress of {activity.job.title}")
        self.note = Label("", "small", wrap=True)
        self.next = Button("", "link")
        self.next.clicked.connect(self._step)
        self.retry = Button("Retry", "link")
        self.retry.clicked.connect(self._retry)
        self.copy = Button("Copy details", "link")
        self.copy.clicked.connect(self._copy)
        head = row(self._spinner, self._picture, self.title, self.stop)
        head.setStretch(2, 1)
        self.setLayout(
            column(head, self.bar, self.note, row(self.next, self.retry, self.copy, None, gap=Space.L), gap=Space.XS,
                   margins=(Space.M, Space.XS, Space.S, Space.S))
        )  # fmt: skip
        self.refresh()

    def refresh(self) -> None:
        job = self.activity.job
        state, progress = job.state, job.progress
        running = state is JobState.RUNNING
        self._spinner.setVisible(running)
        self._picture.setVisible(not running)
        self.bar.setVisible(running)
        self.stop.setAccessibleName(
            f"Cancel {job.title}" if not state.is_final else f"Remove {job.title} from the list"
        )
        self.stop.setToolTip("Cancel" if not state.is_final else "Remove from the list")
        self.next.setVisible(False)
        self.retry.setVisible(False)
        self.copy.setVisible(False)
        if state is JobState.QUEUED:
            self.note.setText("Waiting: one at a time")
        elif running:
            share = progress.share if progress else None
            self.bar.setRange(0, 0 if share is None else 1000)
            self.bar.setValue(round((share or 0) * 1000))
            words = [progress.note] if progress and progress.note else []
            if job.stopping:
                words = ["Stopping"]
            elif share and job.started is not None and time.monotonic() - job.started > 3:
                left = (time.monotonic() - job.started) * (1 - share) / share
                words.append(f"about {estimate(left)} left")
            self.note.setText(" · ".join(words) or "Running")
        else:
            self._show_end()

    def _show_end(self) -> None:
        job, fault = self.activity.job, self.activity.fault
        took = duration(job.seconds or 0).replace(" ", "\u00a0")  # a number and its unit stay on one line
        if job.state is JobState.SUCCEEDED:
            self._picture.show_icon(*(("circle-alert", "danger") if job.bad_news else ("circle-check", "success")))
            note = job.progress.note if job.progress and job.progress.note else "Done"
            self.note.setText(f"{note} · {took}")
            if self.activity.next_step:
                self.next.setText(self.activity.next_step[0])
                self.next.setVisible(True)
        elif job.state is JobState.CANCELLED:
            self._picture.show_icon("ban", "text2")
            stopped = f"Stopped after {took}: {job.progress.note}" if job.progress and job.concluded else ""
            self.note.setText(stopped or f"Cancelled after {took}")
            self.retry.setVisible(self.activity.retry is not None)
        else:
            self._picture.show_icon("circle-alert", "danger")
            self.note.setText(str(fault) if fault else str(job.error))
            self.retry.setVisible(self.activity.retry is not None)
            self.copy.setVisible(True)

    def _close(self) -> None:
        if self.activity.job.state.is_final:
            self._jobs.dismiss(self.activity)
        elif self.activity.job.cancel():
            self.refresh()
        else:
            self.note.setText("Too late to cancel: it is being finished")

    def _step(self) -> None:
        if self.activity.next_step:
            self.activity.next_step[1]()

    def _retry(self) -> None:
        self._jobs.dismiss(self.activity)
        if self.activity.retry:
            self.activity.retry()

    def _copy(self) -> None:
        fault = self.activity.fault
        lines = [self.activity.job.title, str(fault or self.activity.job.error)]
        lines += [f"{key}: {value}" for key, value in (fault.details if fault else {}).items()]
        QGuiApplication.clipboard().setText("\n".join(lines))


_PAGE = 816  # pixels that every page can do with: the width it has in a window of 1024


class Drawer(QFrame):
    """Stands in ``beside`` (a row of ``window``) as a column of its own; where that would leave the page too little it
    lies over the page's right edge instead, until the page is clicked."""

    close_asked = Signal()

    def __init__(self, jobs: JobBridge, beside: QHBoxLayout, window: QWidget) -> None:
        super().__init__(beside.parentWidget())
        self._beside, self._window = beside, window
        window.installEventFilter(self)
        self.setObjectName("drawer")
        self.setFixedWidth(Size.DRAWER)
        self.setAccessibleName("Activity")
        self._jobs = jobs
        self._cards: dict[int, JobCard] = {}
        self.filter = Segments([("all", "All"), ("running", "Running"), ("failed", "Failed")], "Show")
        self.filter.chosen.connect(lambda _value: self.refresh())
        close = Button("Close the activity drawer", "icon", icon_name="x")
        close.clicked.connect(self.close_asked)
        self.empty = Label(
            "Nothing has run yet. Work that takes longer than a second shows up here.", "small", wrap=True
        )
        self.clear = Button("Clear finished", "ghost")
        self.clear.clicked.connect(jobs.clear_finished)
        content = QWidget()
        self._list = QVBoxLayout(content)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.setSpacing(Space.S)
        self._list.addWidget(self.empty)
        self._list.addStretch(1)
        area = scrolled(content)
        content.setObjectName("drawerList")
        filters = row(self.filter, None)
        self.setLayout(
            column(row(Label("Activity", "h2"), None, close), filters, area, row(self.clear, None), gap=Space.M,
                   margins=(Space.L, Space.M, Space.M, Space.M))
        )  # fmt: skip
        self.layout().setStretch(2, 1)  # type: ignore[union-attr]
        jobs.activity_changed.connect(self.refresh)

    def showEvent(self, event: object) -> None:
        self._place()
        self.refresh()
        self._window.windowHandle().installEventFilter(self)  # a click on any part of the page comes by here

    def hideEvent(self, event: object) -> None:
        if self._window.windowHandle() is not None:
            self._window.windowHandle().removeEventFilter(self)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close_asked.emit()
        else:
            super().keyPressEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if not self.isVisible():
            return False
        if event.type() == QEvent.Type.Resize and watched is self._window:
            self._place()
        elif event.type() == QEvent.Type.MouseButtonPress and isinstance(event, QMouseEvent) and self._lies_over:
            page, at = self._beside.geometry().adjusted(Size.RAIL, Size.HEADER, 0, 0), event.position().toPoint()
            if page.contains(at) and not self.geometry().contains(at):
                self.close_asked.emit()
        return False

    @property
    def _lies_over(self) -> bool:
        return self._beside.indexOf(self) < 0

    def _place(self) -> None:
        width, height = self._window.width(), self._window.height()
        if width - Size.RAIL - self.width() >= _PAGE:
            if self._lies_over:
                self._beside.addWidget(self)
            return
        self._beside.removeWidget(self)
        top = self._beside.geometry().top() + Size.HEADER  # what opens and closes it stays in reach
        self.setGeometry(width - self.width(), top, self.width(), height - top - Size.STATUS)
        self.raise_()

    def refresh(self) -> None:
        if not self.isVisible():
            return
        wanted = [activity for activity in self._jobs.activities if self._fits(activity)]
        numbers = {activity.job.number for activity in wanted}
        for gone in [number for number in self._cards if number not in numbers]:
            card = self._cards.pop(gone)
            self._list.removeWidget(card)
            card.deleteLater()
        for position, activity in enumerate(wanted):
            if activity.job.number not in self._cards:
                self._cards[activity.job.number] = JobCard(activity, self._jobs)
            card = self._cards[activity.job.number]
            if self._list.indexOf(card) != position + 1:
                self._list.insertWidget(position + 1, card)
            card.refresh()
        self.empty.setVisible(not wanted)
        states = [activity.job.state for activity in self._jobs.activities]
        running, failed = states.count(JobState.RUNNING) + states.count(JobState.QUEUED), states.count(JobState.FAILED)
        self.filter.relabel("running", f"Running {running}" if running else "Running")
        self.filter.relabel("failed", f"Failed {failed}" if failed else "Failed")

    def _fits(self, activity: Activity) -> bool:
        state = activity.job.state
        return {"all": True, "running": not state.is_final, "failed": state is JobState.FAILED}[self.filter.value]
