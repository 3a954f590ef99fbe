"""Leaning digits are sheared upright: the same digit from every slant, nothing lost, blank stays blank."""

from __future__ import annotations

import numpy as np
import pytest

from core.digits.ink import Stroke, normalised
from core.digits.upright import upright
from tests.core.digits.small_data import digits


def bar(lean: float) -> np.ndarray:
    """A bar from top to bottom that moves ``lean`` times its height to the side; (1, 28, 28)."""
    rows = np.arange(4, 24)
    picture = np.zeros((1, 28, 28), np.float32)
    for row in rows:
        middle = 13.5 + lean * (row - 13.5)
        picture[0, row] = np.clip(2 - np.abs(np.arange(28) - middle), 0, 1)
    return picture


@pytest.mark.parametrize("lean", [-0.6, -0.2, 0.0, 0.3, 0.6])
def test_a_leaning_bar_stands(lean: float) -> None:
    straight = upright(bar(lean))
    np.testing.assert_allclose(straight, bar(0.0), atol=0.26)  # half a pixel of blur
    assert straight.sum() == pytest.approx(bar(lean).sum(), rel=0.01)
    middles = (straight[0, 4:24] @ np.arange(28)) / straight[0, 4:24].sum(1)
    np.testing.assert_allclose(middles, 13.5, atol=0.1)


def test_one_by_one_or_together_and_in_either_precision() -> None:
    images = digits(50).pixels
    together = upright(images)
    assert together.dtype == np.float32 and together.min() >= 0 and together.max() <= 1.0001
    one_by_one = np.concatenate([upright(images[index : index + 1]) for index in range(50)])
    np.testing.assert_allclose(together, one_by_one, atol=1e-5)
    exact = upright(images.astype(np.float64))
    assert exact.dtype == np.float64
    np.testing.assert_allclose(together, exact, atol=1e-3)


def test_blank_a_dot_and_a_dash_come_through() -> None:
    assert not upright(np.zeros((2, 28, 28), np.float32)).any()
    dot = np.zeros((1, 28, 28), np.float32)
    dot[0, 13:15, 13:15] = 1
    np.testing.assert_allclose(upright(dot), dot, atol=1e-4)
    dash = normalised([Stroke.of([(40, 140), (240, 150)], 22)])[None]
    assert upright(dash).sum() == pytest.approx(dash.sum(), rel=0.05)
