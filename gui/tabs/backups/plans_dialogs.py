"""The dialogs of the plans half: the wizard, forgetting a plan, restoring, schedules and policies."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject

from core.backups.outcomes import Check, Finding
from core.backups.plan import Assertion, Plan
from core.base.errors import OpsError
from core.jobs.job import Job
from gui.parts.dialogs import ConfirmDialog
from gui.parts.words import command
from gui.tabs.backups import wording
from gui.tabs.backups.adopt_dialog import AdoptDialog
from gui.tabs.backups.place import ROOM
from gui.tabs.backups.plans_place import PlansPlace
from gui.tabs.backups.plans_servers import PlansServers
from gui.tabs.backups.restore_dialog import RestoreDialog
from gui.tabs.backups.text_dialog import TextDialog
from gui.tabs.backups.wizard import PlanWizard

if TYPE_CHECKING:
    from core.backups.adopting import Left


class PlansDialogs(QObject):
    """Opens them over ``page``, whose chosen plan they are about."""

    def __init__(self, page: PlansPlace, parent: QObject) -> None:
        super().__init__(parent)
        self.page = page

    def open_wizard(self, plan: Plan | None, step: str = "source") -> None:
        buckets = sorted({item.target.bucket for item in self.page.shown.plans})
        dialog = PlanWizard(plan, buckets, self.page.view.window())
        dialog.go(step)
        servers_of_profile = PlansServers(self.page, dialog)
        quiet = {"quiet": True, "lane": "backups-wizard"}

        def servers(job: Job[Any]) -> tuple[list[str], list[str]]:
            from core.backups.objects.service import Objects

            names = self.page.service.servers(job)
            try:
                listing = Objects(self.page.context.desk.workplace).buckets(buckets)
                return names, [item.name for item in listing.buckets]
            except OpsError:  # the bucket can still be typed, and "Check everything now" says what is wrong
                return names, buckets

        def show_servers(found: tuple[list[str], list[str]]) -> None:
            dialog.show_servers(found[0], own=servers_of_profile.names)
            current = dialog.bucket.currentText()
            dialog.bucket.clear()
            dialog.bucket.addItems(found[1])
            dialog.bucket.setCurrentText(current or (found[1][0] if found[1] else ""))

        def databases(server: str) -> None:
            self._ask(
                dialog, "List the databases", lambda job: self.page.service.databases(job, server), dialog.show_databases,
                dialog.show_database_fault, **quiet,
            )  # fmt: skip

        def try_it(draft: Plan, assertion: Assertion) -> None:
            def failed(fault: OpsError) -> None:
                dialog.show_check(assertion, Check(5, assertion.name, False, assertion.value, str(fault)))

            self._ask(
                dialog, "Run a check on the source", lambda job: self.page.service.try_on_source(job, draft, assertion),
                lambda check: dialog.show_check(assertion, check), failed, quiet=True,
            )  # fmt: skip

        def look(draft: Plan) -> None:
            dialog.show_checking(True)
            draft, coming = self._with_identity(draft, dialog), tuple(dialog.secrets(draft))
            self._ask(
                dialog, "Check the plan", lambda job: self.page.service.preflight(job, draft, coming), dialog.show_findings,
                dialog.show_fault, quiet=True,
            )  # fmt: skip

        def save(draft: Plan) -> None:
            draft = self._with_identity(draft, dialog)
            secrets = dialog.secrets(draft)
            dialog.accept_button.setEnabled(False)  # once is enough

            def saved(told: list[Finding]) -> None:
                dialog.accept()
                self.page.current, self.page.past = draft.name, None
                self.page.context.praise(f"The plan {draft.name} is saved.")
                self.page.refresh()
                self.page.tell_saved(told)

            self._ask(
                dialog, "Save the plan",
                lambda _job: self.page.service.save_plan(draft, replace=plan is not None, secrets=secrets), saved,
                dialog.show_fault, outlives_owner=True, quiet=True,
            )  # fmt: skip

        dialog.databases_asked.connect(databases)
        dialog.try_asked.connect(try_it)
        dialog.check_asked.connect(look)
        dialog.save_asked.connect(save)
        self._ask(dialog, "List the servers", servers, show_servers, dialog.show_database_fault, **quiet)
        dialog.open()

    def _with_identity(self, draft: Plan, dialog: PlanWizard) -> Plan:
        """An identity that was typed has a name, also where nobody gave it one."""
        if not dialog.identity_key.text().strip() or draft.proof.identity:
            return draft
        name = f"backup/{self.page.context.desk.profile.name}/{draft.name}/identity"
        return replace(draft, proof=replace(draft.proof, identity=name))

    def open_adopt(self) -> None:
        """Make a plan of backups that lie in a bucket."""
        page = self.page
        dialog = AdoptDialog(sorted({item.target.bucket for item in page.shown.plans}), page.view.window())
        PlansServers(page, dialog)

        def surroundings(job: Job[Any]) -> tuple[list[str], list[str]]:
            from core.backups.objects.service import Objects

            servers = page.service.servers(job)
            try:
                return servers, [item.name for item in Objects(page.context.desk.workplace).buckets([]).buckets]
            except OpsError:  # it can still be typed
                return servers, []

        def show(found: tuple[list[str], list[str]]) -> None:
            dialog.show_servers(found[0])
            dialog.show_buckets(found[1])

        def look(bucket: str, prefix: str) -> None:
            dialog.show_busy("Looking for backups")
            self._ask(
                dialog, f"Look for backups in {bucket}", lambda job: page.service.left_in(job, bucket, prefix),
                lambda found: dialog.show_found(found, [plan.name for plan in page.shown.plans]), dialog.show_fault, quiet=True,
            )  # fmt: skip

        def adopt(left: Left, server: str, folder: str, key: str) -> None:
            dialog.show_busy("Reading the newest manifest")
            name = f"backup/{page.context.desk.profile.name}/{left.plan}/identity" if key else ""

            def adopted(plan: Plan) -> None:
                dialog.accept()
                page.current, page.past = plan.name, None
                page.context.praise(f"The plan {plan.name} is made. Restore brings its backups back.")
                page.refresh()

            self._ask(
                dialog, f"Take over {left.plan}",
                lambda job: page.service.adopt(job, left, server=server, folder=folder, identity=name, key=key),
                adopted, dialog.show_fault, outlives_owner=True, quiet=True,
            )  # fmt: skip

        dialog.look_asked.connect(look)
        dialog.adopt_asked.connect(adopt)
        self._ask(dialog, "List the servers", surroundings, show, dialog.show_fault, quiet=True)
        dialog.open()

    def ask_remove(self) -> None:
        plan = self.page.plan
        if plan is None:
            return
        status = self.page.shown.statuses.get(plan.name)
        count = status.backups if status else 0
        dialog = ConfirmDialog(
            f"Forget the plan {plan.name}?",
            f"It will not run any more. Its {wording.count_of(count, 'backup')} and the evidence stay.",
            "Forget the plan", self.page.view.window(), environment=self.page.context.desk.profile.environment,
            hint="The bucket's lifecycle rule stays, too, and goes on deleting by age.",
            command=command(self.page.context.desk.profile.name, f"backup remove {shlex.quote(plan.name)}"),
        )  # fmt: skip

        def forget() -> None:
            self.page.start(
                f"Forget {plan.name}",
                lambda _job: self.page.service.remove_plan(plan.name),
                lambda _: self.page.refresh(),
                quiet=True,
            )

        dialog.confirmed.connect(forget)
        dialog.open()

    def open_restore(self) -> None:
        plan, past = self.page.plan, self.page.past
        if plan is None or past is None:
            return
        chosen = self.page.view.detail.history.backups.chosen
        status = self.page.shown.statuses.get(plan.name)
        dialog = RestoreDialog(
            plan,
            past.backups or [],
            chosen[0].id if chosen else "",
            self.page.context.desk.profile.environment,
            self.page.view.window(),
            lost=any(finding.rule == "source-lost" for finding in status.findings) if status else False,
        )
        if plan.is_database:
            PlansServers(self.page, dialog)
            self._ask(
                dialog,
                "List the servers",
                self.page.service.servers,
                dialog.show_servers,
                dialog.show_fault,
                quiet=True,
            )

        def preview(run: str, to: str) -> None:
            dialog.show_busy("Reading the manifest")
            self._ask(
                dialog, f"Preview the restore of {plan.name}",
                lambda job: self.page.service.preview_restore(job, plan.name, run=run, to=to), dialog.show_preview,
                dialog.show_fault, quiet=True,
            )  # fmt: skip

        def restore(run: str, to: str, confirm: str) -> None:
            dialog.accept()
            self.page.work(
                plan.name, f"Restore {plan.name} into {to}",
                lambda job: self.page.service.restore(job, plan.name, run=run, to=to, confirm=confirm),
                lambda done: self.page.context.praise(
                    " ".join(
                        (
                            f"Restored {wording.count_of(done.items, 'table' if plan.is_database else 'file')} into {done.to}"
                            f" in {wording.span(done.seconds)}.",
                            *done.notes,
                        )
                    )
                ),
                write=True,
            )  # fmt: skip

        dialog.preview_asked.connect(preview)
        dialog.restore_asked.connect(restore)
        dialog.open()

    def show_schedules(self) -> None:
        plan = self.page.plan
        if plan is None:
            return

        def show(exports: Sequence[Any]) -> None:
            texts, notes, verbs = [], {}, {}
            for item in exports:
                body = "\n\n".join(f"# {name}\n{text}" for name, text in item.files.items())
                texts.append((item.kind, item.kind, "\n\n".join(filter(None, (body, "\n".join(item.commands))))))
                state = (
                    "Installed here."
                    if item.installed
                    else "This computer has it."
                    if item.available
                    else "Not on this computer."
                )
                notes[item.kind] = f"{state} {item.note}".strip()
                verbs[item.kind] = ("Remove" if item.installed else "Install") if item.available else ""
            dialog = TextDialog(
                f"Let the system run {plan.name}",
                texts,
                self.page.view.window(),
                notes=notes,
                verbs=verbs,
                first=max(exports, key=lambda item: (item.installed, item.available)).kind,
            )

            def act(kind: str) -> None:
                call = (
                    self.page.service.remove_schedule if verbs[kind] == "Remove" else self.page.service.install_schedule
                )
                dialog.accept()
                self.page.start(
                    f"{verbs[kind]} the schedule", lambda job: call(job, plan.name, kind),
                    lambda done: self.page.context.praise(
                        f"{done.kind} runs {plan.name}" if done.installed else f"{done.kind} does not run {plan.name} any more"
                    ),
                )  # fmt: skip

            dialog.asked_for.connect(act)
            dialog.open()

        self.page.start("Look at the schedulers", lambda _job: self.page.service.schedules(plan.name), show, quiet=True)

    def show_policies(self) -> None:
        plan = self.page.plan
        if plan is None:
            return
        import json

        words = {"backup": "Backup", "verify": "Verify", "admin": "Admin"}
        texts = [
            (name, words.get(name, name), json.dumps(text, indent=2))
            for name, text in self.page.service.policies(plan).items()
        ]
        notes = {
            "backup": "For the timer that backs up: it may add, and neither read nor delete.",
            "verify": "For the proof: it may read, and write nothing.",
            "admin": "For people: lifecycle, locks and deleting. Not for timers.",
        }
        TextDialog(f"Policies for {plan.name}", texts, self.page.view.window(), notes=notes).open()

    def _ask(
        self,
        owner: QObject,
        title: str,
        work: Callable[[Job[Any]], Any],
        done: Callable[[Any], None],
        failed: Callable[[OpsError], None],
        **options: Any,
    ) -> None:
        """For a dialog: the answer comes to it, and to nobody once it is gone."""
        self.page.context.jobs.start(owner, title, work, room=ROOM, on_success=done, on_failure=failed, **options)
