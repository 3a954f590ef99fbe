"""The patch-svc parts keep scikit-learn's contract."""

from __future__ import annotations

import numpy as np
import pytest

from core.digits.patch_fitting import fit_votes
from core.digits.patch_model import looked, margins_of, scores_of
from tests.core.digits.small_data import digits


# scikit-learn is imported by the tests that need it: every worker collects this file, one of them runs it.
@pytest.mark.parametrize("kind", ["PatchFeatures", "PatchSVC"])
def test_scikit_learns_own_checks(kind: str) -> None:
    from sklearn.utils.estimator_checks import check_estimator

    from core.digits import estimators

    small = {"atoms": 5, "components": 16, "whitening": 0.0, "random_state": 0}
    made = {"PatchFeatures": {"size": 3}, "PatchSVC": {"sizes": (3,), "upright": (False,), "copies": 1}}[kind]
    done = check_estimator(getattr(estimators, kind)(**small, **made), on_skip=None)  # raises what fails
    left = {one["check_name"] for one in done if one["status"] != "passed"}
    assert len(done) - len(left) > 40
    # for these it would need pandas, or SCIPY_ARRAY_API in the environment
    assert left <= {"check_array_api_input", "check_classifier_data_not_an_array"}


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_votes_are_those_of_libsvm(classes: int) -> None:
    from sklearn.svm import SVC

    rng = np.random.default_rng(classes)
    centres = rng.standard_normal((classes, 6))
    labels = rng.integers(0, classes, 400)
    rows = (centres[labels] + 0.6 * rng.standard_normal((400, 6))).astype(np.float32)
    fresh = rng.standard_normal((500, 6)).astype(np.float32)
    votes, _ = fit_votes(rows, labels, cost=3.0, gamma=0.4)
    reference = SVC(C=3.0, gamma=0.4, break_ties=classes > 2).fit(rows, labels)
    decisions, nearest = votes(fresh)
    scores, margins = scores_of(decisions, classes), margins_of(decisions, classes)
    assert (scores.argmax(1) == reference.predict(fresh)).mean() > 0.99
    if classes > 2:
        np.testing.assert_allclose(scores, reference.decision_function(fresh), atol=2e-3)
    squared = ((fresh[:, None] - reference.support_vectors_[None]) ** 2).sum(2).min(1)
    np.testing.assert_allclose(nearest, np.exp(-0.4 * squared), atol=1e-4)
    if classes > 2:
        pairs = SVC(C=3.0, gamma=0.4, decision_function_shape="ovo").fit(rows, labels).decision_function(fresh)
        first, second = np.triu_indices(classes, 1)
        for index in range(classes):
            signed = np.concatenate([pairs[:, first == index], -pairs[:, second == index]], axis=1)
            np.testing.assert_allclose(margins[:, index], signed.min(1), atol=2e-3)


def test_the_decisions_of_experts_are_averaged() -> None:
    """The decisions of the two are the mean of what each alone decides."""
    from core.digits.estimators import PatchSVC

    train, fresh = digits(200), digits(60, seed=4)
    rows, labels = train.images.reshape(200, -1), train.labelled()
    options = {"atoms": 8, "components": 24, "copies": 1}
    both = PatchSVC(**options, random_state=3).fit(rows, labels)
    one, other = both.experts_
    assert (one.projection.upright, other.projection.upright) == (False, True)
    look = looked([one, other], fresh.pixels)
    alone = [looked([expert], fresh.pixels).decisions for expert in (one, other)]
    np.testing.assert_allclose(look.decisions, (alone[0] + alone[1]) / 2, atol=1e-5)
    assert look.nearest.shape == (60, 2)
    assert (both.predict(fresh.images.reshape(60, -1)) == fresh.labelled()).mean() > 0.9
