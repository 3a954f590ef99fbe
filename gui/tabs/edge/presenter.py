"""Decides what the Edge page shows: one check or probe at a time, the simulator at every key."""

from __future__ import annotations

import enum
from functools import partial

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu

from core.base.errors import OpsError
from core.edge import snippets
from core.edge.balancers import Balancer
from core.edge.findings import Check
from core.edge.probe import ProbeResult
from core.edge.request import FORWARDED, Incoming, Trust
from core.edge.verdict import judged
from core.jobs.job import Job
from gui.bridge.tab_context import TabContext
from gui.parts.dialogs import ConfirmDialog
from gui.tabs.edge.view import EdgeView


class State(enum.Enum):
    IDLE = "idle"
    WORKING = "working"


class EdgePresenter(QObject):
    def __init__(self, view: EdgeView, context: TabContext) -> None:
        super().__init__(view)
        self.view, self._context = view, context
        self._service = context.desk.edge
        self._job: Job[object] | None = None
        self.state = State.IDLE
        self._of_balancer: tuple[tuple[str, ...], str] = ((), "")  # what is to be told while its ranges stand there
        self._blocked = False  # the last check stopped before a private address
        view.check_asked.connect(self.check)
        view.probe_asked.connect(self.ask_probe)
        view.cancel_asked.connect(self.cancel)
        view.past_asked.connect(self.show_past)
        view.fix_asked.connect(view.show_settings)
        view.banner.action_asked.connect(lambda: self.check(view.url.text(), allow_private=self._blocked))
        view.simulator.changed.connect(self.simulate)
        view.simulator.framework.currentIndexChanged.connect(self._same_framework)
        view.settings.framework_chosen.connect(self.show_snippet)
        view.settings.copied.connect(self._copy)
        view.settings.ranges_asked.connect(self.read_ranges)
        commands = context.commands
        commands.add(
            "edge.check",
            "Check the address",
            lambda: self.check(view.url.text()),
            owner=view,
            room="edge",
            icon="search",
            shortcut="Ctrl+Return",
        )
        commands.button("edge.check", view.check)
        commands.add(
            "edge.cancel", "Cancel the check", self.cancel, owner=view, room="edge", icon="x", shortcut="Ctrl+."
        )
        commands.add(
            "edge.probe",
            "Probe the trust of an origin",
            lambda: self.ask_probe(view.url.text()),
            owner=view,
            room="edge",
            icon="shield-alert",
        )
        commands.add(
            "edge.address",
            "Go to the address",
            view.url.setFocus,
            owner=view,
            room="edge",
            icon="globe",
            shortcut="Ctrl+L",
        )
        view.simulator.show_preset(0)
        self.show_snippet()
        self._refresh_history()

    # -- checking -------------------------------------------------------------
    def check(self, url: str, *, allow_private: bool = False) -> None:
        if self.state is State.WORKING or not url.strip():
            self.view.url.setFocus()
            return
        self._enter(State.WORKING, "Asking")
        self.view.show_begun()
        self._job = self._context.jobs.start(
            self, f"Check {url.strip()[:60]}", lambda job: self._service.check(job, url, allow_private=allow_private), room="edge",
            on_success=self._checked, on_failure=self._failed, on_cancelled=lambda: self._enter(State.IDLE),
            on_progress=lambda progress: self.view.show_working(True, f"Hop {int(progress.done) + 1}"),
        )  # fmt: skip

    def _checked(self, found: Check) -> None:
        self._enter(State.IDLE)
        self._show(found)
        self._refresh_history()

    def _show(self, found: Check) -> None:
        self.view.show_check(found)
        self._blocked = bool(found.blocked_at)
        if found.blocked_at:
            self.view.show_fault("A redirect leads into a private network", f"It points at {found.blocked_at}",
                                 "Follow it only if that network is yours", "Follow it", {})  # fmt: skip

    def _failed(self, fault: OpsError) -> None:
        self._enter(State.IDLE)
        self._blocked = False
        self.view.show_fault(fault.title, fault.why, fault.remedy, "Try again", fault.details)

    def cancel(self) -> None:
        if self._job is not None and self.state is State.WORKING:
            self._job.cancel()

    def _enter(self, state: State, words: str = "") -> None:
        self.state = state
        self.view.show_working(state is State.WORKING, words)

    # -- probing ----------------------------------------------------------------
    def ask_probe(self, url: str) -> None:
        """Forged headers go to one address, and only after a yes."""
        if self.state is State.WORKING or not url.strip():
            self.view.url.setFocus()
            return
        dialog = ConfirmDialog(
            "Send forged headers?",
            f"Two requests go to {url.strip()[:80]}, one of them with forged X-Forwarded-* headers.",
            "Probe this origin",
            self.view.window(),
            hint="Do this only with an origin of your own. No redirect is followed, nothing is changed there.",
        )
        dialog.confirmed.connect(lambda: self._probe(url))
        dialog.open()

    def _probe(self, url: str) -> None:
        self._enter(State.WORKING, "Probing")
        self.view.show_begun()
        self._job = self._context.jobs.start(
            self, f"Probe {url.strip()[:60]}", lambda job: self._service.probe(job, url), room="edge",
            on_success=self._probed, on_failure=self._failed, on_cancelled=lambda: self._enter(State.IDLE),
        )  # fmt: skip

    def _probed(self, result: ProbeResult) -> None:
        self._enter(State.IDLE)
        self.view.show_probe(result)

    # -- history ------------------------------------------------------------------
    def _refresh_history(self) -> None:
        self._context.jobs.start(
            self,
            "Read earlier checks",
            lambda _job: self._service.history(20),
            quiet=True,
            on_success=self.view.show_history,
        )

    def show_past(self, number: int) -> None:
        def found(check: Check | None) -> None:
            if check is not None:
                self.view.url.setText(check.url)
                self._show(check)

        self._context.jobs.start(
            self, "Read an earlier check", lambda _job: self._service.past(number), quiet=True, on_success=found
        )

    # -- simulating -----------------------------------------------------------------
    def simulate(self) -> None:
        form = self.view.simulator
        headers = [("host", form.host.text().strip())]
        for text in form.header_lines():
            name, sign, value = text.partition(":")
            if not sign or not name.strip():
                form.show_fault(f"{text!r} is no header. It should look like X-Forwarded-Proto: https")
                return
            headers.append((name.strip(), value.strip()))
        names = {name.lower() for name, _ in headers}
        trust = Trust(form.trusted(), headers=Trust().headers | ({FORWARDED} & names))
        request = Incoming(form.peer.text().strip(), form.scheme.currentData(), form.port.value(), tuple(headers))
        try:
            answer = self._service.resolve(form.framework.currentData(), request, trust)
            form.show_answer(answer, judged(request, answer))
        except OpsError as error:
            form.show_fault(str(error))
        self.show_snippet()

    def _same_framework(self) -> None:
        """The setting is that of the framework that is looked at, until another is chosen there."""
        chosen = self.view.settings.framework
        chosen.setCurrentIndex(chosen.findData(self.view.simulator.framework.currentData()))

    def show_snippet(self) -> None:
        typed = self.view.simulator.trusted()
        ranges = tuple(text for text in typed if text not in ("*", "private_ranges"))
        try:
            self.view.settings.text.setPlainText(
                self._service.snippet(self.view.settings.framework.currentData(), ranges)
            )
        except OpsError:
            return  # the simulator says what is wrong with the ranges; the last good snippet stays
        if ranges:
            told_for, words = self._of_balancer
            self.view.settings.show_note(words if ranges == told_for else "")
        else:
            self.view.settings.show_note(
                f"{', '.join(snippets.FALLBACK)} stands for your proxies here: type their ranges under Trusted proxies"
                " or read them from a load balancer."
            )

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.view.settings.text.toPlainText())
        self._context.praise("The setting is on the clipboard")

    def read_ranges(self) -> None:
        self.view.settings.show_note("Reading the load balancers…")
        self._context.jobs.start(
            self, "Read load balancers", self._service.balancers, room="edge", quiet=True, on_success=self._offer_ranges,
            on_failure=lambda fault: self.view.settings.show_note(str(fault), "danger"),
        )  # fmt: skip

    def _offer_ranges(self, found: list[Balancer]) -> None:
        if not found:
            self.view.settings.show_note(
                "This account and region has no load balancer. Type the ranges under Trusted proxies."
            )
            return
        self.show_snippet()
        menu = QMenu(self.view)
        for balancer in found:
            action = menu.addAction(f"{balancer.name} ({balancer.kind})   {', '.join(balancer.ranges)}")
            action.triggered.connect(partial(self._take_ranges, balancer))
        button = self.view.settings.ranges
        menu.popup(button.mapToGlobal(button.rect().bottomLeft()))

    def _take_ranges(self, balancer: Balancer) -> None:
        words = (
            f"{balancer.name} is a Network Load Balancer: it sends no forwarding headers, so there is nothing to trust. "
            "See “AWS: what each balancer sends”."
            if balancer.kind == "network"
            else ""
        )
        self._of_balancer = (balancer.ranges, words)
        self.view.simulator.trust.setText(", ".join(balancer.ranges))
        self.show_snippet()
