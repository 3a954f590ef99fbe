"""Opens whatever a model file holds as something that answers; stock models only where scikit-learn is welcome."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.digits.answers import Answer, joined
from core.digits.card import ModelCard
from core.digits.model_file import read_card, read_patch_model
from core.digits.patches import Floats

_BLOCK = 500


class Answering(Protocol):
    def answer(self, images: Floats) -> Answer:
        """Of images (n, 28, 28) float32 in 0..1."""
        ...


def open_model(path: Path) -> tuple[Answering, ModelCard]:
    """Raises OpsError (code ``model``). May import scikit-learn or onnxruntime: call it in a child or a verb."""
    kind = read_card(path).kind
    if kind == "patch-svc":
        return read_patch_model(path)
    if kind == "onnx":
        from core.digits.stock import open_onnx

        return open_onnx(path)
    from core.digits.stock import open_stock

    return open_stock(path)


def answers(
    model: Answering, images: NDArray[np.uint8], on_progress: Callable[[int, int], None] = lambda done, total: None
) -> Answer:
    """The answers for images (n, 28, 28) uint8, block by block."""
    parts = []
    for start in range(0, len(images), _BLOCK):
        block = images[start : start + _BLOCK]
        parts.append(model.answer(np.divide(block, 255, dtype=np.float32)))
        on_progress(start + len(block), len(images))
    return joined(parts) if parts else Answer(np.zeros((0, 10), np.float32))
