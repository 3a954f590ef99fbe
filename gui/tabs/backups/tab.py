"""Builds the Backups page."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QWidget

from gui.bridge.tab_context import TabContext
from gui.tabs.backups.objects_presenter import ObjectsPresenter
from gui.tabs.backups.place import ROOM
from gui.tabs.backups.plans_presenter import PlansPresenter
from gui.tabs.backups.view import BackupsView


def build(context: TabContext, parent: QWidget | None = None) -> QWidget:
    """View and presenters, joined by commands; the presenters live as long as the view."""
    view = BackupsView(parent)
    plans = PlansPresenter(view.plans, context)
    objects = ObjectsPresenter(view.objects, context, lambda: [plan.target.bucket for plan in plans.shown.plans])
    view.plans_presenter, view.objects_presenter = plans, objects  # type: ignore[attr-defined]

    def add(name: str, title: str, run: Callable[[], object], icon: str, shortcut: str = "") -> QAction:
        return context.commands.add(f"{ROOM}.{name}", title, run, owner=view, room=ROOM, icon=icon, shortcut=shortcut)

    def refresh() -> None:
        (plans if view.halves.value == "plans" else objects).refresh()

    def show_object(bucket: str, key: str) -> None:
        view.show_half("objects")
        objects.go(bucket, key[: key.rfind("/") + 1], choose=key)

    def half_chosen(half: str) -> None:
        if half == "objects":
            objects.begin()

    def browse() -> None:
        view.show_half("objects")
        view.objects.table.setFocus()  # the arrows go through what is listed

    def find() -> None:
        view.show_half("objects")
        view.objects.search.setFocus()

    def inside(deed: Callable[[], object], *, chosen: bool = False) -> Callable[[], None]:
        """What is done in a bucket (``chosen``: or to one that is chosen); asked for from elsewhere it says where to go first."""

        def do() -> None:
            view.show_half("objects")
            if objects.chosen_bucket if chosen else objects.bucket:
                deed()
                return
            view.objects.table.setFocus()
            view.objects.banner.show_text("In which bucket?", "Open the one that is meant, then ask again", tone="info")

        return do

    def of_the_plan(deed: Callable[[], object]) -> Callable[[], None]:
        def do() -> None:
            view.show_half("plans")
            deed()

        return do

    back_up = add("run", "Back up now", plans.back_up, "archive", "Ctrl+Return")
    verify = add("verify", "Verify the plan's backup", plans.verify, "shield-check", "Ctrl+Shift+V")
    restore = add("restore", "Restore a backup", plans.dialogs.open_restore, "rotate-ccw")
    add("plan", "New backup plan", lambda: plans.dialogs.open_wizard(None), "plus")
    add("adopt", "Take over backups from a bucket", plans.dialogs.open_adopt, "rotate-ccw")
    add("objects", "Browse buckets and objects", browse, "folder-open")
    add("upload", "Upload files", inside(objects.transfers.choose_files), "upload")
    add("sync", "Synchronise a folder", inside(objects.sync.open), "folder-sync")
    add("bucket", "New bucket", objects.deeds.new_bucket, "plus")
    add("find", "Search objects", find, "search", "Ctrl+F")
    add("refresh", "Look again", refresh, "refresh-cw", "F5")
    of_plan = [
        add(name, title, of_the_plan(deed), icon)
        for name, title, deed, icon in (
            ("edit", "Edit the plan", lambda: plans.dialogs.open_wizard(plans.plan), "pencil"),
            ("schedule", "Schedule the plan on this computer", plans.dialogs.show_schedules, "calendar-clock"),
            ("test-schedule", "Test the plan as scheduled", plans.fixes.test_as_scheduled, "timer"),
            ("test-alert", "Send a test alert", plans.fixes.send_test, "bell"),
            ("rights", "Check the rights of this login", plans.fixes.check_rights, "key"),
            ("policies", "Policies for least privilege", plans.dialogs.show_policies, "shield"),
            ("forget", "Forget the plan", plans.dialogs.ask_remove, "trash-2"),
        )
    ]
    add("open", "Open a bucket by its name", objects.deeds.open_by_name, "folder-open")
    add("lifecycle", "Lifecycle rules of the bucket", inside(objects.deeds.open_lifecycle, chosen=True), "calendar")
    add("uploads", "Unfinished uploads of the bucket", inside(objects.deeds.open_uploads, chosen=True), "list")
    for name, button in (("run", view.back_up), ("verify", view.verify), ("restore", view.restore)):
        context.commands.button(f"{ROOM}.{name}", button)

    def weigh() -> None:
        stands = (view.back_up, plans.may_run), (view.verify, plans.may_verify), (view.restore, plans.may_restore)
        if any(button.hasFocus() and not may for button, may in stands):
            view.plans.list.take_keys()  # else the next button has them, and a second Enter does what nobody asked for
        back_up.setEnabled(plans.may_run)
        verify.setEnabled(plans.may_verify)
        restore.setEnabled(plans.may_restore)
        for action in of_plan:
            action.setEnabled(plans.plan is not None)

    plans.changed.connect(weigh)
    plans.object_asked.connect(show_object)
    view.half_chosen.connect(half_chosen)
    weigh()
    plans.refresh()
    return view
