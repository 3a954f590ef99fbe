"""The page with services that answer from memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtWidgets import QMainWindow

from core.backups.outcomes import Backup, Check, Finding, Outcome, PlanStatus, Run, Severity, Status, Verification
from core.backups.plan import Plan, Source, Target
from core.base.errors import OpsError
from core.settings.profiles import MysqlSource, Profile
from core.settings.secrets import Secrets
from gui.bridge.commands import Commands
from gui.bridge.guard import Guard
from gui.bridge.memory import Memory
from gui.bridge.tab_context import TabContext

NOW = datetime.now(UTC)
PLAN = Plan("nightly", Source("mysql", "main", ("shop",)), Target("vault", "db"))


def backup(number: int = 1, *, complete: bool = True, proved: datetime | None = None) -> Backup:
    taken = NOW - timedelta(days=number)
    run = taken.strftime("%Y%m%dT%H%M%SZ")
    return Backup(
        run, "nightly", f"db/nightly/{run}.sql.zst", taken, 1000, complete, taken + timedelta(days=60), proved
    )


def verification(outcome: Outcome, *checks: Check) -> Verification:
    return Verification(1, "nightly", "r", NOW, outcome, 6, checks, NOW, 12.0, 60.0)


class Backups:
    """A service by hand: what ``plans_now`` and ``status_now`` say, and a record of what was asked."""

    def __init__(self) -> None:
        self.plans_now: list[Plan] = [PLAN]
        self.status_now = PlanStatus("nightly", Status.NEVER, last_backup=backup(), backups=1, stored_bytes=1000)
        self.backups_now: list[Backup] | None = [backup()]
        """None: the bucket cannot be read."""
        self.verifications_now: list[Verification] = []
        self.asked: list[str] = []
        self.trouble: Exception | None = None
        self.undelivered: list[Any] = []
        self.alert_listeners: list[Any] = []
        self.due_now: list[str] = []
        self.servers_now: list[str] = []
        self.as_scheduled: list[Finding] = []
        self.proofs_due_now: list[str] = []
        self.secrets_now: dict[str, str] = {}
        self.told_of_saving: list[Finding] = []

    def plans(self) -> list[Plan]:
        return self.plans_now

    def plan_troubles(self) -> list[Finding]:
        return []

    def watch(self, job: Any) -> list[PlanStatus]:
        if self.trouble:
            raise self.trouble
        return [self.status_now] if self.plans_now else []

    def deliveries(self) -> list[Any]:
        return self.undelivered

    def backups(self, job: Any, name: str) -> list[Backup]:
        if self.backups_now is None:
            raise OpsError("Could not list the backups", "The endpoint does not answer", code="unreachable")
        return self.backups_now

    def runs(self, name: str, limit: int = 100) -> list[Run]:
        return [Run("r", name, NOW, Outcome.DONE, NOW, stored_bytes=1000)]

    def verifications(self, name: str, limit: int = 100) -> list[Verification]:
        return self.verifications_now

    def run(self, job: Any, name: str, *, if_due: bool = False) -> Run:
        self.asked.append(f"run {name}{' if due' if if_due else ''}")
        if self.trouble:
            raise self.trouble
        return Run("r2", name, NOW, Outcome.DONE)

    def verify(self, job: Any, name: str, *, run: str = "", level: int | None = None) -> Verification:
        self.asked.append(f"verify {name} {run}")
        bad = Check(3, "restore", False, "exit 0", "ERROR 1064")
        self.verifications_now = [verification(Outcome.FAILED, bad)]
        finding = Finding(
            Severity.ERROR, "verification-failed", "The last verification failed", "L3 restore: ERROR 1064"
        )
        self.status_now = PlanStatus(
            "nightly", Status.FAILED, last_verification=self.verifications_now[0], backups=1, findings=(finding,)
        )
        return self.verifications_now[0]

    def test_as_scheduled(self, job: Any, name: str) -> list[Finding]:
        self.asked.append(f"as scheduled {name}")
        return self.as_scheduled

    def servers(self, job: Any) -> list[str]:
        return self.servers_now

    def databases(self, job: Any, server: str) -> list[str]:
        if self.trouble:
            raise self.trouble
        return [f"{server}_database"]

    def try_server(self, job: Any, source: MysqlSource, password: str = "") -> None:
        self.asked.append(f"log in to {source.host} by {password or 'what is kept'}")
        if self.trouble:
            raise self.trouble

    def save_plan(self, plan: Plan, *, replace: bool = False, secrets: dict[str, str] | None = None) -> list[Finding]:
        if self.trouble:
            raise self.trouble
        self.plans_now = [*(old for old in self.plans_now if old.name != plan.name), plan]
        self.secrets_now = dict(secrets or {})
        return self.told_of_saving

    def due(self) -> list[str]:
        return self.due_now

    def verifications_due(self) -> list[str]:
        return self.proofs_due_now


def _away(*_: Any, **__: Any) -> Any:
    raise OpsError("S3 does not answer", code="unreachable")


class FakeDesk:
    """Only what the page asks of a desk."""

    def __init__(self, environment: str) -> None:
        self.backups = Backups()
        self.profile = Profile("p", environment=environment)
        self.workplace = SimpleNamespace(secrets=Secrets(), aws=SimpleNamespace(client=_away, target=_away))

    def keep_mysql(self, source: MysqlSource, password: str = "") -> None:
        others = tuple(one for one in self.profile.mysql if one.name != source.name)
        self.profile = replace(self.profile, mysql=(*others, source))
        self.backups.servers_now = [one.name for one in self.profile.mysql]
        if password:
            self.workplace.secrets.set(f"mysql/{source.name}", password)

    def forget_mysql(self, server: str) -> str:
        self.profile = replace(self.profile, mysql=tuple(one for one in self.profile.mysql if one.name != server))
        self.backups.servers_now = [one.name for one in self.profile.mysql]
        return ""


@pytest.fixture
def make_page(qtbot, jobs, tmp_path) -> Callable[..., Any]:
    """``make_page(environment)`` -> (view, desk, praised)."""

    def make(environment: str = "sandbox") -> Any:
        from gui.tabs.backups.tab import build

        window = QMainWindow()
        qtbot.addWidget(window)
        desk, praised = FakeDesk(environment), list[str]()
        context = TabContext(
            desk, jobs, None, Commands(window), Guard(desk.profile), Memory(tmp_path / "memory.json"), praised.append,  # type: ignore[arg-type]
            lambda _room: None,
        )  # fmt: skip
        view = build(context)
        window.setCentralWidget(view)
        window.resize(1200, 800)
        window.show()
        view.window_of_test, view.context_of_test = window, context
        return view, desk, praised

    return make
