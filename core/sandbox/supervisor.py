"""The one process that runs the sandbox of a home: starts the services, restarts them, stops with its last user.

``python -m core.sandbox.supervisor --places JSON`` prints one line of JSON, ``{"ready": true}`` or
``{"error": {...}}``, and goes on in the background.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hmac
import importlib.util
import json
import logging
import os
import secrets
import signal
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.base.errors import OpsError
from core.base.journal import open_journal
from core.base.places import Places
from core.sandbox.contract import places_from_json
from core.sandbox.control import Control, Line
from core.sandbox.layout import FileLock, Layout
from core.sandbox.mariadb import find_mariadbd
from core.sandbox.ports import Ports
from core.sandbox.seeding import Seeding
from core.sandbox.service import Service, ServiceKind
from core.sandbox.status import SandboxStatus

LINGER = 5.0
"""Seconds from the last user's leaving until everything stops: verbs in a row share one sandbox."""

_log = logging.getLogger(__name__)


def _not_built(module: str) -> str:
    try:
        found = importlib.util.find_spec(f"{module}.__main__")
    except ModuleNotFoundError:
        found = None
    return "" if found else f"This installation has no {module}"


def _no_mariadb() -> str:
    try:
        find_mariadbd()
    except OpsError as error:
        return str(error)
    return ""


KINDS = (
    ServiceKind("s3", "core.sandbox.small_services", "s3", lambda: ""),
    ServiceKind("kinesis", "core.sandbox.kinesis", "kinesis", lambda: _not_built("core.sandbox.kinesis")),
    ServiceKind("redshift-data", "core.sandbox.redshift", "redshift", lambda: _not_built("core.sandbox.redshift")),
    ServiceKind("mysql", "core.sandbox.mariadb", "mysql", _no_mariadb, http=False),
)


class Supervisor:
    def __init__(self, places: Places) -> None:
        self._places, self._layout = places, Layout.of(places)
        self._started = datetime.now(UTC).isoformat(timespec="seconds")
        self._token = secrets.token_urlsafe(24)
        self._leases: set[asyncio.StreamWriter] = set()
        self._talks: set[asyncio.Task[None]] = set()
        self._pinned = False
        self._end = asyncio.Event()
        self._news = asyncio.Event()
        self._linger: asyncio.TimerHandle | None = None
        self._copies_from = 0
        self._seeding = Seeding(places, self._running, self._news.set)
        ports = Ports(self._layout.ports)
        self._services = [Service(kind, self._layout, ports, self._options, self._news_of_services) for kind in KINDS]

    def _options(self, kind: ServiceKind) -> list[str]:
        if kind.name != "redshift-data":
            return []
        self._copies_from = self._service("s3").status.port
        return ["--s3-endpoint", f"http://127.0.0.1:{self._copies_from}"]

    def _service(self, name: str) -> Service:
        return next(service for service in self._services if service.kind.name == name)

    def _news_of_services(self) -> None:
        """S3 may have had to move, because a stranger took its port: the warehouse must copy from where it is now."""
        self._news.set()
        if self._copies_from not in (0, self._service("s3").status.port):
            self._copies_from = 0
            self._service("redshift-data").again()

    def status(self) -> SandboxStatus:
        password = ""
        with contextlib.suppress(OSError):
            password = self._layout.mysql_password.read_text(encoding="ascii").strip()
        return SandboxStatus(
            running=True,
            data_dir=str(self._layout.root),
            pid=os.getpid(),
            started=self._started,
            users=len(self._leases),
            pinned=self._pinned,
            stopping=self._end.is_set(),
            services=tuple(service.status for service in self._services),
            seed=self._seeding.status,
            mysql_password=password,
        )

    async def run(self, announce: Any) -> None:
        """Until the last user has left, `sandbox stop`, or a signal."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(NotImplementedError):  # Windows
                loop.add_signal_handler(number, self._end.set)
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0, limit=1 << 16)
        Control(server.sockets[0].getsockname()[1], self._token, os.getpid()).write(self._layout)
        announce({"ready": True})
        runs = [asyncio.create_task(service.run()) for service in self._services]
        teller, seeder = asyncio.create_task(self._tell()), asyncio.create_task(self._seeding.run())
        self._wait_for_users(30.0)  # whoever started us comes in a moment
        ended = asyncio.create_task(self._end.wait())
        try:
            # None of the others ends by itself: if one does, it is a fault of ours, and a new supervisor is better.
            done, _ = await asyncio.wait((ended, teller, *runs), return_when=asyncio.FIRST_COMPLETED)
            for task in done - {ended}:
                task.result()
        finally:
            self._end.set()
            _log.info("the sandbox stops")
            self._layout.control.unlink(missing_ok=True)  # who comes now starts the next one
            self._news.set()
            server.close()
            seeder.cancel()
            await asyncio.gather(seeder, return_exceptions=True)
            await asyncio.gather(*(service.stop() for service in self._services))
            await asyncio.gather(*runs, return_exceptions=True)
            for writer in self._leases:
                _send(writer, {"status": asdict(self.status())})  # so that they know: it was meant to end
            for task in (ended, teller, *self._talks):  # whoever waits for our end sees it now
                task.cancel()
            await asyncio.gather(teller, *self._talks, return_exceptions=True)

    # -- users --------------------------------------------------------------
    def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._talk(reader, writer))
        self._talks.add(task)
        task.add_done_callback(self._talks.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            hello = json.loads(await asyncio.wait_for(reader.readline(), 5))
            if not hmac.compare_digest(str(hello["token"]), self._token):
                return
            _send(writer, {"welcome": os.getpid()})
            _send(writer, {"status": asdict(self.status())})
            if hello.get("lease"):
                self._leases.add(writer)
                self._news.set()
                self._wait_for_users(None)
            while line := await reader.readline():
                self._obey(json.loads(line).get("do"), writer)
            await writer.drain()
        except (OSError, ValueError, KeyError, TypeError, AttributeError, TimeoutError):
            pass  # not one of ours, or gone
        finally:
            if writer in self._leases:
                self._leases.discard(writer)
                self._news.set()
                self._wait_for_users(_linger())
            writer.close()

    def _obey(self, what: str, writer: asyncio.StreamWriter) -> None:
        if what == "stop":
            self._end.set()
        elif what == "pin":
            self._pinned = True
            self._news.set()
        elif what == "leave":  # without the linger: nothing follows
            self._leases.discard(writer)
            self._wait_for_users(0)
        _send(writer, {"done": what})

    def _wait_for_users(self, seconds: float | None) -> None:
        """Stop after ``seconds`` unless somebody comes; None: somebody is here."""
        if self._linger:
            self._linger.cancel()
            self._linger = None
        if seconds is not None and not self._leases and not self._pinned:
            self._linger = asyncio.get_running_loop().call_later(seconds, self._leave)

    def _leave(self) -> None:
        if self._leases or self._pinned:
            return
        if self._seeding.busy:  # some seconds once; stopping now would make the next start begin again
            self._wait_for_users(1.0)
        else:
            self._end.set()

    def _running(self) -> frozenset[str]:
        return frozenset(service.kind.name for service in self._services if service.status.state == "running")

    async def _tell(self) -> None:
        """Send the status to every lease after a change, at most 20 times a second."""
        while True:
            await self._news.wait()
            self._news.clear()
            message = {"status": asdict(self.status())}
            for writer in list(self._leases):
                if writer.transport.get_write_buffer_size() < 1 << 20:  # a stopped reader costs no memory
                    _send(writer, message)
            await asyncio.sleep(0.05)


def _send(writer: asyncio.StreamWriter, message: dict[str, Any]) -> None:
    if not writer.is_closing():
        writer.write(json.dumps(message).encode() + b"\n")


def _linger() -> float:
    try:
        return float(os.environ.get("OPSDESK_SANDBOX_LINGER", LINGER))
    except ValueError:
        return LINGER


def _become_only_one(layout: Layout) -> FileLock | None:
    """The lock that makes this the supervisor; None if another one already serves."""
    lock = FileLock(layout.run / "supervisor.lock")
    until = time.monotonic() + 30
    while not lock.take():
        if line := Line.open(layout, lease=False):
            line.close()
            return None
        if time.monotonic() > until:
            raise OpsError(
                "The sandbox of an earlier run does not end",
                f"Its process holds {lock.path} and does not answer",
                "End that process (`sandbox stop`, or restart the computer), then try again",
                code="locked",
            )
        time.sleep(0.1)  # it is stopping
    return lock


def _environment() -> None:
    """No settings of the user's real account, nor a proxy, reach the services."""
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower() in ("http_proxy", "https_proxy", "all_proxy"):
            del os.environ[name]
    os.environ["PYTHONPATH"] = str(Path(__file__).resolve().parents[2])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--places", required=True)
    places = places_from_json(parser.parse_args().places)
    channel = os.fdopen(os.dup(1), "w")

    def announce(answer: dict[str, Any]) -> None:
        with contextlib.suppress(OSError, ValueError):  # nobody listens any more
            print(json.dumps(answer), file=channel, flush=True)
        channel.close()

    try:
        layout = Layout.of(places).made()
        lock = _become_only_one(layout)
        if lock is None:
            announce({"ready": True})
            return
        if os.name == "posix" and os.fork():  # our starter should not have to wait for us
            os._exit(0)
        nothing = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(nothing, number)
        open_journal(places.state, name="sandbox")
        _environment()
        asyncio.run(_serve(places, announce))
    except OpsError as error:
        announce({"error": {"title": error.title, "why": error.why, "remedy": error.remedy, "code": error.code}})
        sys.exit(1)
    except Exception as error:
        _log.exception("the sandbox failed")
        announce({"error": {"title": "The sandbox could not be started", "why": f"{type(error).__name__}: {error}"}})
        sys.exit(1)


async def _serve(places: Places, announce: Any) -> None:
    await Supervisor(places).run(announce)


if __name__ == "__main__":
    main()
