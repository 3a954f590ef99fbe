"""A quick timed fit on a sample of the very data, on this very computer: it corrects the table's estimates."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from core.digits.algorithms import PROBE_ROWS, Probe, algorithm_named
from core.digits.datasets import open_dataset
from core.digits.training import TrainingOrder, train


def probe(report: Callable[..., None], data: Path, algorithm: str, cache: Path | None = None) -> Probe:
    """Fit ``algorithm`` on 1,000 rows of ``data`` (fewer where there are no more) with the parameters of its probe."""
    order = TrainingOrder(
        data, algorithm, dict(algorithm_named(algorithm).probe_parameters), holdout=1 / 3, limit=PROBE_ROWS
    )
    with tempfile.TemporaryDirectory(prefix="probe-") as folder:
        card = train(report, order, Path(folder) / "model", cache).card
    rows = len(open_dataset(data, cache=cache))
    return Probe(card.seconds, card.scores["accuracy"], card.held_out, rows)
