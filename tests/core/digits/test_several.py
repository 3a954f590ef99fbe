"""Several digits side by side: read one by one where paper parts them, never made out of one digit."""

from __future__ import annotations

import io

import numpy as np
import pytest

from core.digits.answers import Verdict
from core.digits.ink import Drawing, Stroke
from core.digits.service import DigitsService, Reading
from core.digits.several import drawn_apart, drawn_together, ink_apart
from core.jobs.job import headless_job
from tests.core.digits.small_data import digits
from tests.core.digits.strokes import drawing, table


def written(number: str, rng: np.random.Generator, pen: float = 14.0) -> Drawing:
    """The digits in a row on the pad, in any order of strokes."""
    step = 240 / len(number)
    strokes = [
        stroke
        for place, digit in enumerate(number)
        for stroke in drawing(int(digit), rng, size=0.75 * step, centre=(20 + step * (place + 0.5), 140.0), pen=pen)
    ]
    rng.shuffle(strokes)  # type: ignore[arg-type]
    return strokes


def said(reading: Reading | None) -> str:
    assert reading is not None
    return "".join(str(int(part.answer.labels[0])) for part in reading.parts)


def test_numbers_on_the_pad_are_read_digit_by_digit(service: DigitsService) -> None:
    rng = np.random.default_rng(3)
    numbers = ["17", "42", "90", "05", "68", "31", "777", "2026"]
    readings = [service.read_drawing(headless_job(), written(number, rng)) for number in numbers]
    assert [said(reading) for reading in readings] == numbers
    assert {reading.verdict() for reading in readings if reading} == {Verdict.NOT_A_DIGIT}


def test_no_digit_falls_apart() -> None:
    for kind, drawings in table(30, seed=5).items():
        for label, strokes in drawings:
            assert len(drawn_apart(strokes)) == 1, (kind, label)
            assert drawn_together(strokes) == [], (kind, label)


def touching(number: str, rng: np.random.Generator, over: float = 6.0, pen: float = 14.0) -> Drawing:
    """The digits in a row on the pad, each a little over the one before it."""
    strokes: list[Stroke] = []
    edge = 20.0
    for digit in number:
        made = drawing(int(digit), rng, size=100, centre=(0.0, 140.0), pen=pen)
        low = min(float(stroke.points[:, 0].min()) for stroke in made) - pen / 2
        strokes += [Stroke(stroke.points + np.float32([edge - low, 0]), pen) for stroke in made]
        edge = max(float(stroke.points[:, 0].max()) for stroke in strokes) + pen / 2 - over
    return strokes


def test_digits_that_touch_on_the_pad_are_read_one_by_one(service: DigitsService) -> None:
    rng = np.random.default_rng(4)
    numbers = ["17", "42", "90", "58"]
    drawings = [touching(number, rng) for number in numbers]
    assert all(len(drawn_apart(strokes)) == 1 for strokes in drawings)
    readings = [service.read_drawing(headless_job(), strokes) for strokes in drawings]
    assert [said(reading) for reading in readings] == numbers


def test_two_that_touch_beside_one_are_three(service: DigitsService) -> None:
    alone = drawing(3, np.random.default_rng(2), size=100, centre=(245.0, 140.0), pen=14.0)
    strokes = [*touching("42", np.random.default_rng(4)), *alone]
    assert said(service.read_drawing(headless_job(), strokes)) == "423"


def test_a_scrawl_of_two_strokes_that_touch_is_no_number(service: DigitsService) -> None:
    rng = np.random.default_rng(0)
    strokes = [Stroke(rng.uniform((low, 60), (low + 110, 220), (40, 2)).astype(np.float32), 14.0) for low in (20, 125)]
    reading = service.read_drawing(headless_job(), strokes)
    assert reading is not None and reading.parts == () and drawn_together(strokes)


@pytest.mark.parametrize(("gap", "read"), [(1, "47"), (-6, "")])
def test_a_picture_is_cut_where_little_ink_is_cut(service: DigitsService, gap: int, read: str) -> None:
    from PIL import Image

    left, right = (digits(10, seed=2).images[digit] for digit in (4, 7))
    left, right = (image[:, np.flatnonzero((image > 76).any(0))] for image in (left, right))
    paper = np.zeros((28, left.shape[1] + gap + right.shape[1]), np.uint8)
    paper[:, : left.shape[1]] = left
    paper[:, left.shape[1] + gap :] = np.maximum(paper[:, left.shape[1] + gap :], right)
    large = np.kron(np.pad(255 - paper, 12, constant_values=255), np.ones((6, 6), np.uint8))
    Image.fromarray(large).save(content := io.BytesIO(), "PNG")
    assert said(service.read_file(headless_job(), content.getvalue())) == read


def test_a_digit_with_something_beside_it_is_no_number(service: DigitsService) -> None:
    rng = np.random.default_rng(1)
    scrawl = Stroke(rng.uniform((170, 60), (270, 220), (60, 2)).astype(np.float32), 14.0)
    for beside in ([scrawl], written("12345", rng)):
        reading = service.read_drawing(headless_job(), [*drawing(7, rng, size=110, centre=(70, 140)), *beside])
        assert reading is not None and reading.parts == ()


def test_a_pad_that_is_not_normalised_is_read_whole(service: DigitsService) -> None:
    reading = service.read_drawing(headless_job(), written("17", np.random.default_rng(0)), normalise=False)
    assert reading is not None and reading.parts == ()


def test_a_picture_of_a_number_is_read_digit_by_digit(service: DigitsService) -> None:
    from PIL import Image

    row = np.concatenate([digits(10, seed=2).images[digit] for digit in (4, 7)], axis=1)
    paper = np.pad(255 - row, 12, constant_values=255)
    Image.fromarray(np.kron(paper, np.ones((6, 6), np.uint8))).save(content := io.BytesIO(), "PNG")
    assert said(service.read_file(headless_job(), content.getvalue())) == "47"


@pytest.mark.parametrize(("gap", "pieces"), [(0, 1), (2, 1), (3, 2), (9, 2)])
def test_a_gap_counts_by_the_height_of_the_ink(gap: int, pieces: int) -> None:
    ink = np.zeros((28, 28), np.float32)
    ink[4:24, 4:10] = 1
    ink[4:24, 10 + gap : 16 + gap] = 1
    apart = ink_apart(ink)
    assert len(apart) == pieces
    assert np.array_equal(np.concatenate(apart, axis=1), ink)
    assert len(ink_apart(np.zeros((5, 5), np.float32))) == 1
