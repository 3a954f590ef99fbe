"""Ten plainly drawn digits as pen strokes: something to load onto the pad without a mouse, and to try models with."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from core.digits.ink import PAD, Stroke, normalised

Point = tuple[float, float]


def _arc(x: float, y: float, wide: float, tall: float, start: float, end: float, steps: int = 24) -> list[Point]:
    """An ellipse's arc; degrees, 0 to the right, growing clockwise as the eye sees it."""
    angles = [math.radians(start + (end - start) * step / steps) for step in range(steps + 1)]
    return [(x + wide * math.cos(angle), y + tall * math.sin(angle)) for angle in angles]


_STROKES: tuple[tuple[list[Point], ...], ...] = (
    (_arc(0.5, 0.5, 0.26, 0.4, -90, 270, 40),),
    ([(0.5, 0.1), (0.5, 0.9)],),
    ([*_arc(0.5, 0.32, 0.24, 0.22, -170, 20), *[(0.68, 0.5), (0.26, 0.9), (0.78, 0.9)]],),
    ([*_arc(0.47, 0.3, 0.22, 0.2, -150, 80), *_arc(0.47, 0.69, 0.26, 0.21, -85, 150)],),
    ([(0.58, 0.1), (0.2, 0.62), (0.8, 0.62)], [(0.62, 0.36), (0.62, 0.92)]),
    ([(0.74, 0.1), (0.33, 0.1), (0.3, 0.46), *_arc(0.47, 0.65, 0.26, 0.25, -110, 145)],),
    ([(0.64, 0.08), (0.42, 0.3), (0.3, 0.56), *_arc(0.5, 0.7, 0.22, 0.2, 190, 545, 36)],),
    ([(0.22, 0.12), (0.78, 0.12), (0.6, 0.45), (0.44, 0.92)],),
    ([*_arc(0.5, 0.29, 0.2, 0.19, 90, 450, 32), *_arc(0.5, 0.7, 0.24, 0.22, -90, 270, 32)],),
    ([*_arc(0.5, 0.32, 0.21, 0.21, 0, -360, 36), (0.7, 0.5), (0.66, 0.92)],),
)


def plain_digit(digit: int, width: float = 22.0) -> list[Stroke]:
    """The strokes of one digit in the middle of the pad."""
    size = PAD * 0.7
    edge = (PAD - size) / 2
    return [Stroke.of([(edge + x * size, edge + y * size) for x, y in path], width) for path in _STROKES[digit]]


def plain_digits() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """All ten as models see them, (10, 28, 28) in 0..1, and their labels."""
    return np.stack([normalised(plain_digit(digit)) for digit in range(10)]), np.arange(10)
