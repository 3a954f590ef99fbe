"""Training: cancelled in every phase, split, refused before it starts, estimated before it is ordered."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.base.errors import OpsError, WrongUse
from core.base.places import Places
from core.digits.algorithms import ALGORITHMS, algorithm_named
from core.digits.datasets import save_npz
from core.digits.service import DigitsService
from core.digits.training import TrainingOrder, split
from core.jobs.job import Job, JobState, headless_job
from core.jobs.runner import JobRunner
from tests.core.digits.small_data import digits


def leftovers(home: Places) -> list[str]:
    return [
        path.name for path in home.cache.rglob("*") if path.is_dir() and path.name.startswith(("training-", "batch-"))
    ]


PHASES = (
    "Reading the data",
    "Learning the stroke patterns",
    "Computing the features",
    "Fitting on a first sample",
    "Finding the support vectors",
    "Varying",
    "Fitting on",
    "Calibrating",
    "Learning what is no digit",
    "Judging the held-out rows",
    "(all rows)",
    "Storing the model",
)
"""Every phase of a training that tells of itself (the last test of these sees that none is missing)."""


@pytest.mark.parametrize(
    ("algorithm", "phase"),
    [
        ("patch-svc", "Reading the data"),
        # what these do, the other ones do as well: end a child in the midst of its work, on which nothing waits
        pytest.param("patch-svc", "Learning the stroke patterns", marks=pytest.mark.heavy),
        pytest.param("patch-svc", "Finding the support vectors", marks=pytest.mark.heavy),
        pytest.param("patch-svc", "Learning what is no digit", marks=pytest.mark.heavy),
        pytest.param("patch-svc", "(all rows)", marks=pytest.mark.heavy),
        ("patch-svc", "Storing the model"),  # by then the child is done: only taking the model over is left
        ("gradient-boosting", "Fitting"),
    ],
)
def test_training_is_cancelled_at_once_in_each_phase(
    home: Places, service: DigitsService, tmp_path: Path, algorithm: str, phase: str
) -> None:
    save_npz(digits(100), tmp_path / "set.npz")
    runner = JobRunner()
    output = tmp_path / "out.model"
    values = {"atoms": 6, "components": 8, "copies": 1} if algorithm == "patch-svc" else {"iterations": 400}
    order = TrainingOrder(tmp_path / "set.npz", algorithm, values)
    reached, asked_to_stop = threading.Event(), threading.Event()
    told: list[str] = []

    def work(job: Job[Any]) -> object:
        report = job.report

        def watched(done: float, total: float | None = None, note: str = "") -> None:
            report(done, total, note)
            told.append(note)
            if phase in note:  # a phase may be over in milliseconds: hold it until it was cancelled
                reached.set()
                asked_to_stop.wait(60)

        job.report = watched  # type: ignore[method-assign]
        return service.train(job, order, output=output)

    job = runner.submit("train", work)
    assert reached.wait(120), f"never came to {phase}"
    assert job.cancel()
    asked_to_stop.set()
    assert job.wait(60)
    assert job.state is JobState.CANCELLED
    assert not output.exists()
    assert leftovers(home) == []
    assert runner.close() == []
    if phase == PHASES[-1]:
        curve = {"with copies", *(f"{count} rows" for count in (80, 100))}
        assert [note for note in told if note not in curve and not any(known in note for known in PHASES)] == []
        assert [known for known in PHASES if not any(known in note for note in told)] == []


def test_split_is_stratified_seeded_and_complete() -> None:
    labels = digits(300).labelled()
    fit, held = split(labels, 0.2, seed=3)
    assert sorted([*fit, *held]) == list(range(300))
    assert np.bincount(labels[held]).tolist() == [6] * 10
    again, _ = split(labels, 0.2, seed=3)
    other, _ = split(labels, 0.2, seed=4)
    assert np.array_equal(fit, again) and not np.array_equal(fit, other)
    with pytest.raises(OpsError, match="same digit"):
        split(np.ones(100, np.uint8), 0.2, 0)
    with pytest.raises(OpsError, match="too few"):
        split(labels, 0.2, 0, limit=5)


def test_wrong_orders_are_refused_before_anything_starts(service: DigitsService, tmp_path: Path) -> None:
    for order in (
        TrainingOrder(tmp_path / "x", "magic"),
        TrainingOrder(tmp_path / "x", "knn", {"k": 0}),
        TrainingOrder(tmp_path / "x", "knn", {"k": "three"}),
        TrainingOrder(tmp_path / "x", "knn", {"depth": 3}),
        TrainingOrder(tmp_path / "x", "knn", holdout=1.5),
        TrainingOrder(tmp_path / "x", "mlp", backend="dask://localhost:1"),
    ):
        with pytest.raises(WrongUse):
            service.train(headless_job(), order)


def test_estimates_grow_with_rows_and_parameters() -> None:
    for algorithm in ALGORITHMS:
        small, large = algorithm.estimate(1_000), algorithm.estimate(60_000)
        assert small.seconds < large.seconds
        assert 0 < small.accuracy < large.accuracy < 1
    forest = algorithm_named("random-forest")
    assert forest.estimate(60_000, {"trees": 200}).seconds > 1.5 * forest.estimate(60_000, {"trees": 100}).seconds


def test_a_quick_fit_tells_this_computer_and_these_digits_from_others(service: DigitsService, tmp_path: Path) -> None:
    save_npz(digits(300), tmp_path / "set.npz")
    found = service.probe(headless_job(), tmp_path / "set.npz", "logistic")
    assert found.rows == 300 and found.judged == 100
    assert found.seconds > 0 and found.accuracy > 0.8  # drawn from templates: easy
    algorithm = algorithm_named("logistic")
    reference = algorithm.cost.probe
    table = algorithm.estimate(42_000)
    same = algorithm.estimate(42_000, probe=reference)
    assert (same.seconds, same.accuracy) == pytest.approx((table.seconds, table.accuracy))
    slow = algorithm.estimate(42_000, probe=replace(reference, seconds=3 * reference.seconds))
    assert slow.seconds == pytest.approx(3 * table.seconds)
    assert slow.milliseconds == pytest.approx(3 * table.milliseconds)
    hard = algorithm.estimate(42_000, probe=replace(reference, accuracy=reference.accuracy - 0.1))
    assert hard.accuracy < table.accuracy
    perfect = algorithm.estimate(42_000, probe=replace(reference, accuracy=1.0))
    assert table.accuracy < perfect.accuracy < 1
    with pytest.raises(OpsError, match="no set of digits"):  # half a path, as it is typed
        service.probe(headless_job(), tmp_path, "logistic")
