"""Digits sheared back until they stand upright: hands lean, and a classifier need not learn every slant.

The usual deskewing by second moments (LeCun et al. 1998 already report it); horizontal only, so that rows stay rows.
"""

from __future__ import annotations

import numpy as np

from core.digits.patches import Floats

STEEPEST = 1.0
"""No digit leans more than 45 degrees; what does is a dash or a scribble and is left so."""


def upright(images: Floats) -> Floats:
    """(n, side, side) in 0..1 -> the same, upright; blank images stay blank."""
    count, side = images.shape[:2]
    place = np.arange(side, dtype=images.dtype)
    in_rows, in_columns = images.sum(2), images.sum(1)
    mass = in_rows.sum(1) + 1e-6
    down = place - (in_rows @ place / mass)[:, None]
    across = place - (in_columns @ place / mass)[:, None]
    leaning = (np.matmul(images, across[:, :, None])[:, :, 0] * down).sum(1)
    slope = np.clip(leaning / ((in_rows * down * down).sum(1) + 1e-6 * mass), -STEEPEST, STEEPEST)
    # every row is read at columns moved by its height over the middle, between the two nearest pixels
    line = side + 4
    padded = np.zeros((count * side, line), images.dtype)
    padded[:, 2:-2] = images.reshape(-1, side)
    columns = np.clip(place + (slope[:, None] * down).reshape(-1, 1) + 2, 0, line - 1.01)
    left = columns.astype(np.int32)
    share = columns - left
    start = left + (np.arange(count * side, dtype=np.int32) * line)[:, None]
    flat = padded.reshape(-1)
    straight: Floats = flat[start] * (1 - share) + flat[start + 1] * share
    return straight.reshape(count, side, side).astype(images.dtype, copy=False)
