"""What a model said is kept beside it, bounded, and never shown for another model or from a damaged file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.digits import judgements
from core.digits.judgements import Judged, Judgements
from core.digits.scores import Evaluation


def judged(count: int, wrong: int, *, model: str = "m", head: bool = True) -> Judged:
    """``count`` digits, every pixel of a picture the row's number; the last ``wrong`` are misread."""
    truth = (np.arange(count) % 10).astype(np.uint8)
    said = truth.astype(np.intp)
    said[count - wrong :] = (said[count - wrong :] + 1) % 10
    shares = np.full((count, 10), 0.01, np.float32)
    shares[np.arange(count), said] = 0.91
    images = np.repeat((np.arange(count) % 251).astype(np.uint8), 784).reshape(-1, 28, 28)
    digit = np.linspace(-1, 1, count).astype(np.float32) if head else None
    return Judged(model, "train.csv (held out)", Evaluation(truth, shares, digit), images)


@pytest.mark.parametrize("head", [True, False])
def test_kept_and_found_again(tmp_path: Path, head: bool) -> None:
    kept = Judgements(tmp_path / "models")
    assert kept.find("m", "then") is None
    before = judged(100, 7, head=head)
    kept.keep(before, "then")
    after = Judgements(tmp_path / "models").find("m", "then")
    assert after is not None
    assert after.data == before.data
    assert after.evaluation.as_json() == before.evaluation.as_json()
    for row in (0, 50, 99):
        assert np.array_equal(after.picture(row), before.picture(row))  # type: ignore[arg-type]
    assert kept.scores("m", "then") == before.evaluation.summary
    assert kept.find("m", "another model of that name") is None
    assert kept.scores("m", "another model of that name") == {}
    kept.drop("m")
    assert kept.find("m", "then") is None
    assert kept.scores("m", "then") == {}


def test_bounded_and_the_misread_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judgements, "MOST_PICTURES", 60)
    monkeypatch.setattr(judgements, "MOST_ANSWERS", 1_000)
    kept = Judgements(tmp_path)
    kept.keep(judged(500, 40), "s")
    found = kept.find("m", "s")
    assert found is not None
    assert found.evaluation.count == 500  # the figures are those of all answers
    assert len(found.images) == 60
    assert all(found.picture(int(row)) is not None for row in found.evaluation.misread)
    with_picture = [row for row in range(500) if found.picture(row) is not None]
    assert len(with_picture) == 60
    assert all((found.picture(row) == row % 251).all() for row in with_picture)  # type: ignore[union-attr]
    kept.keep(judged(1_001, 1, model="large"), "s")
    assert kept.find("large", "s") is None


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 5_000), st.binary(min_size=1, max_size=12), st.booleans())
def test_damage_shows_nothing_or_what_can_be_shown(tmp_path: Path, at: int, junk: bytes, cut: bool) -> None:
    kept = Judgements(tmp_path)
    kept.keep(judged(30, 3), "s")
    place = tmp_path / "m.judged"
    content = place.read_bytes()
    at %= len(content)
    place.write_bytes(content[:at] if cut else content[:at] + junk + content[at + len(junk) :])
    found = kept.find("m", "s")
    if found is not None:
        assert found.evaluation.confusion.sum() == 30
        assert all(found.picture(row) is not None for row in range(30))
    assert set(kept.scores("m", "s")) in (set(), set(judged(30, 3).evaluation.summary))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("truth", np.full(30, 11, np.uint8)),
        ("probabilities", np.full((30, 10), np.nan, np.float32)),
        ("rows", np.arange(30)[::-1]),
        ("rows", np.arange(30) + 5),
        ("images", np.zeros((30, 5, 5), np.uint8)),
        ("digit", np.array([None] * 30, dtype=object)),
    ],
)
def test_parts_that_do_not_fit_are_not_shown(tmp_path: Path, name: str, value: np.ndarray) -> None:
    kept = Judgements(tmp_path)
    kept.keep(judged(30, 3), "s")
    with np.load(tmp_path / "m.judged") as stored:
        arrays = dict(stored)
    arrays[name] = value
    with (tmp_path / "m.judged").open("wb") as file:
        np.savez(file, **arrays)
    assert kept.find("m", "s") is None
