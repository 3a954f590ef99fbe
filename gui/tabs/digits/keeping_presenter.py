"""Leads keeping: use, rename, delete, export, import, S3, and the command line of a model."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog

from core.base.errors import OpsError
from gui.bridge.tab_context import TabContext
from gui.parts.dialogs import ConfirmDialog, LineDialog
from gui.parts.words import byte_size, command
from gui.tabs.digits.ask_dialogs import AboutDialog
from gui.tabs.digits.models_presenter import DATA, MODEL, ROOM, ModelsPresenter
from gui.tabs.digits.shown_models import facts_of
from gui.tabs.digits.view import DigitsView


class KeepingPresenter(QObject):
    live_changed = Signal()

    def __init__(self, view: DigitsView, context: TabContext, models: ModelsPresenter) -> None:
        super().__init__(view)
        self._view, self._context, self._models = view, context, models
        self._actions = {
            "use": self._use,
            "rename": self._rename,
            "delete": self._delete,
            "export": self._export,
            "onnx": self._export_onnx,
            "s3": self._store,
            "fetch": self._fetch,
            "cli": self._copy_command,
            "about": self._about,
        }
        view.models.import_asked.connect(self._import)
        view.models.action_asked.connect(self._act)

    def _act(self, action: str, model: str) -> None:
        if action in self._actions:  # the others are explored: see ExplorePresenter
            self._actions[action](model)

    def _quick(self, title: str, work: Any, done: str = "", *, after: Any = None, otherwise: Any = None) -> None:
        """after: with the result; otherwise: when it failed or was cancelled."""

        def succeeded(result: Any) -> None:
            if done:
                self._context.praise(done)
            if after:
                after(result)
            self._models.refresh()

        def failed(fault: OpsError) -> None:
            self._models.failed(fault)
            if otherwise:
                otherwise()

        self._models.clear_fault()
        self._context.jobs.start(
            self, title, work, room=ROOM, write=True, on_success=succeeded, on_failure=failed, on_cancelled=otherwise
        )

    def _use(self, model: str) -> None:
        self._view.draw.show_live("Opening …", "info")  # scikit-learn takes seconds to be there
        self._quick(
            f"Open {self._models.name_of(model)}",
            lambda job: self._context.desk.digits.live.use(job, model),
            after=lambda _: self._in_use(model),
            otherwise=lambda: self._view.draw.show_live("Live", "success"),  # the one before still answers
        )

    def _in_use(self, model: str) -> None:
        self._context.memory.put(MODEL, model)
        self.live_changed.emit()

    def _about(self, model: str) -> None:
        def work(_job: Any) -> list[tuple[str, str]]:
            from core.digits.registry import Kept

            digits = self._context.desk.digits
            found = [entry for entry in digits.models() if isinstance(entry, Kept) and entry.id == model]
            return facts_of(found[0]) if found else []

        def show(facts: list[tuple[str, str]]) -> None:
            dialog = AboutDialog(self._models.name_of(model), facts, self._view)
            dialog.open()

        self._context.jobs.start(
            self, "Read a model's card", work, quiet=True, on_success=show, on_failure=self._models.failed
        )

    def _rename(self, model: str) -> None:
        dialog = LineDialog("Rename the model", "Name", "Rename", self._models.name_of(model), parent=self._view)
        dialog.ordered.connect(
            lambda name: self._quick(
                "Rename a model", lambda _job: self._context.desk.digits.registry.rename(model, name)
            )
        )
        dialog.open()

    def _delete(self, model: str) -> None:
        row = next((row for row in self._models.rows if row.id == model), None)
        if row is None:
            return
        dialog = ConfirmDialog(
            "Delete this model?",
            f"“{row.name}” ({byte_size(row.size or 0)}) is removed from this computer",
            "Delete 1 model",
            self._view,
            hint="Export it first if you may want it back.",
        )
        dialog.confirmed.connect(
            lambda: self._quick(
                "Delete a model",
                lambda job: self._context.desk.digits.delete_model(job, model),
                after=lambda _: self._deleted(model),
            )
        )
        dialog.open()

    def _deleted(self, model: str) -> None:
        if self._context.memory.get(MODEL, "") == model:  # the one that ships answers now
            self._in_use("")

    def _export(self, model: str) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self._view, "Export the model", f"{self._models.name_of(model)}.model", "Model (*.model *.npz)"
        )
        if path:
            self._quick(
                "Export a model",
                lambda _job: self._context.desk.digits.registry.export(model, Path(path)),
                f"Exported to {path}",
            )

    def _export_onnx(self, model: str) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self._view, "Export as ONNX", f"{self._models.name_of(model)}.onnx", "ONNX (*.onnx)"
        )
        if path:
            self._quick(
                "Export as ONNX",
                lambda job: self._context.desk.digits.export_onnx(job, model, Path(path)),
                f"Exported to {path}. A graph never refuses a picture: “not a digit” is known here alone",
            )

    def _store(self, model: str) -> None:
        dialog = LineDialog(
            "Store the model in S3", "Place", "Store", "s3://", "s3://bucket/prefix/ keeps the file's name", self._view
        )
        dialog.ordered.connect(
            lambda place: self._quick(
                "Store a model in S3",
                lambda job: self._context.desk.digits.upload_model(job, model, place),
                "Stored in S3",
            )
        )
        dialog.open()

    def _fetch(self, _model: str) -> None:
        dialog = LineDialog("Load a model from S3", "Object", "Load", "s3://", "s3://bucket/name.model", self._view)
        dialog.ordered.connect(
            lambda place: self._quick(
                "Load a model from S3",
                lambda job: self._context.desk.digits.download_model(job, place),
                "Loaded from S3",
            )
        )
        dialog.open()

    def _copy_command(self, model: str) -> None:
        data = self._context.memory.get(DATA, "") or "FILE"
        words = f"digits evaluate --model {shlex.quote(model)} --data {shlex.quote(data)} --json"
        QGuiApplication.clipboard().setText(command(self._context.desk.profile.name, words))
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
