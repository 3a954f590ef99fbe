"""Trains patch-svc from data to finished model: fit, validate, calibrate, learn to refuse, then fit on every row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.digits.answers import Answer
from core.digits.patch_fitting import fit_projection, fit_sharpness, fit_votes, with_virtual_copies
from core.digits.patch_model import KernelVotes, PatchModel, Projection
from core.digits.patches import Floats
from core.digits.reject_fitting import fit_head

_QUICK_ROWS = 4_000  # for the first point of the validation curve

Tell = Callable[[float, str], None]
"""tell(share of the work done 0..1, what is being done)"""
Point = Callable[[str, float], None]
"""point(stage, validation accuracy)"""


@dataclass(frozen=True)
class Recipe:
    """The parameters of patch-svc; the defaults are those of the model that ships."""

    sizes: tuple[int, ...] = (7, 11)
    atoms: tuple[int, ...] = (40, 40)
    components: int = 150
    whitening: float = 0.5
    cost: float = 10.0
    gamma: float = 0.6
    copies: int = 6
    strength: float = 0.6


def train_patch_svc(
    images: Floats,
    labels: NDArray[np.uint8],
    fit: NDArray[np.intp],
    held: NDArray[np.intp],
    recipe: Recipe,
    *,
    seed: int,
    refit: bool,
    tell: Tell,
    point: Point,
) -> tuple[PatchModel, Answer]:
    """The model, and its answers on the held-out rows given before it was fitted on every row (``refit``).

    Dictionary, projection, sharpness and reject head always come from the fit rows and the held-out rows as they
    stand: what is measured on rows that a model was fitted on is too good.
    """
    classes, classified = np.unique(labels, return_inverse=True)
    tell(0.01, "Learning the stroke patterns")
    projection = fit_projection(
        images[fit],
        sizes=recipe.sizes,
        atoms=recipe.atoms,
        components=recipe.components,
        whitening=recipe.whitening,
        seed=seed,
    )
    tell(0.08, "Computing the features")
    rows = projected_with_progress(
        projection, images, lambda share: tell(0.08 + 0.22 * share, "Computing the features")
    )

    def accuracy(votes: KernelVotes) -> float:
        return float((votes(rows[held]).margins.argmax(1) == classified[held]).mean())

    tell(0.3, "Fitting on a first sample")
    sample = fit[:_QUICK_ROWS]
    if len(np.unique(classified[sample])) == len(classes):
        votes, _ = fit_votes(rows[sample], classified[sample], cost=recipe.cost, gamma=recipe.gamma)
        point(f"{len(sample):,} rows", accuracy(votes))
    votes = _fit_both(
        projection,
        images,
        rows,
        classified,
        fit,
        recipe,
        seed,
        lambda done, note: tell(0.32 + 0.3 * done, note),
        accuracy,
        point,
    )
    model = PatchModel(projection, votes, digits=classes.astype(np.int64))
    tell(0.62, "Calibrating")
    model = replace(model, sharpness=fit_sharpness(votes(rows[held]).margins, classified[held]))
    tell(0.64, "Learning what is no digit")
    model = replace(model, head=fit_head(model, images[held], labels[held], seed))
    tell(0.7, "Judging the held-out rows")
    judged = model.answer(images[held])
    if refit:
        everything = np.concatenate([fit, held])
        votes = _fit_both(
            projection,
            images,
            rows,
            classified,
            everything,
            recipe,
            seed,
            lambda done, note: tell(0.7 + 0.3 * done, f"{note} (all rows)"),
            None,
            point,
        )
        model = replace(model, votes=votes)
    return model, judged


def _fit_both(
    projection: Projection,
    images: Floats,
    rows: Floats,
    classified: NDArray[np.intp],
    chosen: NDArray[np.intp],
    recipe: Recipe,
    seed: int,
    tell: Tell,
    accuracy: Callable[[KernelVotes], float] | None,
    point: Point,
) -> KernelVotes:
    """The support vectors of the chosen rows, then a second fit on them and their varied copies."""
    tell(0.0, f"Finding the support vectors of {len(chosen):,} rows")
    votes, support = fit_votes(rows[chosen], classified[chosen], cost=recipe.cost, gamma=recipe.gamma)
    if accuracy:
        point(f"{len(chosen):,} rows", accuracy(votes))
    if not recipe.copies:
        return votes
    vectors = chosen[support]
    tell(0.45, f"Varying {len(vectors):,} support vectors {recipe.copies} times")
    copied, copied_labels = with_virtual_copies(
        projection, images[vectors], rows[vectors], classified[vectors],
        copies=recipe.copies, strength=recipe.strength, rng=np.random.default_rng(seed),
    )  # fmt: skip
    tell(0.6, f"Fitting on {len(copied):,} support vectors and copies")
    votes, _ = fit_votes(copied, copied_labels, cost=recipe.cost, gamma=recipe.gamma)
    if accuracy:
        point("with copies", accuracy(votes))
    return votes


def projected_with_progress(projection: Projection, images: Floats, tell: Callable[[float], None]) -> Floats:
    parts = []
    for start in range(0, len(images), 2_000):
        parts.append(projection(images[start : start + 2_000]))
        tell(min(1.0, (start + 2_000) / len(images)))
    return np.concatenate(parts)
