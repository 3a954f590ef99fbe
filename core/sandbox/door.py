"""The way into the sandbox: join the one that runs, or start it; leave, and the last one out stops it."""

from __future__ import annotations

import contextlib
import importlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from core.aws.session import Target
from core.base.errors import OpsError
from core.base.places import Places
from core.sandbox.contract import ACCESS_KEY, REGION, SECRET_KEY
from core.sandbox.control import Line
from core.sandbox.layout import Layout
from core.sandbox.starting import START_WITHIN, open_lease
from core.sandbox.status import SandboxStatus
from core.settings.profiles import Profile, WarehouseConnection

REJOINS_A_MINUTE = 3
"""So often the loss of the supervisor is made good unasked."""

OnChange = Callable[[SandboxStatus], None]
_log = logging.getLogger(__name__)


class Lease:
    """One user's hold on the running sandbox. Safe to use from any thread.

    The sandbox runs for as long as a lease is open. If its supervisor is killed, the lease starts a new one by
    itself (on the same ports, where they are still free); after `sandbox stop` it waits for the next ``target``.
    """

    def __init__(self, places: Places) -> None:
        self._places, self._layout = places, Layout.of(places)
        self._changed = threading.Condition()
        self._joining = threading.Lock()
        self._status = self._told = not_running(places)
        self._line: Line | None = None
        self._closed = False
        self._losses: list[float] = []
        self._listeners: list[OnChange] = []
        self._teller: threading.Thread | None = None

    def target(self, profile: Profile) -> Target:
        """Where the sandbox's endpoints are now; starts it again if it was stopped. May take seconds."""
        return target_of(self._joined(), profile)

    def status(self) -> SandboxStatus:
        """The newest status; returns at once."""
        return self._status

    def on_change(self, listener: OnChange) -> Callable[[], None]:
        """Call ``listener`` with the newest status after each change, on a thread of its own (a listener may wait
        for whoever waits for this lease); returns what ends that."""
        with self._changed:
            self._listeners.append(listener)
            if len(self._listeners) == 1 and self._teller is None:
                self._teller = threading.Thread(target=self._tell, name="sandbox-news", daemon=True)
                self._teller.start()

        def forget() -> None:
            with self._changed, contextlib.suppress(ValueError):
                self._listeners.remove(listener)

        return forget

    def wait_for(self, reached: Callable[[SandboxStatus], bool], seconds: float) -> SandboxStatus:
        """The first status for which ``reached`` holds; OpsError (code ``timeout``) if there is none in time."""
        with self._changed:
            if not self._changed.wait_for(lambda: reached(self._status), seconds):
                raise OpsError(
                    "The sandbox did not get ready in time",
                    f"After {seconds:.0f} s: {_summary(self._status)}",
                    f"See `sandbox status` and {self._places.state / 'sandbox.log'}",
                    code="timeout",
                )
            return self._status

    def ask(self, what: str) -> None:
        """Send ``pin`` (run until stopped), ``leave`` (no linger) or ``stop``."""
        line = self._line
        if line is not None:
            with contextlib.suppress(OSError):
                line.send({"do": what})

    def close(self, *, at_once: bool = False) -> None:
        """Leave; ``at_once``: the last one out stops the sandbox without the usual linger."""
        if at_once:
            self.ask("leave")
        with self._changed:
            self._closed = True
            line, self._line = self._line, None
            self._changed.notify_all()
        if line is not None:
            line.close()

    # -- inside -------------------------------------------------------------
    def _joined(self) -> SandboxStatus:
        """The status of a sandbox that serves, joined or started if need be."""
        for _ in range(3):
            with self._joining:
                if self._closed:
                    raise OpsError("The sandbox was left already", "This program is closing", "Start it again")
                if self._line is None:
                    self._take(*open_lease(self._places))
            status = self.wait_for(lambda now: (now.settled and not now.stopping) or self._line is None, START_WITHIN)
            if status.running and not status.stopping:
                return status
        raise OpsError(
            "The sandbox stopped while it was starting",
            "It was asked to, or its process ended",
            f"Try again; {self._places.state / 'sandbox.log'} says more",
        )

    def _take(self, line: Line, status: SandboxStatus) -> None:
        with self._changed:
            if self._closed:
                line.close()
                return
            self._line, self._status = line, status
            self._changed.notify_all()
        threading.Thread(target=self._listen, args=(line,), name="sandbox", daemon=True).start()

    def _listen(self, line: Line) -> None:
        """Keep the status up to date until the line ends; make good the loss of a supervisor that was killed."""
        stopping = False
        with contextlib.suppress(OSError, ValueError):
            while (message := line.receive()) is not None:
                if "status" in message:
                    status = SandboxStatus.read(message["status"])
                    stopping = status.stopping
                    with self._changed:
                        if self._line is line:
                            self._status = status
                            self._changed.notify_all()
        line.close()
        with self._changed:
            if self._line is not line:  # we left
                return
            self._line, self._status = None, not_running(self._places)
            self._changed.notify_all()
        if stopping:
            return
        now = time.monotonic()
        self._losses = [*(loss for loss in self._losses if now - loss < 60), now]
        if len(self._losses) > REJOINS_A_MINUTE:
            _log.error("the sandbox's supervisor keeps dying; the next use starts another")
            return
        _log.warning("the sandbox's supervisor is gone; starting another")
        try:
            self._joined()
        except OpsError as error:
            _log.error("%s", error)

    def _tell(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._told is not self._status)
                if self._closed:
                    return
                news = self._told = self._status
                listeners = list(self._listeners)
            for listener in listeners:
                listener(news)


def join(places: Places) -> Lease:
    """Join the sandbox of this home, starting it if nobody has; returns when its services are up (some seconds).

    Raises OpsError: no place to write (``disk``), an earlier one that hangs (``locked``), not ready in time.
    """
    lease = Lease(places)
    try:
        lease._joined()
    except BaseException:
        lease.close()
        raise
    return lease


def look(places: Places) -> SandboxStatus:
    """The status without joining or starting anything."""
    line = Line.open(Layout.of(places), lease=False)
    if line is None:
        return not_running(places)
    try:
        line.patience(5)
        message = line.receive()
        return SandboxStatus.read(message["status"]) if message else not_running(places)
    except (OSError, ValueError):
        return not_running(places)
    finally:
        line.close()


def stop(places: Places) -> bool:
    """Stop the sandbox, whoever uses it, and wait until it is gone; False if none ran."""
    line = Line.open(Layout.of(places), lease=False)
    if line is None:
        return False
    try:
        line.patience(60)
        line.send({"do": "stop"})
        while line.receive() is not None:
            pass
    except (OSError, ValueError) as error:
        raise OpsError("The sandbox does not stop", str(error), "Try again", code="timeout") from error
    finally:
        line.close()
    return True


def not_running(places: Places) -> SandboxStatus:
    return SandboxStatus(running=False, data_dir=str(places.sandbox))


def target_of(status: SandboxStatus, profile: Profile) -> Target:
    """The endpoints of ``status`` as a target."""
    return Target(
        profile,
        region=REGION,
        endpoints=with_lists(status.endpoints),
        access_key=ACCESS_KEY,
        secret_key=SECRET_KEY,
        warehouses=(_warehouse(),) if "redshift-data" in status.endpoints else (),
        mysql=status.mysql_sources,
    )


def with_lists(endpoints: dict[str, str]) -> dict[str, str]:
    """The endpoints and, where the Data API is, the services that list clusters and workgroups: it answers for them too."""
    place = endpoints.get("redshift-data")
    return {**endpoints, **(dict.fromkeys(("redshift", "redshift-serverless"), place) if place else {})}


def _warehouse() -> WarehouseConnection:
    connection = WarehouseConnection(
        "sandbox",
        kind="data-api",
        database="dev",
        cluster="sandbox",
        db_user="admin",
        note="local engine, may differ here",
    )
    try:
        differences = importlib.import_module("core.sandbox.redshift.differences").DIFFERENCES
    except ModuleNotFoundError:
        return connection
    return replace(connection, differences=differences)


def _summary(status: SandboxStatus) -> str:
    parts = [f"{service.name} {service.state} {service.note}".strip() for service in status.services]
    return ", ".join(parts) if status.running else "not running"
