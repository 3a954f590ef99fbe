"""The page's parts: the pad's ink, the words of the answer, the matrix, the dialogs."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage

from core.digits.algorithms import ALGORITHMS, PUBLISHED, Probe, algorithm_named
from core.digits.card import ModelCard
from core.digits.model_file import SHIPPED, read_card
from core.digits.registry import Kept
from core.digits.scores import Duel
from gui.parts.heat_map import HeatMap, HeatTable
from gui.parts.image_gallery import GalleryItem, ImageGallery
from gui.parts.ink_pad import InkPad, InkStroke, erased
from gui.parts.words import duration
from gui.tabs.digits.answer_card import AnswerCard
from gui.tabs.digits.explore_card import ExploreCard
from gui.tabs.digits.explore_pages import CoveragePage, PublishedPage
from gui.tabs.digits.explore_presenter import duel_words
from gui.tabs.digits.shown_models import choice_of, facts_of, row_of
from gui.tabs.digits.train_dialog import TrainDialog
from gui.tabs.digits.values import Overview, Shown, Sureness, Thumb


@pytest.fixture
def pad(qtbot) -> InkPad:
    made = InkPad()
    made.resize(280, 280)
    qtbot.addWidget(made)
    made.show()
    return made


def stroke(qtbot, pad: InkPad, *points: tuple[int, int]) -> None:
    qtbot.mousePress(pad, Qt.MouseButton.LeftButton, pos=QPoint(*points[0]))
    for point in points[1:]:
        qtbot.mouseMove(pad, QPoint(*point))
    qtbot.mouseRelease(pad, Qt.MouseButton.LeftButton, pos=QPoint(*points[-1]))


def test_pad_draws_undoes_redoes_and_clears(qtbot, pad: InkPad) -> None:
    stroke(qtbot, pad, (50, 50), (100, 100), (150, 150))
    stroke(qtbot, pad, (200, 50), (200, 200))
    assert [len(entry.points) for entry in pad.strokes] == [3, 2]
    pad.undo()
    assert len(pad.strokes) == 1
    pad.undo()
    assert pad.strokes == []
    pad.redo()
    pad.redo()
    assert len(pad.strokes) == 2
    pad.clear()
    assert pad.strokes == []
    pad.undo()
    assert len(pad.strokes) == 2


def test_undo_waits_until_the_eraser_is_lifted(qtbot, pad: InkPad) -> None:
    stroke(qtbot, pad, (50, 50), (100, 100), (150, 150))
    pad.erasing = True
    qtbot.mousePress(pad, Qt.MouseButton.LeftButton, pos=QPoint(150, 150))
    bitten = pad.strokes
    pad.undo()
    assert pad.strokes == bitten
    qtbot.mouseRelease(pad, Qt.MouseButton.LeftButton, pos=QPoint(150, 150))
    pad.undo()
    assert [len(entry.points) for entry in pad.strokes] == [3]


def test_a_picture_is_undone_and_comes_back(qtbot, pad: InkPad) -> None:
    stroke(qtbot, pad, (50, 50), (100, 100))
    picture = QImage(28, 28, QImage.Format.Format_Grayscale8)
    pad.show_picture(picture)
    assert pad.picture is picture and pad.strokes == []
    stroke(qtbot, pad, (20, 20), (40, 40))  # drawing takes its place
    assert pad.picture is None and len(pad.strokes) == 1
    pad.undo()
    assert pad.picture is picture and pad.strokes == []
    pad.undo()
    assert pad.picture is None and len(pad.strokes) == 1
    pad.redo()
    assert pad.picture is picture
    pad.clear()
    pad.undo()
    assert pad.picture is picture


def test_pad_by_keys_alone(qtbot, pad: InkPad) -> None:
    pad.setFocus()
    qtbot.keyClick(pad, Qt.Key.Key_Space)
    for _ in range(5):
        qtbot.keyClick(pad, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(pad, Qt.Key.Key_Space)
    (drawn,) = pad.strokes
    assert drawn.points[0] == (140, 140) and drawn.points[-1] == (220, 140)
    qtbot.keyClick(pad, Qt.Key.Key_Delete)
    assert pad.strokes == []


def test_a_lost_focus_ends_the_stroke(qtbot, pad: InkPad) -> None:
    pad.setFocus()
    qtbot.keyClick(pad, Qt.Key.Key_Space)
    qtbot.keyClick(pad, Qt.Key.Key_Down)
    pad.clearFocus()
    assert not pad.drawing


def test_eraser_cuts_a_stroke_in_two() -> None:
    line = InkStroke(((0.0, 100.0), (280.0, 100.0)), 10.0)
    left, right = erased([line], 140, 100, 10)
    assert left.points[-1][0] < 126 and right.points[0][0] > 154
    assert erased([line], 140, 200, 10) == [line]
    assert erased([InkStroke(((5.0, 5.0),), 10.0)], 5, 5, 10) == []


def test_words_of_the_answer(qtbot) -> None:
    card = AnswerCard()
    qtbot.addWidget(card)
    shares = [0.0] * 10
    shares[4], shares[9] = 0.97, 0.03
    ranked = [4, 9, 0, 1, 2, 3, 5, 6, 7, 8]
    for sureness, hero, words in (
        (Sureness.SURE, "4", "97.0 % confident"),
        (Sureness.NOT_SURE, "4?", "Not sure: 4 or 9"),
        (Sureness.NOT_A_DIGIT, "–", "Does not look like a digit"),
    ):
        card.show_answer(Shown(sureness, shares, ranked, bytes(784), 2.5))
        assert (card.hero.text(), card.sure.text()) == (hero, words)
        assert card.name_it.isEnabled()
    card.digit_choice.setCurrentIndex(9)
    card.show_answer(Shown(Sureness.SURE, shares, ranked, bytes(784), 2.5))
    assert card.digit_choice.currentData() == 9  # the same answer again does not undo a correction
    for sure, state, hero in (
        (True, Sureness.SEVERAL, "17"),
        (False, Sureness.SEVERAL, "17?"),
        (False, Sureness.DRAWING, "17"),
    ):
        card.show_answer(Shown(state, picture=bytes(2 * 784), parts=[(1, 0.98), (7, 0.6)], sure=sure))
        assert card.hero.text() == hero and not card.name_it.isEnabled() and card.bars.shares == []
    assert "So far 17" in card.next_best.text()
    card.show_answer(Shown(Sureness.EMPTY))
    assert card.hero.text() == "" and card.bars.shares == [] and not card.name_it.isEnabled()


def test_a_comparison_says_no_more_than_the_digits_do() -> None:
    names = ("Forest", "Neighbours")
    words = duel_words(Duel(10, 1, 5, 0.0117), names, 1000, [])
    assert "1.2 % of tries" in words and words.endswith("with digits like these Forest is better.")
    assert duel_words(Duel(1, 10, 5, 0.0117), names, 1000, []).endswith("Neighbours is better.")
    assert duel_words(Duel(3, 4, 5, 1.0), names, 1000, []).endswith("these digits do not tell which is better.")
    assert "Forest learned from these very digits" in duel_words(Duel(90, 1, 5, 1e-9), names, 1000, ["Forest"])


def test_matrix_is_clicked_and_walked(qtbot) -> None:
    heat = HeatMap("Matrix", "True", "Said")
    qtbot.addWidget(heat)
    heat.resize(420, 330)
    names = [str(index) for index in range(10)]
    heat.show_table(HeatTable(names, names, [["1"] * 10] * 10, [[0.5] * 10] * 10))
    heat.show()
    with qtbot.waitSignal(heat.picked) as caught:
        qtbot.mouseClick(heat, Qt.MouseButton.LeftButton, pos=heat.cell_centre(3, 8).toPoint())
    assert caught.args == [3, 8]
    qtbot.keyClick(heat, Qt.Key.Key_Down)
    with qtbot.waitSignal(heat.picked) as caught:
        qtbot.keyClick(heat, Qt.Key.Key_Return)
    assert caught.args == [4, 8]


def test_gallery_makes_only_the_pictures_that_are_seen(qtbot) -> None:
    made: list[int] = []

    def picture(index: int) -> QImage:
        made.append(index)
        return QImage(28, 28, QImage.Format.Format_Grayscale8)

    gallery = ImageGallery("Digits")
    qtbot.addWidget(gallery)
    gallery.resize(400, 300)
    gallery.show_items([GalleryItem(lambda index=index: picture(index), str(index)) for index in range(5_000)])
    gallery.show()
    gallery.grab()
    assert 0 < len(made) < 100


def test_explore_without_pictures_says_how_to_get_them(qtbot) -> None:
    card = ExploreCard()
    qtbot.addWidget(card)
    card.show_overview(None)
    assert card.stack.currentWidget() is card.empty
    confusion = [[90 if true == said else 1 for said in range(10)] for true in range(10)]
    coverage = [(0.0, 1.0, 0.9), (0.9, 0.8, 0.99), (0.99, 0.0, None)]
    card.show_overview(
        Overview("m", "d", 990, 0.91, (0.9, 0.92), 0.9, 0.02, 0.01, confusion, [(0.9, 0.91, 990)], coverage)
    )
    card.coverage.threshold.setValue(2)
    assert card.coverage.note.text().endswith("– of those right")
    card.show_thumbs("None", [], why_none="Evaluate it")
    assert not card.gallery.isVisibleTo(card) and card.gallery_open.isVisibleTo(card)


def test_the_ways_to_look_stay_where_they_are(qtbot) -> None:
    card = ExploreCard()
    qtbot.addWidget(card)
    card.resize(700, 500)
    card.show_overview(overview())
    card.show()
    places = set()
    for view in ("confusion", "digits", "calibration", "coverage"):
        card._turn_to(view)
        card.layout().activate()
        places.add(card.view_choice.y())
    assert len(places) == 1


def overview(**changes: object) -> Overview:
    confusion = [[90 if true == said else 1 for said in range(10)] for true in range(10)]
    coverage = [(0.0, 1.0, 0.9), (0.6, 0.97, 0.95), (0.9, 0.8, 0.99), (0.99, 0.0, None)]
    made = Overview(
        "Mine", "train.csv", 990, 0.91, (0.9, 0.92), 0.9, 0.02, 0.01, confusion, [(0.9, 0.91, 990)], coverage
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_the_slider_sets_from_where_on_drawings_are_sure(qtbot) -> None:
    page = CoveragePage()
    qtbot.addWidget(page)
    page.show_sure_from(90)
    page.show_overview(overview())
    assert page.threshold.value() == 2 and not page.use.isEnabled()  # stands where it is in use
    page.threshold.setValue(1)
    assert page.note.text() == "From 60 % confidence: 97.00 % answered, 95.00 % of those right"
    with qtbot.waitSignal(page.sure_from_chosen) as caught:
        page.use.click()
    assert caught.args == [60]
    page.show_sure_from(60)
    assert not page.use.isEnabled()
    page.threshold.setValue(0)
    assert not page.use.isEnabled()  # always sure is no limit


def test_published_errors_stand_around_ones_own(qtbot) -> None:
    page = PublishedPage()
    qtbot.addWidget(page)
    page.show_benchmarks([(entry.method, entry.error_percent, entry.source) for entry in PUBLISHED])
    page.show_overview(overview())
    page.show_overview(overview(accuracy=0.92))
    lines = [[page.table.item(line, place).text() for place in range(3)] for line in range(page.table.rowCount())]
    assert len(lines) == len(PUBLISHED) + 1
    errors = [float(error.removesuffix(" %")) for _, error, _ in lines]
    assert errors == sorted(errors, reverse=True)
    assert ["Mine", "8.00 %", "yours, on train.csv"] in lines
    assert all(source for _, _, source in lines)


def test_a_card_in_words(tmp_path: Path) -> None:
    facts = dict(facts_of(Kept("default", SHIPPED, read_card(SHIPPED), SHIPPED.stat().st_size)))
    assert facts["Algorithm"] == "patch-svc"
    assert facts["Parameters"].startswith("atoms 40, components 96")
    assert facts["Rows"] == "60,000" and "fitted on every row" in facts["Judged on"]
    assert facts["Accuracy"].startswith("99.") and "MB" in facts["File"]
    bare = dict(facts_of(Kept("x", tmp_path / "x.model", ModelCard("x", "onnx", "onnx"), 10)))
    assert bare == {"Algorithm": "onnx", "File": "x.model, 10 B"}  # of an imported graph nothing else is known


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_CARD = json.loads(SHIPPED.with_suffix(".json").read_text())


@settings(max_examples=80, deadline=None)
@example("rows", "", 2**63)
@example("seed", "", 10**400)
@given(st.sampled_from(sorted(_CARD)), st.sampled_from(["", *_CARD["scores"], *_CARD["overview"]]), _JSON)
def test_whatever_a_card_says_the_list_is_shown(name: str, inside: str, value: object) -> None:
    """A file from elsewhere may say anything: it is refused, or what it says can be shown."""
    card = {**_CARD, name: {**_CARD[name], inside: value} if inside and isinstance(_CARD[name], dict) else value}
    try:
        kept = Kept("x", SHIPPED, ModelCard.from_json(json.dumps(card)), 10)
    except (ValueError, TypeError):
        return
    row, shown = row_of(kept, "default", kept.card.scores)
    assert row.name == kept.card.name and facts_of(kept)
    if shown:
        assert len(shown.digits) == 10


def test_the_pictures_of_a_cell_bring_their_probabilities(qtbot) -> None:
    card = ExploreCard()
    qtbot.addWidget(card)
    shares = [0.0] * 10
    shares[3], shares[5], shares[8] = 0.3, 0.6, 0.1
    card.show_thumbs("True 3, read as 5", [Thumb(bytes(784), 11, 3, 5, 0.6, shares)])
    (item,) = card.gallery._items
    assert item.caption == "3→5 60%"
    assert item.words == "row 12, 3→5 60%, 5: 60.0 %, 3: 30.0 %, 8: 10.0 %"


def test_matrix_by_frequency_and_its_cells(qtbot) -> None:
    """Amazon's layout: the most frequent digit first; a click means the digits that stand there."""
    card = ExploreCard()
    qtbot.addWidget(card)
    card.resize(700, 520)
    confusion = [[0] * 10 for _ in range(10)]
    for digit in range(10):
        confusion[digit][digit] = 100 + digit * 7 % 10  # 7 is the most frequent with 109, then 4, 1, 8, ...
    confusion[4][9] = 2
    card.show_overview(Overview("m", "d", 1_045, 0.99, (0.98, 0.995), 0.9, 0.02, 0.01, confusion, [(0.9, 0.91, 1)], []))
    card.show()
    with qtbot.waitSignal(card.cell_picked) as caught:
        qtbot.mouseClick(card.heat, Qt.MouseButton.LeftButton, pos=card.heat.cell_centre(4, 9).toPoint())
    assert caught.args == [4, 9]
    card.order.setCurrentIndex(card.order.findData("frequency"))
    with qtbot.waitSignal(card.cell_picked) as caught:
        qtbot.mouseClick(card.heat, Qt.MouseButton.LeftButton, pos=card.heat.cell_centre(0, 1).toPoint())
    assert caught.args == [4, 7]  # 4 occurs 110 times with its misread, 7 109 times


def test_the_same_figures_again_leave_the_pictures_one_looks_at(qtbot) -> None:
    card = ExploreCard()
    qtbot.addWidget(card)
    confusion = [[90 if true == said else 1 for said in range(10)] for true in range(10)]
    figures = (990, 0.91, (0.9, 0.92), 0.9, 0.02, 0.01, confusion, [(0.9, 0.91, 990)], [])
    card.show_overview(Overview("m", "d", *figures))
    card.show_thumbs("True 3, read as 3", [Thumb(bytes(784), 5, 3, 3, 0.9)])
    asked = []
    card.misread_asked.connect(lambda: asked.append(1))
    card.show_overview(Overview("m", "d", *figures))  # the list of models was refreshed
    assert card.gallery_title.text() == "True 3, read as 3" and asked == []
    card.show_overview(Overview("another", "d", *figures))
    assert asked == [1]


def test_every_algorithm_can_be_chosen_with_an_estimate(qtbot) -> None:
    first, more = ALGORITHMS[0].name, {ALGORITHMS[0].name, f"{ALGORITHMS[0].name} 2"}
    dialog = TrainDialog([choice_of(algorithm) for algorithm in ALGORITHMS], "", 0, names=more)
    assert dialog.name.placeholderText() == f"{first} 3"
    qtbot.addWidget(dialog)
    for index, algorithm in enumerate(ALGORITHMS):
        dialog.algorithm.setCurrentIndex(index)
        wish = dialog.wish
        assert algorithm.settings(wish.parameters) == algorithm.settings({})  # the boxes show the defaults exactly
        assert "of one core" in dialog.estimate.text()
    dialog.accept_button.click()
    assert dialog.data_field.note.text() == "Choose the digits to learn from"


def test_estimates_follow_a_quick_fit_on_this_computer(qtbot) -> None:
    dialog = TrainDialog([choice_of(algorithm) for algorithm in ALGORITHMS], "", 0)
    qtbot.addWidget(dialog)
    dialog.algorithm.setCurrentIndex(dialog.algorithm.findData("mlp"))
    assert "as measured on a server" in dialog.estimate.text()
    with qtbot.waitSignal(dialog.probe_asked) as caught:
        dialog.data.edit.setText("train.csv")
    assert caught.args == ["train.csv", "mlp"]
    assert "timing a quick fit here" in dialog.estimate.text()
    cost = algorithm_named("mlp").cost
    dialog.show_probe("train.csv", "mlp", Probe(cost.probe.seconds * 10, cost.probe.accuracy, 500, 42_000))
    seconds = algorithm_named("mlp").estimate(42_000).seconds
    assert duration(seconds * 10) in dialog.estimate.text()
    assert "for 42,000 rows, from a quick fit of these digits" in dialog.estimate.text()
    dialog.algorithm.setCurrentIndex(dialog.algorithm.findData("knn"))  # of another algorithm nothing is known yet
    assert "from a quick fit" not in dialog.estimate.text()


def test_the_page_imports_nothing_heavy() -> None:
    code = (
        "import sys, gui.tabs.digits.tab\n"
        "print([name for name in ('numpy', 'sklearn', 'scipy', 'boto3', 'PIL', 'polars', 'onnxruntime') if name in sys.modules])"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"
