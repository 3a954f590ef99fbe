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


def hand_drawn(count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """``count`` pictures of the ten digits as unsteady hands draw them: slanted, stretched, bent, any pen; (n, 28, 28)."""
    pictures = []
    for index in range(count):
        lean, turn = rng.uniform(-0.3, 0.3), rng.uniform(-0.2, 0.2)
        stretch = np.diag([rng.uniform(0.65, 1.25), rng.uniform(0.85, 1.15)])
        matrix = stretch @ np.array([[1, -turn], [turn, 1]]) @ np.array([[1, 0], [lean, 1]])
        wave = rng.normal(0, 0.035, (2, 2, 3))
        strokes = []
        for path in _STROKES[index % 10]:
            points = np.asarray(path) + rng.normal(0, 0.006, (len(path), 2))
            for axis in (0, 1):  # a smooth bend of the whole drawing
                for frequency in range(3):
                    points[:, axis] += wave[axis, 0, frequency] * np.sin(
                        np.pi * (frequency + 1) * np.asarray(path)[:, 0]
                    )
                    points[:, axis] += wave[axis, 1, frequency] * np.sin(
                        np.pi * (frequency + 1) * np.asarray(path)[:, 1]
                    )
            strokes.append(Stroke(((points - 0.5) @ matrix * 200 + 140).astype(np.float32)))
        pictures.append(normalised(strokes, pen=float(rng.uniform(1.8, 4.2))))
    return np.stack(pictures)


def plain_digits() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """All ten as models see them, (10, 28, 28) in 0..1, and their labels."""
    return np.stack([normalised(plain_digit(digit)) for digit in range(10)]), np.arange(10)
