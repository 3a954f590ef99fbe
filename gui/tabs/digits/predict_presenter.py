"""Leads predicting a file: to disk, to S3, and what became of bad rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject

from gui.bridge.tab_context import TabContext
from gui.parts.desktop import show_file
from gui.parts.words import number
from gui.tabs.digits.ask_dialogs import PredictDialog
from gui.tabs.digits.models_presenter import ROOM, ModelsPresenter
from gui.tabs.digits.values import PredictWish
from gui.tabs.digits.view import DigitsView

if TYPE_CHECKING:
    from core.jobs.job import Job

_TEST_DATA = "digits.test"


class PredictPresenter(QObject):
    def __init__(self, view: DigitsView, context: TabContext, models: ModelsPresenter) -> None:
        super().__init__(view)
        self._view, self._context, self._models = view, context, models
        view.models.predict_asked.connect(self._open_predict)
        context.commands.add(
            "digits.predict", "Predict a file of digits", self._predict_chosen, owner=view, room=ROOM, icon="file-up"
        )

    def _predict_chosen(self) -> None:
        self._open_predict(self._view.models.chosen_id)

    def _open_predict(self, model: str) -> None:
        if not model:
            return
        dialog = PredictDialog(self._models.name_of(model), self._context.memory.get(_TEST_DATA, ""), self._view)
        dialog.ordered.connect(lambda wish: self._predict(model, wish))
        dialog.open()

    def _predict(self, model: str, wish: PredictWish) -> None:
        self._context.memory.put(_TEST_DATA, wish.data)
        self._models.clear_fault()
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
            show_file(Path(target).parent, self._context.praise)

        self._context.jobs.start(
            self, f"Predict {Path(wish.data).name}", work, room=ROOM, write=True, can_retry=True,
            on_success=self._predicted, on_failure=self._models.failed,
            after=lambda _result: ("Show in folder", show_folder) if target else None,
        )  # fmt: skip

    def _predicted(self, result: Any) -> None:
        words = f"{number(result.predicted)} rows predicted, {number(result.unsure)} not sure (below {result.sure_from * 100:.0f} %)"
        self._view.models.fault.hide()
        if result.doubt:
            self._view.models.fault.show_text("The answers are doubtful", f"{result.doubt}.", tone="warning")
        elif result.bad_count:
            first = result.bad[0]
            self._view.models.fault.show_text(
                f"{number(result.bad_count)} rows could not be predicted and were left blank",
                f"The first is line {first.line}: {first.why}. Kaggle takes no submission with a blank label.",
                tone="warning",
                details="\n".join(f"line {row.line}: {row.why}" for row in result.bad),
            )
        self._context.praise(words)
