"""The verbs of the digits room, with typed values in and out; the window and the command line both call these."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from core.aws.workplace import Workplace
from core.base.errors import OpsError, WrongUse
from core.base.files import write_atomic
from core.digits.algorithms import ALGORITHMS, Algorithm, Probe
from core.digits.answers import SURE_FROM, Answer, Verdict
from core.digits.batch import BatchResult
from core.digits.card import ModelCard
from core.digits.datasets import Dataset, be_there, open_dataset, save_csv, save_npz
from core.digits.ink import Drawing, as_drawn, is_empty, normalised
from core.digits.judgements import LEARNED, Judged, Judgements
from core.digits.live import LiveModel
from core.digits.model_file import read_card
from core.digits.patches import Floats
from core.digits.pictures import digit_from, found_ink, framed, is_of_a_set, read_picture
from core.digits.registry import DEFAULT, Broken, Kept, Registry
from core.digits.samples import Samples
from core.digits.scores import Evaluation
from core.digits.several import MOST as MOST_DIGITS
from core.digits.several import drawn_apart, drawn_together, ink_apart, ink_together
from core.digits.training import Trained, TrainingOrder
from core.jobs.child import run_in_child
from core.jobs.job import Job


@dataclass(frozen=True)
class Part:
    """One of several digits."""

    picture: Floats
    answer: Answer

    @property
    def taken(self) -> bool:
        """For a digit; one that refuses nothing must be sure."""
        digit = self.answer.digit
        return bool(self.answer.confidences[0] >= SURE_FROM if digit is None else digit[0] >= 0)


@dataclass(frozen=True)
class Reading:
    """What was seen and what the model says of it. picture (28, 28) in 0..1; milliseconds from ink to answer.
    parts: where the whole is no digit but two to four of them side by side, each of these, from the left."""

    picture: Floats
    answer: Answer
    milliseconds: float
    parts: tuple[Part, ...] = ()

    def verdict(self, sure_from: float = SURE_FROM) -> Verdict:
        return Verdict.NOT_A_DIGIT if self.parts else self.answer.verdict(sure_from=sure_from)


@dataclass(frozen=True)
class Piece:
    """What paper parts from the rest. together: the pictures of two digits that may touch in it, the ways to try."""

    picture: Floats
    together: Callable[[], list[tuple[Floats, Floats]]]


def _both(
    show: Callable[[Any], Floats], part: Callable[[Any], list[tuple[Any, Any]]], whole: Any
) -> list[tuple[Floats, Floats]]:
    return [(show(left), show(right)) for left, right in part(whole)]


class DigitsService:
    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace
        self._folder = workplace.places.state / "digits"
        self._cache = workplace.places.cache / "digits"
        self.registry = Registry(self._folder / "models")
        self.live = LiveModel(self.registry)
        self._judgements = Judgements(self._folder / "models")

    @cached_property
    def samples(self) -> Samples:
        return Samples(self._folder / "samples.sqlite")

    def close(self) -> None:
        self.live.close()
        self.samples.close()

    @property
    def algorithms(self) -> tuple[Algorithm, ...]:
        return ALGORITHMS

    def models(self) -> list[Kept | Broken]:
        return self.registry.list()

    # -- live ---------------------------------------------------------------
    def read_drawing(self, job: Job[Any], drawing: Drawing, *, normalise: bool = True) -> Reading | None:
        """None for an empty pad. The first call opens the model."""
        if is_empty(drawing):
            return None
        self.live.use(job, self.live.wanted)  # opening the model is no part of how long an answer takes
        started = time.perf_counter()
        if not normalise:
            return self._read(job, as_drawn(drawing), started)
        return self._read(
            job,
            normalised(drawing),
            started,
            lambda: [
                Piece(normalised(piece), partial(_both, normalised, drawn_together, piece))
                for piece in drawn_apart(drawing)
            ],
        )

    def read_file(self, job: Job[Any], source: Path | bytes, name: str = "") -> Reading | None:
        """A picture file or its bytes; None where nothing is on it. Raises OpsError (code ``picture``) for what cannot be read."""
        grey = read_picture(source, name)
        self.live.use(job, self.live.wanted)
        started = time.perf_counter()
        if is_of_a_set(grey):
            picture = digit_from(grey)
            return self._read(job, picture, started) if picture.any() else None
        ink = found_ink(grey)
        picture = framed(ink)
        if not picture.any():
            return None
        return self._read(
            job,
            picture,
            started,
            lambda: [Piece(framed(piece), partial(_both, framed, ink_together, piece)) for piece in ink_apart(ink)],
        )

    def _read(
        self, job: Job[Any], picture: Floats, started: float, pieces: Callable[[], list[Piece]] = list
    ) -> Reading:
        answer = self.live.answer(job, picture[None])
        parts: tuple[Part, ...] = ()
        if answer.digit is None or answer.digit[0] < 0:  # a model that cannot refuse is asked for the pieces always
            parts = self._several(job, pieces(), refuses=answer.digit is not None)
        return Reading(picture, answer, (time.perf_counter() - started) * 1000, parts)

    def _several(self, job: Job[Any], pieces: list[Piece], *, refuses: bool) -> tuple[Part, ...]:
        """Two to four digits, or nothing where a piece is neither one nor two that touch.

        A model that refuses nothing is not asked for those: it would find two digits in many a single one.
        """
        if not 1 <= len(pieces) <= MOST_DIGITS:
            return ()
        alone = self._parts(job, [piece.picture for piece in pieces]) if len(pieces) > 1 else []
        found: list[Part] = []
        for index, piece in enumerate(pieces):
            if alone and alone[index].taken:
                found.append(alone[index])
            elif refuses and (parts := self._parted(job, piece)):
                found.extend(parts)
            else:
                return ()
        return tuple(found) if len(found) <= MOST_DIGITS else ()

    def _parted(self, job: Job[Any], piece: Piece) -> list[Part]:
        """Two digits that touch, parted where the less clear of them is clearest and both are read for sure; else nothing."""
        best: list[Part] = []
        least = 0.0
        for left, right in piece.together():
            parts = self._parts(job, [left, right])
            digits = [float(part.answer.digit[0]) for part in parts if part.answer.digit is not None]
            sure = all(part.answer.verdict() is Verdict.SURE for part in parts)
            if digits and sure and (not best or min(digits) > least):
                best, least = parts, min(digits)
        return best

    def _parts(self, job: Job[Any], pictures: list[Floats]) -> list[Part]:
        answer = self.live.answer(job, np.stack(pictures))
        return [Part(picture, answer.row(index)) for index, picture in enumerate(pictures)]

    @property
    def sure_from(self) -> float:
        """The confidence below which answers are called not sure, as it is set."""
        return self._workplace.settings().digits.sure_from / 100

    # -- data ---------------------------------------------------------------
    def be_there(self, path: Path) -> None:
        """Raises OpsError (code ``data``) where there is no such file or folder."""
        be_there(path)

    def open_data(self, job: Job[Any], path: Path) -> Dataset:
        """A data set, whole or not at all; cancelled between blocks."""
        return open_dataset(path, cache=self._cache, on_progress=lambda done, total: job.report(done, total, path.name))

    def export_samples(self, target: Path) -> int:
        """Write one's samples as Kaggle CSV, or as NPZ where the name ends so; returns how many."""
        dataset = self.samples.as_dataset()
        (save_npz if target.suffix.lower() == ".npz" else save_csv)(dataset, target)
        return len(dataset)

    # -- train --------------------------------------------------------------
    def train(
        self,
        job: Job[Any],
        order: TrainingOrder,
        *,
        output: Path | None = None,
        with_samples: bool = False,
        on_point: Callable[[tuple[str, float]], None] | None = None,
    ) -> tuple[Path, Trained]:
        """Train in a child process; the model appears at ``output`` (default: in the registry) whole or not at all.

        on_point hears (stage, validation accuracy) on the job's thread. Cancelling kills the child at once.
        """
        order.checked()
        self._cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._cache, prefix="training-") as folder:
            if with_samples:
                order = replace(order, samples=Path(folder) / "samples.npz")
                assert order.samples
                save_npz(self.samples.as_dataset(), order.samples)
            fresh = Path(folder) / "model"
            trained: Trained = run_in_child(
                job,
                "core.digits.training:train",
                {"order": order, "output": fresh, "cache": self._cache},
                on_value=on_point,
            )
            job.commit()
            place = output or self.registry.place_for(trained.card.name)
            write_atomic(place, fresh.read_bytes(), mode=0o644)
        return place, trained

    def probe(self, job: Job[Any], data: Path, algorithm: str) -> Probe:
        """A quick fit on some of the data, to say what the whole will cost on this computer: see ``Algorithm.estimate``."""
        be_there(data)
        folders = [data / str(digit) for digit in range(10)]
        if not data.is_file() and not any(folder.is_dir() for folder in folders):  # a path that is still being typed
            raise OpsError(f"{data} is no set of digits", "It has no folder of a digit", code="data")
        self._cache.mkdir(parents=True, exist_ok=True)
        found: Probe = run_in_child(
            job, "core.digits.probe:probe", {"data": data, "algorithm": algorithm, "cache": self._cache}
        )
        return found

    # -- explore ------------------------------------------------------------
    def evaluate(self, job: Job[Any], model: str, data: Path) -> Judged:
        """Answers of a model for labelled data, computed in a child process."""
        path = self.registry.find(model)
        dataset = self.open_data(job, data)
        dataset.labelled()
        evaluation: Evaluation = run_in_child(
            job, "core.digits.judging:evaluate", {"model": path, "data": data, "cache": self._cache}
        )
        name = dataset.name
        if read_card(path).data_digest == dataset.digest:  # who knows the answers by heart is no better for it
            name += LEARNED
        judged = Judged(model, name, evaluation, dataset.images)
        self._keep(judged)
        return judged

    def judged_while_training(self, job: Job[Any], order: TrainingOrder, model: str, trained: Trained) -> Judged:
        """The held-out digits of a training that has just ended, with the new model's answers."""
        dataset = self.open_data(job, order.data)
        judged = Judged(model, f"{dataset.name} (held out)", trained.evaluation, dataset.images[trained.held])
        self._keep(judged)
        return judged

    def recalled(self, model: str) -> Judged | None:
        """The newest evaluation of a model of the registry, also from before a restart; None where none is kept."""
        kept = self._kept(model)
        return self._judgements.find(model, kept.card.created) if kept else None

    def scores(self, kept: Kept) -> dict[str, float]:
        """A model's figures: those of its card, or of its newest evaluation where it came without any."""
        return kept.card.scores or self._judgements.scores(kept.id, kept.card.created)

    def delete_model(self, job: Job[Any], model: str) -> None:
        self.registry.delete(model)
        self._judgements.drop(model)
        self.live.forget(job, model)

    def _keep(self, judged: Judged) -> None:
        kept = self._kept(judged.model)
        if kept:  # a file outside the registry keeps nothing here
            self._judgements.keep(judged, kept.card.created)

    def _kept(self, model: str) -> Kept | None:
        return next((entry for entry in self.models() if isinstance(entry, Kept) and entry.id == model), None)

    # -- predict ------------------------------------------------------------
    def predict(
        self,
        job: Job[Any],
        model: str,
        data: Path,
        *,
        scores: Path | None = None,
        submission: Path | None = None,
        s3: str | None = None,
        sure_from: float | None = None,
    ) -> BatchResult:
        """Predict a file to disk, to S3 (s3://bucket/prefix/), or both; see ``core.digits.batch`` for the formats.
        ``sure_from`` None: as it is set."""
        if not data.exists():
            raise OpsError(f"There is no {data}", "The file or folder does not exist", "Check the name", code="data")
        path = self.registry.find(model)
        self._cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._cache, prefix="batch-") as folder:
            wanted = {"scores": scores, "submission": submission}
            made = {
                name: Path(folder) / f"{name}{'.gz' if name == 'scores' and _zipped(scores) else ''}" for name in wanted
            }
            if not s3:
                made = {name: place for name, place in made.items() if wanted[name]}
            result: BatchResult = run_in_child(
                job,
                "core.digits.batch:predict_file",
                {"model_path": path, "data": data, "sure_from": sure_from or self.sure_from, **made},
            )
            if s3:
                from core.digits.remote import upload_batch

                upload_batch(self._workplace.aws.client("s3"), job, s3, data, made, self._workplace.clock.now())
            job.commit()
            for name, target in wanted.items():
                if target:
                    write_atomic(target, made[name].read_bytes(), mode=0o644)
        return result

    # -- keep ---------------------------------------------------------------
    def import_model(self, job: Job[Any], path: Path, *, name: str = "") -> Kept:
        """Take a model file of Opsdesk or an ONNX graph into the registry, after a child process has opened it."""
        self._cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._cache, prefix="import-") as folder:
            checked = Path(folder) / "model"
            run_in_child(job, "core.digits.judging:check_model", {"source": path, "output": checked})
            return self.registry.adopt(checked, name)

    def export_onnx(self, job: Job[Any], model: str, target: Path) -> None:
        """Write a model as an ONNX graph: input (n, 1, 28, 28) in 0..1, output ten probabilities. It never refuses a picture."""
        run_in_child(job, "core.digits.onnx_export:export", {"model": self.registry.find(model), "target": target})

    def upload_model(self, job: Job[Any], model: str, s3: str) -> str:
        """Store a model in S3; returns where it went."""
        from core.digits.remote import upload_file

        return upload_file(self._workplace.aws.client("s3"), job, self.registry.find(model), s3)

    def download_model(self, job: Job[Any], s3: str) -> Kept:
        """Fetch a model from S3 into the registry, opened and checked like any file from elsewhere."""
        from core.digits.remote import download_file

        self._cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._cache, prefix="download-") as folder:
            place = Path(folder) / "model"
            download_file(self._workplace.aws.client("s3"), job, s3, place)
            return self.import_model(job, place)

    def card(self, model: str = DEFAULT) -> ModelCard:
        return read_card(self.registry.find(model))


def _zipped(scores: Path | None) -> bool:
    return scores is None or scores.suffix == ".gz"


def parameters_from(words: Sequence[str]) -> dict[str, str]:
    """``name=value`` words as parameters. Raises WrongUse for a word without a sign."""
    found = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign:
            raise WrongUse(f"{word!r} sets nothing", "It should be NAME=VALUE", "For example trees=200")
        found[name] = value
    return found
