"""Several digits side by side: read one by one where paper parts them, never made out of one digit."""

from __future__ import annotations

import io

import numpy as np
import pytest

from core.digits.answers import Verdict
from core.digits.ink import Drawing, Stroke
from core.digits.service import DigitsService, Reading
from core.digits.several import drawn_apart, ink_apart
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
