"""A folder of this computer and the browser's place made alike: compared, shown, asked about where anything is deleted."""

from __future__ import annotations

from PySide6.QtCore import QObject

from core.backups.objects.address import Address
from core.backups.objects.values import Comparison
from gui.parts.dialogs import ConfirmDialog
from gui.parts.words import byte_size
from gui.tabs.backups import wording
from gui.tabs.backups.objects_transfers import ObjectsTransfers
from gui.tabs.backups.place import ROOM, Place
from gui.tabs.backups.sync_dialog import SyncDialog, SyncWish


class ObjectsSync(QObject):
    def __init__(self, place: Place, transfers: ObjectsTransfers, parent: QObject) -> None:
        super().__init__(parent)
        self.place, self.transfers = place, transfers

    def open(self) -> None:
        if not self.place.bucket:
            return
        here = Address(self.place.bucket, self.place.prefix)
        known = self.place.context.memory.get("backups.sync_folders", {})
        folder = str(known.get(str(here), "")) if isinstance(known, dict) else ""
        profile = self.place.context.desk.profile.name
        dialog = SyncDialog(here, profile, folder, self.place.view.window(), may_write=self.place.may_write)

        def compare(wish: SyncWish) -> None:
            dialog.show_busy("Comparing")

            def found(result: Comparison) -> None:
                if dialog.wish == wish:  # else it was changed meanwhile
                    dialog.show_found(result)

            self.place.context.jobs.start(
                dialog, f"Compare {wish.folder.name} with {here}",
                lambda job: self.place.objects.compare(
                    job, wish.folder, wish.place, upward=wish.upward, contents=wish.contents, exclude=wish.exclude
                ),
                room=ROOM, on_success=found, on_failure=dialog.show_fault, on_cancelled=lambda: dialog.show_busy(""),
            )  # fmt: skip

        def sync(result: Comparison, remove: bool) -> None:
            command = dialog.wish.command(profile, remove=remove)
            dialog.accept()
            self.place.context.memory.put("backups.sync_folders", {str(here): str(result.folder)})
            if remove:
                self._ask(result, command)
            else:
                self._carry_out(result, remove=False)

        dialog.compare_asked.connect(compare)
        dialog.sync_asked.connect(sync)
        dialog.open()

    def _ask(self, found: Comparison, command: str) -> None:
        """What is deleted is asked about by itself, with its number and what becomes of it."""
        place, bucket = self.place, found.place.bucket

        def ask(keeps: bool | None) -> None:
            count, size = len(found.surplus), sum(item.size for item in found.surplus)
            what = wording.count_of(count, "object" if found.upward else "file")
            where = str(found.place if found.upward else found.folder)
            if not found.upward:
                hint = "Files of this computer are deleted for good, not moved to the bin."
            elif keeps:
                hint = "The bucket keeps versions: they can be undeleted."
            else:
                hint = "This cannot be undone." if keeps is False else "Whether versions are kept is not known."
            guarded = place.environment == "production" or (not (found.upward and keeps) and count > 100)
            dialog = ConfirmDialog(
                f"Delete {what}?", f"{what} ({byte_size(size)}) of {where} are not in the source; they are deleted once everything else was carried.",
                f"Delete {what}", place.view.window(), environment=place.environment, hint=hint,
                type_this=where if guarded else "", command=command,
            )  # fmt: skip
            dialog.confirmed.connect(lambda: self._carry_out(found, remove=True))
            dialog.open()

        if found.upward:
            place.start(f"Look at {bucket}", lambda _job: place.objects.keeps_versions(bucket), ask, quiet=True)
        else:
            ask(None)

    def _carry_out(self, found: Comparison, *, remove: bool) -> None:
        bucket, prefix = self.place.bucket, self.place.prefix
        self.transfers.transfer(
            f"Synchronise {found.folder.name} and {found.place}", lambda job: self.place.objects.carry_out(job, found, remove=remove),
            "uploaded" if found.upward else "downloaded", write=found.upward, done=lambda _moved: self.place.refresh_if(bucket, prefix),
        )  # fmt: skip
