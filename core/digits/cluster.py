"""Fits on an existing Dask cluster through joblib: forests, neighbours and a parameter search for the RBF SVM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from core.base.errors import OpsError, WrongUse
from core.digits.patches import Floats

_PATIENCE = 10  # seconds for the scheduler to answer


def fit_on_cluster(
    address: str, algorithm: str, rows: Floats, labels: NDArray[np.uint8], values: Mapping[str, Any], seed: int
) -> Any:
    """The fitted estimator. ``address`` is dask://HOST:PORT of the scheduler, which must run the same versions."""
    parts = urlsplit(address)
    if parts.scheme != "dask" or not parts.hostname or not parts.port:
        raise WrongUse(
            f"{address!r} is no cluster", "It should be dask://HOST:PORT", "For example dask://127.0.0.1:8786"
        )
    try:
        from dask.distributed import Client
    except ImportError as error:
        raise OpsError(
            "Fitting on a cluster needs Dask",
            "It is an optional part and is not installed",
            "Install it with: uv pip install 'opsdesk[dask]'",
            code="missing",
        ) from error
    import joblib

    try:
        client: Any = Client(f"tcp://{parts.hostname}:{parts.port}", timeout=_PATIENCE)  # type: ignore[no-untyped-call]
    except (OSError, TimeoutError) as error:
        raise OpsError(
            f"The Dask scheduler at {parts.hostname}:{parts.port} does not answer",
            str(error) or f"It did not answer within {_PATIENCE} seconds",
            "Check the address and that the scheduler runs",
            code="unreachable",
        ) from error
    try:
        cores = sum(client.ncores().values())
        if cores < 2:  # joblib then fits in this very process, without a word
            raise OpsError(
                f"The Dask cluster at {parts.hostname}:{parts.port} has {cores} worker threads",
                "At least two are needed to share a fit among them",
                "Start more workers (dask worker), or leave --backend out",
                code="unreachable",
            )
        with joblib.parallel_config("dask"):
            return _fitted(algorithm, rows, labels, values, seed)
    finally:
        client.close()


def _fitted(algorithm: str, rows: Floats, labels: NDArray[np.uint8], values: Mapping[str, Any], seed: int) -> Any:
    from core.digits.fitting import make_knn, make_rbf_svm

    if algorithm in ("random-forest", "extra-trees"):
        from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

        kind = RandomForestClassifier if algorithm == "random-forest" else ExtraTreesClassifier
        # n_jobs must not be stored: the model answers on this machine later, on one core
        forest = kind(int(values["trees"]), min_samples_leaf=int(values["min_leaf"]), random_state=seed, n_jobs=-1).fit(
            rows, labels
        )
        forest.n_jobs = None
        return forest
    from sklearn.model_selection import GridSearchCV

    folds = int(min(3, np.bincount(labels)[np.unique(labels)].min()))
    if algorithm == "knn":
        k = int(values["k"])
        choices: dict[str, Any] = {"kneighborsclassifier__n_neighbors": sorted({max(1, k - 2), k, k + 2})}
        search = GridSearchCV(make_knn(values, seed), choices, cv=max(2, folds), n_jobs=-1)
    else:
        cost, gamma = float(values["C"]), float(values["gamma"])
        choices = {"svc__C": [cost, cost * 2], "svc__gamma": [gamma / 1.5, gamma, gamma * 1.5]}
        search = GridSearchCV(make_rbf_svm(values, seed), choices, cv=max(2, folds), n_jobs=-1)
    return search.fit(rows, labels).best_estimator_
