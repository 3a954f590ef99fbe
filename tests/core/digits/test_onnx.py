"""A model goes out as ONNX, answers the same there, and comes back into the registry."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.base.errors import OpsError
from core.digits.datasets import save_npz
from core.digits.judging import check_model
from core.digits.onnx_export import export
from core.digits.opened import open_model
from core.digits.training import TrainingOrder, train
from tests.core.digits.small_data import digits

pytest.importorskip("onnx", reason="the optional extra onnx is not installed")
pytest.importorskip("onnxruntime", reason="the optional extra onnx is not installed")


def quiet(*_: object, **__: object) -> None:
    pass


def test_out_and_back(tmp_path: Path) -> None:
    save_npz(digits(300), tmp_path / "set.npz")
    train(
        quiet,
        TrainingOrder(tmp_path / "set.npz", "patch-svc", {"atoms": 8, "components": 16, "copies": 1}),
        tmp_path / "a.model",
    )
    export(quiet, tmp_path / "a.model", tmp_path / "a.onnx")
    check_model(quiet, tmp_path / "a.onnx", tmp_path / "b.model")
    original, _ = open_model(tmp_path / "a.model")
    back, card = open_model(tmp_path / "b.model")
    assert (card.kind, card.numbers) == ("onnx", {"scale": 1.0})
    fresh = digits(40, seed=6).pixels
    np.testing.assert_allclose(back.answer(fresh).probabilities, original.answer(fresh).probabilities, atol=2e-3)


def test_what_is_no_digit_classifier_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"no graph at all")
    with pytest.raises(OpsError, match="cannot be used as a model"):
        check_model(quiet, tmp_path / "bad.onnx", tmp_path / "out.model")
    assert not (tmp_path / "out.model").exists()
