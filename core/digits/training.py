"""Training from data file to model file, run in a child process: split, fit in stages, judge, store."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.base.errors import OpsError, WrongUse
from core.digits.algorithms import Algorithm, algorithm_named
from core.digits.answers import Answer
from core.digits.card import ModelCard
from core.digits.datasets import Dataset, open_dataset
from core.digits.opened import answers
from core.digits.scikit import import_scikit_learn
from core.digits.scores import Evaluation

Report = Callable[..., None]

_CURVE_ROWS = 2_000  # held-out digits judged after each stage; the end is judged on all of them
_LEAST_ROWS = 40


@dataclass(frozen=True)
class TrainingOrder:
    """What to train on what. ``samples``: an NPZ of one's own drawings, mixed into the training rows only."""

    data: Path
    algorithm: str
    parameters: dict[str, Any] = field(default_factory=dict)
    name: str = ""
    holdout: float = 0.2
    seed: int = 0
    limit: int | None = None
    samples: Path | None = None
    backend: str | None = None

    def checked(self) -> Algorithm:
        """The algorithm, with everything else found sensible. Raises WrongUse."""
        algorithm = algorithm_named(self.algorithm)
        algorithm.settings(self.parameters)
        if not 0.01 <= self.holdout <= 0.9:
            raise WrongUse(
                f"The hold-out share is {self.holdout:g}", "It can be from 0.01 to 0.9", "0.2 keeps every fifth row"
            )
        if self.limit is not None and self.limit < _LEAST_ROWS:
            raise WrongUse(f"The limit is {self.limit} rows", f"At least {_LEAST_ROWS} are needed", "Raise it")
        if self.backend and not algorithm.on_dask:
            raise WrongUse(
                f"{algorithm.name} cannot be fitted on a Dask cluster",
                "Its fit does not go through joblib",
                "Use knn, random-forest, extra-trees or rbf-svm there, or leave --backend out",
            )
        return algorithm


@dataclass(frozen=True)
class Trained:
    """The finished training: the card, and the answers on the held-out rows (row numbers of the data set)."""

    card: ModelCard
    held: NDArray[np.intp]
    evaluation: Evaluation


def train(report: Report, order: TrainingOrder, output: Path, cache: Path | None = None) -> Trained:
    """Fit, judge and write the model to ``output``; progress is of 1, values are points of the validation curve."""
    algorithm = order.checked()
    values = algorithm.settings(order.parameters)
    report(0, 1, "Reading the data")
    dataset = open_dataset(order.data, cache=cache)
    labels = dataset.labelled()
    fit, held = split(labels, order.holdout, order.seed, order.limit)
    extra = open_dataset(order.samples) if order.samples else None
    curve: list[tuple[str, float]] = []

    def point(stage: str, accuracy: float) -> None:
        curve.append((stage, accuracy))
        report(0, 1, stage, value=(stage, accuracy))

    # loading scikit-learn takes a second or ten, once: no part of what a fit costs
    import_scikit_learn()
    from sklearn import ensemble, linear_model, neighbors, neural_network, svm  # noqa: F401

    started = time.process_time()
    fitted = _Fitting(algorithm, values, order, dataset, extra, fit, held, report, point)
    write, answer, kind, numbers = fitted.patch_svc() if algorithm.id == "patch-svc" else fitted.stock()
    evaluation = Evaluation.of(labels[held], answer)
    report(0.99, 1, "Storing the model")
    card = ModelCard(
        name=order.name or algorithm.name,
        kind=kind,
        algorithm=algorithm.id,
        parameters=dict(values),
        data=f"{dataset.name}{f' and {len(extra)} own samples' if extra else ''}",
        data_digest=dataset.digest,
        rows=len(fit) + len(held) * algorithm.refits + (len(extra) if extra else 0),
        held_out=len(held),
        refitted=algorithm.refits,
        seed=order.seed,
        scores=evaluation.summary,
        curve=curve,
        seconds=round(time.process_time() - started, 2),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=_versions(),
        numbers=numbers,
        overview=evaluation.overview,
    )
    write(output, card)
    return Trained(card, held, evaluation)


def split(
    labels: NDArray[np.uint8], holdout: float, seed: int, limit: int | None = None
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Row numbers to fit on and to hold out, every digit in the same share in both, in an order set by ``seed``."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))[:limit]
    if len(order) < _LEAST_ROWS:
        raise OpsError(
            f"{len(order)} rows are too few to train on",
            f"At least {_LEAST_ROWS} are needed to fit and to judge",
            "Open a larger set",
            code="data",
        )
    held_parts, fit_parts = [], []
    for digit in np.unique(labels[order]):
        own = order[labels[order] == digit]
        count = min(max(1, round(len(own) * holdout)), len(own) - 1)
        if len(own) < 2:
            raise OpsError(
                f"There is one picture of the digit {digit}",
                "One is needed to learn from and one to judge with",
                "Add more, or leave that digit out",
                code="data",
            )
        held_parts.append(own[:count])
        fit_parts.append(own[count:])
    if len(fit_parts) < 2:
        raise OpsError("All pictures show the same digit", "There is nothing to tell apart", "Add others", code="data")
    return rng.permutation(np.concatenate(fit_parts)), rng.permutation(np.concatenate(held_parts))


def _versions() -> dict[str, str]:
    import sklearn

    return {"scikit-learn": sklearn.__version__, "numpy": np.__version__}


Written = tuple[Callable[[Path, ModelCard], None], Answer, str, dict[str, Any]]


class _Fitting:
    """One training under way; each method returns (how to write it, held-out answers, kind, numbers)."""

    def __init__(
        self,
        algorithm: Algorithm,
        values: dict[str, Any],
        order: TrainingOrder,
        dataset: Dataset,
        extra: Dataset | None,
        fit: NDArray[np.intp],
        held: NDArray[np.intp],
        report: Report,
        point: Callable[[str, float], None],
    ) -> None:
        self.algorithm, self.values, self.order = algorithm, values, order
        self.report, self.point = report, point
        labels = dataset.labelled()
        self.fit_images, self.fit_labels = dataset.images[fit], labels[fit]
        if extra:
            self.fit_images = np.concatenate([self.fit_images, extra.images])
            self.fit_labels = np.concatenate([self.fit_labels, extra.labelled()])
        self.held_images, self.held_labels = dataset.images[held], labels[held]

    def patch_svc(self) -> Written:
        from core.digits.model_file import write_arrays
        from core.digits.patch_training import Recipe, train_patch_svc

        recipe = Recipe(
            atoms=int(self.values["atoms"]),
            components=int(self.values["components"]),
            whitening=float(self.values["whitening"]),
            cost=float(self.values["C"]),
            gamma=float(self.values["gamma"]),
            copies=int(self.values["copies"]),
        )
        images = np.divide(np.concatenate([self.fit_images, self.held_images]), 255, dtype=np.float32)
        rows = np.arange(len(images))
        model, answer = train_patch_svc(
            images,
            np.concatenate([self.fit_labels, self.held_labels]),
            rows[: len(self.fit_images)],
            rows[len(self.fit_images) :],
            recipe,
            seed=self.order.seed,
            refit=self.algorithm.refits,
            tell=lambda share, note: self.report(share, 1, note),
            point=self.point,
        )
        arrays, numbers = model.stored()
        return (lambda path, card: write_arrays(path, card, arrays)), answer, "patch-svc", numbers

    def stock(self) -> Written:
        from core.digits.fitting import stages
        from core.digits.patch_fitting import fit_sharpness
        from core.digits.stock import StockModel, save_stock

        rows = np.divide(self.fit_images, 255, dtype=np.float32).reshape(len(self.fit_images), -1)
        order = np.random.default_rng(self.order.seed).permutation(len(rows))
        curve_images, curve_labels = self.held_images[:_CURVE_ROWS], self.held_labels[:_CURVE_ROWS]
        fitted: Any = None
        if self.order.backend:
            from core.digits.cluster import fit_on_cluster

            self.report(0.05, 1, "Fitting on the cluster")
            fitted = fit_on_cluster(
                self.order.backend, self.algorithm.id, rows[order], self.fit_labels[order], self.values, self.order.seed
            )
        else:
            self.report(0.02, 1, "Fitting")
            for share, stage, fitted_so_far in stages(
                self.algorithm.id, rows[order], self.fit_labels[order], self.values, self.order.seed
            ):
                self.report(0.95 * share, 1, stage or "Fitting")
                if stage:
                    fitted = fitted_so_far
                    guess = answers(StockModel(fitted), curve_images).labels
                    self.point(stage, float((guess == curve_labels).mean()))
        self.report(0.96, 1, "Judging the held-out rows")
        model = StockModel(fitted)
        logits = np.concatenate(
            [
                model.logits(np.divide(self.held_images[start : start + 500], 255, dtype=np.float32))
                for start in range(0, len(self.held_images), 500)
            ]
        )
        classes = np.searchsorted(fitted.classes_, self.held_labels)
        model = StockModel(fitted, fit_sharpness(logits, classes))
        answer = answers(model, self.held_images)
        return (lambda path, card: save_stock(path, model, card)), answer, "sklearn", {"sharpness": model.sharpness}
