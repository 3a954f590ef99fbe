"""Leads training: asks what to train on what, and shows how far it has come."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject

from core.base.errors import OpsError
from gui.bridge.tab_context import TabContext
from gui.tabs.digits.models_presenter import DATA, ROOM, ModelsPresenter
from gui.tabs.digits.shown_models import choice_of
from gui.tabs.digits.train_dialog import TrainDialog
from gui.tabs.digits.values import AlgorithmChoice, ModelRow, TrainWish
from gui.tabs.digits.view import DigitsView

if TYPE_CHECKING:
    from core.digits.judgements import Judged
    from core.jobs.job import Job, Progress


class TrainingPresenter(QObject):
    def __init__(self, view: DigitsView, context: TabContext, models: ModelsPresenter) -> None:
        super().__init__(view)
        self._view, self._context, self._models = view, context, models
        self._probing: Job[Any] | None = None
        self._jobs: dict[str, Job[Any]] = {}  # trainings under way, by their line in the table
        view.models.train_asked.connect(self.open_train)
        context.commands.add(
            "digits.train",
            "Train a digit model",
            self.open_train,
            owner=view,
            room=ROOM,
            icon="plus",
            shortcut="Ctrl+T",
        )
        context.commands.add(
            "digits.cancel", "Cancel the training", self._cancel_any, owner=view, room=ROOM, icon="x", shortcut="Ctrl+."
        )
        view.models.train.setToolTip("Train a model (Ctrl+T)")
        view.models.action_asked.connect(self._act)

    def open_train(self) -> None:
        def work(_job: Any) -> tuple[list[AlgorithmChoice], int]:
            digits = self._context.desk.digits
            return [choice_of(algorithm) for algorithm in digits.algorithms], digits.samples.count()

        self._context.jobs.start(
            self, "Open the algorithms", work, quiet=True,
            on_success=lambda found: self._ask_training(*found), on_failure=self._models.failed,
        )  # fmt: skip

    def _ask_training(self, algorithms: list[AlgorithmChoice], samples: int) -> None:
        dialog = TrainDialog(
            algorithms, self._context.memory.get(DATA, ""), samples, self._view, names=self._models.names
        )
        dialog.ordered.connect(lambda wish: self._ask_for_data(wish, dialog))
        dialog.probe_asked.connect(lambda data, algorithm: self._probe(dialog, data, algorithm))
        dialog.open()

    def _probe(self, dialog: TrainDialog, data: str, algorithm: str) -> None:
        """Time a quick fit; owned by the dialog, so that closing it ends the fit. Data that cannot be read are named
        when the training is ordered, not while their path is typed."""
        if self._probing:
            self._probing.cancel()
        self._probing = self._context.jobs.start(
            dialog, f"Time {algorithm}", lambda job: self._context.desk.digits.probe(job, Path(data), algorithm),
            lane="digits-probe", quiet=True, newest_only=True,
            on_success=lambda probe: dialog.show_probe(data, algorithm, probe),
            on_failure=lambda _fault: dialog.show_probe(data, algorithm, None),
        )  # fmt: skip

    def _ask_for_data(self, wish: TrainWish, dialog: TrainDialog) -> None:
        self._context.jobs.start(
            dialog, "Look for the digits", lambda _job: self._context.desk.digits.be_there(Path(wish.data)),
            lane="digits-order", quiet=True, newest_only=True, on_success=lambda _: self._train(wish, dialog),
            on_failure=lambda fault: dialog.data_field.show_fault(fault.why),
        )  # fmt: skip

    def _train(self, wish: TrainWish, dialog: TrainDialog) -> None:
        dialog.accept()
        self._context.memory.put(DATA, wish.data)
        self._models.clear_fault()
        points: list[tuple[str, float]] = []

        def work(job: Job[Any]) -> Judged:
            from core.digits.training import TrainingOrder

            digits = self._context.desk.digits
            order = TrainingOrder(
                Path(wish.data), wish.algorithm, wish.parameters, wish.name, wish.holdout, wish.seed, wish.limit
            )
            place, trained = digits.train(job, order, with_samples=wish.with_samples, on_point=points.append)
            return digits.judged_while_training(job, order, place.stem, trained)

        ends: dict[str, Any] = {}
        job = self._context.jobs.start(
            self, f"Train {wish.name}", work, room=ROOM, lane="digits-training", outlives_owner=True, can_retry=True, write=True,
            on_success=lambda result: self._trained(ends["job"], result),
            on_failure=lambda fault: self._training_ended(ends["job"], fault),
            on_cancelled=lambda: self._training_ended(ends["job"], None),
            on_progress=lambda progress: self._progress(ends["job"], progress, points),
        )  # fmt: skip
        ends["job"] = job
        line = _line_of(job)
        self._jobs[line] = job
        self._models.show_training(
            job.number, ModelRow(line, wish.name, wish.algorithm, state="training", share=0.0, own=False)
        )

    # -- cancel -------------------------------------------------------------------
    def _act(self, action: str, line: str) -> None:
        if action == "cancel" and line in self._jobs:
            self._jobs[line].cancel()

    def _cancel_any(self) -> None:
        """The training that is chosen in the table, else the newest."""
        chosen = self._jobs.get(self._view.models.chosen_id) or next(reversed(self._jobs.values()), None)
        if chosen:
            chosen.cancel()

    def _progress(self, job: Job[Any], progress: Progress, points: list[tuple[str, float]]) -> None:
        row = self._models.training(job.number)
        if row is None:
            return
        share = progress.share if progress.note not in {stage for stage, _ in points} else row.share
        moved_on = replace(
            row,
            share=max(share or 0.0, row.share or 0.0),
            curve=tuple(points),
            accuracy=points[-1][1] if points else None,
            details=progress.note,
        )
        self._models.show_training(job.number, moved_on)

    def _trained(self, job: Job[Any], judged: Judged) -> None:
        self._jobs.pop(_line_of(job), None)
        self._models.show_training(job.number, None)
        self._models.show_judged(judged)
        self._models.choose(judged.model)
        self._context.praise(f"{job.title} is done: {judged.evaluation.accuracy:.2%} of the held-out digits")

    def _training_ended(self, job: Job[Any], fault: OpsError | None) -> None:
        self._jobs.pop(_line_of(job), None)
        self._models.show_training(job.number, None)
        if fault:
            self._models.failed(fault)


def _line_of(job: Job[Any]) -> str:
    return f"training-{job.number}"
