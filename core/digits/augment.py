"""Slightly different copies of digits: turned, sheared, stretched, moved, bent, drawn thicker or thinner.

Never mirrored and never turned far: a 6 would become a 9.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.digits.patches import Floats

_BATCH = 512


def varied(images: Floats, strength: float, rng: np.random.Generator) -> Floats:
    """One random copy of each image, (n, side, side) float32 in 0..1; ``strength`` 1 is the widest range."""
    out = np.empty_like(images, np.float32)
    for start in range(0, len(images), _BATCH):
        block = images[start : start + _BATCH].astype(np.float32)
        block = _other_pen(block, strength, rng)
        out[start : start + _BATCH] = warped(block, *_field(len(block), block.shape[1], strength, rng))
    return out


def warped(images: Floats, rows: Floats, columns: Floats) -> Floats:
    """The images read at (rows, columns), each (n, side, side) in pixels, bilinear; outside is blank."""
    count, side = images.shape[:2]
    line = side + 4
    padded = np.zeros((count, line, line), np.float32)
    padded[:, 2:-2, 2:-2] = images
    rows = np.clip(rows + 2, 0, side + 2.99)
    columns = np.clip(columns + 2, 0, side + 2.99)
    top, left = rows.astype(np.int32), columns.astype(np.int32)
    y, x = rows - top, columns - left
    start = (np.arange(count, dtype=np.int32) * line**2)[:, None, None] + top * line + left
    flat = padded.reshape(-1)
    upper = flat[start] * (1 - x) + flat[start + 1] * x
    lower = flat[start + line] * (1 - x) + flat[start + line + 1] * x
    result: Floats = (upper * (1 - y) + lower * y).astype(np.float32)
    return result


def _field(count: int, side: int, strength: float, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Where each pixel of ``count`` new images is read from."""

    def uniform(limit: float) -> NDArray[np.float64]:
        return rng.uniform(-limit * strength, limit * strength, count)

    angle, shear = np.deg2rad(uniform(12)), uniform(0.2)
    tall, wide = 1 + uniform(0.12), 1 + uniform(0.12)
    cos, sin = np.cos(angle), np.sin(angle)
    centre = (side - 1) / 2
    grid = np.arange(side) - centre
    y, x = (axis[None] for axis in np.meshgrid(grid, grid, indexing="ij"))

    def each(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return values[:, None, None]

    slanted = x + each(shear) * y
    rows = each(cos / tall) * y + each(sin / wide) * slanted + each(uniform(1.5)) + centre
    columns = each(-sin / tall) * y + each(cos / wide) * slanted + each(uniform(1.5)) + centre
    return (
        (rows + _bend(count, side, uniform(1.2), rng)).astype(np.float32),
        (columns + _bend(count, side, uniform(1.2), rng)).astype(np.float32),
    )


def _bend(count: int, side: int, amplitude: NDArray[np.float64], rng: np.random.Generator) -> Floats:
    """A smooth random displacement whose standard deviation per pixel is |amplitude|."""
    centres = np.linspace(-2, side + 1, 9)
    basis = np.exp(-((np.arange(side)[:, None] - centres) ** 2) / (2 * (side / 7) ** 2))
    basis /= np.linalg.norm(basis, axis=1, keepdims=True)
    noise = rng.standard_normal((count, 9, 9)) * np.abs(amplitude)[:, None, None]
    bent: Floats = (basis @ noise @ basis.T).astype(np.float32)
    return bent


def _other_pen(images: Floats, strength: float, rng: np.random.Generator) -> Floats:
    """Half of the images blended toward a thicker or a thinner stroke."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    cross = np.stack(
        [padded[:, 1:-1, 1:-1], padded[:, :-2, 1:-1], padded[:, 2:, 1:-1], padded[:, 1:-1, :-2], padded[:, 1:-1, 2:]]
    )
    thick = rng.random(len(images)) < 0.5
    target = np.where(thick[:, None, None], cross.max(0), cross.min(0))
    share = np.where(rng.random(len(images)) < 0.5, rng.uniform(0, 0.7 * strength, len(images)), 0)
    blended: Floats = (images + (target - images) * share[:, None, None]).astype(np.float32)
    return blended
