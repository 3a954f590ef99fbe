"""Dumping MySQL and MariaDB: the right program with the right options, and a stream that ends well only if the dump did."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any

from core.backups.rowcount import RowCounter
from core.backups.server import Login, defaults_option
from core.base.errors import OpsError
from core.base.journal import redact
from core.jobs.job import Job

PIECE = 1 << 20
_FILLING = 0.004  # seconds
_SAID_AT_MOST = 4096
TABLE_CHANGED = "table-changed"
"""The code of the error after which one retry makes sense: somebody rebuilt or dropped a table during the dump."""


@dataclass(frozen=True, slots=True)
class DumpProgram:
    path: str
    mariadb: bool
    version: str

    @property
    def one_row_a_line(self) -> bool:
        """Whether the rows can be counted in its dump: mariadb-dump since 10.11."""
        told = re.search(r"(\d+)\.(\d+)\.\d+-MariaDB", self.version)
        return told is not None and (int(told[1]), int(told[2])) >= (10, 11)


def find_dump_program(engine: str = "mariadb") -> DumpProgram:
    """mariadb-dump or mysqldump, that of the server's own ``engine`` first: each knows its own server's columns.

    Raises OpsError (code ``no-program``) where neither is installed.
    """
    found: DumpProgram | None = None
    for name in ("mariadb-dump", "mysqldump") if engine == "mariadb" else ("mysqldump", "mariadb-dump"):
        path = shutil.which(name)
        if path:
            told = subprocess.run(
                [path, "--no-defaults", "--version"], capture_output=True, text=True, timeout=30, check=False
            ).stdout
            program = DumpProgram(path, "mariadb" in told.lower(), told.strip())
            if program.mariadb == (engine == "mariadb"):  # MariaDB has a mysqldump of its own
                return program
            found = found or program
    if found:
        return found
    raise OpsError(
        "No dump program was found",
        "Neither mariadb-dump nor mysqldump is on the PATH",
        "Install mariadb-client (Debian, Ubuntu: apt install mariadb-client; macOS: brew install mariadb)",
        code="no-program",
    )


def dump_command(
    program: DumpProgram, login_option: str, databases: tuple[str, ...], *, history: bool, without: tuple[str, ...] = ()
) -> list[str]:
    """One consistent dump of all ``databases``, but for the tables and views ``without`` ("database.name"). A single one is dumped
    without its name, to be restored under any.

    The defaults option has to stand first. max-allowed-packet: the client's 16 MB default broke on a 30 MB value.
    """
    command = [
        program.path,
        login_option,
        "--single-transaction",
        "--quick",
        "--skip-lock-tables",
        "--routines",
        "--triggers",
        "--events",
        "--hex-blob",
        "--default-character-set=utf8mb4",
        "--max-allowed-packet=1G",
        "--no-tablespaces",
    ]
    if not program.mariadb:
        # GTIDs of the whole server in a dump of one database would spoil the server that it is restored into.
        # Loose: older versions know neither.
        command += ["--loose-set-gtid-purged=OFF", "--loose-column-statistics=0"]
    if history and program.mariadb:
        command.append("--dump-history")
    command += [f"--ignore-table={name}" for name in without]
    if len(databases) > 1:
        command.append("--databases")
    return [*command, "--", *databases] if len(databases) == 1 else [*command, *databases]


@dataclass(slots=True)
class Dump:
    """A dump to be read once: ``pieces()`` yields the SQL and raises OpsError unless the dump was whole.

    After it has ended: ``counter.rows`` holds the rows per table.
    """

    login: Login
    databases: tuple[str, ...]
    history: bool = False
    without: tuple[str, ...] = ()
    counter: RowCounter = field(default_factory=RowCounter)
    program: DumpProgram | None = None
    _process: subprocess.Popen[bytes] | None = None

    def halt(self) -> None:
        """End the program, wherever it is."""
        if self._process is not None:
            self._process.kill()

    def pieces(self, job: Job[Any]) -> Iterator[bytes]:
        """At most 1 MiB each. Ends normally only on exit status 0 and the closing line "Dump completed"."""
        self.program = self.program or find_dump_program()
        with defaults_option(self.login) as (option, descriptors):
            process = self._process = subprocess.Popen(
                dump_command(self.program, option, self.databases, history=self.history, without=self.without),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=descriptors,
                bufsize=0,
                start_new_session=True,
            )
            assert process.stdout and process.stderr
            said = Said(process.stderr)
            try:
                with job.interruptible(process.kill):
                    for piece in unhurried(process.stdout):
                        self.counter.feed(piece)
                        yield piece
                    status = process.wait()
                    job.checkpoint()
            finally:
                process.kill()
                process.wait()
                process.stdout.close()
                said.close()
        if status != 0:
            raise _failed(self.databases, status, said.text)
        if not self.counter.whole:
            raise OpsError(
                f"The dump of {', '.join(self.databases)} was cut",
                'It ended without its closing line "Dump completed"',
                "Nothing was published; back up again",
                code="dump-cut",
            )


def unhurried(pipe: IO[bytes]) -> Iterator[bytes]:
    """What an unbuffered pipe brings, at most 1 MiB at a time, until its end.

    The program writes 4 KiB at a time. Whoever is back at once is woken for each of them, so where the pipe holds a whole piece
    it is left to fill for a moment: 1 MiB in 4 ms is several times what a dump program writes, so that it never waits.
    """
    wide = widen(pipe)
    while piece := os.read(pipe.fileno(), PIECE):
        yield piece
        if wide and len(piece) < PIECE // 4:
            time.sleep(_FILLING)


def widen(pipe: IO[bytes]) -> bool:
    """Let a pipe hold a whole piece, and whether it does: at Linux's 64 KiB both ends change turns 16 times as often."""
    if sys.platform == "linux":
        import fcntl

        with contextlib.suppress(OSError):  # above what this user may have: the default works too
            return fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIECE) >= PIECE
    return False


class Said:
    """What a child says on stderr, drained by a thread; keeps the first and last lines that name a fault, never row data."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._lines: list[str] = []
        self._thread = threading.Thread(target=self._drain, name="stderr", daemon=True)
        self._thread.start()

    def _drain(self) -> None:
        # A failing INSERT is printed whole (megabytes of customer rows on one line): read in bounded pieces, keep faults.
        while line := self._pipe.readline(65_536):
            text = line[:2_000].decode("utf-8", "replace").strip()
            if _FAULT.match(text) and sum(map(len, self._lines)) < _SAID_AT_MOST:
                self._lines.append(redact(text))

    @property
    def text(self) -> str:
        self._thread.join(10)
        return "\n".join(self._lines)[:_SAID_AT_MOST]

    def close(self) -> None:
        self._thread.join(10)
        self._pipe.close()


_FAULT = re.compile(r"(?i)(ERROR\b|[\w./-]*(?:mariadb|mysql)[\w-]*: )")


def _failed(databases: tuple[str, ...], status: int, said: str) -> OpsError:
    name = ", ".join(databases)
    reason = said or (
        f"It was ended by signal {-status}" if status < 0 else f"It ended with status {status} and said nothing"
    )
    details = {"exit status": str(status)}
    title = f"The dump of {name} failed"
    if "1412" in said or "(1146)" in said or "Error 1146" in said:
        return OpsError(
            title,
            f"A table was rebuilt or dropped while it was dumped ({reason})",
            "Back up again",
            details=details,
            code=TABLE_CHANGED,
        )
    if "1045" in said or "1698" in said or "Access denied" in said:
        return OpsError(
            title,
            f"The server refused the login or a right ({reason})",
            "Check password and rights of the source",
            details=details,
            code="denied",
        )
    if any(number in said for number in ("2013", "2006", "1927", "1317")):
        return OpsError(
            title,
            f"The server went away ({reason})",
            "Check the server's log, then back up again",
            details=details,
            code="lost",
        )
    return OpsError(
        title, reason, "Nothing was published; remove the cause and back up again", details=details, code="dump"
    )
