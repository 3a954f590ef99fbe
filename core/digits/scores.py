"""How good answers are: accuracy with its interval, macro-F1, calibration, coverage, and two models compared."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.digits.answers import Answer
from core.digits.patches import Floats

_BINS = 15


@dataclass(frozen=True)
class DigitScore:
    """Of one class: how many there are, how many were called so, and precision, recall, F1 (0 where undefined)."""

    digit: int
    true: int
    predicted: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class Bin:
    """Answers of about one confidence: their mean confidence, the share of them that is right, how many they are."""

    confidence: float
    accuracy: float
    count: int


@dataclass(frozen=True)
class Coverage:
    """Answering only from ``threshold`` on: the share answered and the share of those that is right (None: none)."""

    threshold: float
    answered: float
    accuracy: float | None


@dataclass(frozen=True)
class Evaluation:
    """A model's answers on labelled digits. Everything else follows from them."""

    truth: NDArray[np.uint8]
    probabilities: Floats
    digit: Floats | None = None

    @classmethod
    def of(cls, truth: NDArray[np.uint8], answer: Answer) -> Evaluation:
        return cls(truth, answer.probabilities, answer.digit)

    @cached_property
    def predicted(self) -> NDArray[np.int64]:
        return np.asarray(self.probabilities.argmax(1), np.int64)

    @cached_property
    def right(self) -> NDArray[np.bool_]:
        return np.asarray(self.predicted == self.truth)

    @property
    def count(self) -> int:
        return len(self.truth)

    @property
    def accuracy(self) -> float:
        return float(self.right.mean())

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(int(self.right.sum()), self.count)

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """10 x 10 counts, rows = truth, columns = answers."""
        table = np.zeros((10, 10), np.int64)
        np.add.at(table, (self.truth, self.predicted), 1)
        return table

    @cached_property
    def per_digit(self) -> list[DigitScore]:
        table = self.confusion
        found = []
        for digit in range(10):
            hits, true, called = int(table[digit, digit]), int(table[digit].sum()), int(table[:, digit].sum())
            precision, recall = hits / called if called else 0.0, hits / true if true else 0.0
            f1 = 2 * hits / (true + called) if true + called else 0.0
            found.append(DigitScore(digit, true, called, precision, recall, f1))
        return found

    @property
    def macro_f1(self) -> float:
        """Unweighted mean over the digits that occur: Amazon Machine Learning's headline."""
        present = [score.f1 for score in self.per_digit if score.true]
        return sum(present) / len(present)

    @property
    def baseline_macro_f1(self) -> float:
        """That of a model which always answers the most frequent digit."""
        counts = [score.true for score in self.per_digit]
        present = sum(count > 0 for count in counts)
        return 2 * max(counts) / (max(counts) + self.count) / present

    @cached_property
    def reliability(self) -> list[Bin]:
        """15 equal steps of confidence; empty ones left out."""
        confidence = self.probabilities.max(1)
        steps = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
        return [
            Bin(float(confidence[own].mean()), float(self.right[own].mean()), int(own.sum()))
            for own in (steps == step for step in range(_BINS))
            if own.any()
        ]

    @property
    def ece(self) -> float:
        """Expected calibration error: the mean distance of confidence from accuracy over the bins."""
        return sum(abs(entry.confidence - entry.accuracy) * entry.count for entry in self.reliability) / self.count

    def coverage(self, threshold: float) -> Coverage:
        answered = self.probabilities.max(1) >= threshold
        return Coverage(
            threshold, float(answered.mean()), float(self.right[answered].mean()) if answered.any() else None
        )

    def cell(self, true: int, predicted: int) -> NDArray[np.intp]:
        """Rows of the images in one cell of the confusion matrix, most confident first."""
        rows = np.flatnonzero((self.truth == true) & (self.predicted == predicted))
        return rows[np.argsort(-self.probabilities[rows].max(1), kind="stable")]

    @property
    def misread(self) -> NDArray[np.intp]:
        """Rows answered wrong, most confident first."""
        rows = np.flatnonzero(~self.right)
        return rows[np.argsort(-self.probabilities[rows].max(1), kind="stable")]

    def as_json(self) -> dict[str, object]:
        """The contract of ``digits evaluate --json``."""
        return {
            "n": self.count,
            "accuracy": self.accuracy,
            "accuracy_ci95": list(self.interval),
            "macro_f1": self.macro_f1,
            "baseline_macro_f1": self.baseline_macro_f1,
            "ece": self.ece,
            "confusion": self.confusion.tolist(),
            "per_class": [
                {
                    "digit": score.digit, "true": score.true, "predicted": score.predicted,
                    "precision": score.precision, "recall": score.recall, "f1": score.f1,
                }
                for score in self.per_digit
            ],
            "kept_as_digits": None if self.digit is None else float((self.digit >= 0).mean()),
        }  # fmt: skip

    @property
    def overview(self) -> dict[str, Any]:
        """What can be shown without the pictures, in plain lists: a model's card keeps it."""
        steps = [self.coverage(threshold / 100) for threshold in (0, *range(30, 100, 2), 99)]
        return {
            "count": self.count,
            "confusion": self.confusion.tolist(),
            "reliability": [[entry.confidence, entry.accuracy, entry.count] for entry in self.reliability],
            "coverage": [[step.threshold, step.answered, step.accuracy] for step in steps],
        }

    @property
    def summary(self) -> dict[str, float]:
        """What a model's card keeps."""
        low, high = self.interval
        return {
            "accuracy": self.accuracy, "accuracy_low": low, "accuracy_high": high,
            "macro_f1": self.macro_f1, "baseline_macro_f1": self.baseline_macro_f1, "ece": self.ece,
        }  # fmt: skip


def wilson(hits: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927): right near 0 and 1, where the normal one leaves 0..1."""
    if count == 0:
        return 0.0, 1.0
    z, share = 1.959964, hits / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True)
class Duel:
    """Two models on the same digits. p: how likely such a difference is if neither is better (exact McNemar)."""

    only_first_right: int
    only_second_right: int
    both_wrong: int
    p: float


def compared(first: Evaluation, second: Evaluation) -> Duel:
    """McNemar's test on the digits that only one of the two reads right. Both must have seen the same rows."""
    if not np.array_equal(first.truth, second.truth):
        raise ValueError("the two evaluations are not of the same digits")
    one, two = int((first.right & ~second.right).sum()), int((second.right & ~first.right).sum())
    total = one + two
    term = tail = 1  # of the binomial of ``total`` even tosses, from one end
    for index in range(min(one, two)):
        term = term * (total - index) // (index + 1)
        tail += term
    return Duel(one, two, int((~first.right & ~second.right).sum()), min(1.0, 2 * tail / 2**total))
