"""A small set of digits made from pen strokes: enough to train on in seconds, on any machine."""

from __future__ import annotations

from functools import cache

import numpy as np

from core.digits.datasets import Dataset
from core.digits.ink import normalised
from tests.core.digits.strokes import drawing


@cache
def digits(count: int, seed: int = 0) -> Dataset:
    """``count`` digits, all ten in turn."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 10
    images = np.stack(
        [normalised(drawing(int(label), rng, shake=0.02), pen=float(rng.uniform(2, 4))) for label in labels]
    )
    return Dataset("small", np.rint(images * 255).astype(np.uint8), labels.astype(np.uint8))
