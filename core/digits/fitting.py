"""Fits scikit-learn's own classifiers in stages, so that a validation curve grows and nothing waits in the dark.

Each algorithm is a generator of (share done, stage, estimator); the estimator after the last stage is the model.
Runs in a child process (see ``core.digits.training``).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.digits.augment import varied
from core.digits.patches import SIDE, Floats

Stage = tuple[float, str, Any]
Stages = Iterator[Stage]
Values = Mapping[str, Any]


def stages(algorithm: str, rows: Floats, labels: NDArray[np.uint8], values: Values, seed: int) -> Stages:
    """Fit ``algorithm`` on rows (n, 784) in 0..1; a convergence warning only says that the user asked for fewer rounds."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield from _STAGES[algorithm](rows, labels, values, seed)


def _logistic(rows: Floats, labels: NDArray[np.uint8], values: Values, seed: int) -> Stages:
    from sklearn.linear_model import LogisticRegression

    total = int(values["iterations"])
    model = LogisticRegression(C=values["C"], warm_start=True, tol=1e-5, random_state=seed)
    for done in _steps(total, 10):
        model.max_iter = done.size
        model.fit(rows, labels)
        yield done.end / total, f"{done.end} iterations", model
        if model.n_iter_.max() < done.size:
            break  # converged


def _linear_svm(rows: Floats, labels: NDArray[np.uint8], values: Values, seed: int) -> Stages:
    from sklearn.linear_model import SGDClassifier

    model = SGDClassifier(alpha=values["alpha"], average=True, random_state=seed)
    yield from _epochs(model, rows, labels, int(values["epochs"]), seed, len(rows))


def _mlp(rows: Floats, labels: NDArray[np.uint8], values: Values, seed: int) -> Stages:
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier((int(values["units"]),), batch_size=min(128, len(rows)), random_state=seed)
    yield from _epochs(model, rows, labels, int(values["epochs"]), seed, 5_000)


def _mlp_augmented(rows: Floats, labels: NDArray[np.uint8], values: Values, seed: int) -> Stages:
    from sklearn.neural_network import MLPClassifier

    rng = np.random.default_rng(seed)
    images = rows.reshape(-1, SIDE, SIDE)
    model = MLPClassifier((int(values["units"]),), batch_size=min(128, len(rows)), random_state=seed)

    def vary(chosen: NDArray[np.intp]) -> Floats:
        return varied(images[chosen], float(values["strength"]), rng).reshape(len(chosen), -1)

    yield from _epochs(model, rows, labels, int(values["epochs"]), seed, 5_000, vary)


def _epochs(
    model: Any,
    rows: Floats,
    labels: NDArray[np.uint8],
    epochs: int,
    seed: int,
    block: int,
    vary: Callable[[NDArray[np.intp]], Floats] | None = None,
) -> Stages:
    """Passes over all rows in a new order each time, at most ``block`` rows per call so that progress moves."""
    rng = np.random.default_rng(seed)
    classes = np.unique(labels)
    for epoch in range(epochs):
        # blocks of one size: a short last one might be less than a batch, which scikit-learn warns of
        blocks = np.array_split(rng.permutation(len(rows)), -(-len(rows) // block))
        for done, chosen in enumerate(blocks, 1):
            model.partial_fit(vary(chosen) if vary else rows[chosen], labels[chosen], classes=classes)
            if done < len(blocks):
                yield (epoch + done / len(blocks)) / epochs, "", model
        yield (epoch + 1) / epochs, f"epoch {epoch + 1}", model


def _forest(name: str) -> Callable[[Floats, NDArray[np.uint8], Values, int], Stages]:
    def fit(rows: Floats, labels: NDArray[np.uint8], values: Values, seed: int) -> Stages:
        from sklearn import ensemble

        total = int(values["trees"])
        model = getattr(ensemble, name)(1, min_samples_leaf=int(values["min_leaf"]), warm_start=True, random_state=seed)
        for done in _steps(total, 20):
            model.n_estimators = done.end
            model.fit(rows, labels)
            yield done.end / total, f"{done.end} trees", model

    return fit


def _boosting(rows: Floats, labels: NDArray[np.uint8], values: Values, seed: int) -> Stages:
    from sklearn.ensemble import HistGradientBoostingClassifier

    total = int(values["iterations"])
    model = HistGradientBoostingClassifier(
        learning_rate=values["rate"], early_stopping=False, warm_start=True, random_state=seed
    )
    for done in _steps(total, 20):
        model.max_iter = done.end
        model.fit(rows, labels)
        yield done.end / total, f"{done.end} rounds", model


def _knn(rows: Floats, labels: NDArray[np.uint8], values: Values, seed: int) -> Stages:
    yield from _growing(lambda: make_knn(values, seed), rows, labels, seed)


def _rbf_svm(rows: Floats, labels: NDArray[np.uint8], values: Values, seed: int) -> Stages:
    yield from _growing(lambda: make_rbf_svm(values, seed), rows, labels, seed)


def make_knn(values: Values, seed: int) -> Any:
    from sklearn.decomposition import PCA
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline

    return make_pipeline(
        PCA(int(values["components"]), random_state=seed),
        KNeighborsClassifier(int(values["k"]), weights="distance", algorithm="brute"),
    )


def make_rbf_svm(values: Values, seed: int) -> Any:
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import SVC

    return make_pipeline(
        PCA(int(values["components"]), random_state=seed), SVC(C=values["C"], gamma=values["gamma"], cache_size=1_000)
    )


def _growing(make: Callable[[], Any], rows: Floats, labels: NDArray[np.uint8], seed: int) -> Stages:
    """For methods that cannot go on from where they stand: the curve is over the number of rows."""
    order = np.random.default_rng(seed).permutation(len(rows))
    for share in (0.05, 0.2, 0.5, 1.0):
        chosen = order[: int(len(order) * share)]
        if share < 1 and len(chosen) < 500:
            continue
        # work grows faster than the rows: the last stage is most of it
        yield share**2 * 0.3, "", None
        yield share**2, f"{len(chosen):,} rows", make().fit(rows[chosen], labels[chosen])


class _Step:
    def __init__(self, start: int, end: int) -> None:
        self.end, self.size = end, end - start


def _steps(total: int, count: int) -> list[_Step]:
    """``total`` in at most ``count`` steps."""
    ends = sorted({round(total * (index + 1) / count) for index in range(count)} - {0})
    return [_Step(start, end) for start, end in zip([0, *ends], ends, strict=False)]


_STAGES: dict[str, Callable[[Floats, NDArray[np.uint8], Values, int], Stages]] = {
    "logistic": _logistic,
    "linear-svm": _linear_svm,
    "knn": _knn,
    "random-forest": _forest("RandomForestClassifier"),
    "extra-trees": _forest("ExtraTreesClassifier"),
    "gradient-boosting": _boosting,
    "rbf-svm": _rbf_svm,
    "mlp": _mlp,
    "mlp-augmented": _mlp_augmented,
}
