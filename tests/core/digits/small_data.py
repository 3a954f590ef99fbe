"""A small set of digits made from pen strokes: enough to train on in seconds, on any machine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.digits.datasets import Dataset
from core.digits.ink import normalised
from tests.core.digits.strokes import drawing

_POOLS: dict[int, tuple[np.random.Generator, list[NDArray[np.uint8]]]] = {}


def digits(count: int, seed: int = 0) -> Dataset:
    """``count`` digits, all ten in turn; fewer are the first of more, so that each is drawn once."""
    rng, pool = _POOLS.setdefault(seed, (np.random.default_rng(seed), []))
    for index in range(len(pool), count):
        picture = normalised(drawing(index % 10, rng, shake=0.02), pen=float(rng.uniform(2, 4)))
        pool.append(np.rint(picture * 255).astype(np.uint8))
    return Dataset("small", np.stack(pool[:count]), (np.arange(count) % 10).astype(np.uint8))


SMALL = {
    "patch-svc": {"atoms": 6, "components": 12, "copies": 1},
    "logistic": {"iterations": 20},
    "linear-svm": {"epochs": 3},
    "knn": {"components": 8},
    "random-forest": {"trees": 12},
    "extra-trees": {"trees": 12},
    "gradient-boosting": {"iterations": 2},
    "rbf-svm": {"components": 12},
    "mlp": {"epochs": 30, "units": 24},
    "mlp-augmented": {"epochs": 15, "units": 24, "strength": 0.3},
}
"""Parameters with which each algorithm is fitted on such a set in a moment."""


def quiet(*_: object, **__: object) -> None:
    pass
