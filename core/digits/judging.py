"""The child process's side of evaluating and checking models: here scikit-learn may be imported."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from core.digits.card import ModelCard
from core.digits.datasets import open_dataset
from core.digits.layout import EXCHANGED, ROW_BY_ROW, exchanged
from core.digits.model_file import read_card, with_card, write_blob
from core.digits.opened import answers, open_model
from core.digits.patches import SIDE
from core.digits.pixel_csv import bad_data
from core.digits.scores import Evaluation

Report = Callable[..., None]


def evaluate(report: Report, model: Path, data: Path, cache: Path | None = None) -> Evaluation:
    dataset = open_dataset(data, cache=cache)
    truth = dataset.labelled()
    opened, _ = open_model(model)
    if exchanged(opened, dataset.images, truth):
        raise bad_data(data, EXCHANGED, ROW_BY_ROW)
    return Evaluation.of(
        truth,
        answers(opened, dataset.images, lambda done, total: report(done, total, f"{done:,} of {total:,} digits")),
    )


def check_model(report: Report, source: Path, output: Path) -> None:
    """Open a file from elsewhere, let it answer once, and write it to ``output`` as a model of ours."""
    report(0, 1, "Checking the model")
    if zipfile.is_zipfile(source) or source.suffix.lower() != ".onnx":
        open_model(source)
        with_card(source, read_card(source), output)
        return
    from core.digits.stock import open_onnx_graph

    content = source.read_bytes()
    open_onnx_graph(content, source.name)
    card = ModelCard(source.stem, "onnx", "onnx", data="imported", numbers={"scale": _scale_of(content, source.name)})
    write_blob(output, card, content)


def _scale_of(content: bytes, name: str) -> float:
    """Whether the graph wants pixels in 0..1 or 0..255: the one that is surer of plain drawn digits.

    Graphs do not say it. Eight digits are drawn from strokes and the scale that reads more of them wins.
    """
    from core.digits.plain_digits import plain_digits
    from core.digits.stock import guess_scale, open_onnx_graph

    images, labels = plain_digits()
    return guess_scale(open_onnx_graph(content, name), images, labels)


def serve(model: Path, ask: Callable[[], Any], tell: Callable[[Any], None]) -> None:
    """Answer pictures until asked no more; see ``core.digits.live``."""
    opened, _ = open_model(model)
    opened.answer(np.zeros((1, SIDE, SIDE), np.float32))
    tell("ready")
    while (images := ask()) is not None:
        tell(opened.answer(images))
