"""digits algorithms | train | evaluate | predict | classify: the recogniser without a window."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.cli.console import Console
from core.cli.group import Group
from core.jobs.job import Job

if TYPE_CHECKING:
    from core.digits.service import DigitsService, Reading


def register(groups: Any) -> None:
    group = Group(groups, "digits", "train, judge and use recognisers of handwritten digits")
    group.action("algorithms", _algorithms, "what can be trained, and what each costs")

    train = group.action("train", _train, "train a model from labelled digits")
    train.add_argument(
        "--data", type=Path, required=True, metavar="FILE", help="Kaggle CSV, IDX, NPZ or a folder of pictures"
    )
    train.add_argument("--algorithm", required=True, metavar="ID", help="see `digits algorithms`")
    train.add_argument("--output", type=Path, required=True, metavar="MODEL", help="the file to write")
    train.add_argument("--holdout", type=float, default=0.2, help="share of the rows kept for judging (0.2)")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--limit", type=int, metavar="N", help="use N rows only")
    train.add_argument("--name", default="", help="the model's name (default: the algorithm's)")
    train.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter; may be given again"
    )
    train.add_argument("--with-samples", action="store_true", help="mix in the samples drawn in the window")
    train.add_argument("--backend", metavar="dask://HOST:PORT", help="fit on a Dask cluster")

    evaluate = group.action("evaluate", _evaluate, "judge a model on labelled digits")
    _model_and_data(evaluate)

    predict = group.action("predict", _predict, "predict every row of a file")
    _model_and_data(predict)
    predict.add_argument(
        "--scores", type=Path, metavar="OUT.csv.gz", help="ten scores per row, as Amazon ML wrote them"
    )
    predict.add_argument("--submission", type=Path, metavar="OUT.csv", help="Kaggle's ImageId,Label")
    _sure_from(predict)
    predict.add_argument("--s3", metavar="s3://bucket/prefix/", help="write scores, submission and manifest there")

    classify = group.action("classify", _classify, "what digit is on each picture")
    classify.add_argument("images", nargs="+", metavar="IMAGE")
    classify.add_argument("--model", default="default", metavar="MODEL|default")
    _sure_from(classify)


def _model_and_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", required=True, metavar="MODEL|default", help="a model file, a name of the registry, or default"
    )
    parser.add_argument("--data", type=Path, required=True, metavar="FILE")


def _sure_from(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sure-from",
        type=_share,
        metavar="PERCENT",
        help="below it an answer is not sure (default: as set in the window, else 90)",
    )


def _share(text: str) -> float:
    """95 or 95.5 as 0.95 or 0.955."""
    try:
        percent = float(text)
    except ValueError:
        percent = 0.0
    if not 1 <= percent <= 100:  # 0.95 is a slip of who thinks in shares
        raise argparse.ArgumentTypeError(f"{text!r} is no per cent from 1 to 100")
    return percent / 100


def _algorithms(_options: argparse.Namespace, console: Console) -> None:
    rows = []
    for algorithm in console.desk.digits.algorithms:
        cost = algorithm.estimate(60_000)
        rows.append(
            {
                "id": algorithm.id,
                "name": algorithm.name,
                "cpu_seconds": round(cost.seconds),
                "megabytes": round(cost.megabytes, 2),
                "accuracy": round(cost.accuracy, 4),
                "ms_per_image": cost.milliseconds,
                "good_for": algorithm.good_for,
                "parameters": {item.name: item.default for item in algorithm.parameters},
            }
        )
    if console.json:
        console.result(rows)
        return
    console.table(rows, ("id", "name", "cpu_seconds", "megabytes", "accuracy", "ms_per_image"))
    console.say("Estimates for 60,000 rows on one core. `--json` adds what each is good for and its parameters.")


def _train(options: argparse.Namespace, console: Console) -> None:
    from core.digits.service import parameters_from
    from core.digits.training import TrainingOrder

    order = TrainingOrder(
        options.data,
        options.algorithm,
        parameters_from(options.set),
        options.name,
        options.holdout,
        options.seed,
        options.limit,
        backend=options.backend,
    )
    order.checked()
    place, trained = console.do(
        f"Train {options.algorithm}",
        lambda job: console.desk.digits.train(
            job,
            order,
            output=options.output,
            with_samples=options.with_samples,
            on_point=lambda point: console.say(f"{point[0]}: {point[1]:.2%} of the held-out digits"),
        ),
    )
    card = trained.card
    low, high = trained.evaluation.interval
    console.result(
        {"model": str(place), "bytes": place.stat().st_size, **asdict(card)},
        f"{place}: {card.scores['accuracy']:.2%} of {card.held_out:,} held-out digits right"
        f" (95 % interval {low:.2%} to {high:.2%}), {place.stat().st_size / 1e6:.2f} MB, {card.seconds:.0f} CPU s",
    )


def _evaluate(options: argparse.Namespace, console: Console) -> None:
    judged = console.do("Evaluate", lambda job: console.desk.digits.evaluate(job, options.model, options.data))
    evaluation = judged.evaluation
    low, high = evaluation.interval
    lines = [
        f"{evaluation.accuracy:.2%} of {evaluation.count:,} right (95 % interval {low:.2%} to {high:.2%})",
        f"macro-F1 {evaluation.macro_f1:.4f}, against {evaluation.baseline_macro_f1:.4f} for always the most frequent digit",
        f"calibration error {evaluation.ece:.4f}",
        *([] if evaluation.digit is None else [f"{(evaluation.digit >= 0).mean():.2%} taken for digits"]),
        "",
        "true  " + "".join(f"{digit:>6}" for digit in range(10)) + "     F1",
    ]
    for score, row in zip(evaluation.per_digit, evaluation.confusion.tolist(), strict=True):
        lines.append(f"{score.digit:>4}  " + "".join(f"{count:>6}" for count in row) + f"  {score.f1:.4f}")
    console.result(evaluation.as_json(), "\n".join(lines))


def _predict(options: argparse.Namespace, console: Console) -> None:
    result = console.do(
        "Predict",
        lambda job: console.desk.digits.predict(
            job,
            options.model,
            options.data,
            scores=options.scores,
            submission=options.submission,
            s3=options.s3,
            sure_from=options.sure_from,
        ),
    )
    for row in result.bad[:20]:
        console.warn(f"Line {row.line}: {row.why}; left blank")
    if result.bad_count > 20:
        console.warn(f"... and {result.bad_count - 20:,} more bad rows")
    accuracy = f", {result.accuracy:.2%} as labelled" if result.accuracy is not None else ""
    console.result(
        result.as_json(),
        f"{result.predicted:,} of {result.rows:,} rows predicted, {result.unsure:,} not sure (below {result.sure_from:.0%} or no digit){accuracy}"
        + (f"\n{result.doubt}" if result.doubt else ""),
    )


def _read(digits: DigitsService, path: Path, job: Job[Any]) -> Reading | None:
    return digits.read_file(job, path)


def _tell_reading(console: Console, name: str, reading: Reading | None, sure_from: float) -> None:
    from core.digits.answers import Verdict

    answer = reading.answer if reading else None
    verdict = reading.verdict(sure_from) if reading else Verdict.NOT_A_DIGIT
    label = int(answer.labels[0]) if answer else None
    probabilities = [round(float(value), 6) for value in answer.probabilities[0]] if answer else [0.0] * 10
    parts = [
        {"label": int(part.answer.labels[0]), "probability": round(float(part.answer.confidences[0]), 6),
         "verdict": part.answer.verdict(sure_from=sure_from).value}
        for part in (reading.parts if reading else ())
    ]  # fmt: skip
    if console.json:
        console.line(
            {
                "file": name,
                "label": label,
                "probability": max(probabilities),
                "probabilities": probabilities,
                "verdict": verdict.value,
                "sure_from": sure_from,
                "parts": parts,
            }
        )
    elif parts:
        digits = ", ".join(f"{part['label']} ({part['probability']:.1%})" for part in parts)
        console.result(None, f"{name}: {len(parts)} digits, {digits}")
    else:
        said = {
            Verdict.SURE: f"{label}",
            Verdict.NOT_SURE: f"{label} or {answer.ranked()[1]}" if answer else "",
            Verdict.NOT_A_DIGIT: f"looks most like {label}" if answer else "nothing on it",
        }[verdict]
        console.result(None, f"{name}: {verdict.value}, {said} ({max(probabilities):.1%})")


def _classify(options: argparse.Namespace, console: Console) -> int:
    from core.base.errors import OpsError

    digits = console.desk.digits
    console.do("Open the model", lambda job: digits.live.use(job, options.model))
    failed = 0
    for name in options.images:
        try:
            reading = console.do(f"Read {name}", partial(_read, digits, Path(name)))
        except OpsError as error:
            if len(options.images) == 1:
                raise
            console.warn(str(error))
            failed = 1
            continue
        _tell_reading(console, name, reading, options.sure_from or digits.sure_from)
    return failed
