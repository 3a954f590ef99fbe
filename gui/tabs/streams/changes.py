"""Decides for what changes streams: making and deleting them, their shards, a replay; each after a look at what it means."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog
from shiboken6 import isValid

from core.base.errors import OpsError
from core.streams.service import StreamDetails
from core.streams.shards import ReshardPlan
from gui.bridge.tab_context import TabContext
from gui.parts.dialogs import ConfirmDialog
from gui.parts.words import command, number
from gui.tabs.streams.dialogs import CreateDialog, FanOutDialog, ReplayDialog, ReshardDialog
from gui.tabs.streams.dials_dialog import DialsDialog
from gui.tabs.streams.view import StreamsView
from gui.tabs.streams.wording import shard_word


class Changes(QObject):
    """Does nothing while the profile is locked; ``made`` names a new stream ("" after a deletion)."""

    made = Signal(str)
    reshaped = Signal()
    failed = Signal(object)  # OpsError

    def __init__(self, view: StreamsView, context: TabContext, details: Callable[[], StreamDetails | None]) -> None:
        super().__init__(view)
        self._view, self._context, self._details = view, context, details
        self._service = context.desk.streams

    # -- streams ------------------------------------------------------------------
    def ask_create(self) -> None:
        if self._context.guard.locked:
            return
        dialog = CreateDialog(self._view)
        dialog.create_asked.connect(partial(self._create, dialog))
        dialog.open()

    def _create(self, dialog: CreateDialog, name: str, shards: int) -> None:
        dialog.accept_button.setEnabled(False)

        def refused(fault: OpsError) -> None:
            if isValid(dialog):
                dialog.show_fault(fault)
            else:  # it was closed meanwhile
                self.failed.emit(fault)

        def done() -> None:
            if isValid(dialog):
                dialog.accept()
            self._context.praise(f"{name} is ready")
            self.made.emit(name)

        self._context.jobs.start(
            self,
            f"Create the stream {name}",
            lambda job: self._service.create(job, name, shards or None),
            room="streams",
            write=True,
            outlives_owner=True,
            on_success=lambda _nothing: done(),
            on_failure=refused,
        )

    def ask_delete(self) -> None:
        details = self._details()
        if details is None or self._context.guard.locked:
            return
        profile, consumers = self._context.desk.profile, details.consumer_count
        lost = f"{number(len(details.open_shards))} shards and all records of the last {details.retention_hours} hours"
        if consumers:
            who = f" ({', '.join(details.consumers)})" if details.consumers else ""
            lost += f", and {number(consumers)} registered consumer{'s' if consumers > 1 else ''}{who},"
        dialog = ConfirmDialog(
            f"Delete the stream {details.name}?",
            f"{lost} are removed.",
            "Delete 1 stream",
            self._view,
            environment=profile.environment,
            hint="Whoever writes to it or reads it will fail. It cannot be undone.",
            type_this=details.name,
            command=command(
                profile.name,
                f"streams delete {details.name} --yes {details.name}" + (" --with-consumers" if consumers else ""),
            ),
        )
        dialog.confirmed.connect(partial(self._delete, details.name, bool(consumers)))
        dialog.open()

    def _delete(self, name: str, with_consumers: bool) -> None:
        def done(_nothing: object) -> None:
            self._context.praise(f"{name} is deleted")
            self.made.emit("")

        self._context.jobs.start(
            self,
            f"Delete the stream {name}",
            lambda job: self._service.delete(job, name, with_consumers=with_consumers),
            room="streams",
            write=True,
            outlives_owner=True,
            on_success=done,
            on_failure=self.failed.emit,
        )

    # -- shards -------------------------------------------------------------------
    def ask_scale(self) -> None:
        details = self._details()
        if details is None or self._context.guard.locked:
            return
        name, now = details.name, len(details.open_shards)
        dialog = self._dialog(f"Scale {name}", name, count=now * 2)
        dialog.count_changed.connect(lambda count: self._think(dialog, partial(self._service.plan_scale, name, count)))

        def scale() -> None:
            count = dialog.count.value()
            self._reshard(f"Scale {name} to {count} shards", lambda job: self._service.scale(job, name, count))

        dialog.reshard_asked.connect(scale)
        dialog.open()

    def ask_split(self, shard: str) -> None:
        details = self._details()
        if details is None or not shard or self._context.guard.locked:
            return
        name = details.name
        dialog = self._dialog(f"Split {shard_word(shard).lower()} of {name}", name)
        dialog.count_changed.connect(lambda _count: self._think(dialog, partial(self._service.plan_split, name, shard)))
        dialog.reshard_asked.connect(
            lambda: self._reshard(
                f"Split {shard_word(shard).lower()} of {name}", lambda job: self._service.split(job, name, shard)
            )
        )
        dialog.open()

    def ask_merge(self, one: str, other: str) -> None:
        details = self._details()
        if details is None or self._context.guard.locked:
            return
        name = details.name
        dialog = self._dialog(f"Merge two shards of {name}", name)
        dialog.count_changed.connect(
            lambda _count: self._think(dialog, partial(self._service.plan_merge, name, one, other))
        )
        dialog.reshard_asked.connect(
            lambda: self._reshard(f"Merge two shards of {name}", lambda job: self._service.merge(job, name, one, other))
        )
        dialog.open()

    def _dialog(self, title: str, stream: str, *, count: int | None = None) -> ReshardDialog:
        environment = self._context.desk.profile.environment
        confirm = stream if environment == "production" else ""
        return ReshardDialog(title, environment, self._view, count=count, confirm=confirm)

    def _think(self, dialog: ReshardDialog, plan: Callable[[], ReshardPlan]) -> None:
        """The dry run, with the shards as they are now."""
        profile = self._context.desk.profile.name
        self._context.jobs.start(
            dialog,
            "Think a change of shards through",
            lambda _job: plan(),
            room="streams",
            lane="streams.plan",
            newest_only=True,
            quiet=True,
            on_success=lambda found: dialog.show_plan(replace(found, command=command(profile, found.command))),
            on_failure=lambda fault: dialog.show_fault(fault.title, fault.why, fault.remedy, fault.details),
        )

    def _reshard(self, title: str, work: Callable[..., ReshardPlan]) -> None:
        def done(plan: ReshardPlan) -> None:
            self._context.praise(f"{plan.title}: done")
            self.reshaped.emit()

        self._context.jobs.start(
            self,
            title,
            work,
            room="streams",
            write=True,
            outlives_owner=True,
            on_success=done,
            on_failure=self.failed.emit,
        )

    # -- enhanced fan-out ---------------------------------------------------------
    def ask_fan_out(self, details: StreamDetails, then: Callable[[], None]) -> None:
        """It costs money and takes a consumer's place, so it is asked about first; ``then`` does it."""
        if self._context.guard.locked:
            self.failed.emit(
                OpsError(
                    "Enhanced fan-out registers a consumer",
                    f"{self._context.desk.profile.name} is read-only",
                    "Unlock it in the header first",
                    code="locked",
                )
            )
            return
        environment = self._context.desk.profile.environment
        dialog = FanOutDialog(details.name, len(details.open_shards), details.consumer_count, environment, self._view)
        dialog.accepted.connect(then)
        dialog.open()

    # -- replay -------------------------------------------------------------------
    def ask_replay(self) -> None:
        """Choose an exported file, and say what sending it again means, before it is done."""
        details = self._details()
        if details is None or self._context.guard.locked:
            return
        chosen, _ = QFileDialog.getOpenFileName(
            self._view, "Send an exported file again", "", "Exported records (*.jsonl *.csv *.parquet)"
        )
        if not chosen:
            return
        path, profile = Path(chosen), self._context.desk.profile
        line = command(profile.name, f"streams replay {details.name} {shlex.quote(str(path))}")
        dialog = ReplayDialog(path, details.name, profile.environment, line, self._view)
        dialog.accepted.connect(partial(self.replay, path, details.name))
        dialog.open()

    def replay(self, path: Path, name: str) -> None:
        """Send the records of an exported file into the stream, with their keys and in their order."""
        self._context.jobs.start(
            self,
            f"Replay {path.name} into {name}",
            lambda job: self._service.replay(job, name, path),
            room="streams",
            outlives_owner=True,
            on_success=lambda told: self._context.praise(
                f"{number(told.acknowledged)} records of {path.name} are in {name}"
            ),
            on_failure=self.failed.emit,
        )

    # -- the sandbox's dials --------------------------------------------------------
    def ask_dials(self) -> None:
        dials = self._context.desk.dials
        if dials is None:
            return
        dialog = DialsDialog(self._view)
        told = partial(self._dials_failed, dialog)

        def turn(faults: object) -> None:
            self._context.jobs.start(
                dialog, "Turn the sandbox's dials", lambda _job: dials.turn(faults), room="streams", quiet=True,  # type: ignore[arg-type]
                on_success=lambda _faults: dialog.accept(), on_failure=told,
            )  # fmt: skip

        dialog.turned.connect(turn)
        self._context.jobs.start(
            dialog, "Read the sandbox's dials", lambda _job: dials.read(), room="streams", quiet=True,
            on_success=dialog.show_faults, on_failure=told,
        )  # fmt: skip
        dialog.open()

    @staticmethod
    def _dials_failed(dialog: DialsDialog, fault: OpsError) -> None:
        dialog.show_fault(fault.title, fault.why, fault.remedy)
