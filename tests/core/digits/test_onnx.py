"""A model goes out as ONNX, answers the same there, and comes back into the registry."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.base.errors import OpsError
from core.digits.judging import check_model
from core.digits.onnx_export import export
from core.digits.opened import open_model
from core.digits.stock import open_onnx_graph
from tests.core.digits.small_data import digits, quiet

# not imported here: every worker collects this file, one of them runs it
pytestmark = pytest.mark.skipif(
    find_spec("onnx") is None or find_spec("onnxruntime") is None, reason="the optional extra onnx is not installed"
)


@pytest.fixture(scope="module")
def small(patch_svc: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained model and its graph: a.model, a.onnx."""
    folder = tmp_path_factory.mktemp("onnx")
    shutil.copy(patch_svc, folder / "a.model")
    export(quiet, folder / "a.model", folder / "a.onnx")
    return folder


@pytest.fixture(scope="module")
def small_graph(small: Path) -> bytes:
    return (small / "a.onnx").read_bytes()


def test_out_and_back(small: Path, tmp_path: Path) -> None:
    check_model(quiet, small / "a.onnx", tmp_path / "b.model")
    original, _ = open_model(small / "a.model")
    back, card = open_model(tmp_path / "b.model")
    assert (card.kind, card.numbers) == ("onnx", {"scale": 1.0})
    fresh = digits(40, seed=6).pixels
    np.testing.assert_allclose(back.answer(fresh).probabilities, original.answer(fresh).probabilities, atol=2e-3)


def test_its_runtime_tells_nobody_and_keeps_nothing_on_this_computer(small: Path, tmp_path: Path) -> None:
    """Since 1.29 it sends its maker an account of every model, and numbers the computer."""
    code = (
        "import sys; from pathlib import Path; from core.digits.stock import open_onnx_graph;"
        " open_onnx_graph(Path(sys.argv[1]).read_bytes(), 'a', 1.0)"
    )
    places = {name: str(tmp_path) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")}
    subprocess.run([sys.executable, "-c", code, small / "a.onnx"], env={**os.environ, **places}, check=True)
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize("shape", [["n", 784], [1, 1, 28, 28], ["n", 28, 28, 1]])
@pytest.mark.parametrize("scale", [1.0, 255.0])
@pytest.mark.parametrize("ends_in", ["scores", "probabilities"])
def test_a_classifier_from_elsewhere(tmp_path: Path, shape: list[int | str], scale: float, ends_in: str) -> None:
    """Any layout of 784 pixels, pixels to 1 or to 255, scores or probabilities: found by trying."""
    from onnx import TensorProto, helper, numpy_helper

    data = digits(300)
    rows = data.pixels.reshape(300, -1)
    means = np.stack([rows[data.labelled() == digit].mean(0) for digit in range(10)])
    # the nearest mean as one matrix: -|x - m|^2 is 2 x m - |m|^2 but for what all share
    nodes = [
        helper.make_node("Flatten", ["image"], ["flat"], axis=1),
        helper.make_node("MatMul", ["flat", "weights"], ["product"]),
        helper.make_node("Sub", ["product", "lengths"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes if ends_in == "probabilities" else nodes[:3],
        "means",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(ends_in, TensorProto.FLOAT, [shape[0], 10])],
        [
            numpy_helper.from_array((2 * means.T / scale).astype(np.float32), "weights"),
            numpy_helper.from_array((means**2).sum(1).astype(np.float32), "lengths"),
        ],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (tmp_path / "means.onnx").write_bytes(made.SerializeToString())
    check_model(quiet, tmp_path / "means.onnx", tmp_path / "means.model")
    model, card = open_model(tmp_path / "means.model")
    assert (card.name, card.numbers) == ("means", {"scale": scale})
    fresh = digits(60, seed=6)
    answer = model.answer(fresh.pixels)
    np.testing.assert_allclose(answer.probabilities.sum(1), 1, atol=1e-3)
    nearest = ((fresh.pixels.reshape(60, 1, -1) - means) ** 2).sum(2).argmin(1)
    assert np.array_equal(answer.labels, nearest)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 100_000), st.binary(min_size=1, max_size=12), st.booleans())
def test_a_damaged_graph_answers_or_is_refused(small_graph: bytes, at: int, junk: bytes, cut: bool) -> None:
    at %= len(small_graph)
    content = small_graph[:at] if cut else small_graph[:at] + junk + small_graph[at + len(junk) :]
    try:
        shape = open_onnx_graph(content, "d.onnx").answer(digits(2).pixels).probabilities.shape
    except OpsError as error:
        assert error.code == "model"  # noqa: PT017
    else:
        assert shape == (2, 10)


def test_what_is_no_digit_classifier_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"no graph at all")
    with pytest.raises(OpsError, match="cannot be used as a model"):
        check_model(quiet, tmp_path / "bad.onnx", tmp_path / "out.model")
    assert not (tmp_path / "out.model").exists()
