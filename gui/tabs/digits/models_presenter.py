"""Leads the list of models: reads the registry, keeps the choice, and shows how good the chosen model is.

The other presenters of the page (training, exploring, predicting, keeping) work on this list.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer

from core.base.errors import OpsError
from gui.bridge.tab_context import TabContext
from gui.tabs.digits.shown_models import overview_of, row_of
from gui.tabs.digits.values import ModelRow, Overview
from gui.tabs.digits.view import DigitsView

if TYPE_CHECKING:
    from core.digits.judgements import Judged

ROOM = "digits"
DATA = "digits.data"
"""Where the page remembers the data set that was used last."""

MODEL = "digits.model"
"""Where it remembers the model that reads drawings; "" for the one that ships."""

_JUDGED_IN_MEMORY = 4  # evaluations with their pictures: 8 MB for 10,000 digits each


class ModelsPresenter(QObject):
    def __init__(self, view: DigitsView, context: TabContext) -> None:
        super().__init__(view)
        self._view, self._context = view, context
        self.rows: list[ModelRow] = []
        self._training: dict[int, ModelRow] = {}
        self._judged: OrderedDict[str, Judged] = OrderedDict()
        self._cards: dict[str, Overview | None] = {}
        self._nothing_kept: set[str] = set()
        self._wanted = ""  # the model to choose once the list shows it
        view.models.chosen.connect(self._show_chosen)
        context.commands.add(
            "digits.refresh", "Refresh the list of models", self.refresh, owner=view, room=ROOM,
            icon="refresh-cw", shortcut="F5",
        )  # fmt: skip
        QTimer.singleShot(0, self.refresh)

    # -- the list ---------------------------------------------------------------
    def refresh(self) -> None:
        def work(_job: Any) -> list[tuple[ModelRow, Overview | None]]:
            from core.digits.registry import Kept

            digits = self._context.desk.digits
            return [
                row_of(entry, digits.live.wanted, digits.scores(entry) if isinstance(entry, Kept) else {})
                for entry in digits.models()
            ]

        self._context.jobs.start(
            self, "List the models", work, lane="digits-models", quiet=True, newest_only=True,
            on_success=self._listed, on_failure=self.failed,
        )  # fmt: skip

    def _listed(self, found: list[tuple[ModelRow, Overview | None]]) -> None:
        self.rows = [row for row, _ in found]
        self._cards = {row.id: overview for row, overview in found}
        self._show_rows()
        if self._wanted and any(row.id == self._wanted for row in self.rows):
            index = next(index for index, row in enumerate(self.rows) if row.id == self._wanted)
            self._wanted = ""
            self._view.models.table.selectRow(index + len(self._training))
        self._show_chosen(self._view.models.chosen_id)

    def _show_rows(self) -> None:
        self._view.models.show_models([*self._training.values(), *self.rows])

    def _show_chosen(self, model: str) -> None:
        explore = self._view.explore
        judged = self._judged.get(model)
        if judged is not None:
            explore.show_overview(overview_of(self.name_of(model), judged.data, judged.evaluation))
            return
        if self._cards.get(model):
            explore.show_overview(self._cards[model])
        else:
            row = next((row for row in [*self._training.values(), *self.rows] if row.id == model), None)
            state = row.state if row else ""
            explore.show_overview(
                None,
                {
                    "training": "The figures come when the training is done",
                    "damaged": row.why if row else "",
                    "": "There is no model yet: train one",
                }.get(state, "Not measured yet: evaluate it on labelled digits"),
            )
        if model in self._cards and model not in self._nothing_kept:
            self._recall(model)

    def _recall(self, model: str) -> None:
        """Fetch the pictures of an evaluation from before a restart."""

        def recalled(judged: Judged | None) -> None:
            if judged is None:
                self._nothing_kept.add(model)
            elif model not in self._judged:
                self._remember(judged)

        self._context.jobs.start(
            self, "Recall the newest evaluation", lambda _job: self._context.desk.digits.recalled(model),
            lane="digits-recall", quiet=True, newest_only=True, on_success=recalled, on_failure=self.failed,
        )  # fmt: skip

    # -- what the other presenters tell -----------------------------------------
    def judged(self, model: str) -> Judged | None:
        return self._judged.get(model)

    def _remember(self, judged: Judged) -> None:
        self._judged[judged.model] = judged
        self._judged.move_to_end(judged.model)
        while len(self._judged) > _JUDGED_IN_MEMORY:
            self._judged.popitem(last=False)
        if self._view.models.chosen_id == judged.model:
            self._show_chosen(judged.model)

    def show_judged(self, judged: Judged) -> None:
        """A fresh evaluation: of the model that is chosen, or of one that was just trained."""
        self._nothing_kept.discard(judged.model)
        self._remember(judged)
        self.refresh()

    def show_training(self, number: int, row: ModelRow | None) -> None:
        """A training under way as a line of the table; None when it has ended."""
        if row is None:
            self._training.pop(number, None)
        else:
            self._training[number] = row
        self._show_rows()

    def training(self, number: int) -> ModelRow | None:
        return self._training.get(number)

    def choose(self, model: str) -> None:
        """Choose a model as soon as the list shows it."""
        self._wanted = model
        self.refresh()

    @property
    def names(self) -> set[str]:
        """Of all models that are there or in the making."""
        return {row.name for row in [*self._training.values(), *self.rows]}

    def name_of(self, model: str) -> str:
        return next((row.name for row in self.rows if row.id == model), model)

    def failed(self, fault: OpsError) -> None:
        details = "\n".join(f"{key}: {value}" for key, value in fault.details.items())
        self._view.models.fault.show_text(
            fault.title, " ".join(part.rstrip(".") + "." for part in (fault.why, fault.remedy) if part), details=details
        )

    def clear_fault(self) -> None:
        self._view.models.fault.hide()
