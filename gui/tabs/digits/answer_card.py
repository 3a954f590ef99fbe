"""The card of the answer: the digit in large, how sure, ten bars, what the model sees, and "that was a 7"."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QVBoxLayout, QWidget

from gui.parts.buttons import Button
from gui.parts.layout import Card, column, row
from gui.parts.probability_bars import ProbabilityBars
from gui.parts.words import Label, number, percent
from gui.style.tokens import Space
from gui.tabs.digits.pictures import Pixels
from gui.tabs.digits.values import Shown, Sureness

_COUNTED = {2: "Two", 3: "Three", 4: "Four"}


class AnswerCard(Card):
    normalise_chosen = Signal(bool)
    sample_named = Signal(int)
    samples_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        self.latency = Label("", "small")
        super().__init__("Prediction", self.latency, parent=parent)
        self.hero = Label("", "hero")
        self.hero.setMinimumHeight(92)
        self.sure = Label("", "strong", wrap=True)
        self.next_best = Label("", "small", wrap=True)
        self.bars = ProbabilityBars([str(digit) for digit in range(10)], "Probability of each digit")
        self.seen = Pixels("What the model sees")
        self.seen_note = Label("", "small", wrap=True)
        self.normalise = QCheckBox("Normalise")
        self.normalise.setToolTip(
            "Rescale the strokes to 20 pixels, one pen, centred by mass, as the training pictures were"
        )
        self.digit_choice = QComboBox()
        self.digit_choice.setAccessibleName("The right digit")
        for digit in range(10):
            self.digit_choice.addItem(str(digit), digit)
        self.digit_choice.setMaximumWidth(72)
        self.name_it = Button("Keep as sample", "small", icon_name="plus")
        self.samples = Button("My samples", "link")
        left = QVBoxLayout()
        left.setSpacing(Space.XS)
        left.addWidget(self.hero)
        left.addWidget(self.sure)
        left.addWidget(self.next_best)
        left.addStretch(1)
        left.addWidget(Label("What the model sees", "small"))
        note = column(self.seen_note, self.normalise, None, gap=Space.XS)
        left.addLayout(row(self.seen, note, gap=Space.S))
        body = row(gap=Space.L)
        body.addLayout(left, 5)
        body.addWidget(self.bars, 6)
        self.body.addLayout(body, 1)
        self.that_was = Label("That was a")
        self.that_was.setBuddy(self.digit_choice)
        self.body.addLayout(row(self.that_was, self.digit_choice, self.name_it, None, self.samples))
        self.normalise.toggled.connect(self.normalise_chosen)
        self.name_it.clicked.connect(lambda: self.sample_named.emit(int(self.digit_choice.currentData())))
        self.samples.clicked.connect(self.samples_asked)
        self._suggested: int | None = None
        self.show_answer(Shown(Sureness.EMPTY))

    def show_normalise(self, on: bool) -> None:
        self.normalise.blockSignals(True)
        self.normalise.setChecked(on)
        self.normalise.blockSignals(False)

    def show_sample_count(self, count: int) -> None:
        self.samples.setText(f"My samples ({number(count)})")

    def show_fault(self, title: str, why: str) -> None:
        self.show_answer(Shown(Sureness.FAILED))
        self.sure.setText(title)
        self.sure.set_tone("danger")
        self.next_best.setText(why)

    def show_answer(self, shown: Shown) -> None:
        state = shown.sureness
        answered = state in (Sureness.SURE, Sureness.NOT_SURE, Sureness.NOT_A_DIGIT, Sureness.DRAWING)
        several = "".join(str(digit) for digit, _ in shown.parts)
        known = answered and bool(shown.ranked) and not several
        first, second = (shown.ranked[0], shown.ranked[1]) if known else (0, 0)
        hero = {Sureness.SURE: str(first), Sureness.NOT_SURE: f"{first}?", Sureness.NOT_A_DIGIT: "–"}.get(state, "")
        if state is Sureness.DRAWING and known:
            hero = str(first)
        if several:
            hero = several if shown.sure or state is Sureness.DRAWING else f"{several}?"
        self.hero.setText(hero)
        sure = state is Sureness.SURE or (state is Sureness.SEVERAL and shown.sure)
        self.hero.set_tone("accent" if sure else "muted")
        self.sure.set_tone("")
        top = percent(shown.shares[first]) if known else ""
        runner_up = percent(shown.shares[second]) if known else ""
        words = {
            Sureness.EMPTY: ("Nothing drawn yet", "The answer appears while you draw."),
            Sureness.TOO_LITTLE: ("Too little ink to tell", "Draw on, or larger."),
            Sureness.WAITING: ("Waiting for the model …", "It is being opened, or this computer is busy."),
            Sureness.DRAWING: (
                "Drawing …",
                f"So far {several}" if several else f"So far {first} ({top} %)" if known else "",
            ),
            Sureness.SURE: (
                f"{top} % confident",
                f"Next best: {second} ({runner_up} %)",
            ),
            Sureness.NOT_SURE: (
                f"Not sure: {first} or {second}",
                f"{top} % and {runner_up} %",
            ),
            Sureness.NOT_A_DIGIT: (
                "Does not look like a digit",
                f"Looks most like {first} ({top} %)",
            ),
            Sureness.SEVERAL: (
                f"{_COUNTED.get(len(several), '')} digits, read one by one",
                ", ".join(f"{digit} ({percent(share)} %)" for digit, share in shown.parts)
                + ". To keep a sample, draw one alone.",
            ),
            Sureness.FAILED: ("", ""),
        }[state]
        self.sure.setText(words[0])
        self.next_best.setText(words[1])
        self.bars.show_shares(shown.shares if known else (), vague=state is not Sureness.SURE)
        self.bars.setVisible(not several)  # they are of one digit, and four digits need their room
        self.seen.show_grey(shown.picture)
        self.seen_note.setText(
            ""
            if not shown.picture
            else "28 × 28 px each,\ncentred by mass"
            if several
            else "28 × 28 px,\ncentred by mass"
            if self.normalise.isChecked()
            else "28 × 28 px,\nas it stands"
        )
        self.latency.setText(f"{number(shown.milliseconds, 1)} ms" if known or several else "")
        if known and first != self._suggested:  # a new answer suggests itself; the same one leaves a correction alone
            self.digit_choice.setCurrentIndex(first)
        self._suggested = first if known else None
        self.name_it.setEnabled(known and state is not Sureness.DRAWING)
        self.hero.setAccessibleName(f"{words[0]}. {words[1]}")
