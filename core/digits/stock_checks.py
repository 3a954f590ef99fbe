"""What is looked at before a scikit-learn archive from elsewhere may answer: its types, and every index it brings.

skops by itself trusts all of scikit-learn, whose compiled parts follow stored indices without looking: a damaged or
hostile file could read and write anywhere. Here only the types of our own catalogue pass, and only where their arrays
fit together.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.digits.patches import SIDE

_PIXELS = SIDE * SIDE
_LARGEST = 1 << 30  # bytes unpacked, as for the model file around it
_LARGEST_SCHEMA = 64 << 20  # a forest of 1,000 trees writes 6 MB

TYPES = frozenset(
    {
        "builtins.dict", "builtins.list", "builtins.tuple", "builtins.str", "builtins.int", "builtins.float",
        "builtins.bool", "builtins.NoneType", "numpy.ndarray", "numpy.dtype", "numpy.bool", "numpy.bool_",
        "numpy.random.mtrand.RandomState", "numpy.random._generator.Generator",
        "sklearn.pipeline.Pipeline", "sklearn.decomposition._pca.PCA",
        "sklearn.linear_model._logistic.LogisticRegression",
        "sklearn.linear_model._stochastic_gradient.SGDClassifier", "sklearn.linear_model._sgd_fast.Hinge",
        "sklearn.neighbors._classification.KNeighborsClassifier", "sklearn.svm._classes.SVC",
        "sklearn.ensemble._forest.RandomForestClassifier", "sklearn.ensemble._forest.ExtraTreesClassifier",
        "sklearn.tree._classes.DecisionTreeClassifier", "sklearn.tree._classes.ExtraTreeClassifier",
        "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
        "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
        "sklearn._loss.loss.HalfMultinomialLoss", "sklearn._loss.loss.HalfBinomialLoss",
        "sklearn._loss._loss.CyHalfMultinomialLoss", "sklearn._loss._loss.CyHalfBinomialLoss",
        "sklearn._loss.link.MultinomialLogit", "sklearn._loss.link.LogitLink", "sklearn._loss.link.Interval",
        "sklearn.neural_network._multilayer_perceptron.MLPClassifier",
        "sklearn.preprocessing._label.LabelBinarizer", "sklearn.preprocessing._label.LabelEncoder",
        *(f"numpy.{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
        *(f"numpy.float{bits}" for bits in (16, 32, 64)),
        "sklearn.tree._tree.Tree", "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    }
)  # fmt: skip
"""All that the catalogue's models are made of; the arrays among them are checked below."""


def strange_types(content: bytes) -> list[str]:
    """Every type, function or method that the archive names and no model of the catalogue has."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > _LARGEST:
            raise ValueError(f"it would unpack to more than {_LARGEST >> 30} GB")
        if archive.getinfo("schema.json").file_size > _LARGEST_SCHEMA:
            raise ValueError("its description is too large")
        schema = json.loads(archive.read("schema.json"))
    return sorted({name for name in _named(schema) if name not in TYPES})


def _named(node: Any) -> Iterator[str]:
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if "__class__" in node:
                yield f"{node.get('__module__')}.{node['__class__']}"
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def check_indices(fitted: Any) -> None:
    """Raises ValueError where an index that compiled code would follow leads astray."""
    for part in parts(fitted):
        kind = type(part).__name__
        if kind in ("RandomForestClassifier", "ExtraTreesClassifier"):
            for estimator in part.estimators_:
                _check_tree(estimator.tree_)
        elif kind == "HistGradientBoostingClassifier":
            for round_of_trees in part._predictors:
                for predictor in round_of_trees:
                    _check_histogram_tree(predictor.nodes)
        elif kind == "KNeighborsClassifier":
            _check_neighbours(part)
        elif kind == "SVC":
            _check_support_vectors(part)


def parts(fitted: Any) -> list[Any]:
    """The steps of a pipeline, or the estimator alone."""
    return [step for _, step in fitted.steps] if hasattr(fitted, "steps") else [fitted]


def _check_branches(
    left: NDArray[Any], right: NDArray[Any], feature: NDArray[Any], own: NDArray[Any], nodes: int
) -> None:
    # both libraries write a node before its children: whoever keeps to that cannot walk in a circle
    if any((children <= own).any() or (children >= nodes).any() for children in (left, right)):
        raise ValueError("a tree points outside itself or in a circle")
    if (feature < 0).any() or (feature >= _PIXELS).any():
        raise ValueError("a tree asks for a pixel that is not there")


def _check_tree(tree: Any) -> None:
    nodes = tree.node_count
    if not nodes or len(tree.children_left) != nodes or len(tree.children_right) != nodes:
        raise ValueError("a tree has not the nodes it announces")
    own = np.flatnonzero((tree.children_left != -1) | (tree.children_right != -1))
    left, right = tree.children_left[own], tree.children_right[own]
    _check_branches(left, right, tree.feature[own], own, nodes)


def _check_histogram_tree(nodes: NDArray[Any]) -> None:
    if nodes["is_categorical"].any():
        raise ValueError("a tree asks for categories, and pixels have none")
    if not len(nodes):
        raise ValueError("a tree has no nodes")
    own = np.flatnonzero(nodes["is_leaf"] == 0)
    left, right, feature = (nodes[name][own].astype(np.int64) for name in ("left", "right", "feature_idx"))
    _check_branches(left, right, feature, own, len(nodes))


def _check_neighbours(model: Any) -> None:
    rows, labels = np.asarray(model._fit_X), np.asarray(model._y)
    if model._fit_method != "brute" or not (rows.ndim == 2 and labels.shape == (len(rows),) and len(rows) > 0):
        raise ValueError("its neighbours and their labels do not fit together")
    if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= len(model.classes_):
        raise ValueError("a neighbour has a label that is not there")


def _check_support_vectors(model: Any) -> None:
    vectors, classes = np.asarray(model.support_vectors_), len(model.classes_)
    counts = np.asarray(model._n_support)
    fits = (
        model.kernel == "rbf"
        and not model._effective_probability
        and not model._sparse
        and vectors.ndim == 2
        and vectors.shape[1] == model.n_features_in_
        and counts.shape == (classes,)
        and counts.min() >= 0
        and counts.sum() == len(vectors) == len(model.support_)
        and np.shape(model._dual_coef_) == (classes - 1, len(vectors))
        and np.shape(model._intercept_) == (classes * (classes - 1) // 2,)
    )
    if not fits:
        raise ValueError("its support vectors and their weights do not fit together")
