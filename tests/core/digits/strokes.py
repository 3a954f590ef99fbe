"""Digits drawn by templates of the tests' own (not those of the product), the way hands draw on a pad."""

from __future__ import annotations

import math

import numpy as np

from core.digits.ink import Stroke, evenly

Point = tuple[float, float]


def arc(x: float, y: float, wide: float, tall: float, start: float, end: float, steps: int = 20) -> list[Point]:
    return [
        (
            x + wide * math.cos(math.radians(start + (end - start) * step / steps)),
            y + tall * math.sin(math.radians(start + (end - start) * step / steps)),
        )
        for step in range(steps + 1)
    ]


TEMPLATES: dict[int, list[list[list[Point]]]] = {
    0: [
        [arc(0.5, 0.5, 0.3, 0.42, -60, 300, 36)],
        [arc(0.5, 0.5, 0.22, 0.45, -100, -460, 36)],
    ],
    1: [
        [[(0.52, 0.05), (0.5, 0.95)]],
        [[(0.32, 0.28), (0.55, 0.06), (0.52, 0.95)]],
        [[(0.62, 0.06), (0.4, 0.94)]],
    ],
    2: [
        [[*arc(0.48, 0.3, 0.27, 0.23, -160, 35), (0.24, 0.9), (0.8, 0.88)]],
        [[*arc(0.5, 0.28, 0.22, 0.2, -150, 45), (0.3, 0.78), *arc(0.35, 0.84, 0.08, 0.06, 200, 380, 8), (0.82, 0.94)]],
    ],
    3: [
        [[*arc(0.45, 0.28, 0.25, 0.2, -140, 85), *arc(0.45, 0.7, 0.29, 0.23, -80, 140)]],
        [[(0.22, 0.1), (0.72, 0.1), (0.46, 0.42), *arc(0.46, 0.68, 0.27, 0.25, -75, 145)]],
    ],
    4: [
        [[(0.3, 0.08), (0.24, 0.52), (0.8, 0.5)], [(0.68, 0.1), (0.62, 0.95)]],
        [[(0.62, 0.06), (0.16, 0.64), (0.86, 0.62)], [(0.63, 0.3), (0.6, 0.95)]],
    ],
    5: [
        [[(0.76, 0.08), (0.32, 0.1), (0.28, 0.44), *arc(0.46, 0.66, 0.28, 0.25, -105, 140)]],
        [[(0.34, 0.08), (0.3, 0.45), *arc(0.46, 0.67, 0.27, 0.26, -110, 140)], [(0.34, 0.08), (0.8, 0.06)]],
    ],
    6: [
        [[(0.66, 0.06), (0.4, 0.32), (0.28, 0.6), *arc(0.49, 0.72, 0.22, 0.21, 195, 550, 30)]],
        [[(0.56, 0.04), (0.36, 0.4), (0.3, 0.7), *arc(0.5, 0.74, 0.2, 0.19, 180, 530, 30)]],
    ],
    7: [
        [[(0.2, 0.14), (0.78, 0.1), (0.58, 0.5), (0.42, 0.95)]],
        [[(0.22, 0.12), (0.8, 0.12), (0.5, 0.95)], [(0.38, 0.52), (0.78, 0.5)]],
    ],
    8: [
        [[*arc(0.5, 0.28, 0.21, 0.2, 60, 420, 28), *arc(0.5, 0.71, 0.25, 0.23, -80, 280, 28)]],
        [[(0.7, 0.2), *arc(0.48, 0.26, 0.2, 0.18, -30, -250, 20), *arc(0.5, 0.72, 0.23, 0.22, -70, 250, 26), (0.72, 0.18)]],
    ],
    9: [
        [[*arc(0.5, 0.3, 0.22, 0.22, 10, -350, 30), (0.7, 0.55), (0.64, 0.95)]],
        [[*arc(0.48, 0.3, 0.2, 0.2, -20, -360, 30), (0.68, 0.34), (0.68, 0.94)]],
    ],
}  # fmt: skip


def drawing(
    digit: int,
    rng: np.random.Generator,
    *,
    size: float = 180.0,
    centre: Point = (140.0, 140.0),
    pen: float = 22.0,
    spacing: float = 4.0,
    shake: float = 0.008,
) -> list[Stroke]:
    """One drawing on the 280-unit pad: a template, leaned, stretched and shaken. ``spacing``: pad units between
    the points that the mouse sent; a hasty hand leaves 30."""
    templates = TEMPLATES[digit]
    template = templates[int(rng.integers(len(templates)))]
    lean, wide = rng.uniform(-0.25, 0.25), rng.uniform(0.75, 1.15)
    strokes = []
    for path in template:
        points = np.asarray(path) - 0.5
        points = points + rng.normal(0, shake, points.shape)
        matrix = np.array([[wide, 0.0], [-lean, 1.0]])
        placed = evenly((points @ matrix * size + np.asarray(centre)).astype(np.float32), spacing)
        strokes.append(Stroke(placed, pen))
    return strokes


KINDS: dict[str, dict[str, object]] = {
    "plain": {},
    "corner": {"size": 90.0, "centre": (60.0, 62.0)},
    "far corner": {"size": 80.0, "centre": (225.0, 222.0)},
    "small": {"size": 45.0},
    "thick": {"pen": 44.0},
    "thin": {"pen": 5.0},
    "fast": {"spacing": 30.0},
}


def table(count: int, seed: int = 0) -> dict[str, list[tuple[int, list[Stroke]]]]:
    """``count`` labelled drawings of every kind."""
    rng = np.random.default_rng(seed)
    return {
        kind: [(index % 10, drawing(index % 10, rng, **options)) for index in range(count)]  # type: ignore[arg-type]
        for kind, options in KINDS.items()
    }
