"""Trains the reject head: digits the votes were not fitted on against pictures that are no digits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.digits.augment import varied
from core.digits.negatives import negatives
from core.digits.patch_model import PatchModel, RejectHead, head_features
from core.digits.patches import Floats
from core.digits.plain_digits import hand_drawn
from core.digits.printed import printed_digits

KEPT = 0.995
"""Share of held-out digits the head must let pass. 99 % are promised for digits that nobody saw: at 0.995 it kept 99.6
and 99.4 % of 10,000 on two splits, at 0.992 three tenths less on the first, which leaves little room for other hands.
Letters refused fall from 78 % to 75 % by it (docs/digits.md)."""

_NEGATIVES = 12_000
_DRAWN = 2_500
_PRINTED = 40  # varied copies of each digit of each of our fonts
_CHANCE_DIGITS = 0.4
_HIDDEN = 48


def fit_head(model: PatchModel, images: Floats, labels: NDArray[np.integer], seed: int) -> RejectHead:
    """A head for ``model`` from held-out digits (n, 28, 28) in 0..1: half of them fit it, half set its threshold."""
    from sklearn.neural_network import MLPClassifier

    rng = np.random.default_rng(seed)
    order = rng.permutation(len(images))
    own, judge = order[: len(order) // 2], order[len(order) // 2 :]
    drawn = hand_drawn(min(_DRAWN, len(own)), rng)  # what the pad sends is smoother than what MNIST scanned
    pictures = [images[own], varied(images[own], 0.5, rng), varied(images[own], 0.8, rng), drawn]
    if len(own) > _PRINTED * 20:  # a small set must not be outnumbered by print
        pictures.append(printed_digits(_PRINTED, rng))
    digits = _features(model, np.concatenate(pictures))
    others = _features(model, negatives(images[own], labels[own], min(_NEGATIVES, 2 * len(digits)), rng))
    # some of the figures made by chance are digits: what lies as near to a support vector as digits do is no lesson
    experts = len(model.experts)  # the last columns: how near each one's nearest support vector lies
    near = others[:, -experts:].mean(1) > np.quantile(digits[:, -experts:].mean(1), _CHANCE_DIGITS)
    others = others[~near]
    rows = np.concatenate([digits, others])
    truth = np.repeat([1, 0], [len(digits), len(others)])
    centre, scale = rows.mean(0), rows.std(0) + 1e-3
    fitted = MLPClassifier(
        (_HIDDEN,),
        alpha=1e-2,
        batch_size=min(128, len(rows)),
        max_iter=12,
        random_state=seed,
        tol=0.0,
        n_iter_no_change=100,
    )
    for _ in range(12):
        fitted.partial_fit((rows - centre) / scale, truth, classes=[0, 1])
    head = RejectHead(
        centre.astype(np.float32),
        scale.astype(np.float32),
        tuple(weight.astype(np.float32) for weight in fitted.coefs_),
        tuple(bias.astype(np.float32) for bias in fitted.intercepts_),
    )
    odds = head_odds(model, head, images[judge])
    return replace(head, threshold=float(np.quantile(odds, 1 - KEPT)))


def head_odds(model: PatchModel, head: RejectHead, images: Floats) -> Floats:
    return head(model.look(images), len(model.digits))


def _features(model: PatchModel, images: Floats) -> Floats:
    return head_features(model.look(images), len(model.digits))
