"""Pictures that are no digits, made from code alone, for the reject head to learn from.

Scribbles and open curves drawn with the pad's own pen, letter-like figures of straight and bent strokes, digits
cut, mixed, turned by a quarter and put side by side, noise and blank paper. No font, no photo, no other data set.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from core.digits.ink import Stroke, normalised
from core.digits.patches import SIDE, Floats
from core.digits.pictures import framed

_TURNS_TO_A_DIGIT = (0, 1, 8)  # turned by a quarter or in a mirror these may still be read as digits


def negatives(images: Floats, labels: NDArray[np.integer], count: int, rng: np.random.Generator) -> Floats:
    """About ``count`` pictures (n, 28, 28) in 0..1 that are no digits; ``images`` lend their pieces."""
    makers: list[tuple[float, Callable[[], Floats]]] = [
        (0.20, lambda: _scribble(rng)),
        (0.10, lambda: _zigzag(rng)),
        (0.20, lambda: _figure(rng)),
        (0.14, lambda: _stems_and_bows(rng)),
        (0.06, lambda: _shape(rng)),
        (0.04, lambda: _half(images, rng)),
        (0.05, lambda: _mixed(images, rng)),
        (0.07, lambda: _turned(images, labels, rng)),
        (0.10, lambda: _pair(images, rng)),
        (0.03, lambda: _noise(rng)),
        (0.01, lambda: np.zeros((SIDE, SIDE), np.float32)),
    ]
    made = [make() for share, make in makers for _ in range(round(share * count))]
    return np.stack(made).astype(np.float32)


def _pen(rng: np.random.Generator) -> float:
    return float(rng.uniform(2.0, 4.0))


def _smooth(corners: NDArray[np.float64], points: int) -> Floats:
    """A curve through the corners (Catmull-Rom), (points, 2)."""
    padded = np.concatenate([corners[:1], corners, corners[-1:]])
    place = np.linspace(0, len(corners) - 1 - 1e-6, points)
    index, t = place.astype(int), (place % 1)[:, None]
    p0, p1, p2, p3 = (padded[index + offset] for offset in range(4))
    curve: NDArray[np.float64] = 0.5 * (
        2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3
    )
    return curve.astype(np.float32)


def _drawn(paths: list[Floats], rng: np.random.Generator) -> Floats:
    return normalised([Stroke(path * 200) for path in paths], pen=_pen(rng))


def _scribble(rng: np.random.Generator) -> Floats:
    """One to three smooth curves that wander, cross and come back."""
    paths = []
    for _ in range(rng.integers(1, 4)):
        steps = rng.integers(4, 14)
        walk = rng.random((steps, 2)) if rng.random() < 0.6 else np.cumsum(rng.standard_normal((steps, 2)) * 0.3, 0)
        paths.append(_smooth(walk, 12 * int(steps)))
    return _drawn(paths, rng)


def _zigzag(rng: np.random.Generator) -> Floats:
    """Waves, coils and hatching: what a hand does to try a pen."""
    t = np.linspace(0, 1, 120)
    turns = rng.uniform(2, 7)
    kind = rng.integers(3)
    if kind == 0:
        path = np.column_stack([t * rng.uniform(0.8, 2), rng.uniform(0.15, 0.6) * np.sin(2 * np.pi * turns * t)])
    elif kind == 1:
        path = np.column_stack(
            [t * rng.uniform(0.2, 1.5) + 0.25 * np.cos(2 * np.pi * turns * t), 0.3 * np.sin(2 * np.pi * turns * t)]
        )
    else:
        radius = t * rng.uniform(0.3, 0.5)
        path = np.column_stack([radius * np.cos(2 * np.pi * turns * t / 2), radius * np.sin(2 * np.pi * turns * t / 2)])
    angle = rng.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return _drawn([((path + rng.normal(0, 0.01, path.shape)) @ turn).astype(np.float32)], rng)


def _figure(rng: np.random.Generator) -> Floats:
    """Two to four strokes between the nine points of a 3 x 3 raster, straight or bent: the way letters are built."""
    raster = np.array([(x, y) for y in (0.0, 0.5, 1.0) for x in (0.0, 0.35, 0.7)])
    raster = raster + rng.normal(0, 0.03, raster.shape)
    paths: list[Floats] = []
    used: list[int] = []
    for _ in range(rng.integers(2, 5)):
        # a stroke begins where another one passed, so that the figure hangs together
        start = int(rng.choice(used)) if used and rng.random() < 0.8 else int(rng.integers(9))
        end = int(rng.choice([point for point in range(9) if point != start]))
        used += [start, end]
        if rng.random() < 0.65:
            path = np.linspace(raster[start], raster[end], 12).astype(np.float32)
        else:
            middle = (raster[start] + raster[end]) / 2 + rng.normal(0, 0.25, 2)
            path = _smooth(np.stack([raster[start], middle, raster[end]]), 24)
        paths.append(path)
    slant = np.array([[1, 0], [rng.uniform(-0.3, 0.3), 1]])
    return _drawn([(path @ slant).astype(np.float32) for path in paths], rng)


def _stems_and_bows(rng: np.random.Generator) -> Floats:
    """One or two upright or leaning stems, one or two arcs beside them, sometimes a bar."""
    paths: list[Floats] = []
    stems = rng.integers(1, 3)
    for index in range(stems):
        x, lean = (0.1 if index == 0 else 0.7) + rng.normal(0, 0.04), rng.normal(0, 0.12)
        top, bottom = (0.0 if rng.random() < 0.7 else 0.45), 1.0
        paths.append(np.linspace((x + lean, top), (x - lean, bottom), 12).astype(np.float32))
    for _ in range(rng.integers(1, 3)):
        centre = np.array([rng.uniform(0.2, 0.6), rng.choice([0.25, 0.5, 0.75])])
        wide, tall = rng.uniform(0.15, 0.4), rng.uniform(0.12, 0.5)
        start, extent = rng.uniform(0, 2 * np.pi), rng.uniform(0.8, 2) * np.pi * rng.choice([-1, 1])
        angle = start + np.linspace(0, extent, 30)
        paths.append((centre + np.column_stack([wide * np.cos(angle), tall * np.sin(angle)])).astype(np.float32))
    if rng.random() < 0.4:
        y = rng.uniform(0.0, 1.0)
        paths.append(np.array([[rng.uniform(-0.1, 0.2), y], [rng.uniform(0.5, 0.9), y]], np.float32))
    return _drawn(paths, rng)


def _shape(rng: np.random.Generator) -> Floats:
    """Closed polygons, crosses and stars."""
    corners = int(rng.integers(3, 7))
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False) + rng.uniform(0, 2 * np.pi)
    ring = np.column_stack([np.cos(angles) * rng.uniform(0.6, 1), np.sin(angles)]) + rng.normal(0, 0.06, (corners, 2))
    if rng.random() < 0.5:
        paths = [np.concatenate([ring, ring[:1]]).astype(np.float32)]
    else:
        paths = [np.stack([point, -point]).astype(np.float32) for point in ring]
    return _drawn(paths, rng)


def _any(images: Floats, rng: np.random.Generator) -> Floats:
    picked: Floats = images[rng.integers(len(images))]
    return picked


def _half(images: Floats, rng: np.random.Generator) -> Floats:
    """A digit cut in two, its other half lost, scaled up again."""
    cut = _any(images, rng).copy()
    at = int(rng.integers(11, 17))
    if rng.random() < 0.5:
        cut = cut.T.copy()
        cut[:at] = 0
        cut = cut.T
    else:
        cut[at:] = 0
    return framed(cut)


def _mixed(images: Floats, rng: np.random.Generator) -> Floats:
    """The upper half of one digit on the lower half of another, or two digits on top of each other."""
    first, second = _any(images, rng), _any(images, rng)
    if rng.random() < 0.5:
        return np.maximum(first, np.roll(second, tuple(rng.integers(-4, 5, 2)), (0, 1)))
    turned = second[::-1, ::-1] if rng.random() < 0.5 else second[:, ::-1]
    return np.concatenate([first[:14], turned[14:]])


def _turned(images: Floats, labels: NDArray[np.integer], rng: np.random.Generator) -> Floats:
    while True:
        index = int(rng.integers(len(images)))
        if labels[index] not in _TURNS_TO_A_DIGIT:
            return framed(np.rot90(images[index], int(rng.choice([1, 3]))))


def _pair(images: Floats, rng: np.random.Generator) -> Floats:
    """Two digits side by side, as one drawing."""
    wide = np.zeros((SIDE, 2 * SIDE), np.float32)
    gap = int(rng.integers(14, 24))
    wide[:, :SIDE] = _any(images, rng)
    wide[:, gap : gap + SIDE] = np.maximum(wide[:, gap : gap + SIDE], _any(images, rng))
    return framed(wide)


def _noise(rng: np.random.Generator) -> Floats:
    grain = rng.random((SIDE, SIDE)) * rng.uniform(0.3, 1)
    if rng.random() < 0.5:
        grain = np.where(grain > rng.uniform(0.5, 0.95), 1.0, 0.0)
    return grain.astype(np.float32)
