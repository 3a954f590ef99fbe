"""The simulator: a request behind a proxy, a framework, and the URL it will build, step by step. No network."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QPlainTextEdit, QWidget

from core.edge.request import Resolution
from core.edge.verdict import Verdict
from gui.parts.buttons import Button
from gui.parts.form import Field, SpinBox, choice, line
from gui.parts.layout import Card, column, row
from gui.parts.words import Chip, Label
from gui.style.tokens import Space

FRAMEWORKS = [("symfony", "Symfony"), ("laravel", "Laravel"), ("flask", "Flask (Werkzeug)"), ("django", "Django"), ("rails", "Rails"),
              ("express", "Express"), ("uvicorn", "uvicorn"), ("tomcat", "Tomcat (Spring Boot)"), ("wordpress", "WordPress, plain PHP"),
              ("nginx", "nginx")]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Preset:
    words: str
    framework: str
    headers: str
    trust: str
    peer: str = "10.0.3.7"
    host: str = "dev.app.com"


PRESETS = (
    Preset(
        "https://host:80, the classic",
        "symfony",
        "X-Forwarded-For: 203.0.113.9\nX-Forwarded-Proto: https\nX-Forwarded-Port: 80",
        "10.0.0.0/8",
    ),
    Preset(
        "… and the cure",
        "symfony",
        "X-Forwarded-For: 203.0.113.9\nX-Forwarded-Proto: https\nX-Forwarded-Port: 443",
        "10.0.0.0/8",
    ),
    Preset(
        "Nobody is trusted",
        "symfony",
        "X-Forwarded-For: 203.0.113.9\nX-Forwarded-Proto: https\nX-Forwarded-Port: 443",
        "",
    ),
    Preset(
        "A login that loops",
        "wordpress",
        "X-Forwarded-For: 203.0.113.9\nX-Forwarded-Proto: https\nX-Forwarded-Port: 443",
        "",
    ),
    Preset(
        "A forged client address", "uvicorn", "X-Forwarded-For: 6.6.6.6, 203.0.113.9\nX-Forwarded-Proto: https", "*"
    ),
    Preset(
        "Forwarded disagrees",
        "symfony",
        "X-Forwarded-For: 203.0.113.9\nForwarded: for=198.51.100.1;proto=http",
        "10.0.0.0/8",
    ),
    Preset(
        "IPv6 behind two proxies",
        "express",
        "X-Forwarded-For: 2001:db8::9, 10.0.0.4\nX-Forwarded-Proto: https",
        "10.0.0.0/8",
    ),
)


class Simulator(Card):
    """Every change is answered at once."""

    changed = Signal()

    def __init__(self) -> None:
        self.preset = choice([(str(index), preset.words) for index, preset in enumerate(PRESETS)])
        self.preset.setAccessibleName("Example")
        super().__init__("What URL will the application build?", Label("Example", "small"), self.preset)
        self.framework = choice(FRAMEWORKS)
        self.peer, self.host, self.trust = (
            line("10.0.3.7", mono=True),
            line("dev.app.com", mono=True),
            line("10.0.0.0/8, 2001:db8::/32", mono=True),
        )
        self.scheme = choice([("http", "http"), ("https", "https")])
        self.port = SpinBox()
        self.port.setRange(1, 65535)
        self.port.setValue(80)
        self.headers = QPlainTextEdit()
        self.headers.setProperty("role", "mono")
        self.headers.setFixedHeight(92)
        self.headers.setTabChangesFocus(True)
        self.fault = Label("", "small", tone="danger", wrap=True)
        self.fault.hide()
        self.fields = {
            "framework": Field("Framework", self.framework), "peer": Field("Who connects (the proxy)", self.peer),
            "scheme": Field("Its connection", self.scheme), "port": Field("Application listens on", self.port),
            "host": Field("Host header", self.host), "trust": Field("Trusted proxies", self.trust),
        }  # fmt: skip
        grid = QGridLayout()
        grid.setSpacing(Space.M)
        for index, field in enumerate(self.fields.values()):
            grid.addWidget(field, index // 2, index % 2)
        self.url = Label("", "stat", wrap=True)
        self.client = Label("", "small", wrap=True)
        self.cure = Label("", wrap=True)
        self.verdict = Chip("")
        self.steps = QWidget()
        self._grid = QGridLayout(self.steps)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setColumnStretch(2, 1)
        result = column(row(self.verdict, None), self.url, self.client, self.cure, self.steps, gap=Space.S)
        self.body.addLayout(grid)
        self.body.addWidget(Field("Headers as they arrive", self.headers))
        self.body.addWidget(self.fault)
        self.body.addLayout(result)
        self.body.addStretch(1)
        self.preset.currentIndexChanged.connect(self.show_preset)
        for signal in (self.framework.currentIndexChanged, self.scheme.currentIndexChanged, self.port.valueChanged, self.peer.textChanged,
                       self.host.textChanged, self.trust.textChanged, self.headers.textChanged):  # fmt: skip
            signal.connect(self.changed)

    def show_preset(self, index: int) -> None:
        preset = PRESETS[index]
        self.blockSignals(True)
        self.framework.setCurrentIndex(self.framework.findData(preset.framework))
        self.peer.setText(preset.peer)
        self.host.setText(preset.host)
        self.trust.setText(preset.trust)
        self.scheme.setCurrentIndex(0)
        self.port.setValue(80)
        self.headers.setPlainText(preset.headers)
        self.blockSignals(False)
        self.changed.emit()

    def header_lines(self) -> list[str]:
        return [text for text in self.headers.toPlainText().splitlines() if text.strip()]

    def trusted(self) -> tuple[str, ...]:
        return tuple(part.strip() for part in self.trust.text().split(",") if part.strip())

    def show_fault(self, text: str) -> None:
        self.fault.setText(text)
        self.fault.setVisible(bool(text))
        self.steps.setVisible(not text)

    def show_answer(self, answer: Resolution, verdict: Verdict) -> None:
        self.show_fault("")
        self.verdict.show_state(verdict.words, "success" if verdict.good else "danger")
        self.url.setText(answer.url or "No URL")
        self.cure.setText(verdict.cure)
        self.cure.setVisible(bool(verdict.cure))
        self.client.setText(f"and takes {answer.client} for its client" if answer.url else "")
        while (item := self._grid.takeAt(0)) is not None:
            if widget := item.widget():
                widget.deleteLater()
        for number, step in enumerate(answer.steps):
            self._grid.addWidget(Label(step.what, "caption"), number, 0)
            self._grid.addWidget(Label(step.value, "mono"), number, 1)
            self._grid.addWidget(Label(step.because, "small", wrap=True), number, 2)
        self.url.setAccessibleName(f"Base URL: {answer.url or 'refused'}")


class Settings(Card):
    """The setting that cures it, with the user's own ranges."""

    copied = Signal()
    framework_chosen = Signal()
    ranges_asked = Signal()

    def __init__(self, frameworks: list[tuple[str, str]]) -> None:
        self.framework = choice(frameworks)
        self.framework.setAccessibleName("Snippet for")
        self.copy = Button("Copy", "small", icon_name="copy")
        super().__init__("The setting", self.framework, self.copy)
        self.ranges = Button("Read ranges from a load balancer…", "link")
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setProperty("role", "mono")
        self.text.setAccessibleName("Setting to paste")
        self.text.setMinimumHeight(150)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)  # a comment broken in two looks like code
        self.note = Label("", "small", wrap=True)
        self.body.addLayout(row(self.ranges, None))
        self.body.addWidget(self.note)
        self.body.addWidget(self.text, 1)
        self.note.hide()
        self.framework.currentIndexChanged.connect(lambda _index: self.framework_chosen.emit())
        self.copy.clicked.connect(self.copied)
        self.ranges.clicked.connect(self.ranges_asked)

    def show_note(self, text: str, tone: str = "") -> None:
        self.note.setText(text)
        self.note.set_tone(tone)
        self.note.setVisible(bool(text))
