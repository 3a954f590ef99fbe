"""Fitting the parts of the patch-svc model: dictionary and projection, support vectors, virtual copies, temperature."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.digits.answers import softmax
from core.digits.augment import varied
from core.digits.patch_model import KernelVotes, Projection
from core.digits.patches import Floats, learn_bank
from core.digits.upright import upright as straightened

_PROJECTION_SAMPLE = 20_000  # images for the covariance: 2,000 features are well determined by 20,000 rows
_CACHE_MB = 2_000  # libsvm's kernel cache: below it, rows are computed again and again


def fit_projection(
    images: Floats, *, size: int, atoms: int, components: int, whitening: float, upright: bool, seed: int
) -> Projection:
    """Learn a bank of ``atoms`` stroke patterns, and the principal axes of its features.

    whitening: 0 leaves the axes their variance, 1 makes them all equal. upright: of digits sheared upright first.
    """
    if upright:
        images = straightened(images)
    bank = learn_bank(images, size=min(size, images.shape[1] + 2), atoms=atoms, seed=seed)
    encoded = bank.encode(images[:_PROJECTION_SAMPLE])
    mean = encoded.mean(0)
    encoded -= mean
    return Projection(bank, mean, _principal_axes(encoded, components, whitening), upright)


def _principal_axes(centred: Floats, components: int, whitening: float) -> Floats:
    from scipy.linalg import eigh

    count, width = centred.shape
    components = min(components, width, count)
    covariance = (centred.T @ centred).astype(np.float64) / max(count - 1, 1)
    values, vectors = eigh(covariance, subset_by_index=[width - components, width - 1])
    values, vectors = values[::-1], vectors[:, ::-1]
    # the sign of an eigenvector is arbitrary: fix it, so that the same seed gives the same file everywhere
    vectors = vectors * np.sign(vectors[np.abs(vectors).argmax(0), np.arange(components)])
    values = np.maximum(values, 1e-9)
    vectors *= values ** (-whitening / 2)
    total = float((values ** (1 - whitening)).sum())
    axes: Floats = (vectors / np.sqrt(total)).astype(np.float32)
    return axes


def fit_votes(
    rows: Floats, labels: NDArray[Any], *, cost: float, gamma: float, class_weight: Any = None
) -> tuple[KernelVotes, NDArray[np.intp]]:
    """An RBF support vector classifier, and the numbers of the rows that became support vectors."""
    from sklearn.svm import SVC

    fitted = SVC(C=cost, gamma=gamma, cache_size=_CACHE_MB, class_weight=class_weight).fit(rows, labels)
    # for two classes scikit-learn turns libsvm's signs around
    sign = -1.0 if len(fitted.classes_) == 2 else 1.0
    votes = KernelVotes(
        fitted.support_vectors_.astype(np.float32),
        (sign * fitted.dual_coef_).astype(np.float32),
        (sign * fitted.intercept_).astype(np.float32),
        fitted.n_support_.astype(np.int64),
        float(gamma),
    )
    return votes, fitted.support_


def with_virtual_copies(
    projection: Projection,
    images: Floats,
    rows: Floats,
    labels: NDArray[Any],
    *,
    copies: int,
    strength: float,
    rng: np.random.Generator,
) -> tuple[Floats, NDArray[Any]]:
    """The rows and ``copies`` varied copies of their images, projected, with their labels."""
    parts = [rows, *(projection(varied(images, strength, rng)) for _ in range(copies))]
    return np.concatenate(parts), np.tile(labels, len(parts))


def fit_sharpness(scores: Floats, truth: NDArray[np.integer[Any]]) -> float:
    """The factor that makes softmax(factor * scores) most likely on held-out images (truth: class indices)."""
    best, low, high = 4.8, 0.05, 50.0
    own = np.arange(len(truth))
    for _ in range(3):  # a grid that closes in: the likelihood is smooth with one peak
        factors = np.geomspace(low, high, 25)
        losses = [-np.log(softmax(np.float32(factor) * scores)[own, truth] + 1e-12).mean() for factor in factors]
        index = int(np.argmin(losses))
        best = float(factors[index])
        low, high = float(factors[max(index - 1, 0)]), float(factors[min(index + 1, 24)])
    return best
