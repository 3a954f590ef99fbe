"""Leads exploring: evaluate on data, look at the pictures behind a figure, compare two models, browse a data set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog

from core.digits.algorithms import PUBLISHED
from gui.bridge.tab_context import TabContext
from gui.parts.words import number, percent
from gui.tabs.digits.ask_dialogs import DataDialog, DuelDialog
from gui.tabs.digits.dataset_dialog import DatasetDialog
from gui.tabs.digits.models_presenter import DATA, ROOM, ModelsPresenter
from gui.tabs.digits.shown_models import thumbs_of
from gui.tabs.digits.values import Thumb
from gui.tabs.digits.view import DigitsView

if TYPE_CHECKING:
    from core.digits.judgements import Judged
    from core.digits.scores import Duel
    from core.jobs.job import Job

_MOST_THUMBS = 2_000


class ExplorePresenter(QObject):
    picture_opened = Signal(bytes)

    def __init__(self, view: DigitsView, context: TabContext, models: ModelsPresenter) -> None:
        super().__init__(view)
        self._view, self._context, self._models = view, context, models
        explore = view.explore
        view.models.evaluate_asked.connect(self._open_evaluate)
        view.models.action_asked.connect(self._act)
        explore.cell_picked.connect(self._show_cell)
        explore.misread_asked.connect(self._show_misread)
        explore.open_data_asked.connect(self._evaluate_chosen)
        explore.thumb_opened.connect(self._open_thumb)
        explore.download_asked.connect(self._download_matrix)
        explore.published.show_benchmarks([(entry.method, entry.error_percent, entry.source) for entry in PUBLISHED])
        explore.coverage.show_sure_from(context.settings.current.digits.sure_from)
        explore.coverage.sure_from_chosen.connect(lambda percent: context.settings.set("digits", sure_from=percent))
        context.settings.changed.connect(self._settings_changed)
        for command_id, title, run, icon, keys in (
            ("digits.evaluate", "Evaluate the chosen model", self._evaluate_chosen, "gauge", "Ctrl+E"),
            ("digits.browse", "Look at a data set of digits", self._open_browse, "image", "Ctrl+O"),
        ):
            context.commands.add(command_id, title, run, owner=view, room=ROOM, icon=icon, shortcut=keys)
        view.models.evaluate.setToolTip("Evaluate the chosen model (Ctrl+E)")

    def _act(self, action: str, model: str) -> None:
        if action == "compare":
            self._open_compare(model)
        elif action == "browse":
            self._open_browse()

    def _settings_changed(self, *_: object) -> None:
        self._view.explore.coverage.show_sure_from(self._context.settings.current.digits.sure_from)

    def _open_thumb(self, thumb: Thumb) -> None:
        self.picture_opened.emit(thumb.picture)

    # -- evaluate -----------------------------------------------------------------
    def _evaluate_chosen(self) -> None:
        self._open_evaluate(self._view.models.chosen_id)

    def _open_evaluate(self, model: str) -> None:
        if not model:
            return
        dialog = DataDialog(
            f"Evaluate {self._models.name_of(model)}", "Evaluate", self._context.memory.get(DATA, ""), self._view
        )
        dialog.ordered.connect(lambda data, _other: self._evaluate(model, data))
        dialog.open()

    def _evaluate(self, model: str, data: str) -> None:
        self._context.memory.put(DATA, data)
        self._models.clear_fault()
        self._context.jobs.start(
            self, f"Evaluate {self._models.name_of(model)}", lambda job: self._context.desk.digits.evaluate(job, model, Path(data)),
            room=ROOM, lane="digits-training", can_retry=True, on_success=self._models.show_judged, on_failure=self._models.failed,
        )  # fmt: skip

    # -- the pictures behind a figure ---------------------------------------------
    def _show_cell(self, true: int, predicted: int) -> None:
        title = f"True {true}, read as {predicted}"
        judged = self._models.judged(self._view.models.chosen_id)
        if judged is None:
            self._view.explore.show_thumbs(title, [], why_none=self._no_pictures())
        else:
            self._show_rows(title, judged, judged.evaluation.cell(true, predicted), "None was read so.")

    def _show_misread(self) -> None:
        title = "Misread digits, the surest first"
        judged = self._models.judged(self._view.models.chosen_id)
        if judged is None:
            self._view.explore.show_thumbs(title, [], why_none=self._no_pictures())
        else:
            self._show_rows(title, judged, judged.evaluation.misread, "None was misread.")

    def _show_rows(self, title: str, judged: Judged, rows: Any, none: str) -> None:
        thumbs = thumbs_of(judged, rows, _MOST_THUMBS)
        count = f"{title}: {number(len(rows))}"
        if len(thumbs) < len(rows):
            count += f", {number(len(thumbs))} of them shown"
            none = "Their pictures were not kept: evaluate the model again to see them."
        self._view.explore.show_thumbs(count, thumbs, why_none=none)

    def _no_pictures(self) -> str:
        return (
            "The figures come with the model, the pictures behind them do not. Evaluate it on a data set to see them."
        )

    def _download_matrix(self) -> None:
        overview = self._view.explore.overview
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
            on_success=lambda _: self._context.praise(f"The matrix is written to {path}"), on_failure=self._models.failed,
        )  # fmt: skip

    def _open_browse(self) -> None:
        dialog = DataDialog("Look at a data set", "Open", self._context.memory.get(DATA, ""), self._view)
        dialog.ordered.connect(lambda data, _other: self._browse(data))
        dialog.open()

    def _browse(self, data: str) -> None:
        self._context.memory.put(DATA, data)
        self._models.clear_fault()

        def work(job: Job[Any]) -> tuple[str, int, list[int], list[Thumb]]:
            dataset = self._context.desk.digits.open_data(job, Path(data))
            labels = dataset.labels
            thumbs = [
                Thumb(dataset.images[row].tobytes(), row, None if labels is None else int(labels[row]))
                for row in range(min(len(dataset), _MOST_THUMBS))
            ]
            return dataset.name, len(dataset), dataset.class_counts, thumbs

        def show(found: tuple[str, int, list[int], list[Thumb]]) -> None:
            dialog = DatasetDialog(*found, self._view)
            dialog.thumb_opened.connect(self._open_thumb)
            dialog.open()

        self._context.jobs.start(
            self, f"Open {Path(data).name}", work, room=ROOM, on_success=show, on_failure=self._models.failed
        )

    def _open_compare(self, model: str) -> None:
        others = [
            (row.id, row.name) for row in self._models.rows if row.id != model and row.state in ("in use", "ready")
        ]
        if not others:
            self._view.models.fault.show_text(
                "There is no other model to compare with", "Train or import one first.", tone="info"
            )
            return
        dialog = DataDialog(
            f"Compare {self._models.name_of(model)}",
            "Compare",
            self._context.memory.get(DATA, ""),
            self._view,
            others=others,
        )
        dialog.ordered.connect(lambda data, other: self._compare(model, other, data))
        dialog.open()

    def _compare(self, first: str, second: str, data: str) -> None:
        self._context.memory.put(DATA, data)
        self._models.clear_fault()

        def work(job: Job[Any]) -> Any:
            from core.digits.scores import compared

            digits = self._context.desk.digits
            one = digits.evaluate(job, first, Path(data))
            two = digits.evaluate(job, second, Path(data))
            return one, two, compared(one.evaluation, two.evaluation)

        self._context.jobs.start(
            self, f"Compare {self._models.name_of(first)} and {self._models.name_of(second)}", work, room=ROOM, lane="digits-training",
            can_retry=True, on_success=lambda found: self._compared(*found), on_failure=self._models.failed,
        )  # fmt: skip

    def _compared(self, one: Judged, two: Judged, duel: Any) -> None:
        self._models.show_judged(one)
        self._models.show_judged(two)
        lines = []
        for judged in (one, two):
            low, high = judged.evaluation.interval
            lines.append(
                (
                    self._models.name_of(judged.model),
                    f"{number(judged.evaluation.accuracy * 100, 2)} % right, "
                    f"95 % interval {number(low * 100, 2)} to {number(high * 100, 2)}",
                )
            )
        names = (self._models.name_of(one.model), self._models.name_of(two.model))
        learned = [name for name, judged in zip(names, (one, two), strict=True) if judged.learned]
        verdict = duel_words(duel, names, one.evaluation.count, learned)
        dialog = DuelDialog(
            lines, verdict, [(entry.method, entry.error_percent, entry.source) for entry in PUBLISHED], self._view
        )
        dialog.open()


def duel_words(duel: Duel, names: tuple[str, str], count: int, learned: Sequence[str]) -> str:
    """What two models' answers for the same digits allow to be said: of these two, and of digits like these."""
    seen = (
        f"Of {number(count)} digits, {number(duel.only_first_right)} are right with the first only and "
        f"{number(duel.only_second_right)} with the second only (both wrong: {number(duel.both_wrong)})."
    )
    if learned:
        return f"{seen} {' and '.join(learned)} learned from these very digits, so they say nothing of which is better with new ones."
    chance = (
        f"If neither were better, chance would part them as far in {percent(duel.p)} % of tries (exact McNemar test)"
    )
    if duel.p >= 0.05:
        return f"{seen} {chance}: these digits do not tell which is better."
    better = names[duel.only_second_right > duel.only_first_right]
    return f"{seen} {chance}: with digits like these {better} is better."
