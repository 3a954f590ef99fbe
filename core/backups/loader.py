"""Feeding a dump to a server through the command-line client, which may do nothing else than that."""

from __future__ import annotations

import contextlib
import re
import subprocess
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any

from core.backups.dump import Said, widen
from core.backups.scratch import Other
from core.backups.server import Login, defaults_option
from core.base.errors import OpsError
from core.jobs.job import Job

_SANDBOX_LINE = re.compile(rb"/\*M?!999999\\- enable the sandbox mode \*/ ?\r?\n")
_LONGEST_LINE = 64
"""How mariadb-dump begins since May 2024. Older clients, and all of MySQL's, stop at it."""


@lru_cache
def _knows_sandbox(program: str) -> bool:
    """Whether this client has --sandbox; one without it is held back by --binary-mode alone."""
    told = subprocess.run([program, "--no-defaults", "--help"], capture_output=True, timeout=30, check=False).stdout
    return b"--sandbox" in told


def _without_sandbox_line(start: bytes) -> bytes:
    found = _SANDBOX_LINE.match(start)
    return start[found.end() :] if found else start


class Loader:
    """A writer whose bytes a client executes in ``database``. Use as ``with``, then ``finish()``.

    --sandbox and --binary-mode refuse what a hostile dump could ask of the client: shell commands, reading and writing
    files. ``other`` is the account that the client runs as, ``folder`` where it stands.
    """

    def __init__(
        self,
        job: Job[Any],
        program: str,
        login: Login,
        database: str,
        *,
        other: Other | None = None,
        folder: Path | None = None,
    ) -> None:
        self._job, self._program, self._login, self._database = job, program, login, database
        self._other, self._folder = other or Other(), folder
        self._process: subprocess.Popen[bytes] | None = None
        self._said: Said | None = None
        self._stack = ExitStack()
        self._ended = False
        self._first: bytes | None = None
        """The first bytes, while it is not known whether they are the line that this client does not understand."""

    def __enter__(self) -> Loader:
        owner = self._other.uid if self._other.uid >= 0 else None
        option, descriptors = self._stack.enter_context(defaults_option(self._login, owner=owner))
        sandbox = _knows_sandbox(self._program)
        self._first = None if sandbox else b""
        self._process = subprocess.Popen(
            [
                self._program,
                option,
                "--batch",
                "--binary-mode",
                "--local-infile=0",
                "--default-character-set=utf8mb4",
                "--max-allowed-packet=1G",
                *(["--sandbox"] if sandbox else []),
                *([f"--database={self._database}"] if self._database else []),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=descriptors,
            cwd=self._folder,
            start_new_session=True,
            **self._other.arguments(),
        )
        assert self._process.stdin and self._process.stderr
        widen(self._process.stdin)
        self._said = Said(self._process.stderr)
        self._stack.enter_context(self._job.interruptible(self._process.kill))
        return self

    def write(self, data: bytes) -> None:
        """Raises OpsError (code ``load``) with the engine's own message where the client has stopped."""
        if self._first is not None:
            self._first += data
            if len(self._first) < _LONGEST_LINE:
                return
            data, self._first = _without_sandbox_line(self._first), None
        self._pass_on(data)

    def _pass_on(self, data: bytes) -> None:
        assert self._process and self._process.stdin
        try:
            self._process.stdin.write(data)
        except BrokenPipeError:
            self.finish()
            raise OpsError("The dump could not be loaded", "The client stopped reading", code="load") from None

    def finish(self) -> None:
        """Close and wait for the last statement; raises OpsError (code ``load``) where one failed."""
        if self._first:
            data, self._first = _without_sandbox_line(self._first), None
            self._pass_on(data)
        assert self._process and self._process.stdin and self._said
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        status = self._process.wait()
        self._ended = True
        self._job.checkpoint()
        if status != 0:
            said = self._said.text or (
                f"the client was ended by signal {-status}" if status < 0 else f"the client ended with status {status}"
            )
            raise OpsError(
                "The dump could not be loaded", said, "See the message: it names line and cause", code="load"
            )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process and self._process.stdin and self._said
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._said.close()
        self._stack.close()
