"""Figures are those of scikit-learn where it has them, and of the textbook where it has not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.digits.answers import Answer, Verdict
from core.digits.scores import Evaluation, compared, wilson


def evaluation(seed: int = 0, count: int = 500, skill: float = 2.0) -> Evaluation:
    rng = np.random.default_rng(seed)
    truth = rng.choice(10, count, p=np.arange(1, 11) / 55).astype(np.uint8)
    scores = rng.standard_normal((count, 10)) + skill * np.eye(10)[truth]
    probabilities = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    return Evaluation(truth, probabilities.astype(np.float32))


def test_against_scikit_learn() -> None:
    from sklearn.metrics import confusion_matrix, f1_score, precision_recall_fscore_support

    found = evaluation()
    assert np.array_equal(found.confusion, confusion_matrix(found.truth, found.predicted, labels=range(10)))
    assert found.macro_f1 == pytest.approx(f1_score(found.truth, found.predicted, average="macro"))
    commonest = np.bincount(found.truth).argmax()
    baseline = f1_score(found.truth, np.full(found.count, commonest), average="macro", zero_division=0)
    assert found.baseline_macro_f1 == pytest.approx(baseline)
    precision, recall, f1, _ = precision_recall_fscore_support(found.truth, found.predicted, labels=range(10))
    for digit, score in enumerate(found.per_digit):
        assert (score.precision, score.recall, score.f1) == pytest.approx((precision[digit], recall[digit], f1[digit]))


def test_a_digit_that_does_not_occur_does_not_count() -> None:
    truth = np.array([1, 1, 2, 2], np.uint8)
    found = Evaluation(truth, np.eye(10, dtype=np.float32)[[1, 1, 2, 3]])
    assert found.macro_f1 == pytest.approx((1 + 2 / 3) / 2)


def test_calibration_coverage_and_cells() -> None:
    perfect = Evaluation(np.array([0, 1], np.uint8), np.eye(10, dtype=np.float32)[[0, 1]])
    assert perfect.ece == 0
    found = evaluation()
    assert sum(entry.count for entry in found.reliability) == found.count
    assert found.coverage(0.0).answered == 1
    assert found.coverage(0.0).accuracy == pytest.approx(found.accuracy)
    assert found.coverage(1.1).accuracy is None
    assert [len(found.cell(a, b)) for a in range(10) for b in range(10)] == found.confusion.ravel().tolist()
    confidences = found.probabilities[found.misread].max(1)
    assert (np.diff(confidences) <= 0).all()
    assert found.as_json()["n"] == 500
    assert len(found.overview["coverage"]) > 20


@given(st.integers(0, 1000), st.integers(1, 1000))
def test_wilson_holds_the_share(hits: int, more: int) -> None:
    low, high = wilson(hits, hits + more - 1 or 1)
    assert 0 <= low <= min(1.0, hits / (hits + more - 1 or 1)) + 1e-9
    assert high <= 1 and low <= high


def test_wilson_against_scipy() -> None:
    from scipy.stats import binomtest

    for hits, count in ((9950, 10_000), (0, 20), (20, 20), (7, 31)):
        reference = binomtest(hits, count).proportion_ci(method="wilson")
        assert wilson(hits, count) == pytest.approx((reference.low, reference.high), abs=1e-6)


def test_mcnemar_exact() -> None:
    truth = np.zeros(20, np.uint8)
    right, wrong = np.eye(10, dtype=np.float32)[0], np.eye(10, dtype=np.float32)[1]
    first = Evaluation(truth, np.array([right] * 18 + [wrong] * 2))
    second = Evaluation(truth, np.array([wrong] * 10 + [right] * 8 + [wrong] + [right]))
    duel = compared(first, second)
    assert (duel.only_first_right, duel.only_second_right, duel.both_wrong) == (10, 1, 1)
    assert duel.p == pytest.approx(2 * (1 + 11) / 2**11)  # the binomial test by hand
    assert compared(first, first).p == 1.0
    with pytest.raises(ValueError, match="same digits"):
        compared(first, evaluation())


def test_verdicts() -> None:
    probabilities = np.array([[0.95, 0.05] + [0] * 8, [0.6, 0.4] + [0] * 8, [0.95, 0.05] + [0] * 8], np.float32)
    answer = Answer(probabilities, np.array([1.0, 1.0, -1.0], np.float32))
    assert [answer.verdict(row) for row in range(3)] == [Verdict.SURE, Verdict.NOT_SURE, Verdict.NOT_A_DIGIT]
    assert answer.ranked(1)[:2] == [0, 1]
