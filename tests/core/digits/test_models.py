"""Model files: every algorithm comes back as it was stored; nothing hostile or damaged is ever run."""

from __future__ import annotations

import io
import json
import pickle
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.base.errors import OpsError
from core.digits import live
from core.digits.algorithms import ALGORITHMS
from core.digits.answers import Answer
from core.digits.card import SCORES, ModelCard
from core.digits.live import LiveModel, ServedModel
from core.digits.model_file import SHIPPED, read_card, read_patch_model, write_arrays, write_blob
from core.digits.opened import open_model
from core.digits.registry import Broken, Kept, Registry
from core.digits.training import TrainingOrder, train
from core.jobs.job import Job, JobState, headless_job
from core.jobs.runner import JobRunner
from tests.core.digits.small_data import SMALL, digits, quiet


@pytest.mark.parametrize("algorithm", [algorithm.id for algorithm in ALGORITHMS])
def test_every_algorithm_trains_stores_and_answers_the_same(
    algorithm: str, small_set: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    points: list[tuple[str, float]] = []

    def report(*_: object, value: tuple[str, float] | None = None, **__: object) -> None:
        if value:
            points.append(value)

    patches = algorithm == "patch-svc"  # the dearest, and there already: see ``patch_svc``
    order = TrainingOrder(small_set, algorithm, SMALL[algorithm], limit=100 if patches else None)
    first = train(report, order, tmp_path / "a.model")
    assert first.evaluation.accuracy > 0.7
    assert points and first.card.curve == points
    assert first.card.held_out == (20 if patches else 80)
    model, card = open_model(tmp_path / "a.model")
    assert card == first.card
    probabilities = model.answer(digits(50, seed=9).pixels).probabilities
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-4)
    if algorithm in ("patch-svc", "random-forest", "mlp-augmented"):  # the same seed gives the same model
        second = request.getfixturevalue("patch_svc") if patches else tmp_path / "b.model"
        if not patches:
            train(quiet, order, second)
        again, _ = open_model(second)
        np.testing.assert_allclose(again.answer(digits(50, seed=9).pixels).probabilities, probabilities, atol=1e-5)


def test_the_model_that_ships_answers_without_scikit_learn() -> None:
    """As the window's process asks it: from strokes to probabilities with numpy alone."""
    code = (
        "import sys\nfrom core.digits.ink import normalised\nfrom core.digits.model_file import SHIPPED, read_patch_model\n"
        "from core.digits.plain_digits import plain_digit\nmodel, _ = read_patch_model(SHIPPED)\n"
        "print(int(model.answer(normalised(plain_digit(7))[None]).labels[0]),"
        " [name for name in ('sklearn', 'scipy', 'skops', 'PIL', 'onnxruntime') if name in sys.modules])"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "7 []"


def test_the_model_that_ships_has_its_card_and_keeps_its_promises() -> None:
    model, card = read_patch_model(SHIPPED)
    assert ModelCard.from_json(SHIPPED.with_suffix(".json").read_text()) == card
    assert SHIPPED.stat().st_size < 10_000_000
    assert card.scores["accuracy"] >= 0.994
    assert card.scores["ece"] <= 0.005
    at_90 = next(entry for entry in card.overview["coverage"] if abs(entry[0] - 0.9) < 1e-9)
    assert 0.95 < at_90[1] < 0.998  # "not sure" is said of some
    assert at_90[2] > 0.9975  # and of the right ones
    assert model.head is not None
    answer = model.answer(np.zeros((1, 28, 28), np.float32))
    assert answer.digit is not None and answer.digit[0] < 0  # a blank frame is no digit


# -- hostile and damaged files -------------------------------------------------
class Bomb:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.mark,))


_ONE_EXPERT = {
    "experts": [{"size": 3, "side": 28, "grid": 5, "threshold": 0.25, "upright": False, "gamma": 1.0}],
    "sharpness": 1.0,
    "digits": list(range(10)),
}


def hostile(folder: Path) -> dict[str, bytes]:
    """Files that would run a program if anything unpickled them."""
    import joblib

    mark = folder / "ran"
    plain = pickle.dumps(Bomb(mark))
    packed = io.BytesIO()
    joblib.dump(Bomb(mark), packed, compress=3)
    array = io.BytesIO()
    np.lib.format.write_array(array, np.array([Bomb(mark)], dtype=object), allow_pickle=True)
    card = ModelCard("evil", "patch-svc", "patch-svc", numbers=_ONE_EXPERT).as_json()
    with zipfile.ZipFile(zipped := io.BytesIO(), "w") as archive:
        archive.writestr("card.json", card)
        for name in (
            "expert0.atoms",
            "expert0.offset",
            "expert0.mean",
            "expert0.axes",
            "expert0.vectors",
            "expert0.duals",
            "expert0.intercepts",
            "expert0.counts",
        ):
            archive.writestr(f"{name}.npy", array.getvalue())
    return {"pickle": plain, "joblib": packed.getvalue(), "npz": zipped.getvalue()}


@pytest.mark.parametrize("kind", ["pickle", "joblib", "npz"])
def test_a_file_with_a_program_inside_is_refused_and_not_run(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "evil.model"
    path.write_bytes(hostile(tmp_path)[kind])
    with pytest.raises(OpsError) as caught:
        open_model(path)
    assert caught.value.code == "model"
    assert not (tmp_path / "ran").exists()
    if kind == "pickle":
        assert "pickle" in caught.value.why


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10_000_000), st.binary(min_size=1, max_size=20), st.booleans())
def test_a_damaged_model_answers_or_is_refused(logistic: Path, tmp_path: Path, at: int, junk: bytes, cut: bool) -> None:
    content = logistic.read_bytes()
    at %= len(content)
    path = tmp_path / "d.model"
    path.write_bytes(content[:at] if cut else content[:at] + junk + content[at + len(junk) :])
    try:
        outcome = str(open_model(path)[0].answer(digits(10).pixels).probabilities.shape)
    except OpsError as error:
        outcome = error.code
    assert outcome in ("(10, 10)", "model")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"expert0.vectors": np.zeros((3, 2), np.float32)}, "fit together"),
        ({"expert0.counts": np.array([10**9, -(10**9)])}, "fit together"),
        ({"expert0.axes": np.full((4, 4), np.nan, np.float32)}, "finite"),
        ({"expert0.duals": None}, "missing"),
    ],
)
def test_parts_that_do_not_fit_are_refused(
    patch_svc: Path, tmp_path: Path, change: dict[str, object], words: str
) -> None:
    model, card = read_patch_model(patch_svc)
    arrays, _ = model.stored()
    changed = {name: array for name, array in {**arrays, **change}.items() if array is not None}
    write_arrays(tmp_path / "b.model", card, changed)  # type: ignore[arg-type]
    with pytest.raises(OpsError) as caught:
        read_patch_model(tmp_path / "b.model")
    assert words in caught.value.why


@settings(max_examples=40, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=12,
    )
)
def test_any_json_is_a_card_or_refused(value: object) -> None:
    card = ModelCard("a", "onnx", "onnx")
    assert ModelCard.from_json(card.as_json()) == card
    for document in (
        value,
        {"kind": value},
        {"kind": "onnx", "name": "n", "algorithm": "a", "curve": value, "scores": value},
        {"kind": "onnx", "created": value, "seed": value, "overview": value, "scores": dict.fromkeys(SCORES, 0.5)},
    ):
        try:
            found: object = ModelCard.from_json(json.dumps(document))
        except (ValueError, TypeError):
            found = None
        assert found is None or isinstance(found, ModelCard)


# -- registry --------------------------------------------------------------------
def test_registry_keeps_renames_exports_and_deletes(logistic: Path, tmp_path: Path) -> None:
    registry = Registry(tmp_path / "models")
    kept = registry.adopt(logistic, "My model")
    assert registry.find("My model") == registry.find(kept.id) == kept.path
    assert [entry.id for entry in registry.list() if isinstance(entry, Kept)] == ["default", kept.id]
    renamed = registry.rename(kept.id, "Better")
    assert renamed.card.name == "Better"
    open_model(renamed.path)
    registry.export(kept.id, tmp_path / "out.model")
    assert (tmp_path / "out.model").read_bytes() == renamed.path.read_bytes()
    (tmp_path / "models" / "bad.model").write_bytes(b"nonsense")
    assert any(isinstance(entry, Broken) for entry in registry.list())
    registry.adopt(logistic, "Better")
    with pytest.raises(OpsError, match="2 models named"):
        registry.find("Better")
    registry.delete(kept.id)
    for name, act in (("gone", registry.delete), ("default", registry.delete), ("../../etc/passwd", registry.delete)):
        with pytest.raises(OpsError):
            act(name)
    with pytest.raises(OpsError, match="There is no model"):
        registry.find("nobody")


# -- live ------------------------------------------------------------------------
def test_a_stock_model_answers_from_its_own_process(logistic: Path, tmp_path: Path) -> None:
    registry = Registry(tmp_path / "models")
    kept = registry.adopt(logistic)
    model = LiveModel(registry)
    expected = open_model(logistic)[0].answer(digits(5).pixels).probabilities
    model.use(headless_job(), kept.id)
    np.testing.assert_allclose(model.answer(headless_job(), digits(5).pixels).probabilities, expected, atol=1e-6)
    (tmp_path / "models" / "bad.model").write_bytes(b"\x80\x04evil")
    with pytest.raises(OpsError):
        model.use(headless_job(), "bad")
    assert model.wanted == kept.id  # the old one stays
    assert model.answer(headless_job(), digits(1).pixels).probabilities.shape == (1, 10)
    model.close()


@pytest.fixture
def served(patch_svc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveModel]:
    """A model in a process of its own that is there at once, for it needs no scikit-learn."""
    monkeypatch.setattr(live, "_opened", lambda job, path: (ServedModel(job, path), read_card(path)))
    registry = Registry(tmp_path / "models")
    made = LiveModel(registry)
    made.use(headless_job(), registry.adopt(patch_svc).id)
    yield made
    made.close()


def process_of(model: LiveModel) -> subprocess.Popen[bytes]:
    assert model._open and isinstance(model._open[1], ServedModel)
    return model._open[1]._process


def test_a_model_that_dies_or_hangs_costs_one_answer(served: LiveModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is lost with a reason, and the next one is there."""
    picture = digits(1).pixels
    process_of(served).kill()
    process_of(served).wait()
    with pytest.raises(OpsError, match="stopped answering"):
        served.answer(headless_job(), picture)
    assert served.answer(headless_job(), picture).probabilities.shape == (1, 10)
    stopped = process_of(served)
    stopped.send_signal(signal.SIGSTOP)  # it lives and says nothing
    with monkeypatch.context() as short:
        short.setattr(live, "_ANSWER_SECONDS", 0.05)
        with pytest.raises(OpsError, match="did not answer in time"):
            served.answer(headless_job(), picture)
        assert stopped.returncode is not None
        short.setattr(live, "_OPEN_SECONDS", 0.001)
        with pytest.raises(OpsError, match="did not open in time"):
            served.answer(headless_job(), picture)
    assert served.answer(headless_job(), picture).probabilities.shape == (1, 10)


def test_waiting_for_a_model_that_hangs_is_cancelled(served: LiveModel) -> None:
    """Both the one whose question hangs, and who waits behind it."""
    process_of(served).send_signal(signal.SIGSTOP)
    runner, begun = JobRunner(), threading.Event()

    def ask(job: Job[Answer]) -> Answer:
        begun.set()
        return served.answer(job, digits(1).pixels)

    first = runner.submit("first", ask)
    assert begun.wait(30)
    while not served._lock.locked():
        first.wait(0.01)
    second = runner.submit("second", lambda job: served.use(job, "default"))
    for job in (second, first):
        assert job.cancel()
        assert job.wait(30)
        assert job.state is JobState.CANCELLED
    assert runner.close() == []


def test_reading_a_card_does_not_open_the_model(tmp_path: Path) -> None:
    path = tmp_path / "a.model"
    write_blob(path, ModelCard("a", "sklearn", "mlp"), b"nothing that could be opened")
    assert read_card(path).name == "a"
