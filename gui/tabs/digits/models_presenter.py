"""Leads the models: list, train, evaluate, compare, predict files, keep; and shows how good the chosen one is."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QFileDialog

from core.base.errors import OpsError
from gui.bridge.tab_context import TabContext
from gui.parts.dialogs import ConfirmDialog
from gui.parts.words import byte_size, number
from gui.tabs.digits.ask_dialogs import DataDialog, DuelDialog, PredictDialog, TextDialog
from gui.tabs.digits.train_dialog import TrainDialog
from gui.tabs.digits.values import (
    AlgorithmChoice,
    ModelRow,
    Overview,
    ParameterField,
    PredictWish,
    Thumb,
    TrainWish,
)
from gui.tabs.digits.view import DigitsView

if TYPE_CHECKING:
    from core.digits.registry import Broken, Kept
    from core.digits.scores import Evaluation
    from core.digits.service import Judged
    from core.jobs.job import Job, Progress

_ROOM = "digits"
_MOST_THUMBS = 2_000
_DATA = "digits.data"


class ModelsPresenter(QObject):
    live_changed = Signal()
    picture_opened = Signal(bytes)

    def __init__(self, view: DigitsView, context: TabContext) -> None:
        super().__init__(view)
        self._view, self._context = view, context
        self._rows: list[ModelRow] = []
        self._training: dict[int, ModelRow] = {}
        self._judged: dict[str, Judged] = {}
        self._cards: dict[str, Overview | None] = {}
        self._wanted = ""  # the model to choose once the list shows it
        models, explore = view.models, view.explore
        models.chosen.connect(self._show_chosen)
        models.train_asked.connect(self.open_train)
        models.evaluate_asked.connect(self._open_evaluate)
        models.predict_asked.connect(self._open_predict)
        models.import_asked.connect(self._import)
        models.action_asked.connect(self._act)
        explore.cell_picked.connect(self._show_cell)
        explore.misread_asked.connect(self._show_misread)
        explore.open_data_asked.connect(lambda: self._open_evaluate(models.chosen_id))
        explore.thumb_opened.connect(lambda thumb: self.picture_opened.emit(thumb.picture))
        explore.download_asked.connect(self._download_matrix)
        for command_id, title, run, icon, keys in (
            ("digits.train", "Train a digit model", self.open_train, "plus", "Ctrl+T"),
            (
                "digits.evaluate",
                "Evaluate the chosen model",
                lambda: self._open_evaluate(models.chosen_id),
                "gauge",
                "Ctrl+E",
            ),
            ("digits.predict", "Predict a file of digits", lambda: self._open_predict(models.chosen_id), "file-up", ""),
            ("digits.browse", "Look at a data set of digits", lambda: self._do_browse(""), "image", "Ctrl+O"),
            ("digits.refresh", "Refresh the list of models", self.refresh, "refresh-cw", "F5"),
        ):
            context.commands.add(command_id, title, run, owner=view, room=_ROOM, icon=icon, shortcut=keys)
        models.train.setToolTip("Train a model (Ctrl+T)")
        models.evaluate.setToolTip("Evaluate the chosen model (Ctrl+E)")
        QTimer.singleShot(0, self.refresh)

    # -- the list ---------------------------------------------------------------
    def refresh(self) -> None:
        def work(_job: Any) -> list[tuple[ModelRow, Overview | None]]:
            digits = self._context.desk.digits
            return [_row_of(entry, digits.live.wanted) for entry in digits.models()]

        self._context.jobs.start(
            self, "List the models", work, lane="digits-models", quiet=True, newest_only=True,
            on_success=self._listed, on_failure=self._failed,
        )  # fmt: skip

    def _listed(self, found: list[tuple[ModelRow, Overview | None]]) -> None:
        self._rows = [row for row, _ in found]
        self._cards = {row.id: overview for row, overview in found}
        self._show_rows()
        if self._wanted and any(row.id == self._wanted for row in self._rows):
            index = next(index for index, row in enumerate(self._rows) if row.id == self._wanted)
            self._wanted = ""
            self._view.models.table.selectRow(index + len(self._training))
        self._show_chosen(self._view.models.chosen_id)

    def _show_rows(self) -> None:
        self._view.models.show_models([*self._training.values(), *self._rows])

    def _show_chosen(self, model: str) -> None:
        explore = self._view.explore
        judged = self._judged.get(model)
        if judged is not None:
            explore.show_overview(_overview(self._name(model), judged.data, judged.evaluation))
        elif self._cards.get(model):
            explore.show_overview(self._cards[model])
        else:
            row = next((row for row in [*self._training.values(), *self._rows] if row.id == model), None)
            state = row.state if row else ""
            explore.show_overview(
                None,
                {
                    "training": self.tr("The figures come when the training is done"),
                    "damaged": row.why if row else "",
                    "": self.tr("There is no model yet: train one"),
                }.get(state, self.tr("Not measured yet: evaluate it on labelled digits")),
            )

    def _name(self, model: str) -> str:
        return next((row.name for row in self._rows if row.id == model), model)

    def _failed(self, fault: OpsError) -> None:
        details = "\n".join(f"{key}: {value}" for key, value in fault.details.items())
        self._view.models.fault.show_text(
            fault.title, " ".join(part.rstrip(".") + "." for part in (fault.why, fault.remedy) if part), details=details
        )

    # -- train ------------------------------------------------------------------
    def open_train(self) -> None:
        def work(_job: Any) -> tuple[list[AlgorithmChoice], int]:
            digits = self._context.desk.digits
            return [_choice_of(algorithm) for algorithm in digits.algorithms], digits.samples.count()

        self._context.jobs.start(
            self, "Open the algorithms", work, quiet=True,
            on_success=lambda found: self._ask_training(*found), on_failure=self._failed,
        )  # fmt: skip

    def _ask_training(self, algorithms: list[AlgorithmChoice], samples: int) -> None:
        dialog = TrainDialog(algorithms, self._context.memory.get(_DATA, ""), samples, self._view)
        dialog.finished.connect(dialog.deleteLater)
        dialog.ordered.connect(lambda wish: self._train(wish, dialog))
        dialog.open()

    def _train(self, wish: TrainWish, dialog: TrainDialog) -> None:
        if not Path(wish.data).exists():
            dialog.data_field.show_fault(self.tr("There is no such file or folder"))
            return
        dialog.accept()
        self._context.memory.put(_DATA, wish.data)
        self._view.models.fault.hide()
        points: list[tuple[str, float]] = []

        def work(job: Job[Any]) -> Any:
            from core.digits.service import Judged
            from core.digits.training import TrainingOrder

            digits = self._context.desk.digits
            order = TrainingOrder(
                Path(wish.data), wish.algorithm, wish.parameters, wish.name, wish.holdout, wish.seed, wish.limit
            )
            place, trained = digits.train(job, order, with_samples=wish.with_samples, on_point=points.append)
            dataset = digits.open_data(job, Path(wish.data))
            held = dataset.chosen(trained.held)
            return place.stem, Judged(place.stem, f"{dataset.name} (held out)", trained.evaluation, held.images)

        ends: dict[str, Any] = {}
        job = self._context.jobs.start(
            self, f"Train {wish.name}", work, room=_ROOM, lane="digits-training", outlives_owner=True, can_retry=True,
            on_success=lambda result: self._trained(ends["job"], result),
            on_failure=lambda fault: self._training_ended(ends["job"], fault),
            on_cancelled=lambda: self._training_ended(ends["job"], None),
            on_progress=lambda progress: self._progress(ends["job"], progress, points),
        )  # fmt: skip
        ends["job"] = job
        self._training[job.number] = ModelRow(
            f"training-{job.number}", wish.name, wish.algorithm, state="training", share=0.0, own=False
        )
        self._show_rows()

    def _progress(self, job: Job[Any], progress: Progress, points: list[tuple[str, float]]) -> None:
        row = self._training.get(job.number)
        if row:
            latest = points[-1][1] if points else None
            share = progress.share if progress.note not in {stage for stage, _ in points} else row.share
            self._training[job.number] = replace(
                row,
                share=max(share or 0.0, row.share or 0.0),
                curve=tuple(points),
                accuracy=latest,
                details=progress.note,
            )
            self._show_rows()

    def _trained(self, job: Job[Any], result: tuple[str, Judged]) -> None:
        model, judged = result
        self._training.pop(job.number, None)
        self._judged[model] = judged
        self._wanted = model
        self._context.praise(f"{job.title} is done: {judged.evaluation.accuracy:.2%} of the held-out digits")
        self.refresh()

    def _training_ended(self, job: Job[Any], fault: OpsError | None) -> None:
        self._training.pop(job.number, None)
        self._show_rows()
        if fault:
            self._failed(fault)

    # -- evaluate -----------------------------------------------------------------
    def _open_evaluate(self, model: str) -> None:
        if not model:
            return
        dialog = DataDialog(
            f"Evaluate {self._name(model)}", "Evaluate", self._context.memory.get(_DATA, ""), self._view
        )
        dialog.finished.connect(dialog.deleteLater)
        dialog.ordered.connect(lambda data, _other: self._evaluate(model, data))
        dialog.open()

    def _evaluate(self, model: str, data: str) -> None:
        self._context.memory.put(_DATA, data)
        self._view.models.fault.hide()
        self._context.jobs.start(
            self, f"Evaluate {self._name(model)}", lambda job: self._context.desk.digits.evaluate(job, model, Path(data)),
            room=_ROOM, lane="digits-training", can_retry=True, on_success=self._evaluated, on_failure=self._failed,
        )  # fmt: skip

    def _evaluated(self, judged: Judged) -> None:
        self._judged[judged.model] = judged
        figures = judged.evaluation
        self._rows = [
            replace(row, accuracy=figures.accuracy, macro_f1=figures.macro_f1) if row.id == judged.model else row
            for row in self._rows
        ]
        self._show_rows()
        if self._view.models.chosen_id == judged.model:
            self._show_chosen(judged.model)

    def _show_cell(self, true: int, predicted: int) -> None:
        judged = self._judged.get(self._view.models.chosen_id)
        title = self.tr("True {0}, read as {1}").format(true, predicted)
        if judged is None:
            self._view.explore.show_thumbs(title, [], why_none=self._no_pictures())
            return
        rows = judged.evaluation.cell(true, predicted)
        self._view.explore.show_thumbs(
            f"{title}: {number(len(rows))}", _thumbs(judged, rows[:_MOST_THUMBS]), why_none=self.tr("None was read so.")
        )

    def _show_misread(self) -> None:
        judged = self._judged.get(self._view.models.chosen_id)
        title = self.tr("Misread digits, the surest first")
        if judged is None:
            self._view.explore.show_thumbs(title, [], why_none=self._no_pictures())
            return
        rows = judged.evaluation.misread
        self._view.explore.show_thumbs(
            f"{title}: {number(len(rows))}", _thumbs(judged, rows[:_MOST_THUMBS]), why_none=self.tr("None was misread.")
        )

    def _no_pictures(self) -> str:
        return self.tr("A model's card keeps the figures, not the pictures. Evaluate it on a data set to see them.")

    def _download_matrix(self) -> None:
        overview = self._view.explore._overview
        path, _ = QFileDialog.getSaveFileName(self._view, "Download the matrix", "confusion.csv", "CSV (*.csv)")
        if not path or overview is None:
            return
        lines = ["true,0,1,2,3,4,5,6,7,8,9,true_count,f1"]
        for figures in overview.digits:
            counts = ",".join(str(count) for count in overview.confusion[figures.digit])
            lines.append(f"{figures.digit},{counts},{figures.true},{figures.f1:.6f}")
        lines.append("predicted_count," + ",".join(str(figures.predicted) for figures in overview.digits) + ",,")

        def work(_job: Any) -> None:
            from core.base.files import write_atomic

            write_atomic(Path(path), "\n".join(lines) + "\n", mode=0o644)

        self._context.jobs.start(
            self, "Download the matrix", work, quiet=True, write=True,
            on_success=lambda _: self._context.praise(f"The matrix is written to {path}"), on_failure=self._failed,
        )  # fmt: skip

    # -- predict ------------------------------------------------------------------
    def _open_predict(self, model: str) -> None:
        if not model:
            return
        dialog = PredictDialog(self._name(model), self._context.memory.get("digits.test", ""), self._view)
        dialog.finished.connect(dialog.deleteLater)
        dialog.ordered.connect(lambda wish: self._predict(model, wish))
        dialog.open()

    def _predict(self, model: str, wish: PredictWish) -> None:
        self._context.memory.put("digits.test", wish.data)
        self._view.models.fault.hide()
        target = wish.submission or wish.scores

        def work(job: Job[Any]) -> Any:
            return self._context.desk.digits.predict(
                job,
                model,
                Path(wish.data),
                scores=Path(wish.scores) if wish.scores else None,
                submission=Path(wish.submission) if wish.submission else None,
                s3=wish.s3 or None,
            )

        def show_folder() -> None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(Path(target).parent)))

        self._context.jobs.start(
            self, f"Predict {Path(wish.data).name}", work, room=_ROOM, write=True, can_retry=True,
            on_success=self._predicted, on_failure=self._failed,
            after=lambda _result: ("Show in folder", show_folder) if target else None,
        )  # fmt: skip

    def _predicted(self, result: Any) -> None:
        words = self.tr("{0} rows predicted, {1} not sure").format(number(result.predicted), number(result.unsure))
        if result.bad_count:
            first = result.bad[0]
            self._view.models.fault.show_text(
                self.tr("{0} rows could not be predicted and were left blank").format(number(result.bad_count)),
                self.tr("The first is line {0}: {1}").format(first.line, first.why),
                tone="warning",
                details="\n".join(f"line {row.line}: {row.why}" for row in result.bad),
            )
        self._context.praise(words)

    # -- keep ---------------------------------------------------------------------
    def _act(self, action: str, model: str) -> None:
        getattr(self, f"_do_{action}")(model)

    def _quick(self, title: str, work: Any, done: str = "", *, after: Any = None) -> None:
        def succeeded(result: Any) -> None:
            if done:
                self._context.praise(done)
            if after:
                after(result)
            self.refresh()

        self._view.models.fault.hide()
        self._context.jobs.start(
            self, title, work, room=_ROOM, write=True, on_success=succeeded, on_failure=self._failed
        )

    def _do_use(self, model: str) -> None:
        self._quick(
            f"Open {self._name(model)}",
            lambda _job: self._context.desk.digits.live.use(model),
            after=lambda _: self.live_changed.emit(),
        )

    def _do_rename(self, model: str) -> None:
        dialog = TextDialog("Rename the model", "Name", "Rename", self._name(model), parent=self._view)
        dialog.finished.connect(dialog.deleteLater)
        dialog.ordered.connect(
            lambda name: self._quick(
                "Rename a model", lambda _job: self._context.desk.digits.registry.rename(model, name)
            )
        )
        dialog.open()

    def _do_delete(self, model: str) -> None:
        row = next((row for row in self._rows if row.id == model), None)
        if row is None:
            return
        dialog = ConfirmDialog(
            "Delete this model?",
            self.tr("“{0}” ({1}) is removed from this computer").format(row.name, byte_size(row.size or 0)),
            "Delete 1 model",
            self._view,
            hint=self.tr("Export it first if you may want it back."),
        )
        dialog.finished.connect(dialog.deleteLater)
        dialog.confirmed.connect(
            lambda: self._quick("Delete a model", lambda _job: self._context.desk.digits.registry.delete(model))
        )
        dialog.open()

    def _do_export(self, model: str) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self._view, "Export the model", f"{self._name(model)}.model", "Model (*.model *.npz)"
        )
        if path:
            self._quick(
                "Export a model",
                lambda _job: self._context.desk.digits.registry.export(model, Path(path)),
                f"Exported to {path}",
            )

    def _do_onnx(self, model: str) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self._view, "Export as ONNX", f"{self._name(model)}.onnx", "ONNX (*.onnx)"
        )
        if path:
            self._quick(
                "Export as ONNX",
                lambda job: self._context.desk.digits.export_onnx(job, model, Path(path)),
                f"Exported to {path}",
            )

    def _do_s3(self, model: str) -> None:
        dialog = TextDialog(
            "Store the model in S3", "Place", "Store", "s3://", "s3://bucket/prefix/ keeps the file's name", self._view
        )
        dialog.finished.connect(dialog.deleteLater)
        dialog.ordered.connect(
            lambda place: self._quick(
                "Store a model in S3",
                lambda job: self._context.desk.digits.upload_model(job, model, place),
                "Stored in S3",
            )
        )
        dialog.open()

    def _do_fetch(self, _model: str) -> None:
        dialog = TextDialog("Load a model from S3", "Object", "Load", "s3://", "s3://bucket/name.model", self._view)
        dialog.finished.connect(dialog.deleteLater)
        dialog.ordered.connect(
            lambda place: self._quick(
                "Load a model from S3",
                lambda job: self._context.desk.digits.download_model(job, place),
                "Loaded from S3",
            )
        )
        dialog.open()

    def _do_browse(self, _model: str) -> None:
        dialog = DataDialog("Look at a data set", "Open", self._context.memory.get(_DATA, ""), self._view)
        dialog.finished.connect(dialog.deleteLater)
        dialog.ordered.connect(lambda data, _other: self._browse(data))
        dialog.open()

    def _browse(self, data: str) -> None:
        self._context.memory.put(_DATA, data)
        self._view.models.fault.hide()

        def work(job: Job[Any]) -> tuple[str, list[Thumb]]:
            dataset = self._context.desk.digits.open_data(job, Path(data))
            labels = dataset.labels
            counts = ", ".join(f"{digit}: {number(count)}" for digit, count in enumerate(dataset.class_counts))
            title = f"{dataset.name}: {number(len(dataset))} digits" + (f" ({counts})" if counts else ", not labelled")
            return title, [
                Thumb(dataset.images[row].tobytes(), row, None if labels is None else int(labels[row]))
                for row in range(min(len(dataset), _MOST_THUMBS))
            ]

        self._context.jobs.start(
            self, f"Open {Path(data).name}", work, room=_ROOM,
            on_success=lambda found: self._view.explore.show_thumbs(*found), on_failure=self._failed,
        )  # fmt: skip

    def _do_cli(self, model: str) -> None:
        data = self._context.memory.get(_DATA, "") or "FILE"
        line = f"opsdesk digits evaluate --model {shlex.quote(model)} --data {shlex.quote(data)} --json"
        QGuiApplication.clipboard().setText(line)
        self._context.praise("The command is in the clipboard")

    def _import(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self._view, "Import a model", "", "Models (*.model *.npz *.onnx);;All files (*)"
        )
        if path:
            self._quick(
                "Import a model",
                lambda job: self._context.desk.digits.import_model(job, Path(path)),
                "The model is imported",
            )

    def _do_compare(self, model: str) -> None:
        others = [(row.id, row.name) for row in self._rows if row.id != model and row.state in ("in use", "ready")]
        if not others:
            self._view.models.fault.show_text(
                self.tr("There is no other model to compare with"), self.tr("Train or import one first."), tone="info"
            )
            return
        dialog = DataDialog(
            f"Compare {self._name(model)}", "Compare", self._context.memory.get(_DATA, ""), self._view, others=others
        )
        dialog.finished.connect(dialog.deleteLater)
        dialog.ordered.connect(lambda data, other: self._compare(model, other, data))
        dialog.open()

    def _compare(self, first: str, second: str, data: str) -> None:
        self._context.memory.put(_DATA, data)

        def work(job: Job[Any]) -> Any:
            from core.digits.algorithms import PUBLISHED
            from core.digits.scores import compared

            digits = self._context.desk.digits
            one = digits.evaluate(job, first, Path(data))
            two = digits.evaluate(job, second, Path(data))
            return one, two, compared(one.evaluation, two.evaluation), PUBLISHED

        self._context.jobs.start(
            self, f"Compare {self._name(first)} and {self._name(second)}", work, room=_ROOM, lane="digits-training",
            can_retry=True, on_success=lambda found: self._compared(*found), on_failure=self._failed,
        )  # fmt: skip

    def _compared(self, one: Judged, two: Judged, duel: Any, published: Any) -> None:
        self._evaluated(one)
        self._evaluated(two)
        lines = []
        for judged in (one, two):
            low, high = judged.evaluation.interval
            lines.append(
                (
                    self._name(judged.model),
                    f"{number(judged.evaluation.accuracy * 100, 2)} % ({number(low * 100, 2)}–{number(high * 100, 2)}), "
                    f"error {number(100 - judged.evaluation.accuracy * 100, 2)} %",
                )
            )
        clear = duel.p < 0.05
        verdict = self.tr(
            "Of {0} digits, {1} are right with the first only and {2} with the second only (both wrong: {3}). McNemar p = {4}: {5}"
        ).format(
            number(one.evaluation.count),
            number(duel.only_first_right),
            number(duel.only_second_right),
            number(duel.both_wrong),
            f"{duel.p:.2g}",
            self.tr("the difference is no accident") if clear else self.tr("the difference may be an accident"),
        )
        dialog = DuelDialog(
            lines, verdict, [(entry.method, entry.error_percent, entry.source) for entry in published], self._view
        )
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()


def _row_of(entry: Kept | Broken, live: str) -> tuple[ModelRow, Overview | None]:
    from core.digits.registry import Kept

    if not isinstance(entry, Kept):
        return (
            ModelRow(
                entry.path.stem, entry.path.stem, state="damaged", why=f"{entry.trouble.why}. {entry.trouble.remedy}"
            ),
            None,
        )
    card, scores = entry.card, entry.card.scores
    row = ModelRow(
        entry.id,
        card.name,
        card.algorithm,
        scores.get("accuracy"),
        scores.get("macro_f1"),
        card.rows or None,
        entry.size,
        "in use" if entry.id == live else "ready",
        own=not entry.ships,
        curve=card.curve,
        seconds=card.seconds,
        created=card.created,
        details=(
            f"{card.algorithm}, {card.data}, seed {card.seed}, {card.created[:16]}"
            + (f", judged on {card.held_out:,} held-out rows" if card.held_out else "")
        ),
    )
    return row, _card_overview(card.name, card.data, scores, card.overview)


def _card_overview(name: str, data: str, scores: dict[str, float], kept: dict[str, Any]) -> Overview | None:
    if not kept or "confusion" not in kept:
        return None
    return Overview(
        name,
        f"{data} (held out)",
        int(kept["count"]),
        scores["accuracy"],
        (scores["accuracy_low"], scores["accuracy_high"]),
        scores["macro_f1"],
        scores["baseline_macro_f1"],
        scores["ece"],
        kept["confusion"],
        [tuple(entry) for entry in kept["reliability"]],
        [tuple(entry) for entry in kept["coverage"]],
    )


def _overview(name: str, data: str, evaluation: Evaluation) -> Overview:
    shown = _card_overview(name, data, evaluation.summary, evaluation.overview)
    assert shown
    return replace(shown, data=data, has_pictures=True)


def _thumbs(judged: Judged, rows: Any) -> list[Thumb]:
    evaluation = judged.evaluation
    return [
        Thumb(
            judged.images[row].tobytes(),
            int(row),
            int(evaluation.truth[row]),
            int(evaluation.predicted[row]),
            float(evaluation.probabilities[row].max()),
        )
        for row in rows
    ]


def _choice_of(algorithm: Any) -> AlgorithmChoice:
    def estimate(rows: int, parameters: dict[str, Any]) -> tuple[float, float, float, float]:
        found = algorithm.estimate(rows, parameters)
        return found.seconds, found.megabytes, found.accuracy, found.milliseconds

    fields = [
        ParameterField(item.name, item.label, item.default, item.minimum, item.maximum, item.help)
        for item in algorithm.parameters
    ]
    return AlgorithmChoice(algorithm.id, algorithm.name, algorithm.good_for, fields, estimate)
