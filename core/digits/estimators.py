"""The patch-svc recipe as scikit-learn parts: ``PatchFeatures`` transforms, ``PatchSVC`` classifies.

Both take rows of pixels, (n, side * side): uint8 is read as 0..255, floats as 0..1. They compute in float32, in float64
where they are given float64. They work on any square image (a row that is no square is filled up with blank
pixels), so that they can stand in any pipeline.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from core.digits.answers import softmax
from core.digits.patch_fitting import fit_projection, fit_votes, with_virtual_copies
from core.digits.patch_model import Expert, looked, scores_of
from core.digits.patches import Floats


class PatchFeatures(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Pooled answers of a k-means patch dictionary, projected onto their principal axes.

    size: side of the patches. atoms: patterns in the dictionary. components: axes kept. whitening: 0..1, how far
    their variances are evened out. upright: the digits are sheared upright first.
    """

    def __init__(
        self,
        size: int = 9,
        atoms: int = 40,
        components: int = 96,
        whitening: float = 0.5,
        upright: bool = False,
        random_state: Any = None,
    ) -> None:
        self.size = size
        self.upright = upright
        self.atoms = atoms
        self.components = components
        self.whitening = whitening
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def fit(self, X: Any, y: Any = None) -> PatchFeatures:
        X = validate_data(self, X, ensure_min_samples=2)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self.projection_ = fit_projection(
            as_images(X),
            size=self.size,
            atoms=self.atoms,
            components=self.components,
            whitening=self.whitening,
            upright=self.upright,
            seed=seed,
        )
        self._n_features_out = self.projection_.axes.shape[1]
        return self

    def transform(self, X: Any) -> Floats:
        check_is_fitted(self)
        return self.projection_(as_images(validate_data(self, X, reset=False)))


class PatchSVC(ClassifierMixin, BaseEstimator):
    """Experts that look at patches of a size, upright or not; each an RBF SVC on PatchFeatures and a second one on its
    support vectors and varied copies of those. Their decisions on each pair of classes are averaged.

    sizes, upright: one expert for each pair. atoms, components, whitening: see PatchFeatures. C, gamma: of the SVC; the
    features are scaled so that their mean squared length is 1. copies, strength: virtual support vectors (Schoelkopf,
    Burges and Vapnik 1996); 0 copies leaves the second round out.
    """

    def __init__(
        self,
        sizes: tuple[int, ...] = (9, 9),
        upright: tuple[bool, ...] = (False, True),
        atoms: int = 40,
        components: int = 96,
        whitening: float = 0.5,
        C: float = 10.0,
        gamma: float = 0.4,
        copies: int = 2,
        strength: float = 0.6,
        random_state: Any = None,
    ) -> None:
        self.sizes = sizes
        self.upright = upright
        self.atoms = atoms
        self.components = components
        self.whitening = whitening
        self.C = C
        self.gamma = gamma
        self.copies = copies
        self.strength = strength
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> PatchSVC:
        X, y = validate_data(self, X, y, ensure_min_samples=2)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError("PatchSVC needs two classes or more: the data holds one class only")
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        images = as_images(X)
        self.experts_ = [
            self._expert(images, labels, size, upright, seed + index)
            for index, (size, upright) in enumerate(zip(self.sizes, self.upright, strict=True))
        ]
        return self

    def _expert(self, images: Floats, labels: NDArray[np.intp], size: int, upright: bool, seed: int) -> Expert:
        projection = fit_projection(
            images, size=size, upright=upright, seed=seed,
            atoms=self.atoms, components=self.components, whitening=self.whitening,
        )  # fmt: skip
        rows = projection(images)
        votes, support = fit_votes(rows, labels, cost=self.C, gamma=self.gamma)
        if self.copies:
            rows, labels = with_virtual_copies(
                projection, images[support], rows[support], labels[support],
                copies=self.copies, strength=self.strength, rng=np.random.default_rng(seed),
            )  # fmt: skip
            votes, _ = fit_votes(rows, labels, cost=self.C, gamma=self.gamma)
        return Expert(projection, votes)

    def _decisions(self, X: Any) -> Floats:
        check_is_fitted(self)
        return looked(self.experts_, as_images(validate_data(self, X, reset=False))).decisions

    def _scores(self, X: Any) -> Floats:
        return scores_of(self._decisions(X), len(self.classes_))

    def decision_function(self, X: Any) -> Floats:
        """Scores (n, classes); for two classes (n,), positive for the second."""
        scores = self._scores(X)
        return scores if len(self.classes_) > 2 else scores[:, 1] - scores[:, 0]

    def predict(self, X: Any) -> NDArray[Any]:
        scores = self._scores(X)
        return np.asarray(self.classes_[scores.argmax(1)])

    def predict_proba(self, X: Any) -> Floats:
        """softmax of the scores, with the sharpness that suits 10 classes; training calibrates it on held-out data."""
        return softmax(np.float32(4.8) * self._scores(X))


def as_images(rows: NDArray[Any]) -> Floats:
    """Rows of pixels (n, p) as (n, side, side) in 0..1; float64 stays float64, all else becomes float32."""
    pixels: Any = rows.astype(np.float64 if rows.dtype == np.float64 else np.float32)
    if rows.dtype == np.uint8:
        pixels /= 255
    side = math.isqrt(rows.shape[1] - 1) + 1
    missing = side * side - rows.shape[1]
    if missing:
        pixels = np.pad(pixels, ((0, 0), (0, missing)))
    images: Floats = pixels.reshape(-1, side, side)
    return images
