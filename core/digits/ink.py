"""Pen strokes to the 28x28 picture a model expects.

Measured on stroke templates: rescaling the points and drawing them again with one pen reads small, thick and
off-centre drawings right (97-99 %) where scaling pixels does not (35-65 % for thick or small ones).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.digits.patches import SIDE, Floats

PAD = 280
"""The drawing pad's side in its own units; ten to a model pixel."""

PEN = 3.0  # canonical stroke width in model pixels (MNIST's median is 2.5, 95th percentile 4.1; facts: 3.2 read best)
BOX = 20.0  # MNIST digits were scaled to fit 20 x 20 and then centred by mass
_MIDDLE = (SIDE - 1) / 2
_STEP = 0.9  # distance of the points redrawn, in model pixels: rounder is not visible at 28 x 28
_LEAST_INK = 4.0  # a drawing smaller than this many pad units in both directions is a slip of the hand
_LARGEST_ZOOM = 6.0 / 10  # a dot stays a dot: never magnify beyond this many model pixels per pad unit


@dataclass(frozen=True)
class Stroke:
    """One touch of the pen: points (n, 2) of x, y in pad units, and the pen's width there (scalar or per point)."""

    points: Floats
    width: float = 22.0

    @classmethod
    def of(cls, points: Sequence[tuple[float, float]], width: float = 22.0) -> Stroke:
        return cls(np.asarray(points, np.float32).reshape(-1, 2), width)


Drawing = Sequence[Stroke]


def is_empty(drawing: Drawing) -> bool:
    """Whether there is too little ink to say anything."""
    points = [stroke.points for stroke in drawing if len(stroke.points)]
    if not points:
        return True
    joined = np.concatenate(points)
    return bool((np.ptp(joined, axis=0) < _LEAST_INK).all())


def normalised(drawing: Drawing, *, pen: float = PEN, rounds: int = 1) -> Floats:
    """The drawing as MNIST would show it, (28, 28) float32 in 0..1: 20 pixels large, one pen, centred by mass."""
    points = np.concatenate([stroke.points for stroke in drawing if len(stroke.points)])
    low, high = points.min(0), points.max(0)
    zoom = min((BOX - pen) / max(float((high - low).max()), 1e-6), _LARGEST_ZOOM)
    middle = (low + high) / 2
    paths = [evenly((stroke.points - middle) * zoom + _MIDDLE, _STEP) for stroke in drawing if len(stroke.points)]
    picture = rasterised(paths, [pen] * len(paths))
    for _ in range(rounds):
        shift = (_MIDDLE - centre_of_mass(picture)).astype(np.float32)
        paths = [path + shift for path in paths]
        picture = rasterised(paths, [pen] * len(paths))
    return picture


def as_drawn(drawing: Drawing) -> Floats:
    """The whole pad scaled down to (28, 28), nothing moved: what a naive page would show its model."""
    strokes = [stroke for stroke in drawing if len(stroke.points)]
    unit = SIDE / PAD
    paths = [evenly(stroke.points * unit - 0.5, _STEP) for stroke in strokes]
    return rasterised(paths, [stroke.width * unit for stroke in strokes])


def rasterised(paths: Sequence[Floats], widths: Sequence[float], side: int = SIDE) -> Floats:
    """Round-ended strokes, antialiased, (side, side) in 0..1; points are x, y with pixel centres at whole numbers.

    A pixel's ink is how far it lies inside the nearest segment's outline, which is exact coverage for a straight
    edge and costs no supersampling.
    """
    starts, ends, radii = [], [], []
    for path, width in zip(paths, widths, strict=True):
        if len(path) == 0:
            continue
        starts.append(path[:-1] if len(path) > 1 else path)
        ends.append(path[1:] if len(path) > 1 else path)
        radii.append(np.full(len(starts[-1]), width / 2, np.float32))
    if not starts:
        return np.zeros((side, side), np.float32)
    start, end, radius = np.concatenate(starts), np.concatenate(ends), np.concatenate(radii)
    along = end - start
    length = np.maximum((along**2).sum(1), 1e-9)
    axis = np.arange(side, dtype=np.float32)
    # (segments, side) parts per axis first: the full (segments, y, x) grid then needs few passes
    x, y = axis - start[:, :1], axis - start[:, 1:]
    dot = (y * along[:, 1:])[:, :, None] + (x * along[:, :1])[:, None, :]
    dot /= length[:, None, None]
    np.clip(dot, 0, 1, out=dot)
    off_x = x[:, None, :] - dot * along[:, 0, None, None]
    off_y = y[:, :, None] - dot * along[:, 1, None, None]
    off_x *= off_x
    off_y *= off_y
    off_x += off_y
    np.sqrt(off_x, out=off_x)
    np.subtract(radius[:, None, None] + 0.5, off_x, out=off_x)
    ink: Floats = np.clip(off_x.max(0), 0, np.minimum(1, 2 * radius.max())).astype(np.float32)
    return ink


def evenly(points: Floats, step: float) -> Floats:
    """The same path with points ``step`` apart (its two ends kept)."""
    if len(points) < 2:
        return np.asarray(points, np.float32)
    lengths = np.hypot(*np.diff(points, axis=0).T)
    travelled = np.concatenate([[0.0], np.cumsum(lengths)])
    if travelled[-1] < 1e-6:
        return np.asarray(points[:1], np.float32)
    wanted = np.linspace(0, travelled[-1], max(2, int(np.ceil(travelled[-1] / step)) + 1))
    return np.column_stack(
        [np.interp(wanted, travelled, points[:, 0]), np.interp(wanted, travelled, points[:, 1])]
    ).astype(np.float32)


def centre_of_mass(picture: Floats) -> NDArray[np.float64]:
    """x, y of the ink's centre; the middle of the frame for a blank picture."""
    total = float(picture.sum())
    if total <= 0:
        return np.array([(picture.shape[1] - 1) / 2, (picture.shape[0] - 1) / 2])
    columns, rows = picture.sum(0), picture.sum(1)
    return np.array([columns @ np.arange(len(columns)), rows @ np.arange(len(rows))]) / total
