"""A scikit-learn archive from elsewhere answers only with the catalogue's types and indices that lead somewhere."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.base.errors import OpsError
from core.digits.algorithms import ALGORITHMS, algorithm_named
from core.digits.card import ModelCard
from core.digits.fitting import stages
from core.digits.model_file import write_blob
from core.digits.opened import open_model
from core.digits.scikit import skops_io
from core.digits.stock import StockModel, save_stock
from tests.core.digits.small_data import digits

QUICK = {
    "logistic": {"iterations": 5},
    "linear-svm": {"epochs": 1},
    "knn": {"components": 4},
    "random-forest": {"trees": 2},
    "extra-trees": {"trees": 2},
    "gradient-boosting": {"iterations": 1},
    "rbf-svm": {"components": 4},
    "mlp": {"epochs": 1, "units": 4},
    "mlp-augmented": {"epochs": 1, "units": 4},
}


@cache
def _fitted(algorithm: str, classes: int) -> bytes:
    data = digits(100)
    chosen = data.labelled() < classes
    rows = data.pixels[chosen].reshape(int(chosen.sum()), -1)
    values = algorithm_named(algorithm).settings(QUICK[algorithm])
    *_, (_, _, model) = stages(algorithm, rows, data.labelled()[chosen], values, 0)
    return pickle.dumps(model)


def fitted(algorithm: str, classes: int = 10) -> Any:
    """A model of its own for each test to spoil."""
    return pickle.loads(_fitted(algorithm, classes))


def stored(model: Any, folder: Path) -> Path:
    save_stock(folder / "a.model", StockModel(model), ModelCard("a", "sklearn", "x"))
    return folder / "a.model"


@pytest.mark.parametrize("classes", [2, 10])
@pytest.mark.parametrize("algorithm", list(QUICK))
def test_every_model_of_the_catalogue_passes(algorithm: str, classes: int, tmp_path: Path) -> None:
    opened, _ = open_model(stored(fitted(algorithm, classes), tmp_path))
    assert opened.answer(digits(20).pixels).probabilities.shape == (20, 10)


def test_the_list_above_is_the_catalogue() -> None:
    assert list(QUICK) == [algorithm.id for algorithm in ALGORITHMS if algorithm.id != "patch-svc"]


def _circle(model: Any) -> None:
    tree = model.estimators_[0].tree_
    inner = int(np.flatnonzero(tree.children_left > 0)[1])
    tree.children_left[inner] = inner


def _outside(model: Any) -> None:
    model.estimators_[0].tree_.children_left[0] = 10_000_000


def _strange_pixel(model: Any) -> None:
    model.estimators_[0].tree_.feature[0] = 784


def _histogram(**values: int) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        for name, value in values.items():
            model._predictors[0][0].nodes[name][0] = value

    return change


def _strange_neighbour(model: Any) -> None:
    # with uniform weights compiled code counts votes at the label's place
    model.steps[-1][1].weights = "uniform"
    model.steps[-1][1]._y[0] = 10_000_000


def _short_duals(model: Any) -> None:
    support = model.steps[-1][1]
    support._dual_coef_ = support._dual_coef_[:, :1].copy()


def _narrow_vectors(model: Any) -> None:
    support = model.steps[-1][1]
    support.support_vectors_ = support.support_vectors_[:, :1].copy()


@pytest.mark.parametrize(
    ("algorithm", "spoil", "words"),
    [
        ("random-forest", _outside, "outside itself"),
        ("extra-trees", _circle, "circle"),
        ("random-forest", _strange_pixel, "a pixel that is not there"),
        ("gradient-boosting", _histogram(left=0), "circle"),
        ("gradient-boosting", _histogram(right=1_000_000), "outside itself"),
        ("gradient-boosting", _histogram(feature_idx=784), "a pixel that is not there"),
        ("gradient-boosting", _histogram(is_categorical=1, bitset_idx=1_000_000), "categories"),
        ("knn", _strange_neighbour, "a label that is not there"),
        ("rbf-svm", _short_duals, "do not fit together"),
        ("rbf-svm", _narrow_vectors, "do not fit together"),
    ],
)
def test_an_index_that_leads_astray_is_refused(
    algorithm: str, spoil: Callable[[Any], None], words: str, tmp_path: Path
) -> None:
    model = fitted(algorithm)
    spoil(model)
    with pytest.raises(OpsError, match=words) as caught:
        open_model(stored(model, tmp_path))
    assert caught.value.code == "model"


class Strange:
    """Stands for any class that is not on the list."""

    value = 1


def _trusted_by_skops() -> Any:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    return make_pipeline(FunctionTransformer(np.log1p))


@pytest.mark.parametrize(
    ("model", "named"),
    [
        (Strange, "Strange"),
        (_trusted_by_skops, "FunctionTransformer"),
    ],
)
def test_a_type_that_no_model_of_the_catalogue_has_is_refused(
    model: Callable[[], Any], named: str, tmp_path: Path
) -> None:
    path = tmp_path / "evil.model"
    write_blob(path, ModelCard("evil", "sklearn", "mlp"), skops_io().dumps(model()))
    with pytest.raises(OpsError, match=named):
        open_model(path)
