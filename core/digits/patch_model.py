"""The patch-svc model at work: pixels to scores, probabilities and "is this a digit at all", in plain numpy.

Fitted by ``core.digits.estimators``; this half needs no scikit-learn, runs no stored code and takes about
a millisecond for one image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.digits.answers import Answer, softmax, spread
from core.digits.patches import SIDE, Floats, PatchBank

Arrays = Mapping[str, NDArray[Any]]
_ROWS = 256  # images per block: bounds the kernel matrix at 256 x support vectors


@dataclass(frozen=True)
class Projection:
    """Patch features of one or more banks, joined and projected: (n, side, side) -> (n, components), of the same dtype."""

    banks: tuple[PatchBank, ...]
    mean: Floats
    axes: Floats  # (width, components), scaled so that the mean squared length of a projection is 1

    def __call__(self, images: Floats) -> Floats:
        out = np.empty((len(images), self.axes.shape[1]), images.dtype)
        for start in range(0, len(images), _ROWS):
            block = images[start : start + _ROWS]
            encoded = np.concatenate([bank.encode(block) for bank in self.banks], axis=1)
            out[start : start + _ROWS] = (encoded - self.mean) @ self.axes
        return out


class Votes(NamedTuple):
    """scores (n, classes): pairs won, ties broken by how clearly (scikit-learn's "ovr" shape). nearest (n,): likeness
    0..1 of the nearest support vector. margins (n, classes): how clearly a class wins its closest pair; below 0 it
    loses one. Probabilities come from the margins: pairs won are whole numbers, so that a digit just won looks as
    sure as one far from every border."""

    scores: Floats
    nearest: Floats
    margins: Floats


@dataclass(frozen=True)
class KernelVotes:
    """A fitted one-against-one RBF support vector classifier.

    vectors (v, d) sorted by class, duals (classes - 1, v), intercepts (pairs,), counts (classes,): libsvm's layout.
    """

    vectors: Floats
    duals: Floats
    intercepts: Floats
    counts: NDArray[np.int64]
    gamma: float
    _columns: Floats = field(init=False, repr=False, compare=False)
    _lengths: Floats = field(init=False, repr=False, compare=False)
    _pairs: tuple[NDArray[np.intp], NDArray[np.intp]] = field(init=False, repr=False, compare=False)
    _signs: Floats = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # one image against all vectors is twice as fast over columns as over rows
        object.__setattr__(self, "_columns", np.ascontiguousarray(self.vectors.T) * np.float32(2 * self.gamma))
        lengths = np.einsum("ij,ij->i", self.vectors, self.vectors) * np.float32(self.gamma)
        object.__setattr__(self, "_lengths", lengths)
        first, second = np.triu_indices(len(self.counts), 1)
        object.__setattr__(self, "_pairs", (first, second))
        pair = np.arange(len(first))
        signs = np.zeros((len(self.counts), len(first)), np.float32)
        signs[first, pair], signs[second, pair] = 1, -1
        object.__setattr__(self, "_signs", signs)

    def __call__(self, rows: Floats) -> Votes:
        scores = np.empty((len(rows), len(self.counts)), rows.dtype)
        margins = np.empty_like(scores)
        nearest = np.empty(len(rows), rows.dtype)
        for start in range(0, len(rows), _ROWS):
            block = rows[start : start + _ROWS]
            likeness: Floats = block @ self._columns
            likeness -= self._lengths
            likeness -= np.float32(self.gamma) * np.einsum("ij,ij->i", block, block)[:, None]
            np.exp(likeness, out=likeness)
            scores[start : start + _ROWS], margins[start : start + _ROWS] = self._judged(likeness)
            nearest[start : start + _ROWS] = likeness.max(1)
        return Votes(scores, nearest, margins)

    def _judged(self, likeness: Floats) -> tuple[Floats, Floats]:
        classes = len(self.counts)
        ends = np.cumsum(self.counts)
        sums = np.empty((classes, classes - 1, len(likeness)), likeness.dtype)
        for index, (end, count) in enumerate(zip(ends, self.counts, strict=True)):
            own = slice(end - count, end)
            sums[index] = self.duals[:, own] @ likeness[:, own].T
        first, second = self._pairs
        decisions = sums[first, second - 1] + sums[second, first] + self.intercepts[:, None]
        sums_won = self._signs @ decisions
        votes = self._signs @ np.where(decisions > 0, np.float32(0.5), np.float32(-0.5)) + np.float32((classes - 1) / 2)
        scores = votes + sums_won / (3 * (np.abs(sums_won) + 1))
        closest = np.empty((classes, decisions.shape[1]), decisions.dtype)
        for index in range(classes):
            own = self._signs[index] != 0
            closest[index] = (decisions[own] * self._signs[index, own, None]).min(0)
        return scores.T, closest.T


@dataclass(frozen=True)
class RejectHead:
    """A small network that tells digits from everything else by their projection, scores and nearest likeness."""

    centre: Floats
    scale: Floats
    weights: tuple[Floats, ...]
    biases: tuple[Floats, ...]
    threshold: float = 0.0  # below it: not a digit

    def __call__(self, projected: Floats, scores: Floats, nearest: Floats) -> Floats:
        """Log-odds (n,) of being a digit, moved so that 0 is the threshold."""
        rows: Floats = (head_features(projected, scores, nearest) - self.centre) / self.scale
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            rows = np.maximum(rows @ weight + bias, np.float32(0))
        odds: Floats = (rows @ self.weights[-1] + self.biases[-1])[:, 0] - np.float32(self.threshold)
        return odds


def head_features(projected: Floats, scores: Floats, nearest: Floats) -> Floats:
    """What the reject head looks at: (n, components + classes + 2)."""
    logarithm = np.log(nearest + 1e-6)[:, None]
    length = np.einsum("ij,ij->i", projected, projected)[:, None]
    return np.concatenate([projected, np.sort(scores, axis=1), logarithm, length], axis=1).astype(np.float32)


@dataclass(frozen=True)
class PatchModel:
    """The whole: projection, votes, temperature, and a reject head where one was trained."""

    projection: Projection
    votes: KernelVotes
    sharpness: float = 4.8  # probabilities = softmax(sharpness * margins), fitted on held-out digits
    head: RejectHead | None = None
    digits: NDArray[np.int64] = field(default_factory=lambda: np.arange(10))  # which digit each class is

    def answer(self, images: Floats) -> Answer:
        """Of images (n, 28, 28) float32 in 0..1."""
        projected = self.projection(images)
        votes = self.votes(projected)
        digit = self.head(projected, votes.scores, votes.nearest) if self.head else None
        return Answer(spread(softmax(np.float32(self.sharpness) * votes.margins), self.digits), digit)

    # -- storage ------------------------------------------------------------
    def stored(self, precision: type[np.floating[Any]] = np.float16) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """The arrays and the numbers that make this model again; large arrays in ``precision``."""
        arrays: dict[str, NDArray[Any]] = {
            "projection.mean": self.projection.mean,
            "projection.axes": self.projection.axes.astype(precision),
            "votes.vectors": self.votes.vectors.astype(precision),
            "votes.duals": self.votes.duals.astype(precision),
            "votes.intercepts": self.votes.intercepts,
            "votes.counts": self.votes.counts,
        }
        banks = []
        for index, bank in enumerate(self.projection.banks):
            arrays[f"bank{index}.atoms"], arrays[f"bank{index}.offset"] = bank.atoms, bank.offset
            banks.append({"size": bank.size, "side": bank.side, "grid": bank.grid, "threshold": bank.threshold})
        numbers: dict[str, Any] = {
            "gamma": self.votes.gamma,
            "sharpness": self.sharpness,
            "digits": self.digits.tolist(),
            "banks": banks,
        }
        if self.head:
            arrays["head.centre"], arrays["head.scale"] = self.head.centre, self.head.scale
            for index, (weight, bias) in enumerate(zip(self.head.weights, self.head.biases, strict=True)):
                arrays[f"head.weight{index}"], arrays[f"head.bias{index}"] = weight, bias
            numbers["head_threshold"], numbers["head_layers"] = self.head.threshold, len(self.head.weights)
        return arrays, numbers

    @classmethod
    def restored(cls, arrays: Arrays, numbers: Mapping[str, Any]) -> PatchModel:
        """Build the model again. Raises KeyError, TypeError or ValueError where the parts do not fit together."""
        banks = tuple(
            PatchBank(
                size=int(entry["size"]),
                atoms=_floats(arrays, f"bank{index}.atoms", 2),
                offset=_floats(arrays, f"bank{index}.offset", 1),
                side=int(entry["side"]),
                grid=int(entry["grid"]),
                threshold=float(entry["threshold"]),
            )
            for index, entry in enumerate(numbers["banks"])
        )
        projection = Projection(banks, _floats(arrays, "projection.mean", 1), _floats(arrays, "projection.axes", 2))
        votes = KernelVotes(
            _floats(arrays, "votes.vectors", 2),
            _floats(arrays, "votes.duals", 2),
            _floats(arrays, "votes.intercepts", 1),
            np.asarray(arrays["votes.counts"], np.int64),
            float(numbers["gamma"]),
        )
        head = None
        if "head_threshold" in numbers:
            layers = range(int(numbers["head_layers"]))
            head = RejectHead(
                _floats(arrays, "head.centre", 1),
                _floats(arrays, "head.scale", 1),
                tuple(_floats(arrays, f"head.weight{index}", 2) for index in layers),
                tuple(_floats(arrays, f"head.bias{index}", 1) for index in layers),
                float(numbers["head_threshold"]),
            )
        digits = np.asarray(numbers["digits"], np.int64)
        model = cls(projection, votes, float(numbers["sharpness"]), head, digits)
        model._check()
        return model

    def _check(self) -> None:
        classes = len(self.votes.counts)
        fits = (
            all(bank.side == SIDE and bank.atoms.shape[0] == bank.size**2 for bank in self.projection.banks)
            and sum(bank.width for bank in self.projection.banks)
            == len(self.projection.axes)
            == len(self.projection.mean)
            and self.projection.axes.shape[1] == self.votes.vectors.shape[1]
            and 2 <= classes == len(np.unique(self.digits)) == len(self.digits)
            and self.digits.min() >= 0
            and self.digits.max() <= 9
            and self.votes.counts.min() >= 0
            and self.votes.counts.sum() == len(self.votes.vectors) == self.votes.duals.shape[1]
            and self.votes.duals.shape[0] == classes - 1
            and len(self.votes.intercepts) == classes * (classes - 1) // 2
            and np.isfinite([self.sharpness, self.votes.gamma]).all()
        )
        if not fits:
            raise ValueError("the parts of the model do not fit together")
        self.answer(np.zeros((1, SIDE, SIDE), np.float32))  # whatever still does not fit fails here, not while drawing


def _floats(arrays: Arrays, name: str, dimensions: int) -> Floats:
    found = np.ascontiguousarray(arrays[name], np.float32)
    if found.ndim != dimensions or not np.isfinite(found).all():
        raise ValueError(f"{name} is not a finite array of {dimensions} dimensions")
    return found
