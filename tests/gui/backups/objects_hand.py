"""The objects half with objects that answer from memory, and the ways into it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

from PySide6.QtWidgets import QApplication

from core.backups.objects.values import (
    Amount,
    Bucket,
    BucketFacts,
    BucketList,
    Deleted,
    Entry,
    Moved,
    ObjectFacts,
    Page,
)
from core.base.errors import OpsError

NOW = datetime(2026, 11, 22, tzinfo=UTC)


class FakeObjects:
    """A bucket in memory."""

    def __init__(self) -> None:
        self.trouble: OpsError | None = None
        self.asked: list[Any] = []
        self.keeps: bool | None = False
        self.gate: threading.Event | None = None
        self.count = Amount(1, 10)

    def buckets(self, known: Any = ()) -> BucketList:
        return BucketList((Bucket("vault", NOW),))

    def page(self, bucket: str, prefix: str = "", token: str = "", *, size: int = 1000) -> Page:
        if self.gate and prefix == "slow/":
            self.gate.wait(5)
        if self.trouble:
            raise self.trouble
        if token:
            return Page((Entry(f"{prefix}last", 1, NOW, "STANDARD"),))
        if prefix:
            return Page((Entry(f"{prefix}inside", 5, NOW, "STANDARD"),))
        return Page((Entry("slow/", folder=True), Entry("a.txt", 10, NOW, "STANDARD")), "more")

    def bucket_facts(self, name: str) -> BucketFacts:
        return BucketFacts(
            name, "Off", "us-east-1", lifecycle_rules=0, lacking=("This endpoint does not offer the encryption",)
        )

    def object_facts(self, bucket: str, key: str, version: str = "") -> ObjectFacts:
        return ObjectFacts(bucket, key, 10, NOW, "etag", metadata={"rows": "12"})

    def amount(self, job: Any, bucket: str, entries: Any, *, versions: bool = False) -> Amount:
        return self.count

    def keeps_versions(self, bucket: str) -> bool | None:
        return self.keeps

    def delete(self, job: Any, bucket: str, entries: Any, *, versions: bool = False, total: Any = None) -> Deleted:
        self.asked.append(("delete", bucket, [entry.key for entry in entries], versions))
        return Deleted(0, (("a.txt", "No permission, or a lock keeps it"),), 1)

    def upload(self, job: Any, paths: Any, bucket: str, prefix: str, *, replace: bool = True, **_: Any) -> Moved:
        self.asked.append(("upload", list(paths), prefix, replace))
        return Moved(1, 3, seconds=0.1)


def opened(qtbot, make_page, profile: str = "sandbox") -> tuple[Any, Any, list[str]]:
    """The view, its objects and what was praised, once the buckets are shown."""
    view, _desk, praised = make_page(profile)
    fake = FakeObjects()
    view.objects_presenter.__dict__["objects"] = fake
    view.show_half("objects")
    qtbot.waitUntil(lambda: view.objects_presenter.listing.state.value == "shown")
    return view, fake, praised


def enter(qtbot, view) -> None:
    view.objects_presenter.go("vault")
    qtbot.waitUntil(lambda: view.objects.table.row_model.rowCount() == 2)


def dialog_of(kind: type) -> Any:
    return next(w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible())
