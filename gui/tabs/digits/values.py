"""What the Digits page shows, as plain values: no service, no arrays."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


class Sureness(enum.Enum):
    EMPTY = "empty"
    TOO_LITTLE = "too little"
    DRAWING = "drawing"
    WAITING = "waiting"
    SURE = "sure"
    NOT_SURE = "not sure"
    NOT_A_DIGIT = "not a digit"
    SEVERAL = "several digits"
    FAILED = "failed"


@dataclass(frozen=True)
class Shown:
    """One answer: shares of the ten digits, likeliest first in ``ranked``; picture: 28 x 28 grey bytes, of several digits
    one after the other. parts: of several, each digit and its share, and whether the model is sure of all (``sure``)."""

    sureness: Sureness
    shares: Sequence[float] = ()
    ranked: Sequence[int] = ()
    picture: bytes = b""
    milliseconds: float = 0.0
    parts: Sequence[tuple[int, float]] = ()
    sure: bool = False


@dataclass(frozen=True)
class ModelRow:
    """A line of the models table. accuracy None: not measured. state: in use, ready, training, damaged."""

    id: str
    name: str
    algorithm: str = ""
    accuracy: float | None = None
    macro_f1: float | None = None
    rows: int | None = None
    size: int | None = None
    state: str = "ready"
    why: str = ""
    own: bool = True
    curve: Sequence[tuple[str, float]] = ()
    share: float | None = None
    seconds: float = 0.0
    created: str = ""
    details: str = ""


@dataclass(frozen=True)
class DigitFigures:
    digit: int
    true: int
    predicted: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class Overview:
    """How good a model is on some digits. coverage: (threshold, share answered, accuracy of those or None)."""

    model: str
    data: str
    count: int
    accuracy: float
    interval: tuple[float, float]
    macro_f1: float
    baseline_macro_f1: float
    ece: float
    confusion: Sequence[Sequence[int]] = ()
    reliability: Sequence[tuple[float, float, int]] = ()
    coverage: Sequence[tuple[float, float, float | None]] = ()
    has_pictures: bool = False

    @property
    def digits(self) -> list[DigitFigures]:
        found = []
        for digit in range(10):
            hits, true = self.confusion[digit][digit], sum(self.confusion[digit])
            called = sum(row[digit] for row in self.confusion)
            found.append(
                DigitFigures(
                    digit,
                    true,
                    called,
                    hits / called if called else 0.0,
                    hits / true if true else 0.0,
                    2 * hits / (true + called) if true + called else 0.0,
                )
            )
        return found


@dataclass(frozen=True)
class Thumb:
    """A digit of a data set: its picture (784 grey bytes), truth and answer (None: not known), confidence, and the
    shares of all ten digits."""

    picture: bytes
    row: int
    true: int | None = None
    answered: int | None = None
    confidence: float | None = None
    shares: Sequence[float] = ()


@dataclass(frozen=True)
class ParameterField:
    name: str
    label: str
    default: int | float | bool
    minimum: float
    maximum: float
    help: str = ""


@dataclass(frozen=True)
class AlgorithmChoice:
    """An algorithm to train. ``estimate(rows, parameters, probe)`` -> (CPU seconds, megabytes, accuracy, ms an image)."""

    id: str
    name: str
    good_for: str
    parameters: Sequence[ParameterField]
    estimate: Any = None


@dataclass(frozen=True)
class TrainWish:
    """What the train dialog asks for."""

    data: str
    algorithm: str
    name: str
    parameters: dict[str, Any] = field(default_factory=dict)
    holdout: float = 0.2
    seed: int = 0
    limit: int | None = None
    with_samples: bool = False


@dataclass(frozen=True)
class PredictWish:
    data: str
    scores: str = ""
    submission: str = ""
    s3: str = ""
