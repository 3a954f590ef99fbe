"""Models of scikit-learn and ONNX graphs: stored without pickle, opened with an allow-list, answering like our own.

Imports scikit-learn or onnxruntime: for child processes and verbs, never for the window's process.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.base.errors import OpsError
from core.digits.answers import Answer, softmax, spread
from core.digits.card import ModelCard
from core.digits.model_file import read_blob, write_blob
from core.digits.patches import SIDE, Floats
from core.digits.scikit import skops_io
from core.digits.stock_checks import TYPES, check_indices, parts, strange_types


@dataclass(frozen=True)
class StockModel:
    """A fitted scikit-learn classifier on rows (n, 784) in 0..1, with one sharpness for honest probabilities."""

    fitted: Any
    sharpness: float = 1.0

    def logits(self, images: Floats) -> Floats:
        """Uncalibrated log-probabilities or scores (n, classes)."""
        rows = images.reshape(len(images), -1)
        if hasattr(self.fitted, "predict_proba"):
            return np.asarray(np.log(np.asarray(self.fitted.predict_proba(rows)) + 1e-4), np.float32)
        scores = np.asarray(self.fitted.decision_function(rows), np.float32)
        return scores if scores.ndim == 2 else np.asarray(np.column_stack([-scores, scores]) / 2, np.float32)

    def answer(self, images: Floats) -> Answer:
        digits = np.asarray(self.fitted.classes_, np.int64)
        return Answer(spread(softmax(np.float32(self.sharpness) * self.logits(images)), digits))


@dataclass(frozen=True)
class OnnxModel:
    """An ONNX digit classifier from elsewhere. ``scale`` 255 feeds pixels 0..255; the output may be scores or probabilities."""

    session: Any
    shape: tuple[int, ...]
    scale: float
    input_name: str
    output_name: str

    def answer(self, images: Floats) -> Answer:
        outputs = [
            self.session.run(
                [self.output_name], {self.input_name: (block * np.float32(self.scale)).reshape(self.shape)}
            )[0]
            for block in images[:, None]
        ]  # one by one: graphs from elsewhere often fix the batch at 1
        scores = np.asarray(outputs, np.float32).reshape(len(images), -1)[:, :10]
        sums = scores.sum(1)
        if scores.min(initial=0) >= 0 and np.allclose(sums, 1, atol=1e-3):
            return Answer(scores)
        return Answer(softmax(scores))


def save_stock(path: Path, model: StockModel, card: ModelCard) -> None:
    _forget_training(model.fitted)
    write_blob(path, card, skops_io().dumps(model.fitted))


def _forget_training(fitted: Any) -> None:
    """Drop the optimiser's memory of a network: two thirds of its file, and of no use for answering."""
    for part in parts(fitted):
        if type(part).__name__ == "MLPClassifier" and hasattr(part, "_optimizer"):
            del part._optimizer


def open_stock(path: Path) -> tuple[StockModel, ModelCard]:
    """Raises OpsError (code ``model``) for an archive with a type that is not on the list, or damaged."""
    content, card = read_blob(path)
    try:
        if strange := strange_types(content):
            raise _refused(path, f"It asks for {', '.join(strange[:3])}, which no model of the catalogue needs")
        fitted = skops_io().loads(content, trusted=sorted(TYPES))
        check_indices(fitted)
        model = StockModel(fitted, float(card.numbers.get("sharpness", 1.0)))
        probabilities = model.answer(np.zeros((1, SIDE, SIDE), np.float32)).probabilities
        if not np.isfinite(probabilities).all():
            raise ValueError("its answers are not numbers")
    except OpsError:
        raise
    except Exception as error:  # skops and scikit-learn raise whatever a damaged archive leads them to
        raise _refused(path, f"Its content does not fit together: {type(error).__name__}: {error}") from error
    return model, card


def _refused(path: Path, why: str) -> OpsError:
    return OpsError(
        f"{path.name} cannot be used as a model", why, "Train it again here, or import it as ONNX", code="model"
    )


# -- ONNX ---------------------------------------------------------------------
def open_onnx_graph(content: bytes, name: str, scale: float | None = None) -> OnnxModel:
    """An ONNX graph with one input of 784 pixels per image. ``scale`` None: found by trying (see ``guess_scale``)."""
    # Else it sends its maker an account of every model and numbers this computer (since 1.29); it reads this once.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime
    except ImportError as error:
        raise OpsError(
            "ONNX models need onnxruntime",
            "It is an optional part and is not installed",
            "Install it with: uv pip install 'opsdesk[onnx]'",
            code="missing",
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        entry = session.get_inputs()[0]
        shape = tuple(size if isinstance(size, int) and size > 0 else 1 for size in entry.shape)
        if int(np.prod(shape)) != SIDE * SIDE or "float" not in entry.type:
            raise ValueError(f"its input is {entry.type} of the shape {entry.shape}; expected 28 x 28 floats")
        for output in session.get_outputs():
            found = np.asarray(session.run([output.name], {entry.name: np.zeros(shape, np.float32)})[0])
            if found.dtype.kind == "f" and found.size >= 10:
                return OnnxModel(session, shape, scale or 1.0, entry.name, output.name)
        raise ValueError("none of its outputs has ten numbers for an image")
    except Exception as error:  # onnxruntime raises kinds of its own for every fault of a file
        raise OpsError(
            f"{name} cannot be used as a model",
            f"It is no digit classifier in ONNX: {str(error)[:300]}",
            "Export a classifier with one 28 x 28 input and ten outputs",
            code="model",
        ) from error


def open_onnx(path: Path) -> tuple[OnnxModel, ModelCard]:
    content, card = read_blob(path)
    return open_onnx_graph(content, path.name, float(card.numbers.get("scale", 1.0))), card


def guess_scale(model: OnnxModel, images: Floats, labels: NDArray[Any]) -> float:
    """1 or 255, whichever reads more of some labelled digits right: graphs do not say what their pixels mean."""
    from dataclasses import replace

    right = {scale: (replace(model, scale=scale).answer(images).labels == labels).mean() for scale in (1.0, 255.0)}
    return max(right, key=lambda scale: right[scale])
