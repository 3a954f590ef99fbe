"""The card to explore a model's performance: confusion matrix, misread digits, per digit, calibration, coverage."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QStackedWidget, QTableWidgetItem, QWidget

from gui.parts.buttons import Button, Segments
from gui.parts.form import choice
from gui.parts.heat_map import HeatMap, HeatTable
from gui.parts.image_gallery import GalleryItem, ImageGallery
from gui.parts.layout import Card, row
from gui.parts.notices import EmptyState
from gui.parts.small_chart import Axis, Curve, SmallChart
from gui.parts.words import Label, number
from gui.style.tokens import Size
from gui.tabs.digits.explore_pages import TENTHS, CoveragePage, PublishedPage, held, table_of
from gui.tabs.digits.pictures import image_of
from gui.tabs.digits.values import Overview, Thumb


class ExploreCard(Card):
    cell_picked = Signal(int, int)
    misread_asked = Signal()
    thumb_opened = Signal(object)
    download_asked = Signal()
    open_data_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        self.view_choice = Segments(
            [
                ("confusion", "Matrix"),
                ("misread", "Misread"),
                ("digits", "Per digit"),
                ("calibration", "Calibration"),
                ("coverage", "Coverage"),
                ("published", "Published"),
            ],
            "What to look at",
        )
        super().__init__("Performance", note=" ", parent=parent)
        self.title.setMinimumHeight(
            Size.CONTROL
        )  # the choices beside it come and go, what is below stays under the pointer
        self.headline = Label("", "small", wrap=True)
        self.mode = choice([("count", "Counts"), ("row", "Row %"), ("column", "Column %")])
        self.mode.setAccessibleName("Figures in the matrix")
        self.order = choice([("digit", "0 to 9"), ("frequency", "By frequency")])
        self.order.setAccessibleName("Order of the digits in the matrix")
        self.order.setToolTip("By frequency: the most frequent digit first, as Amazon Machine Learning showed it")
        self.download = Button("Download the matrix as CSV", "icon", icon_name="download")
        self.head.addWidget(self.order)
        self.head.addWidget(self.mode)
        self.head.addWidget(self.download)
        self.body.addLayout(row(self.view_choice, None))
        self.body.addWidget(self.headline)
        self.heat = HeatMap("Confusion matrix", "True digit", "Predicted digit")
        self.gallery = ImageGallery("Pictures of digits")
        self.gallery_title = Label("", "strong", wrap=True)
        self.back = Button("Back to the matrix", "link", icon_name="arrow-left")
        self.gallery_empty = EmptyState("image", "", "Evaluate on a data set…")
        self.gallery_open = self.gallery_empty.button
        self.digits = table_of(
            ("Digit", "True", "Predicted", "Precision", "Recall", "F1"), "Figures per digit", 10, figures=range(6)
        )
        self.reliability = SmallChart("Confidence against accuracy")
        self.reliability_note = Label("", "small", wrap=True)
        self.coverage = CoveragePage()
        self.published = PublishedPage()
        self.empty = EmptyState("chart-column", "Choose a model to see how good it is")
        self.stack = _Pages()
        self.pages = {
            "confusion": self.heat,
            "misread": held(
                _title_row(self.gallery_title, self.back),
                self.gallery,
                self.gallery_empty,
            ),
            "digits": self.digits,
            "calibration": held(self.reliability, self.reliability_note),
            "coverage": self.coverage,
            "published": self.published,
            "empty": self.empty,
        }
        for page in self.pages.values():
            self.stack.addWidget(page)
        self.body.addWidget(self.stack, 1)
        self._overview: Overview | None = None
        self._thumbs: Sequence[Thumb] = ()
        self._digits_shown = list(range(10))
        self._connect()
        self.show_overview(None)

    def _connect(self) -> None:
        self.view_choice.chosen.connect(self._turn_to)
        for box in (self.mode, self.order):
            box.currentIndexChanged.connect(lambda _: self._show_confusion())
        self.heat.picked.connect(self._picked)
        self.back.clicked.connect(lambda: self._turn_to("confusion"))
        self.gallery.opened.connect(lambda index: self.thumb_opened.emit(self._thumbs[index]))
        self.download.clicked.connect(self.download_asked)
        self.gallery_open.clicked.connect(self.open_data_asked)

    # -- what is shown --------------------------------------------------------
    @property
    def overview(self) -> Overview | None:
        return self._overview

    def show_overview(self, overview: Overview | None, empty: str = "") -> None:
        if overview is not None and overview == self._overview:
            return  # the list was read again: what one is looking at stays
        self._overview = overview
        shown = overview is not None
        for widget in (self.view_choice, self.headline, self.download, self.mode, self.order):
            widget.setVisible(shown)
        if overview is None:
            self.set_note("")
            self.empty.sentence.setText(empty or "Choose a model to see how good it is")
            self.stack.setCurrentWidget(self.empty)
            return
        low, high = overview.interval
        self.headline.setText(
            f"{number(overview.accuracy * 100, 2)} % right (95 %: {number(low * 100, 2)}–{number(high * 100, 2)})"
            f" · macro-F1 {number(overview.macro_f1, 4)}, baseline {number(overview.baseline_macro_f1, 3)}"
            f" · calibration error {number(overview.ece, 4)}"
        )
        self.set_note(f"{number(overview.count)} digits of {overview.data}")
        self.note.setToolTip(overview.model)
        self._show_confusion()
        self._show_digits()
        self._show_reliability()
        self.coverage.show_overview(overview)
        self.published.show_overview(overview)
        self._turn_to(self.view_choice.value)

    def show_thumbs(self, title: str, thumbs: Sequence[Thumb], *, why_none: str = "") -> None:
        """Pictures with truth -> answer and confidence; ``why_none`` where there are none to show."""
        self._thumbs = thumbs
        self.gallery_title.setText(title)
        self.gallery.show_items([_gallery_item(thumb) for thumb in thumbs])
        self.gallery.setVisible(bool(thumbs))
        self.gallery_empty.sentence.setText(why_none)
        self.gallery_empty.setVisible(not thumbs)
        self.gallery_open.setVisible(not thumbs and not (self._overview and self._overview.has_pictures))
        self.view_choice.choose("misread")
        self.stack.setCurrentWidget(self.pages["misread"])
        for widget in (self.mode, self.order, self.download):
            widget.hide()

    def _turn_to(self, view: str) -> None:
        self.view_choice.choose(view)
        self.mode.setVisible(view == "confusion")
        self.order.setVisible(view == "confusion")
        self.download.setVisible(view in ("confusion", "digits"))
        self.stack.setCurrentWidget(self.pages[view])
        if view == "misread":
            self.misread_asked.emit()

    def _picked(self, true: int, predicted: int) -> None:
        """true, predicted: places in the matrix, which need not be in the order of the digits."""
        if true < 10 and predicted < 10:
            self.cell_picked.emit(self._digits_shown[true], self._digits_shown[predicted])

    def _show_confusion(self) -> None:
        overview = self._overview
        if overview is None:
            return
        figures = overview.digits
        order = list(range(10))
        if self.order.currentData() == "frequency":
            order.sort(key=lambda digit: -figures[digit].true)
        self._digits_shown = order
        rows = [sum(overview.confusion[digit]) or 1 for digit in range(10)]
        columns = [sum(line[digit] for line in overview.confusion) or 1 for digit in range(10)]
        mode = str(self.mode.currentData())
        texts, heats, tips = [], [], []
        for true in order:
            text_row, heat_row, tip_row = [], [], []
            for predicted in order:
                count = overview.confusion[true][predicted]
                share = count / (columns[predicted] if mode == "column" else rows[true])
                text_row.append(
                    ""
                    if not count
                    else number(count)
                    if mode == "count"
                    else number(share * 100, 1 if share < 0.9995 else 0)
                )
                # the square root brings out the few misread beside the many that are right
                heat_row.append(
                    0.08 + 0.92 * share if count and true == predicted else min(0.5, share**0.5) if count else 0.0
                )
                tip_row.append(f"{count} of {rows[true]} true {true} were read as {predicted}")
            texts.append(text_row)
            heats.append(heat_row)
            tips.append(tip_row)
        names = [str(digit) for digit in order]
        table = HeatTable(
            names,
            names,
            texts,
            heats,
            tips,
            right=[
                ("True", [number(figures[digit].true) for digit in order]),
                ("F1", [number(figures[digit].f1, 3) for digit in order]),
            ],
            bottom=("Said", [number(figures[digit].predicted) for digit in order]),
        )
        worst = sorted(
            ((overview.confusion[t][p], t, p) for t in range(10) for p in range(10) if t != p), reverse=True
        )[:3]
        summary = ", ".join(f"{count} true {true} read as {said}" for count, true, said in worst if count)
        self.heat.show_table(table, summary)

    def _show_digits(self) -> None:
        assert self._overview
        for index, figures in enumerate(self._overview.digits):
            words = (
                str(figures.digit), number(figures.true), number(figures.predicted),
                f"{number(figures.precision * 100, 2)} %", f"{number(figures.recall * 100, 2)} %", number(figures.f1, 4),
            )  # fmt: skip
            for place, text in enumerate(words):
                item = QTableWidgetItem(text)
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.digits.setItem(index, place, item)

    def _show_reliability(self) -> None:
        assert self._overview
        bins = self._overview.reliability
        most = max((count for _, _, count in bins), default=1)
        curves = [
            Curve("Perfect", [(0, 0), (1, 1)], muted=True),
            Curve(
                self._overview.model,
                [(confidence, accuracy) for confidence, accuracy, _ in bins],
                marks=True,
                weights=[(count / most) ** 0.25 for _, _, count in bins],
            ),
        ]
        self.reliability.show_curves(
            curves,
            Axis(0, 1, TENTHS, "Confidence"),
            Axis(0, 1, TENTHS),
            summary=f"ECE {self._overview.ece:.4f}",
        )
        self.reliability_note.setText(
            f"Expected calibration error {number(self._overview.ece, 4)}: how far confidence lies from accuracy on average. Larger dots stand for more answers."
        )


class _Pages(QStackedWidget):
    """As low as the whole page needs: by its own wish that one would scroll on a usual screen."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)

    def hasHeightForWidth(self) -> bool:
        return False


def _gallery_item(thumb: Thumb) -> GalleryItem:
    wrong = thumb.true is not None and thumb.answered is not None and thumb.true != thumb.answered
    sure = f" {thumb.confidence:.0%}" if thumb.confidence is not None else ""
    caption = f"{thumb.true}→{thumb.answered}{sure}"
    likeliest = sorted(enumerate(thumb.shares), key=lambda entry: -entry[1])[:3]
    shares = ", ".join(f"{digit}: {number(share * 100, 1)} %" for digit, share in likeliest)
    words = ", ".join(filter(None, (f"row {thumb.row + 1}", caption, shares)))
    return GalleryItem(lambda: image_of(thumb.picture), caption, "danger" if wrong else "", words)


def _title_row(title: Label, back: Button) -> QHBoxLayout:
    line = row()
    line.addWidget(title, 1)
    line.addWidget(back)
    return line
