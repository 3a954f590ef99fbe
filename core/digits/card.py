"""The card of a model: what it is, what it was trained on, how well it does; JSON inside the model's file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from typing import Any

KINDS = ("patch-svc", "sklearn", "onnx")
SCORES = ("accuracy", "accuracy_low", "accuracy_high", "macro_f1", "baseline_macro_f1", "ece")


_MOST = 1e15


@dataclass(frozen=True)
class ModelCard:
    """kind says how the file is read; ``numbers`` are the scalars that kind needs; ``scores`` come from held-out rows.

    overview: confusion matrix, calibration and coverage on the held-out rows (``Evaluation.overview``).
    curve: (stage, validation accuracy) as training went on. seconds: CPU seconds of training.
    refitted: after the scores were taken, the model was fitted on every row, the held-out ones too.
    """

    name: str
    kind: str
    algorithm: str
    parameters: dict[str, Any] = field(default_factory=dict)
    data: str = ""
    data_digest: str = ""
    rows: int = 0
    held_out: int = 0
    refitted: bool = False
    seed: int = 0
    scores: dict[str, float] = field(default_factory=dict)
    curve: list[tuple[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    created: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, Any] = field(default_factory=dict)
    overview: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> str:
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str | bytes) -> ModelCard:
        """Raises ValueError for anything but a card; unknown entries are ignored (a newer version wrote them)."""
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError("the card is no JSON object")
        known = {item.name: values[item.name] for item in fields(cls) if item.name in values}
        for name in ("name", "kind", "algorithm", "created", "data"):
            if not isinstance(known.get(name, ""), str):
                raise ValueError(f"the card's {name} is no text")
        for name in ("numbers", "parameters", "scores", "versions", "overview"):
            if not isinstance(known.get(name, {}), dict):
                raise ValueError(f"the card's {name} is no object")
        for name in ("rows", "held_out", "seed", "seconds"):
            if not _is_number(known.get(name, 0)):
                raise ValueError(f"the card's {name} is no number")
        if known.get("kind") not in KINDS:
            raise ValueError(f"the card names the kind {known.get('kind')!r}, which is not known here")
        if known.get("created"):
            datetime.fromisoformat(known["created"])
        _check_figures(known.get("scores", {}), known.get("overview", {}))
        known["curve"] = [(str(stage), float(accuracy)) for stage, accuracy in known.get("curve", [])]
        return cls(**known)

    def renamed(self, name: str) -> ModelCard:
        return replace(self, name=name)


def _check_figures(scores: dict[str, Any], overview: dict[str, Any]) -> None:
    """Either none of them or all, in the shapes that are shown."""
    if not all(map(_is_number, scores.values())):
        raise ValueError("the card's scores are not all numbers")
    if (scores or overview) and not set(SCORES) <= set(scores):
        raise ValueError("the card's scores are not complete")
    if not overview:
        return
    tables = [overview.get(name) for name in ("confusion", "reliability", "coverage")]
    if not _is_number(overview.get("count")) or not all(
        isinstance(table, list) and all(isinstance(line, list) for line in table) for table in tables
    ):
        raise ValueError("the card's overview is not complete")
    confusion, reliability, coverage = tables
    fits = (
        [len(line) for line in confusion or ()] == [10] * 10
        and all(isinstance(count, int) and 0 <= count <= _MOST for line in confusion or () for count in line)
        and all(len(line) == 3 and all(map(_is_number, line)) for line in reliability or ())
        and all(len(line) == 3 and all(map(_is_number, line[:2])) for line in coverage or ())
        and all(line[2] is None or _is_number(line[2]) for line in coverage or ())
    )
    if not fits:
        raise ValueError("the card's overview has figures of another shape")


def _is_number(value: object) -> bool:
    """Finite, and small enough to be counted and shown: nobody has more rows than these."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _MOST
