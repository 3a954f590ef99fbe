"""Predicts a whole file: Kaggle's submission, per-class scores the way Amazon Machine Learning wrote them, a report.

Amazon's multiclass batch prediction is a gzip CSV with one column per class in scientific notation, one line per
input row, a blank line where a row could not be scored, and a manifest that maps input to output.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from core.base.files import atomic_file
from core.digits.answers import SURE_FROM, Answer
from core.digits.datasets import is_csv, open_dataset
from core.digits.layout import BRIGHT, EXCHANGED, ROW_BY_ROW, SAMPLE, SUBTRACT, exchanged
from core.digits.opened import open_model
from core.digits.patches import SIDE
from core.digits.pixel_csv import BadRow, Rows, bad_data, read_rows

_SHOWN_BAD_ROWS = 1_000


@dataclass(frozen=True)
class BatchResult:
    """rows in the file, how many were predicted, how often each digit was the answer, and what was wrong where."""

    rows: int
    predicted: int
    counts: list[int]
    unsure: int  # below ``sure_from``, or refused by the head
    bad: list[BadRow] = field(default_factory=list)
    bad_count: int = 0
    accuracy: float | None = None  # where the file brought labels
    doubt: str = ""
    """What makes all of the answers doubtful, in a sentence."""
    sure_from: float = SURE_FROM

    def as_json(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "predicted": self.predicted,
            "bad_rows": self.bad_count,
            "unsure": self.unsure,
            "sure_from": self.sure_from,
            "counts": self.counts,
            "accuracy": self.accuracy,
            "doubt": self.doubt,
            "bad": [{"line": row.line, "why": row.why} for row in self.bad],
        }


class _Sink(Protocol):
    def write(self, content: bytes, /) -> Any: ...


def predict_file(
    report: Callable[..., None],
    model_path: Path,
    data: Path,
    *,
    scores: Path | None = None,
    submission: Path | None = None,
    sure_from: float = SURE_FROM,
) -> BatchResult:
    """Predict every row of ``data`` and write the files asked for, each whole or not at all. Memory does not grow."""
    model, _ = open_model(model_path)
    counts = np.zeros(10, np.int64)
    rows = predicted = unsure = right = labelled = bad_count = 0
    brightness = 0.0
    first = np.zeros((0, SIDE, SIDE), np.uint8)
    bad: list[BadRow] = []
    with ExitStack() as files:
        scores_file: _Sink | None = None
        if scores:
            raw = files.enter_context(atomic_file(scores, mode=0o644))
            if scores.suffix == ".gz":  # no name and no time inside: the same scores are the same bytes
                scores_file = files.enter_context(gzip.GzipFile("", "wb", 6, raw, 0))
            else:
                scores_file = raw
            scores_file.write((",".join(map(str, range(10))) + "\n").encode())
        submission_file: _Sink | None = None
        if submission:
            submission_file = files.enter_context(atomic_file(submission, mode=0o644))
            submission_file.write(b"ImageId,Label\n")
        for block in _blocks(data, lambda done, total: report(done, total, "Predicting")):
            answer = model.answer(np.divide(block.pixels.reshape(-1, SIDE, SIDE), 255, dtype=np.float32))
            if scores_file:
                scores_file.write(score_lines(answer, block))
            if submission_file:
                submission_file.write(submission_lines(answer, block, rows + 1))
            good = block.good
            if len(first) < SAMPLE:
                first = np.concatenate([first, block.pixels[good].reshape(-1, SIDE, SIDE)])
            brightness += float(block.pixels[good].sum(dtype=np.int64)) / SIDE**2
            counts += np.bincount(answer.labels[good], minlength=10)
            sure = answer.confidences >= sure_from
            if answer.digit is not None:
                sure &= answer.digit >= 0
            unsure += int((~sure & good).sum())
            if block.labels is not None:
                right += int((answer.labels == block.labels)[good].sum())
                labelled += int(good.sum())
            rows += len(good)
            predicted += int(good.sum())
            bad_count += len(block.bad)
            bad.extend(block.bad[: _SHOWN_BAD_ROWS - len(bad)])
        if rows == 0:
            raise bad_data(data, "The file has a header and no rows")
        if not predicted:  # and no file is written
            raise bad_data(data, f"None of its {rows:,} rows can be used; the first is line {bad[0].line}: {bad[0].why}",
                           "Pixels are whole numbers from 0 to 255, without separators of thousands; multiply shares of 1 by 255")  # fmt: skip
    doubt = ""
    if brightness > predicted * 127:
        doubt = f"{BRIGHT}. {SUBTRACT} and predict again"
    elif exchanged(model, first):
        doubt = f"{EXCHANGED}. {ROW_BY_ROW}, and predict again"
    accuracy = right / labelled if labelled else None
    return BatchResult(rows, predicted, counts.tolist(), unsure, bad, bad_count, accuracy, doubt, sure_from)


def _blocks(data: Path, on_progress: Callable[[int, int], None]) -> Iterator[Rows]:
    """The rows of a CSV as they come, bad ones marked; other kinds of sets are opened whole."""
    if is_csv(data):
        yield from read_rows(data, strict=False, on_progress=on_progress)
        return
    dataset = open_dataset(data)
    for first in range(0, len(dataset), 500):
        images = dataset.images[first : first + 500].reshape(-1, SIDE * SIDE)
        labels = dataset.labels[first : first + 500] if dataset.labels is not None else None
        yield Rows(images, labels, np.ones(len(images), bool))


def score_lines(answer: Answer, block: Rows) -> bytes:
    """One line per row, ten probabilities as Amazon wrote them (8.7642E-3); a bad row is a blank line."""
    text = io.StringIO()
    for values, good in zip(answer.probabilities.tolist(), block.good.tolist(), strict=True):
        text.write(",".join([f"{value:.4E}" for value in values]) if good else "")
        text.write("\n")
    # Python writes two digits of exponent, Amazon as few as it takes
    return text.getvalue().replace("E-0", "E-").replace("E+0", "E").encode()


def submission_lines(answer: Answer, block: Rows, first_id: int) -> bytes:
    """Kaggle's ``ImageId,Label``; the row's number counts from 1, a bad row has an empty label."""
    lines = [
        f"{first_id + index},{label if good else ''}\n"
        for index, (label, good) in enumerate(zip(answer.labels.tolist(), block.good.tolist(), strict=True))
    ]
    return "".join(lines).encode()


def result_name(batch: str, data: Path) -> str:
    """Amazon's name of the scores of an input file: ``bp-<id>-<input file name>.gz``."""
    return f"{batch}-{data.name.removesuffix('.gz')}.gz"
