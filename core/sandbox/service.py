"""One supervised service: started, waited for, restarted with back-off on its own port, ended."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from core.base.errors import OpsError
from core.sandbox.contract import PULSE, PULSES
from core.sandbox.layout import FileLock, Layout
from core.sandbox.ports import Ports
from core.sandbox.status import ServiceStatus

READY_WITHIN = 90.0
"""Seconds until a service that says nothing is ended and tried again (the first start of MariaDB takes some)."""
STOP_WITHIN = 10.0
STEADY = 60.0
"""Seconds of running after which the next crash starts at the shortest wait again."""
WAITS = (0.2, 1.0, 2.0, 5.0, 10.0, 30.0)
LOOK_AGAIN = 10.0
"""Seconds between looks for a program that is missing: it is used as soon as someone installs it."""

_log = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class ServiceKind:
    """name: as in the status; module: run with ``-m``; missing: why it cannot run here, or an empty text; http: it
    answers a GET, whatever with. (MariaDB is asked by the module that runs it, which alone can kill it.)"""

    name: str
    module: str
    folder: str
    missing: Callable[[], str]
    http: bool = True


Options = Callable[[ServiceKind], list[str]]
"""What else to say on the command line, asked at each start."""


class Service:
    """Runs in the supervisor's event loop; ``changed`` is called after each change of ``status``."""

    def __init__(
        self, kind: ServiceKind, layout: Layout, ports: Ports, options: Options, changed: Callable[[], None]
    ) -> None:
        self.kind, self._layout, self._ports, self._options, self._changed = kind, layout, ports, options, changed
        self.status = ServiceStatus(kind.name, port=ports.take(kind.name), since=_now())
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self._said: deque[str] = deque(maxlen=5)

    async def run(self) -> None:
        """Keep the service running until ``stop``."""
        crashes = 0
        while not self._stopping.is_set():
            if why := self.kind.missing():
                self._set(state="missing", pid=0, note=why)
                await self._pause(LOOK_AGAIN)
                continue
            lock = FileLock(self._layout.run / f"{self.kind.name}.lock")
            free = await self._after_predecessor(lock)
            if self._stopping.is_set():
                lock.free()
                break
            began = asyncio.get_running_loop().time()
            try:
                ending = await self._once(lock) if free else "not started"
            except (OSError, OpsError) as error:  # a full disk, no more processes
                ending = f"could not be started: {error}"
            if self._stopping.is_set():
                break
            crashes = 0 if asyncio.get_running_loop().time() - began > STEADY else crashes
            wait = WAITS[min(crashes, len(WAITS) - 1)]
            crashes += 1
            _log.warning("%s ended (%s); next try in %.1f s", self.kind.name, ending, wait)
            note = f"{self._said[-1]} " if self._said else ""
            self._set(
                state="restarting",
                pid=0,
                restarts=self.status.restarts + 1,
                last_exit=ending,
                note=f"{note}(next try in {wait:g} s)",
            )
            await self._pause(wait)
        self._set(state="stopped", pid=0)

    def again(self) -> None:
        """End it; it is started again with what holds now."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()

    async def stop(self) -> None:
        """Ask it to end, and make it after a while."""
        self._stopping.set()
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_WITHIN)
        except TimeoutError:
            _log.warning("%s did not end in %.0f s and was killed", self.kind.name, STOP_WITHIN)
            with contextlib.suppress(ProcessLookupError):
                process.kill()

    async def _once(self, lock: FileLock) -> str:
        """One run of the program; how it ended."""
        if not self._ports.is_free(self.status.port):
            self._set(port=self._ports.take(self.kind.name))
        self._said.clear()
        self._set(state="starting" if not self.status.restarts else "restarting", note="")
        try:
            process = self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                self.kind.module,
                "--port",
                str(self.status.port),
                "--data",
                str(self._layout.data / self.kind.folder),
                *self._options(self.kind),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd=ROOT,
                pass_fds=(lock.fileno(),) if os.name == "posix" else (),
                limit=1 << 20,
            )
        finally:
            if os.name == "posix":
                lock.free()  # the child has it now
        if self._stopping.is_set():  # while it was being started
            process.terminate()
        with contextlib.suppress(OSError):
            self._layout.run.joinpath(f"{self.kind.name}.pid").write_text(str(process.pid))
        assert process.stdout and process.stderr
        readers = [
            asyncio.create_task(self._listen(process.stdout)),
            asyncio.create_task(self._record(process.stderr)),
        ]
        watch = asyncio.get_running_loop().call_later(READY_WITHIN, self._too_late, process)
        pulse = asyncio.create_task(self._feel_pulse(process)) if self.kind.http else None
        try:
            status = await process.wait()
        finally:
            watch.cancel()
            if pulse:
                pulse.cancel()
            lock.free()
        with contextlib.suppress(TimeoutError):  # a grandchild may hold the pipe open
            await asyncio.wait_for(asyncio.gather(*readers), 2)
        return _in_words(status)

    async def _listen(self, stream: asyncio.StreamReader) -> None:
        with contextlib.suppress(ValueError):  # a line over the limit: not for us
            while line := await stream.readline():
                if line.startswith(b"READY "):
                    port = int(json.loads(line[6:])["port"])
                    if port != self.status.port:
                        self._ports.remember(self.kind.name, port)
                    pid = self._process.pid if self._process else 0
                    self._set(state="running", port=port, pid=pid, note="")

    async def _record(self, stream: asyncio.StreamReader) -> None:
        """Its stderr goes to the journal; the last words stay for the status."""
        journal = logging.getLogger(f"sandbox.{self.kind.name}")
        with contextlib.suppress(ValueError):
            while line := await stream.readline():
                text = line.decode(errors="replace").rstrip()[:2000]
                if text:
                    self._said.append(text[:300])
                    journal.info("%s", text)

    def _too_late(self, process: asyncio.subprocess.Process) -> None:
        if self.status.state != "running" and process.returncode is None:
            self._said.append(f"It did not answer within {READY_WITHIN:.0f} s")
            process.kill()

    async def _feel_pulse(self, process: asyncio.subprocess.Process) -> None:
        """Kill it when it hangs: it listens, but answers nobody."""
        missed = 0
        while missed < PULSES:
            await asyncio.sleep(PULSE)
            if self.status.state == "running":
                missed = 0 if await self._answers() else missed + 1
        if process.returncode is None:
            self._said.append(f"It did not answer {PULSES} times in a row")
            process.kill()

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(PULSE):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.status.port)
                try:
                    writer.write(b"GET / HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
                    return bool(await reader.read(1))
                finally:
                    writer.close()
        except OSError:  # also a time-out
            return False

    async def _after_predecessor(self, lock: FileLock) -> bool:
        """Wait until the process of an earlier run is gone (its supervisor may have been killed); False if it stays."""
        for turn in range(600):
            if lock.take():
                return True
            if self._stopping.is_set():
                return False
            if turn == 150:
                await self._kill_predecessor()
            await self._pause(0.1)
        self._said.append(f"A process of an earlier run does not end; it holds {lock.path}.")
        return False

    async def _kill_predecessor(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            pid = int(self._layout.run.joinpath(f"{self.kind.name}.pid").read_text())
            ps = await asyncio.create_subprocess_exec(
                "ps", "-p", str(pid), "-ww", "-o", "args=", stdout=asyncio.subprocess.PIPE
            )
            said, _ = await ps.communicate()
            if self.kind.module.encode() in said:  # the number may belong to a stranger by now
                _log.warning("%s of an earlier run (%d) hangs and is killed", self.kind.name, pid)
                os.kill(pid, signal.SIGKILL)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    def _set(self, **changes: object) -> None:
        new = replace(self.status, **changes)  # type: ignore[arg-type]
        if new.state != self.status.state:
            new = replace(new, since=_now())
        if new != self.status:
            self.status = new
            self._changed()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _in_words(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"signal {-status} ({signal.Signals(-status).name})"
    except ValueError:
        return f"signal {-status}"
