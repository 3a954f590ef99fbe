"""The verbs of the edge room, with typed values in and out; the window and the command line both call these."""

from __future__ import annotations

from typing import Any

from core.aws.workplace import Workplace
from core.base.errors import WrongUse
from core.edge import balancers, forwarded, inspect, probe, snippets
from core.edge.addresses import is_address
from core.edge.findings import Check
from core.edge.history import CheckHistory, PastCheck
from core.edge.request import Incoming, Resolution, Trust
from core.jobs.job import Job


class EdgeService:
    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace
        self._history = CheckHistory(workplace.places.state / "edge.sqlite")

    def close(self) -> None:
        self._history.close()

    def resolve(self, framework: str, request: Incoming, trust: Trust) -> Resolution:
        """What the framework makes of the request. Pure and quick; raises WrongUse."""
        if not is_address(request.peer):
            raise WrongUse(
                f"{request.peer!r} is no IP address",
                "Who connects to the application is one",
                "For example 10.0.3.7 or ::1",
            )
        return forwarded.resolve(framework, request, trust)

    def check(self, job: Job[Any], url: str, *, allow_private: bool = False) -> Check:
        """Ask for the URL, look at every hop and the page, and keep the answer in the history."""
        found = inspect.check(
            job,
            url,
            timeout=self._workplace.settings().edge.timeout,
            ca_file=self._workplace.profile.ca_bundle,
            allow_private=allow_private,
        )
        self._history.add(found, self._workplace.clock.now())
        return found

    def probe(self, job: Job[Any], url: str) -> probe.ProbeResult:
        """Forged headers to one origin the user owns; ask before calling this."""
        return probe.probe(
            job, url, timeout=self._workplace.settings().edge.timeout, ca_file=self._workplace.profile.ca_bundle
        )

    def balancers(self, job: Job[Any]) -> list[balancers.Balancer]:
        """The account's load balancers with the ranges to trust."""
        return balancers.balancers(self._workplace.aws)

    def snippet(self, framework: str, ranges: tuple[str, ...]) -> str:
        return snippets.snippet(framework, ranges)

    def history(self, limit: int = 50) -> list[PastCheck]:
        return self._history.recent(limit)

    def past(self, number: int) -> Check | None:
        return self._history.get(number)
