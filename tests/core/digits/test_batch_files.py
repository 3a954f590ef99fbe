"""What a file of digits that cannot be right comes to: a refusal with its cause, or a doubt that is told; never a blank submission."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.base.errors import OpsError
from core.digits.batch import predict_file
from core.digits.datasets import Dataset, save_npz
from core.digits.judging import evaluate
from core.digits.registry import DEFAULT, Registry
from tests.core.digits.small_data import digits

_HEADER = ",".join(f"pixel{index}" for index in range(784))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Registry(tmp_path_factory.mktemp("models")).find(DEFAULT)


def written(path: Path, rows: list[str]) -> Path:
    path.write_text("\n".join([_HEADER, *rows]) + "\n")
    return path


def no_report(*_: object) -> None:
    return


def test_no_row_that_can_be_used_writes_nothing(model: Path, tmp_path: Path) -> None:
    shares = [",".join(f"{value / 255:.6f}" for value in image.ravel()) for image in digits(12).images]
    out = tmp_path / "submission.csv"
    with pytest.raises(OpsError) as caught:
        predict_file(no_report, model, written(tmp_path / "test.csv", shares), submission=out)
    assert "None of its 12 rows" in caught.value.why
    assert "multiply" in caught.value.remedy
    assert not out.exists()


def test_dark_ink_on_bright_paper_is_told(model: Path, tmp_path: Path) -> None:
    images = digits(12).images
    for pictures, doubted in ((images, False), (255 - images, True)):
        rows = [",".join(map(str, image.ravel())) for image in pictures.astype(np.uint8)]
        result = predict_file(no_report, model, written(tmp_path / "test.csv", rows))
        assert bool(result.doubt) is doubted


def test_rows_and_columns_exchanged_are_told(model: Path, tmp_path: Path) -> None:
    """Of a file to predict as a doubt; of one with labels the figures would say nothing of the model."""
    known = digits(20)
    turned = np.ascontiguousarray(known.images.transpose(0, 2, 1))
    for pictures, doubted in ((known.images, False), (turned, True)):
        rows = [",".join(map(str, image.ravel())) for image in pictures]
        result = predict_file(no_report, model, written(tmp_path / "test.csv", rows))
        assert ("row by row" in result.doubt) is doubted
    save_npz(Dataset("turned", turned, known.labels), tmp_path / "turned.npz")
    with pytest.raises(OpsError) as caught:
        evaluate(no_report, model, tmp_path / "turned.npz")
    assert "exchanged" in caught.value.why
