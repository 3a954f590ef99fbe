"""The verbs of the backups room, with typed values in and out; the window and the command line both call these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from core.aws.workplace import Workplace
from core.backups import adopting, alerts, policies, preflight, restoring, scheduling, standing
from core.backups.addresses import Addresses
from core.backups.assertions import check_assertion
from core.backups.backing import BackupRun, endpoint_fact_name, recover
from core.backups.catching_up import FROM_THE_FUTURE
from core.backups.due import VERIFYING, Due
from core.backups.ledger import Ledger
from core.backups.lifecycle import expiry, write_rule
from core.backups.outcomes import (
    Backup,
    Check,
    Delivery,
    EndpointFacts,
    Finding,
    PlanStatus,
    Restored,
    RestorePreview,
    Run,
    Severity,
    Verification,
)
from core.backups.plan import Assertion, Plan, Source, Target
from core.backups.plans import PlanStore
from core.backups.rehearsal import Rehearsal, choose
from core.backups.report import evidence_paths, write_evidence
from core.backups.rules import Evidence, plan_status
from core.backups.saving import save
from core.backups.server import SYSTEM_SCHEMAS, Login, abandon, connected, login_to, rows_of
from core.backups.targets import Options
from core.backups.telling import UNTIL_BACKED_UP, Telling
from core.backups.vault import Vault, endpoint_facts
from core.base.errors import OpsError, WrongUse
from core.jobs.calendar import is_due
from core.jobs.job import Job
from core.jobs.lock import is_locked, plan_lock
from core.jobs.timers import ScheduleExport
from core.settings.profiles import MysqlSource, mysql_secret

_WATCHED = ("silence", "half-retention", "stale", "proof-vanishes", "all-gone", "proof-gone", "expiry-shared")
"""Rules that nobody hears of otherwise: nothing failed, and no page is open."""


class BackupsService:
    """Everything that takes a ``job`` may take long (network, processes): call it from a job. The rest is quick and local."""

    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace
        self._store = PlanStore(workplace.places, workplace.profile.name)
        folder = workplace.places.state / "backups" / workplace.profile.name
        self._locks, self._evidence = folder / "locks", folder / "evidence"
        self._ledger = Ledger(folder / "ledger.sqlite")
        self._addresses = Addresses(workplace.secrets, workplace.profile.name)
        self._due = Due(self._store, self._ledger, self._locks, workplace.clock)
        self._telling = Telling(workplace, self._ledger, self._addresses)
        self.alert_listeners = self._telling.listeners
        """The window's hooks for desktop notifications; called from the job's thread."""

    def close(self) -> None:
        self._ledger.close()

    # -- plans --------------------------------------------------------------
    def plans(self) -> list[Plan]:
        """The plans of this profile by name; a plan whose file cannot be used is told by ``plan_troubles``."""
        return self._store.all()[0]

    def plan_troubles(self) -> list[Finding]:
        return self._store.all()[1]

    def plan(self, name: str) -> Plan:
        """Raises WrongUse for a name nobody knows."""
        return self._store.get(name)

    def save_plan(
        self, plan: Plan, *, replace: bool = False, secrets: Mapping[str, str] | None = None
    ) -> list[Finding]:
        """Check and write it, its ``secrets`` and the addresses of its alerts into the keyring; what is to be known of these.

        Raises WrongUse where the name is taken (without ``replace``) or a value makes no sense.
        """
        noted = partial(standing.note_change, self._ledger, now=self._workplace.clock.now())
        return save(self._store, self._addresses, plan, secrets or {}, noted, replace_old=replace)

    def remove_plan(self, name: str) -> None:
        """Forget the plan, and let no scheduler run it any more. Its backups and evidence stay."""
        try:
            plan = self._store.get(name)
        except WrongUse:
            plan = Plan(name, Source(), Target())  # a file that cannot be used can be removed, too
        self._store.remove(name)
        self._addresses.forget(plan)
        self._telling.forget(name)
        scheduling.remove_all(plan, self._workplace.profile.name)

    def left_in(self, job: Job[Any], bucket: str, prefix: str = "") -> list[adopting.Left]:
        """Plans that have complete backups there, known here or not; that with the newest one first."""
        return adopting.look(job, self._workplace.aws, bucket, prefix)

    def adopt(
        self,
        job: Job[Any],
        left: adopting.Left,
        *,
        server: str = "",
        folder: str = "",
        identity: str = "",
        key: str = "",
    ) -> Plan:
        """Make and store a plan of what is left in a bucket (see ``adopting.plan_of``); ``key`` is kept as the ``identity``."""
        plan = adopting.plan_of(
            job, self._workplace.aws, left, server=server, servers=self.servers(job), folder=folder, identity=identity,
            secret=lambda name: key or self._workplace.secrets.need(name),
        )  # fmt: skip
        self.save_plan(plan, secrets={identity: key} if key and plan.recipients else {})
        return plan

    def servers(self, job: Job[Any]) -> list[str]:
        """Names of the MySQL sources of this profile."""
        return [source.name for source in self._workplace.aws.target().mysql]

    def try_server(self, job: Job[Any], source: MysqlSource, password: str = "") -> None:
        """Log in to a server that need not be one of the profile; without a password by the one that is kept for its name."""
        kept = password or self._workplace.secrets.need(mysql_secret(self._workplace.profile.name, source.name))
        login = Login(source.name, source.user, kept, source.host, source.port, ca_file=source.ca_file)
        with connected(login, doing="log in"):
            pass

    def databases(self, job: Job[Any], server: str) -> list[str]:
        """User databases of a source, for the wizard."""
        with connected(self._login(server), doing="list the databases") as connection:
            names = [str(name) for (name,) in rows_of(connection, "SHOW DATABASES")]
        return [name for name in names if name.lower() not in SYSTEM_SCHEMAS]

    def preflight(self, job: Job[Any], plan: Plan, coming: Sequence[str] = ()) -> list[Finding]:
        """Login, rights, engines outside the snapshot, room, programs, bucket, secrets. The plan need not be saved; ``coming``
        names secrets that are to be stored with it."""
        plan.checked()
        vault, missing = self._vault(plan), self._addresses.missing(plan, coming)
        return preflight.look(job, plan, vault, self._login, self._options(plan), self._known_endpoint(vault), missing)

    # -- backing up ---------------------------------------------------------
    def run(self, job: Job[Any], name: str, *, if_due: bool = False) -> Run | None:
        """Back up now. None: ``if_due`` and nothing is due.

        Raises OpsError (code ``locked``, exit status 3) while another run works; on any other failure alerts were sent,
        and nothing of the run is left in the bucket.
        """
        plan = self.plan(name)
        vault = self._vault(plan)
        with plan_lock(self._locks, name), self._telling.told(plan, "run-failed", f"The backup {name} failed"):
            recover(job, plan, vault, self._ledger, self._workplace.clock)
            if if_due and not self._is_due(plan):
                return None
            settings = self._workplace.settings().backups
            backing = BackupRun(
                plan,
                vault,
                self._ledger,
                self._workplace.clock,
                self._login,
                part_size=int(settings.part_size) << 20,
                workers=int(settings.parallel_parts),
            )
            done = backing.run(job)
        self._telling.over(plan, UNTIL_BACKED_UP, "run-recovered", f"The backup {name} succeeds again")
        return done

    def backups(self, job: Job[Any], name: str) -> list[Backup]:
        """What lies in the bucket, newest first."""
        plan = self.plan(name)
        vault = self._vault(plan)
        return vault.backups(self._ledger.proofs(name), expiry(vault, plan).of, self._ledger.failures(name))

    def runs(self, name: str, limit: int = 100) -> list[Run]:
        """What this computer remembers, newest first."""
        return self._ledger.runs(name, limit)

    # -- proving ------------------------------------------------------------
    def verify(self, job: Job[Any], name: str, *, run: str = "", level: int | None = None) -> Verification:
        """Climb the ladder. A failed check is a recorded result; raises OpsError only where there is nothing to try, and
        (code ``locked``) while the same plan is being verified already."""
        plan = self.plan(name)
        vault = self._vault(plan)
        subject = f"The verification of {name} failed"
        with plan_lock(self._locks, f"{name}{VERIFYING}"), self._telling.told(plan, "verification-failed", subject):
            self._ledger.end_dead_verifications(name, self._workplace.clock.now())
            job.report(0, None, "Looking for the backup")
            backups = vault.backups(self._ledger.proofs(name))
            past = self._ledger.verifications(name, 1000)
            now = self._workplace.clock.now()
            chosen = (None if run else choose(plan, backups, past, now)) or vault.find(backups, run, now)
            rehearsal = Rehearsal(plan, vault, self._ledger, self._workplace.clock, self._options(plan))
            level = plan.proof.level if level is None else level
            verification = rehearsal.run(job, chosen, backups, level, self._store.written(name))
            write_evidence(self._evidence, verification)
        self._telling.verified(plan, verification, subject)
        return verification

    def verification_due(self, name: str) -> bool:
        """Whether the plan has something to prove and the last verification is older than it wants."""
        return self._due.verification(self.plan(name))

    def verifications(self, name: str, limit: int = 100) -> list[Verification]:
        """Newest first: the trend of RTO and RPO, and the evidence."""
        return self._ledger.verifications(name, limit)

    def evidence(self, verification: int) -> tuple[Path, Path]:
        """The JSON and the HTML report of a verification."""
        found = self._ledger.verification(verification)
        if found is None:
            raise WrongUse(f"There is no verification {verification}", "", "See the list of verifications")
        pair = evidence_paths(self._evidence, found)
        return pair if pair[1].exists() else write_evidence(self._evidence, found)

    def try_on_source(self, job: Job[Any], plan: Plan, assertion: Assertion) -> Check:
        """Run an assertion on the source now (read-only transaction), while editing it."""
        if not plan.is_database:
            raise WrongUse("This plan saves files", "Assertions ask a database", "Leave them out")
        with connected(self._login(plan.source.server), timeout=60, doing="ask the source") as connection:
            with job.interruptible(lambda: abandon(connection)):
                return check_assertion(connection, assertion, plan.source.databases[0], self._workplace.clock.now())

    # -- how things stand ---------------------------------------------------
    def status(self, job: Job[Any], name: str) -> PlanStatus:
        """Reads the bucket and the ledger; an unreachable bucket becomes a finding, not an exception."""
        plan = self.plan(name)
        vault, first = self._vault(plan), standing.since(self._ledger, name)
        seen = Evidence(
            plan,
            self._workplace.clock.now(),
            runs=self._ledger.runs(name),
            verifications=standing.verifications(self._ledger.verifications(name), first),
            working=is_locked(self._locks, name) or is_locked(self._locks, f"{name}{VERIFYING}"),
            deliveries=self._ledger.deliveries_of(name),
            notes=self._notes(plan, vault),
        )
        try:
            found = expiry(vault, plan)
            contents = vault.contents()
        except OpsError as error:
            return plan_status(replace(seen, unreachable=error))
        backups = vault.backups(self._ledger.proofs(name), found.of, self._ledger.failures(name), contents)
        notes = (*seen.notes, *found.shared(vault.strangers(contents), contents))
        return plan_status(replace(
            seen, notes=notes, backups=standing.backups(backups, first), expiry_days=found.days, expiry_known=found.known,
            expires_by=found.by,
        ))  # fmt: skip

    def statuses(self, job: Job[Any]) -> list[PlanStatus]:
        """Of every plan, by name."""
        plans = self.plans()
        found = []
        for number, plan in enumerate(plans):
            job.report(number, len(plans), f"Looking at {plan.name}")
            found.append(self.status(job, plan.name))
        return found

    def watch(self, job: Job[Any]) -> list[PlanStatus]:
        """The dead man's check: tell somebody of silence, of stale proofs and of what is gone, each at most once a day."""
        self._telling.of_unusable(self._store)
        found = self.statuses(job)
        for status in found:
            plan = self.plan(status.plan)
            for finding in status.findings:
                if finding.rule in _WATCHED:
                    self._telling.trouble(plan, finding.rule, finding.title, f"{finding.why}. {finding.remedy}.")
        return found

    # -- restoring ----------------------------------------------------------
    def preview_restore(self, job: Job[Any], name: str, *, run: str = "", to: str) -> RestorePreview:
        """``to``: a database name, ``SERVER/DATABASE``, or a folder. ``run`` empty: the newest complete one."""
        return self._restoring(name).preview(job, run, to)

    def restore(self, job: Job[Any], name: str, *, run: str = "", to: str, confirm: str = "") -> Restored:
        """Restore. Onto the source only where ``confirm`` equals its name."""
        return self._restoring(name).restore(job, run, to, confirm)

    def _restoring(self, name: str) -> restoring.Restoring:
        plan = self.plan(name)
        return restoring.Restoring(plan, self._vault(plan), self._ledger, self._workplace.clock, self._options(plan))

    # -- schedule -----------------------------------------------------------
    def schedules(self, name: str) -> list[ScheduleExport]:
        """How each of systemd, cron, launchd and schtasks would run the plan; which of them are here and installed."""
        plan = self.plan(name)
        return [scheduling.export(plan, self._workplace.profile.name, kind) for kind in scheduling.KINDS]

    def install_schedule(self, job: Job[Any], name: str, kind: str) -> ScheduleExport:
        """Write and activate it; raises OpsError where this computer has no such scheduler."""
        return scheduling.install(self.plan(name), self._workplace.profile.name, kind)

    def remove_schedule(self, job: Job[Any], name: str, kind: str) -> ScheduleExport:
        return scheduling.remove(self.plan(name), self._workplace.profile.name, kind)

    def due(self) -> list[str]:
        """Plans that a window should back up now, since no timer did; it asks every minute."""
        return self._due.runs()

    def verifications_due(self) -> list[str]:
        """Plans with a schedule that a window should verify now."""
        return self._due.verifications()

    def test_as_scheduled(self, job: Job[Any], name: str) -> list[Finding]:
        """Log in the way a timer will: in a process without a desktop session."""
        return scheduling.test_as_scheduled(job, self.plan(name), self._workplace.profile.name)

    # -- alerts -------------------------------------------------------------
    def send_test(self, job: Job[Any], name: str) -> list[Delivery]:
        """Through every channel of the plan; look at ``ok`` of each."""
        plan = self.plan(name)
        return self._telling.send(
            plan, alerts.Alert(name, "test", f"Test of the alerts of {name}", "If you read this, alerts reach you.")
        )

    def deliveries(self, limit: int = 50) -> list[Delivery]:
        """The newest attempts to tell somebody; those with ``ok`` False are to be shown."""
        return self._ledger.deliveries(limit)

    # -- rights and rules ---------------------------------------------------
    def policies(self, plan: Plan) -> dict[str, dict[str, Any]]:
        """IAM policy documents for the roles ``backup``, ``verify`` and ``admin``."""
        return policies.documents(plan, self._workplace.profile.region)

    def check_rights(self, job: Job[Any], plan: Plan) -> list[Finding]:
        """What the current credentials can do that the backup role should not, and what they lack. Deletes nothing."""
        findings = policies.check(job, self._workplace.aws, plan)
        when = f"Looked at on {self._workplace.clock.now():%Y-%m-%d %H:%M} UTC"
        rows = [(item.severity.value, item.rule, item.title, f"{item.why}. {when}", item.remedy) for item in findings]
        self._ledger.remember(f"rights:{plan.name}", rows)
        return findings

    def set_expiry(self, job: Job[Any], name: str) -> list[Finding]:
        """Write the plan's retention into the bucket's lifecycle (one rule of ours, the others kept)."""
        plan = self.plan(name)
        write_rule(self._vault(plan), plan, enabled=True)
        return [
            finding
            for finding in self.status(job, name).findings
            if finding.rule in ("retention", "expiry-differs", "no-expiry")
        ]

    def pause_expiry(self, job: Job[Any], name: str) -> None:
        """Disable the plan's lifecycle rule, so that nothing more is deleted by age."""
        plan = self.plan(name)
        write_rule(self._vault(plan), plan, enabled=False)

    def endpoint_facts(self, job: Job[Any], plan: Plan) -> EndpointFacts | None:
        """What the endpoint was found to enforce; None before the first backup measured it."""
        return self._known_endpoint(self._vault(plan))

    # -- inside -------------------------------------------------------------
    def _vault(self, plan: Plan) -> Vault:
        return Vault(self._workplace.aws, plan)

    def _login(self, server: str) -> Login:
        return login_to(self._workplace, server)

    def _options(self, plan: Plan) -> Options:
        settings = self._workplace.settings().backups
        return Options(
            self._login,
            self._workplace.secrets.need,
            self._workplace.places.cache,
            settings.scratch_folder,
            settings.mariadb_folder,
            float(settings.rehearsal_hours),
        )

    def _is_due(self, plan: Plan) -> bool:
        now = self._workplace.clock.now()
        last = self._ledger.last_done(plan.name, now + FROM_THE_FUTURE)
        return is_due(plan.schedule, last.started if last else None, now)

    def _known_endpoint(self, vault: Vault) -> EndpointFacts | None:
        known = self._ledger.fact(endpoint_fact_name(vault))
        return endpoint_facts(known["no_overwrite"], known["checks_sums"]) if known else None

    def _notes(self, plan: Plan, vault: Vault) -> tuple[Finding, ...]:
        notes = [Finding(Severity(word), *rest) for word, *rest in self._ledger.fact(f"rights:{plan.name}") or ()]
        try:
            facts = self._known_endpoint(vault)
        except OpsError:  # the profile cannot be opened: the list of backups tells that
            facts = None
        notes += [Finding(Severity.INFO, "endpoint", words) for words in (facts.words if facts else ())]
        return tuple(notes)
