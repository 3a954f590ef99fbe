"""The cards of what runs beside the tap: a collector that fills the stream, a pipeline that empties it into a table."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QBoxLayout, QGridLayout, QWidget

from core.streams.collector import CollectorSnapshot
from core.streams.pipeline import PipelineSnapshot
from core.streams.producing import ProducerSnapshot
from gui.parts.buttons import Button
from gui.parts.form import Field, line
from gui.parts.layout import Card, row
from gui.parts.words import Label, duration, number, short_count
from gui.style.tokens import Space
from gui.tabs.streams.pair import show_one


class RunCard(Card):
    """Fields, a button that starts, one that stops, figures of the run, and what went wrong."""

    start_asked = Signal()
    stop_asked = Signal()

    def __init__(self, title: str, verb: str, fields: Sequence[Field], facts: Sequence[Sequence[str]]) -> None:
        """``facts``: the names of the figures, line by line."""
        super().__init__(title)
        self._fields = fields
        self.start = Button(f"Start {verb}", icon_name="play")
        self.stop = Button(f"Stop {verb}", "danger", icon_name="circle-stop")
        form = QGridLayout()
        form.setHorizontalSpacing(Space.M)
        form.setVerticalSpacing(Space.S)
        for place, field in enumerate(fields):
            form.addWidget(field, place // 2, place % 2, Qt.AlignmentFlag.AlignTop)  # help may take two lines
        self.body.addLayout(form)
        self.deeds = row(self.start, self.stop, None, gap=Space.M)
        self.body.addLayout(self.deeds)
        grid = QGridLayout()
        grid.setHorizontalSpacing(Space.L)
        grid.setVerticalSpacing(0)
        self._facts: dict[str, Label] = {}
        for above, names in zip(range(0, 3 * len(facts), 3), facts, strict=True):
            grid.setRowMinimumHeight(above + 2, Space.S)  # between one line of figures and the next
            for place, name in enumerate(names):
                self._facts[name] = Label("–", "strong")
                grid.addWidget(Label(name, "caption"), above, place)
                grid.addWidget(self._facts[name], above + 1, place)
        self.body.addLayout(grid)
        self.trouble = Label("", "small", tone="warning", wrap=True)
        self.body.addWidget(self.trouble)
        self.body.addStretch(1)
        self.start.clicked.connect(self.start_asked)
        self.stop.clicked.connect(self.stop_asked)
        self.show_running(False)
        self.show_trouble("")

    def show_running(self, running: bool, *, locked: str = "") -> None:
        """``locked``: why it may not be started, or ""."""
        self.start.setEnabled(not locked)
        show_one(self.start, self.stop, running=running)
        self.start.setToolTip(locked)
        for field in self._fields:
            field.setEnabled(not running)

    def show_trouble(self, text: str) -> None:
        self.trouble.setText(text)
        self.trouble.setVisible(bool(text))

    def fact(self, name: str) -> str:
        return self._facts[name].text()

    def show_facts(self, facts: dict[str, str]) -> None:
        for name, text in facts.items():
            self._facts[name].setText(text)


class CarryCards(QWidget):
    """Both cards, side by side or one above the other. Hiding them stops nothing: both go on in the activity drawer."""

    closed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.listen, self.trust = line("HOST:PORT", "127.0.0.1:8080", mono=True), line("10.0.0.0/8", mono=True)
        self.collect = RunCard(
            "Collect page views over HTTP",
            "collecting",
            [
                Field("Listen on", self.listen, "For POST /collect and GET /pixel.gif"),
                Field("Trusted proxies", self.trust, "CIDR whose forwarded headers are believed"),
            ],
            (("Address", "Events taken", "In the stream"), ("Waiting", "Oldest waiting", "Answers")),
        )
        self.table, self.dispatch = line("TABLE", "page_views_live", mono=True), line("local", "local", mono=True)
        self.staging, self.role = line("s3://bucket/prefix/", mono=True), line("ARN", "default", mono=True)
        self.carry = RunCard(
            "Carry it into the warehouse",
            "carrying",
            [
                Field("Table", self.table, "Made if it is missing; one row an event"),
                Field("Workers", self.dispatch, "local, or gearman://host:port"),
                Field("Staging", self.staging, "Where rows wait for the COPY; the sandbox has its own"),
                Field("IAM role", self.role, "The warehouse's, to read the staging bucket"),
            ],
            (
                ("Read", "With the workers", "Parsed", "Being loaded", "Rows loaded"),
                ("Lag", "Behind", "Queryable after", "Slowest row", "Commits", "Rejected"),
            ),
        )
        self.reset = Button("Begin anew…", "link")
        self.carry.deeds.addWidget(self.reset)
        self.close_button = Button("Hide collecting and carrying", "icon", icon_name="x")
        self.carry.head.addWidget(self.close_button)
        self.collect.title.setMinimumHeight(self.close_button.sizeHint().height())  # both heads in one line
        self.close_button.clicked.connect(self.closed)
        self._pair = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._pair.setSpacing(Space.M)
        self._pair.setContentsMargins(0, 0, 0, 0)
        self._pair.addWidget(self.collect, 2)
        self._pair.addWidget(self.carry, 3)
        self.setLayout(self._pair)

    def show_reset(self, locked: str) -> None:
        """``locked``: why the pipeline may not be begun anew now, or ""."""
        self.reset.setEnabled(not locked)
        self.reset.setToolTip(locked or "Have the next run read again, or pass over, what it would not by itself")

    def show_narrow(self, narrow: bool) -> None:
        self._pair.setDirection(QBoxLayout.Direction.TopToBottom if narrow else QBoxLayout.Direction.LeftToRight)

    def show_stream(self, name: str) -> None:
        self.collect.set_note(f"into {name}" if name else "")
        self.carry.set_note(f"from {name}" if name else "")

    def show_collector(self, collector: CollectorSnapshot, producer: ProducerSnapshot) -> None:
        answers = ", ".join(f"{status}: {short_count(count)}" for status, count in sorted(collector.statuses.items()))
        waiting = short_count(producer.queued + producer.in_flight)
        self.collect.show_facts(
            {
                "Address": collector.address or "–",
                "Events taken": short_count(collector.events),
                "In the stream": short_count(producer.acknowledged),
                "Waiting": waiting + (f" + {short_count(producer.spilled)} on disk" if producer.spilled else ""),
                "Answers": answers or "–",
                "Oldest waiting": duration(producer.oldest) if producer.queued else "–",
            }
        )
        told = [str(producer.trouble)] if producer.trouble else []
        if producer.refusal is not None:
            told.append(f"Records refused: {number(producer.refused)}. The last: {producer.refusal}")
        self.collect.show_trouble("\n".join(told))

    def show_pipeline(self, now: PipelineSnapshot) -> None:
        self.carry.show_facts(
            {
                "Read": short_count(now.read),
                "With the workers": short_count(now.waiting),
                "Parsed": short_count(max(0, now.parsed - now.committing)),
                "Being loaded": short_count(now.committing),
                "Rows loaded": short_count(now.loaded),
                "Lag": f"{'about ' if now.unread else ''}{short_count(now.lag)} records",
                "Behind": _behind(now),
                "Queryable after": duration(now.freshness[0]) if now.freshness else "–",
                "Slowest row": duration(now.freshness[1]) if now.freshness else "–",
                "Commits": short_count(now.commits),
                "Rejected": short_count(now.rejected),
            }
        )
        told = [str(now.trouble)] if now.trouble else [f"{note}." for note in now.notes]
        if now.rejected and not now.trouble:
            told.append(f"Records that are no JSON objects are kept in {now.rejects_at}.")
        if now.cut and not now.trouble:
            told.append(f"Texts that were too long for their column and were cut: {number(now.cut)}.")
        self.carry.show_trouble("\n".join(told))


def _behind(now: PipelineSnapshot) -> str:
    """Of the reader: what it has read may still be on its way into the table."""
    if now.behind is None:
        return "–"
    return duration(now.behind) if now.behind else "read to the end" if now.lag else "up to date"
