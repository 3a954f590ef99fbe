"""The room's verbs: evaluate, predict to disk and S3, classify, samples, import, export."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.base.errors import OpsError
from core.base.places import Places
from core.cli.arguments import parse
from core.cli.run import run_verb
from core.desk import Desk
from core.digits.algorithms import ALGORITHMS
from core.digits.datasets import save_csv, save_npz
from core.digits.ink import Stroke
from core.digits.model_file import with_card
from core.digits.plain_digits import plain_digit
from core.digits.scores import Evaluation
from core.digits.service import DigitsService
from core.digits.training import Trained, TrainingOrder
from core.jobs.job import Job, headless_job
from tests.core.digits.small_data import digits


def verb(*words: object) -> int:
    return run_verb(parse([str(word) for word in words]))


def test_an_evaluation_is_there_after_a_restart(home: Places, desk: Desk, tmp_path: Path) -> None:
    save_npz(digits(60), tmp_path / "set.npz")
    first = desk.digits
    judged = first.evaluate(headless_job(), "default", tmp_path / "set.npz")
    again = DigitsService(desk.workplace)
    found = again.recalled("default")
    assert found is not None
    assert found.evaluation.as_json() == judged.evaluation.as_json()
    assert np.array_equal(found.picture(7), digits(60).images[7])  # type: ignore[arg-type]
    assert judged.data == "set.npz"
    card = replace(first.card(), data_digest=digits(60).digest)
    with_card(first.registry.find("default"), card, tmp_path / "knows.model")
    knows = first.evaluate(headless_job(), str(tmp_path / "knows.model"), tmp_path / "set.npz")
    assert knows.data == "set.npz (it learned from these)"
    kept = again.registry.adopt(first.registry.find("default"), "mine")
    assert again.recalled(kept.id) is None
    held = np.arange(20, 40)
    evaluation = Evaluation(judged.evaluation.truth[held], judged.evaluation.probabilities[held])
    order = TrainingOrder(tmp_path / "set.npz", "patch-svc")
    again.judged_while_training(headless_job(), order, kept.id, Trained(kept.card, held, evaluation))
    mine = DigitsService(desk.workplace).recalled(kept.id)
    assert mine is not None and mine.evaluation.as_json() == evaluation.as_json()
    assert np.array_equal(mine.picture(3), digits(60).images[23])  # type: ignore[arg-type]
    again.live.use(headless_job(), kept.id)
    again.delete_model(headless_job(), kept.id)
    assert again.live.wanted == "default"
    assert again.read_drawing(headless_job(), plain_digit(4)) is not None
    assert list((home.state / "digits" / "models").glob(f"{kept.id}*")) == []


# -- samples, drawing -----------------------------------------------------------------
def test_drawing_is_read_and_kept_as_a_sample(service: DigitsService, tmp_path: Path) -> None:
    assert service.read_drawing(headless_job(), []) is None
    reading = service.read_drawing(headless_job(), plain_digit(3))
    assert reading is not None and int(reading.answer.labels[0]) == 3
    image = np.rint(reading.picture * 255).astype(np.uint8)
    kept = service.samples.add(8, image, plain_digit(3), answered=3)
    (found,) = service.samples.list()
    assert (found.id, found.label, found.answered) == (kept.id, 8, 3)
    assert np.array_equal(found.image, image)
    assert [len(stroke.points) for stroke in found.strokes] == [len(stroke.points) for stroke in plain_digit(3)]
    assert service.export_samples(tmp_path / "mine.csv") == 1
    job: Job[Any] = headless_job()
    assert service.open_data(job, tmp_path / "mine.csv").labelled().tolist() == [8]
    service.samples.delete([kept.id])
    with pytest.raises(OpsError, match="no samples"):
        service.export_samples(tmp_path / "mine.csv")


def test_samples_that_cannot_be_read_are_kept_aside(home: Places, desk: Desk) -> None:
    place = home.state / "digits" / "samples.sqlite"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"not a database " * 200)
    samples = desk.digits.samples
    assert samples.trouble is not None and "broken" in samples.trouble.why
    assert place.with_name("samples.sqlite.broken-1").read_bytes().startswith(b"not a database")
    samples.add(1, np.zeros((28, 28), np.uint8), [Stroke.of([(1, 2)])])
    assert samples.count() == 1
    samples.close()


def test_samples_on_a_full_disk_or_damaged_while_open_are_a_plain_fault(home: Places, desk: Desk) -> None:
    samples, image = desk.digits.samples, np.zeros((28, 28), np.uint8)
    first = samples.add(1, image)
    with samples._database.use() as database:
        database.execute("PRAGMA max_page_count = 1")  # as a full disk does: not one page more
    with pytest.raises(OpsError, match="could not be kept") as caught:
        samples.add(2, image, [Stroke.of([(1, 2)] * 5_000)])
    assert "full" in caught.value.why
    with samples._database.use() as database:
        database.execute("PRAGMA max_page_count = 1000")
    count = samples.count()
    assert count >= 1
    with samples._database.use() as database:
        database.execute("UPDATE sample SET image = x'00' WHERE id = ?", (first.id,))
    with pytest.raises(OpsError, match="could not be read"):
        samples.list()
    samples.delete([first.id])
    assert len(samples.list()) == count - 1
    samples.close()


# -- verbs ------------------------------------------------------------------------------
def test_train_evaluate_predict_classify_by_verbs(
    home: Places, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_csv(digits(300), tmp_path / "train.csv")
    fresh = digits(60, seed=8)
    rows = ["pixel" + str(index) for index in range(784)]
    lines = [",".join(map(str, image.ravel())) for image in fresh.images]
    lines[7] = "1,2,3"
    (tmp_path / "test.csv").write_text("\n".join([",".join(rows), *lines]) + "\n")
    model = tmp_path / "my.model"
    train = [
        "digits",
        "train",
        "--data",
        tmp_path / "train.csv",
        "--algorithm",
        "knn",
        "--output",
        model,
        "--set",
        "components=10",
        "--json",
    ]
    assert verb(*train) == 0
    card = json.loads(capsys.readouterr().out)
    assert card["algorithm"] == "knn" and card["parameters"]["components"] == 10 and card["held_out"] == 60

    assert verb("digits", "evaluate", "--model", model, "--data", tmp_path / "train.csv", "--json") == 0
    figures = json.loads(capsys.readouterr().out)
    assert {"n", "accuracy", "accuracy_ci95", "macro_f1", "baseline_macro_f1", "ece", "confusion", "per_class"} <= set(
        figures
    )
    assert figures["n"] == 300 and np.array(figures["confusion"]).sum() == 300

    scores, submission = tmp_path / "out.csv.gz", tmp_path / "sub.csv"
    assert (
        verb(
            "digits",
            "predict",
            "--model",
            model,
            "--data",
            tmp_path / "test.csv",
            "--scores",
            scores,
            "--submission",
            submission,
            "--json",
        )
        == 0
    )
    captured = capsys.readouterr()
    answer = json.loads(captured.out)
    assert (answer["rows"], answer["predicted"], answer["bad_rows"], answer["sure_from"]) == (60, 59, 1, 0.9)
    assert "Line 9: 3 values instead of 784" in captured.err
    table = gzip.decompress(scores.read_bytes()).decode().split("\n")
    assert table[0] == "0,1,2,3,4,5,6,7,8,9"
    assert table[8] == ""  # the bad row
    assert len(table) == 62
    first = [float(word) for word in table[1].split(",")]
    assert sum(first) == pytest.approx(1, abs=1e-3)
    assert "E" in table[1] and "E-0" not in table[1]
    kaggle = submission.read_text().splitlines()
    assert kaggle[0] == "ImageId,Label"
    assert kaggle[8] == "8,"
    said = [int(line.split(",")[1]) for index, line in enumerate(kaggle[1:]) if index != 7]
    truth = [int(label) for index, label in enumerate(fresh.labelled()) if index != 7]
    assert np.mean(np.array(said) == truth) > 0.85

    from PIL import Image

    Image.fromarray(np.pad(255 - fresh.images[4], 20, constant_values=255)).resize((340, 340)).save(
        tmp_path / "four.png"
    )
    Image.new("L", (50, 50), 255).save(tmp_path / "blank.png")
    assert verb("digits", "classify", tmp_path / "four.png", tmp_path / "blank.png", "--json") == 0
    four, blank = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (four["label"], four["verdict"]) == (4, "sure")
    assert len(four["probabilities"]) == 10 and four["probability"] > 0.9
    assert (blank["label"], blank["verdict"]) == (None, "not a digit")
    assert verb("digits", "classify", tmp_path / "four.png", "--sure-from", "100", "--json") == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "not sure"
    with pytest.raises(SystemExit):
        verb("digits", "classify", tmp_path / "four.png", "--sure-from", "0.95")
    assert "no per cent from 1 to 100" in capsys.readouterr().err
    (home.config / "settings.toml").write_text("[digits]\nsure_from = 50\n")  # as the window does
    assert verb("digits", "predict", "--model", model, "--data", tmp_path / "test.csv", "--json") == 0
    lax = json.loads(capsys.readouterr().out)
    assert lax["sure_from"] == 0.5 and lax["unsure"] < answer["unsure"]
    assert verb("digits", "classify", tmp_path / "train.csv") == 1
    assert "could not be read as a picture" in capsys.readouterr().err

    assert verb("digits", "algorithms", "--json") == 0
    assert [entry["id"] for entry in json.loads(capsys.readouterr().out)] == [algorithm.id for algorithm in ALGORITHMS]


def test_verbs_refuse_what_makes_no_sense(home: Places, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        verb("digits", "train", "--data", tmp_path / "no.csv", "--algorithm", "magic", "--output", tmp_path / "m") == 2
    )
    assert "There is no algorithm" in capsys.readouterr().err
    assert verb("digits", "evaluate", "--model", "nobody", "--data", tmp_path / "no.csv") == 1
    assert "There is no model nobody" in capsys.readouterr().err
    assert (
        verb(
            "digits", "predict", "--model", "default", "--data", tmp_path / "no.csv", "--submission", tmp_path / "s.csv"
        )
        == 1
    )
    assert not (tmp_path / "s.csv").exists()


# -- S3 -----------------------------------------------------------------------------------
def test_predictions_and_models_go_to_s3_and_back(sandbox: Any, tmp_path: Path) -> None:
    s3 = sandbox.client("s3")
    bucket = sandbox.name("digits")
    s3.create_bucket(Bucket=bucket)
    with sandbox.desk() as desk:
        _to_s3_and_back(s3, bucket, desk.digits, tmp_path)


def _to_s3_and_back(s3: Any, bucket: str, service: DigitsService, tmp_path: Path) -> None:
    save_csv(digits(40), tmp_path / "train.csv")
    job: Job[Any] = headless_job()
    result = service.predict(job, "default", tmp_path / "train.csv", s3=f"s3://{bucket}/batch/")
    assert result.predicted == 40 and result.accuracy == 1.0
    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    (manifest,) = [key for key in keys if key.endswith(".manifest")]
    mapping = json.loads(s3.get_object(Bucket=bucket, Key=manifest)["Body"].read())
    (target,) = mapping.values()
    body = s3.get_object(Bucket=bucket, Key=target.removeprefix(f"s3://{bucket}/"))["Body"].read()
    assert gzip.decompress(body).count(b"\n") == 41
    assert target.rsplit("/", 1)[1].endswith("-train.csv.gz") and "/batch-prediction/result/bp-" in target
    place = service.upload_model(headless_job(), "default", f"s3://{bucket}/models/")
    fetched = service.download_model(headless_job(), place)
    assert fetched.card.algorithm == "patch-svc"
    s3.put_object(Bucket=bucket, Key="evil.model", Body=b"\x80\x04evil")
    with pytest.raises(OpsError, match="cannot be used as a model"):
        service.download_model(headless_job(), f"s3://{bucket}/evil.model")
    with pytest.raises(OpsError) as caught:
        service.predict(headless_job(), "default", tmp_path / "train.csv", s3="s3://no-such-bucket-anywhere/x/")
    assert caught.value.code == "not-found"
