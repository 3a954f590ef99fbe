"""Trains patch-svc from data to finished model: fit, validate, calibrate, learn to refuse, then fit on every row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.digits.answers import Answer
from core.digits.patch_fitting import fit_projection, fit_sharpness, fit_votes, with_virtual_copies
from core.digits.patch_model import Expert, KernelVotes, PatchModel, Projection, margins_of
from core.digits.patches import Floats
from core.digits.reject_fitting import fit_head

_QUICK_ROWS = 4_000  # for the first point of the validation curve

Tell = Callable[[float, str], None]
"""tell(share of the work done 0..1, what is being done)"""
Point = Callable[[str, float], None]
"""point(stage, validation accuracy)"""


@dataclass(frozen=True)
class Recipe:
    """The parameters of patch-svc; the defaults are those of the model that ships.

    sizes, upright: one expert for each pair, with patches of ``size`` pixels on digits as they are or sheared upright.
    """

    sizes: tuple[int, ...] = (9, 9)
    upright: tuple[bool, ...] = (False, True)
    atoms: int = 40
    components: int = 96
    whitening: float = 0.5
    cost: float = 10.0
    gamma: float = 0.4
    copies: int = 2
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

    Dictionaries, projections, sharpness and reject head always come from the fit rows and the held-out rows as they
    stand: what is measured on rows that a model was fitted on is too good.
    """
    classes, classified = np.unique(labels, return_inverse=True)
    ways = list(zip(recipe.sizes, recipe.upright, strict=True))
    projections: list[Projection] = []
    rows: list[Floats] = []
    for index, (size, upright) in enumerate(ways):
        begun, share = 0.3 * index / len(ways), 0.3 / len(ways)
        tell(begun + 0.01, "Learning the stroke patterns")
        projections.append(
            fit_projection(
                images[fit], size=size, upright=upright, seed=seed + index,
                atoms=recipe.atoms, components=recipe.components, whitening=recipe.whitening,
            )
        )  # fmt: skip
        rows.append(
            projected_with_progress(
                projections[index],
                images,
                lambda done, begun=begun, share=share: tell(  # type: ignore[misc]
                    begun + share * (0.2 + 0.8 * done), "Computing the features"
                ),
            )
        )
    fitting = _Fitting(images, rows, classified, projections, recipe, seed)

    def judged(stage: str, votes: Sequence[KernelVotes]) -> None:
        decisions = sum(vote(own[held])[0] for vote, own in zip(votes, rows, strict=True))
        answered = margins_of(np.asarray(decisions), len(classes)).argmax(1)
        point(stage, float((answered == classified[held]).mean()))

    tell(0.3, "Fitting on a first sample")
    sample = fit[:_QUICK_ROWS]
    if len(np.unique(classified[sample])) == len(classes):
        judged(f"{len(sample):,} rows", [votes for votes, _ in fitting.first(sample)])
    votes = fitting.both(fit, lambda done, note: tell(0.32 + 0.3 * done, note), judged)
    experts = tuple(Expert(*pair) for pair in zip(projections, votes, strict=True))
    model = PatchModel(experts, digits=classes.astype(np.int64))
    tell(0.62, "Calibrating")
    margins = margins_of(model.look(images[held]).decisions, len(classes))
    model = replace(model, sharpness=fit_sharpness(margins, classified[held]))
    tell(0.64, "Learning what is no digit")
    model = replace(model, head=fit_head(model, images[held], labels[held], seed))
    tell(0.7, "Judging the held-out rows")
    answer = model.answer(images[held])
    if refit:
        votes = fitting.both(
            np.concatenate([fit, held]), lambda done, note: tell(0.7 + 0.3 * done, f"{note} (all rows)"), None
        )
        model = replace(model, experts=tuple(Expert(*pair) for pair in zip(projections, votes, strict=True)))
    return model, answer


class _Fitting:
    """The experts' classifiers on any choice of rows; what does not depend on the choice is computed once."""

    def __init__(
        self,
        images: Floats,
        rows: list[Floats],
        classified: NDArray[np.intp],
        projections: list[Projection],
        recipe: Recipe,
        seed: int,
    ) -> None:
        self._images, self._rows, self._classified = images, rows, classified
        self._projections, self._recipe, self._seed = projections, recipe, seed

    def first(self, chosen: NDArray[np.intp]) -> Iterator[tuple[KernelVotes, NDArray[np.intp]]]:
        """Each expert's classifier on the chosen rows, and which of them became its support vectors."""
        for rows in self._rows:
            votes, support = fit_votes(
                rows[chosen], self._classified[chosen], cost=self._recipe.cost, gamma=self._recipe.gamma
            )
            yield votes, chosen[support]

    def both(
        self,
        chosen: NDArray[np.intp],
        tell: Tell,
        judged: Callable[[str, Sequence[KernelVotes]], None] | None,
    ) -> list[KernelVotes]:
        """The support vectors of the chosen rows, then a second fit on them and their varied copies."""
        recipe = self._recipe
        tell(0.0, f"Finding the support vectors of {len(chosen):,} rows")
        found = []
        for index, fitted in enumerate(self.first(chosen)):
            found.append(fitted)
            tell(0.45 * (index + 1) / len(self._rows), f"Finding the support vectors of {len(chosen):,} rows")
        if judged:
            judged(f"{len(chosen):,} rows", [votes for votes, _ in found])
        if not recipe.copies:
            return [votes for votes, _ in found]
        done = []
        for index, (_, support) in enumerate(found):
            begun = 0.45 + 0.55 * index / len(found)
            tell(begun, f"Varying {len(support):,} support vectors {recipe.copies} times")
            copied, copied_labels = with_virtual_copies(
                self._projections[index], self._images[support], self._rows[index][support], self._classified[support],
                copies=recipe.copies, strength=recipe.strength, rng=np.random.default_rng(self._seed + index),
            )  # fmt: skip
            tell(begun + 0.2 / len(found), f"Fitting on {len(copied):,} support vectors and copies")
            done.append(fit_votes(copied, copied_labels, cost=recipe.cost, gamma=recipe.gamma)[0])
        if judged:
            judged("with copies", done)
        return done


def projected_with_progress(projection: Projection, images: Floats, tell: Callable[[float], None]) -> Floats:
    parts = []
    for start in range(0, len(images), 2_000):
        parts.append(projection(images[start : start + 2_000]))
        tell(min(1.0, (start + 2_000) / len(images)))
    return np.concatenate(parts)
