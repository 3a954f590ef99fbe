"""The patch-svc model at work: pixels to scores, probabilities and "is this a digit at all", in plain numpy.

Fitted by ``core.digits.patch_training``; this half needs no scikit-learn, runs no stored code and takes two to three
milliseconds for one image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.digits.answers import Answer, softmax, spread
from core.digits.patches import SIDE, Floats, PatchBank
from core.digits.upright import upright

Arrays = Mapping[str, NDArray[Any]]
_ROWS = 256  # images per block: bounds the kernel matrix at 256 x support vectors


@dataclass(frozen=True)
class Projection:
    """Patch features of a bank, projected: (n, side, side) -> (n, components), of the same dtype.

    upright: the digits are sheared upright first.
    """

    bank: PatchBank
    mean: Floats
    axes: Floats  # (width, components), scaled so that the mean squared length of a projection is 1
    upright: bool = False

    def __call__(self, images: Floats) -> Floats:
        out = np.empty((len(images), self.axes.shape[1]), images.dtype)
        for start in range(0, len(images), _ROWS):
            block = images[start : start + _ROWS]
            encoded = self.bank.encode(upright(block) if self.upright else block)
            out[start : start + _ROWS] = (encoded - self.mean) @ self.axes
        return out


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

    def __post_init__(self) -> None:
        # one image against all vectors is twice as fast over columns as over rows
        object.__setattr__(self, "_columns", np.ascontiguousarray(self.vectors.T) * np.float32(2 * self.gamma))
        lengths = np.einsum("ij,ij->i", self.vectors, self.vectors) * np.float32(self.gamma)
        object.__setattr__(self, "_lengths", lengths)

    def __call__(self, rows: Floats) -> tuple[Floats, Floats]:
        """decisions (n, pairs): above 0 the first class of the pair wins. nearest (n,): likeness 0..1 of the nearest
        support vector."""
        decisions = np.empty((len(rows), len(self.intercepts)), rows.dtype)
        nearest = np.empty(len(rows), rows.dtype)
        for start in range(0, len(rows), _ROWS):
            block = rows[start : start + _ROWS]
            likeness: Floats = block @ self._columns
            likeness -= self._lengths
            likeness -= np.float32(self.gamma) * np.einsum("ij,ij->i", block, block)[:, None]
            np.exp(likeness, out=likeness)
            decisions[start : start + _ROWS] = self._decided(likeness)
            nearest[start : start + _ROWS] = likeness.max(1)
        return decisions, nearest

    def _decided(self, likeness: Floats) -> Floats:
        classes = len(self.counts)
        ends = np.cumsum(self.counts)
        sums = np.empty((classes, classes - 1, len(likeness)), likeness.dtype)
        for index, (end, count) in enumerate(zip(ends, self.counts, strict=True)):
            own = slice(end - count, end)
            sums[index] = self.duals[:, own] @ likeness[:, own].T
        first, second = _sides(classes)[:2]
        decisions: Floats = sums[first, second - 1] + sums[second, first] + self.intercepts[:, None]
        return decisions.T


@cache
def _sides(classes: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """The two classes of each pair, and (classes, pairs) 1 where a class is a pair's first, -1 where its second."""
    first, second = np.triu_indices(classes, 1)
    pair = np.arange(len(first))
    signs = np.zeros((classes, len(first)), np.float32)
    signs[first, pair], signs[second, pair] = 1, -1
    return first, second, signs


@cache
def _own_pairs(classes: int) -> tuple[NDArray[np.intp], Floats]:
    """The pairs that a class is one of, and its side of each: both (classes, classes - 1)."""
    signs = _sides(classes)[2]
    own = np.nonzero(signs)[1].reshape(classes, -1)
    return own, np.take_along_axis(signs, own, 1)


def margins_of(decisions: Floats, classes: int) -> Floats:
    """(n, pairs) -> (n, classes): how clearly a class wins its closest pair; below 0 it loses one.

    Probabilities come from these: pairs won are whole numbers, so that a digit just won looks as sure as one far
    from every border.
    """
    own, signs = _own_pairs(classes)
    closest: Floats = (decisions[:, own] * signs).min(2)
    return closest


def scores_of(decisions: Floats, classes: int) -> Floats:
    """(n, pairs) -> (n, classes): pairs won, ties broken by how clearly (scikit-learn's "ovr" shape)."""
    signs = _sides(classes)[2].T
    sums_won = decisions @ signs
    votes = np.where(decisions > 0, np.float32(0.5), np.float32(-0.5)) @ signs + np.float32((classes - 1) / 2)
    scores: Floats = votes + sums_won / (3 * (np.abs(sums_won) + 1))
    return scores


class Expert(NamedTuple):
    """One way of looking at a digit, and the classifier that learned to tell digits apart by it."""

    projection: Projection
    votes: KernelVotes


class Look(NamedTuple):
    """What the experts together see in n images: projected (n, all components), decisions (n, pairs) averaged,
    nearest (n, experts)."""

    projected: Floats
    decisions: Floats
    nearest: Floats


def looked(experts: Sequence[Expert], images: Floats) -> Look:
    rows = [expert.projection(images) for expert in experts]
    found = [expert.votes(own) for expert, own in zip(experts, rows, strict=True)]
    decisions = sum((decisions for decisions, _ in found[1:]), found[0][0]) / np.float32(len(experts))
    return Look(np.concatenate(rows, axis=1), decisions, np.stack([nearest for _, nearest in found], axis=1))


@dataclass(frozen=True)
class RejectHead:
    """A small network that tells digits from everything else by their projection, scores and nearest likeness."""

    centre: Floats
    scale: Floats
    weights: tuple[Floats, ...]
    biases: tuple[Floats, ...]
    threshold: float = 0.0  # below it: not a digit

    def __call__(self, look: Look, classes: int) -> Floats:
        """Log-odds (n,) of being a digit, moved so that 0 is the threshold."""
        rows: Floats = (head_features(look, classes) - self.centre) / self.scale
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            rows = np.maximum(rows @ weight + bias, np.float32(0))
        odds: Floats = (rows @ self.weights[-1] + self.biases[-1])[:, 0] - np.float32(self.threshold)
        return odds


def head_features(look: Look, classes: int) -> Floats:
    """What the reject head looks at: (n, components + classes + 1 + experts)."""
    scores = np.sort(scores_of(look.decisions, classes), axis=1)
    length = np.einsum("ij,ij->i", look.projected, look.projected)[:, None]
    return np.concatenate([look.projected, scores, length, np.log(look.nearest + 1e-6)], axis=1).astype(np.float32)


@dataclass(frozen=True)
class PatchModel:
    """The whole: experts whose decisions are averaged, temperature, and a reject head where one was trained."""

    experts: tuple[Expert, ...]
    sharpness: float = 4.8  # probabilities = softmax(sharpness * margins), fitted on held-out digits
    head: RejectHead | None = None
    digits: NDArray[np.int64] = field(default_factory=lambda: np.arange(10))  # which digit each class is

    def look(self, images: Floats) -> Look:
        return looked(self.experts, images)

    def answer(self, images: Floats) -> Answer:
        """Of images (n, 28, 28) float32 in 0..1."""
        look = self.look(images)
        classes = len(self.digits)
        digit = self.head(look, classes) if self.head else None
        shares = softmax(np.float32(self.sharpness) * margins_of(look.decisions, classes))
        return Answer(spread(shares, self.digits), digit)

    # -- storage ------------------------------------------------------------
    def stored(self, precision: type[np.floating[Any]] = np.float16) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """The arrays and the numbers that make this model again; large arrays in ``precision``."""
        arrays: dict[str, NDArray[Any]] = {}
        experts = []
        for index, (projection, votes) in enumerate(self.experts):
            bank = projection.bank
            own = {
                "atoms": bank.atoms,
                "offset": bank.offset,
                "mean": projection.mean,
                "axes": projection.axes.astype(precision),
                "vectors": votes.vectors.astype(precision),
                "duals": votes.duals.astype(precision),
                "intercepts": votes.intercepts,
                "counts": votes.counts,
            }
            arrays |= {f"expert{index}.{name}": array for name, array in own.items()}
            experts.append(
                {
                    "size": bank.size, "side": bank.side, "grid": bank.grid, "threshold": bank.threshold,
                    "upright": projection.upright, "gamma": votes.gamma,
                }
            )  # fmt: skip
        numbers: dict[str, Any] = {"sharpness": self.sharpness, "digits": self.digits.tolist(), "experts": experts}
        if self.head:
            arrays["head.centre"], arrays["head.scale"] = self.head.centre, self.head.scale
            for index, (weight, bias) in enumerate(zip(self.head.weights, self.head.biases, strict=True)):
                arrays[f"head.weight{index}"], arrays[f"head.bias{index}"] = weight, bias
            numbers["head_threshold"], numbers["head_layers"] = self.head.threshold, len(self.head.weights)
        return arrays, numbers

    @classmethod
    def restored(cls, arrays: Arrays, numbers: Mapping[str, Any]) -> PatchModel:
        """Build the model again. Raises KeyError, TypeError or ValueError where the parts do not fit together."""
        experts = tuple(_expert(arrays, f"expert{index}.", entry) for index, entry in enumerate(numbers["experts"]))
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
        model = cls(experts, float(numbers["sharpness"]), head, digits)
        model._check()
        return model

    def _check(self) -> None:
        fits = (
            len(self.experts) > 0
            and 2 <= len(np.unique(self.digits)) == len(self.digits)
            and self.digits.min() >= 0
            and self.digits.max() <= 9
            and all(_fits(expert, len(self.digits)) for expert in self.experts)
            and np.isfinite(self.sharpness)
        )
        if not fits:
            raise ValueError("the parts of the model do not fit together")
        # Whatever still does not fit fails here, not while drawing. Two images, not one: after a first deep matrix product
        # OpenBLAS's shallow ones take half as long (0.12 for 0.25 ms) for as long as the process lives; those of one
        # image never do that (it seems to prefetch pages of its buffer that were never written).
        self.answer(np.zeros((2, SIDE, SIDE), np.float32))


def _fits(expert: Expert, classes: int) -> bool:
    projection, votes = expert
    bank = projection.bank
    return bool(
        bank.side == SIDE
        and bank.atoms.shape[0] == bank.size**2
        and bank.width == len(projection.axes) == len(projection.mean)
        and projection.axes.shape[1] == votes.vectors.shape[1]
        and len(votes.counts) == classes
        and votes.counts.min() >= 0
        and votes.counts.sum() == len(votes.vectors) == votes.duals.shape[1]
        and votes.duals.shape[0] == classes - 1
        and len(votes.intercepts) == classes * (classes - 1) // 2
        and np.isfinite(votes.gamma)
    )


def _expert(arrays: Arrays, name: str, numbers: Mapping[str, Any]) -> Expert:
    bank = PatchBank(
        size=int(numbers["size"]),
        atoms=_floats(arrays, f"{name}atoms", 2),
        offset=_floats(arrays, f"{name}offset", 1),
        side=int(numbers["side"]),
        grid=int(numbers["grid"]),
        threshold=float(numbers["threshold"]),
    )
    votes = KernelVotes(
        _floats(arrays, f"{name}vectors", 2),
        _floats(arrays, f"{name}duals", 2),
        _floats(arrays, f"{name}intercepts", 1),
        np.asarray(arrays[f"{name}counts"], np.int64),
        float(numbers["gamma"]),
    )
    axes, mean = _floats(arrays, f"{name}axes", 2), _floats(arrays, f"{name}mean", 1)
    return Expert(Projection(bank, mean, axes, bool(numbers["upright"])), votes)


def _floats(arrays: Arrays, name: str, dimensions: int) -> Floats:
    found = np.ascontiguousarray(arrays[name], np.float32)
    if found.ndim != dimensions or not np.isfinite(found).all():
        raise ValueError(f"{name} is not a finite array of {dimensions} dimensions")
    return found
