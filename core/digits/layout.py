"""What makes a whole set of pictures unreadable without a single row being wrong: bright paper, or rows and columns exchanged."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from core.digits.answers import Answer

BRIGHT, SUBTRACT = (
    "The pictures are mostly bright: ink is 255 and paper 0 here, as in MNIST",
    "Subtract every pixel from 255",
)
EXCHANGED = "Few of the pictures are read as they stand, most with rows and columns exchanged"
ROW_BY_ROW = "Write the pixels row by row, from the top left"
SAMPLE = 200
"""Pictures that are enough to tell; answering them twice takes half a second at most."""


class Answering(Protocol):
    def answer(self, images: NDArray[np.float32], /) -> Answer: ...


def mostly_bright(images: NDArray[np.uint8]) -> bool:
    """Of images (n, 28, 28); a thousand of them are looked at."""
    some = images[:: max(1, len(images) // 1_000)]
    return bool(len(some)) and float(some.mean()) > 127


def exchanged(model: Answering, images: NDArray[np.uint8], truth: NDArray[Any] | None = None) -> bool:
    """Whether the model reads images (n, 28, 28) badly as they stand and well with rows and columns exchanged.

    Where the truth is not known, well read is what it takes for a digit; one that refuses nothing cannot tell.
    """
    some = np.divide(images[:SAMPLE], 255, dtype=np.float32)

    def well(pictures: NDArray[np.float32]) -> float:
        answer = model.answer(pictures)
        if truth is not None:
            return float((answer.labels == truth[:SAMPLE]).mean())
        return 1.0 if answer.digit is None else float((answer.digit >= 0).mean())

    return len(some) > 0 and well(some) < 0.6 and well(np.ascontiguousarray(some.transpose(0, 2, 1))) > 0.8
