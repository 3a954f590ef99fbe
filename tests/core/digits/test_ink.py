"""Strokes become the picture a model expects, wherever, however large and with whatever pen they were drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.digits.ink import Stroke, as_drawn, centre_of_mass, evenly, is_empty, normalised, rasterised
from core.digits.model_file import SHIPPED, read_patch_model
from core.digits.patch_model import PatchModel
from tests.core.digits.strokes import KINDS, table

points = st.lists(st.tuples(st.floats(0, 280), st.floats(0, 280)), min_size=1, max_size=30)


@settings(max_examples=50)
@given(st.lists(points, min_size=1, max_size=4))
def test_any_ink_gives_a_picture_in_the_frame(strokes: list[list[tuple[float, float]]]) -> None:
    drawing = [Stroke.of(stroke) for stroke in strokes]
    for picture in (normalised(drawing), as_drawn(drawing)):
        assert picture.shape == (28, 28)
        assert np.isfinite(picture).all()
        assert picture.min() >= 0 and picture.max() <= 1
    if not is_empty(drawing):
        assert normalised(drawing).max() > 0.3


def test_place_size_and_pen_do_not_matter() -> None:
    shape = np.array([(0, 0), (60, 5), (30, 50), (10, 90)], np.float32)
    reference = normalised([Stroke(shape + 100, 22)])
    for scale, shift, pen in ((0.4, 5, 4), (1.5, 90, 60), (1.0, 180, 22)):
        other = normalised([Stroke(shape * scale + shift, pen)])
        assert np.abs(other - reference).max() < 0.12
    x, y = centre_of_mass(reference)
    assert abs(x - 13.5) < 0.15 and abs(y - 13.5) < 0.15


def test_nothing_and_a_slip_of_the_hand_are_empty() -> None:
    assert is_empty([])
    assert is_empty([Stroke.of([])])
    assert is_empty([Stroke.of([(10, 10), (12, 11)])])
    assert not is_empty([Stroke.of([(10, 10), (30, 11)])])


def test_a_dot_stays_small() -> None:
    assert normalised([Stroke.of([(100, 100), (104, 104)])]).sum() < 40


def test_a_straight_edge_is_antialiased_exactly() -> None:
    row = rasterised([np.array([(14.0, -5.0), (14.0, 40.0)], np.float32)], [3.0])[14]
    np.testing.assert_allclose(row[11:18], [0, 0, 1, 1, 1, 0, 0], atol=1e-6)
    shifted = rasterised([np.array([(14.25, -5.0), (14.25, 40.0)], np.float32)], [3.0])[14]
    np.testing.assert_allclose(shifted[12:17], [0, 0.75, 1, 1, 0.25], atol=1e-6)


def test_evenly_keeps_the_ends() -> None:
    path = evenly(np.array([(0, 0), (10, 0), (10, 7)], np.float32), 1.0)
    assert path[0].tolist() == [0, 0]
    assert path[-1].tolist() == [10, 7]
    assert np.hypot(*np.diff(path, axis=0).T).max() <= 1.01


@pytest.fixture(scope="module")
def drawn() -> dict[str, list[tuple[int, list[Stroke]]]]:
    return table(100, seed=3)


@pytest.fixture(scope="module")
def model() -> PatchModel:
    return read_patch_model(SHIPPED)[0]


@pytest.mark.parametrize("kind", list(KINDS))
def test_drawings_of_every_kind_are_read_right(
    kind: str, model: PatchModel, drawn: dict[str, list[tuple[int, list[Stroke]]]]
) -> None:
    """Corner, small, thick, thin and hasty drawings: at least 97 % right, and recognised as digits."""
    drawings = drawn[kind]
    answer = model.answer(np.stack([normalised(strokes) for _, strokes in drawings]))
    right = answer.labels == np.array([label for label, _ in drawings])
    assert right.mean() >= 0.97
    assert answer.digit is not None
    assert (answer.digit >= 0).mean() >= 0.95
