"""A private MariaDB server for one rehearsal: socket only, in a folder of its own, gone afterwards whatever happens."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from core.backups import guard
from core.backups.server import Login, bound, connected, identifier, rows_of
from core.base.errors import OpsError
from core.jobs.job import Job

LOADER = "opsdesk_loader"
_LONGEST_SOCKET = 100  # the system allows 107 bytes
_START_SECONDS = 60.0
_PREPARE_SECONDS = 300.0


def _copy(data: Path, to: Path) -> None:
    try:
        shutil.copytree(data, to)
    except OSError as error:
        told = error.args[0][0][-1] if isinstance(error, shutil.Error) else error.strerror or error
        raise OpsError(
            "The scratch server could not be prepared", f"{told} ({to.parent})", "Free some space there", code="disk"
        ) from error


@dataclass(frozen=True, slots=True)
class ServerPrograms:
    """``install`` makes a data folder. ``options`` are for a server that was unpacked somewhere, not installed."""

    server: str
    install: str
    client: str
    options: tuple[str, ...] = ()
    version: str = ""


def find_programs(folder: str = "") -> ServerPrograms:
    """From ``folder`` (the ``usr`` of unpacked packages) or the PATH; raises OpsError (code ``no-program``) where there is none."""
    if sys.platform == "win32":
        raise OpsError(
            "No private scratch server can be started on Windows",
            "It would have to open a network port",
            "Name a MySQL source as scratch in the plan",
            code="no-program",
        )
    places = [Path(folder) / "sbin", Path(folder) / "bin"] if folder else [Path(p) for p in os.get_exec_path()]
    places += (
        []
        if folder
        else [Path("/usr/sbin"), Path("/usr/local/sbin"), Path("/opt/homebrew/bin"), Path("/usr/local/bin")]
    )
    path = os.pathsep.join(map(str, places))
    server = shutil.which("mariadbd", path=path)
    install = shutil.which("mariadb-install-db", path=path)
    client = shutil.which("mariadb", path=path)
    if not (server and install and client):
        raise OpsError(
            "No scratch server can be started here",
            "mariadbd, mariadb-install-db or mariadb was not found",
            "Install mariadb-server-core and mariadb-client-core (macOS: brew install mariadb), or name a server as scratch in the plan",
            code="no-program",
        )
    options = (
        (f"--basedir={folder}", f"--lc-messages-dir={folder}/share/mysql", f"--plugin-dir={folder}/lib/mysql/plugin")
        if folder
        else ()
    )
    version = subprocess.run(
        [server, "--no-defaults", *options, "--version"], capture_output=True, text=True, timeout=30, check=False
    ).stdout
    return ServerPrograms(server, install, client, options, version.strip())


def client_program() -> str:
    """The command-line client to load dumps with; raises OpsError (code ``no-program``)."""
    for name in ("mariadb", "mysql"):
        path = shutil.which(name)
        if path:
            return path
    raise OpsError(
        "No client program was found",
        "Neither mariadb nor mysql is on the PATH",
        "Install mariadb-client-core",
        code="no-program",
    )


@dataclass(frozen=True, slots=True)
class Other:
    """The account that a root process steps down to; -1 where we are no root."""

    uid: int = -1
    gid: int = -1

    @classmethod
    def here(cls) -> Other:
        if not hasattr(os, "geteuid") or os.geteuid() != 0:
            return cls()
        import grp
        import pwd

        account = pwd.getpwnam("nobody")
        return cls(account.pw_uid, grp.getgrgid(account.pw_gid).gr_gid)

    def arguments(self) -> dict[str, Any]:
        """For Popen."""
        return {} if self.uid < 0 else {"user": self.uid, "group": self.gid, "extra_groups": []}

    def give(self, path: Path) -> None:
        if self.uid >= 0:
            os.chown(path, self.uid, self.gid)


class ScratchServer:
    """Use as ``with``: inside, ``root`` is the login of its root and ``admit`` makes one that may only load.

    cap: bytes it may write; hours: how long it may live. Both are kept by a guard process, which also ends the server
    and removes the folder when this process dies.
    """

    def __init__(
        self, job: Job[Any], programs: ServerPrograms, cache: Path, *, parent: str = "", cap: int, hours: float = 12
    ) -> None:
        self._job, self._programs, self._cache = job, programs, cache
        self._cap, self._hours = cap, hours
        self.other = Other.here()
        self.folder = Path(tempfile.mkdtemp(prefix="opsdesk-", dir=parent or None))
        if len(str(self.folder)) > _LONGEST_SOCKET - 2:
            self.folder.rmdir()
            self.folder = Path(tempfile.mkdtemp(prefix="opsdesk-", dir="/tmp"))
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def root(self) -> Login:
        return Login("the scratch server", "root", "", socket=str(self.folder / "s"))

    @property
    def client(self) -> str:
        return self._programs.client

    def __enter__(self) -> ScratchServer:
        try:
            self._watch()
            self._prepare()
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def admit(self, databases: dict[str, tuple[str, str]], definers: tuple[str, ...]) -> Login:
        """Make the databases {name: (charset, collation)}, a user for loading that may do all in them and nothing else,
        and the ``definers`` ("user@host") that views and routines act as. Returns the loading user's login.

        No administrator is left afterwards, ``root`` included: what is loaded may act as any account there is.
        """
        password = secrets.token_hex(16)
        with connected(self.root, doing="prepare the scratch server") as connection:
            for account in rows_of(connection, "SELECT user, host FROM mysql.global_priv WHERE user <> ''"):
                if account != ("root", "localhost"):
                    rows_of(connection, "DROP USER IF EXISTS %s@%s", *account)
            rows_of(connection, f"CREATE USER {LOADER}@localhost IDENTIFIED BY '{password}'")
            # Views, triggers and routines of other definers can only be made with SET USER.
            rows_of(connection, f"GRANT SET USER ON *.* TO {LOADER}@localhost")
            for definer in definers:
                rows_of(
                    connection,
                    "CREATE USER IF NOT EXISTS %s@%s IDENTIFIED BY %s",
                    *_account(definer),
                    secrets.token_hex(16),
                )
            for name, (charset, collation) in databases.items():
                rows_of(connection, f"CREATE DATABASE {bound(name)} CHARACTER SET %s COLLATE %s", charset, collation)
                scope = name.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%")
                rows_of(connection, f"GRANT ALL ON {identifier(scope)}.* TO {LOADER}@localhost")
                for definer in definers:
                    rows_of(connection, f"GRANT ALL ON {bound(scope)}.* TO %s@%s", *_account(definer))
            rows_of(connection, "REVOKE ALL PRIVILEGES ON *.* FROM root@localhost")
            rows_of(connection, "REVOKE GRANT OPTION ON *.* FROM root@localhost")
        return Login("the scratch server", LOADER, password, socket=str(self.folder / "s"))

    def why_ended(self) -> str:
        """Why the server is no more, with its own last error line; nothing while it lives."""
        try:
            with connected(self.root):
                return ""
        except OpsError as error:
            return self._last_words() or error.why

    def _last_words(self) -> str:
        ended = self.folder / "ended"
        for _ in range(100):  # the guard looks five times a second, on a busy machine less often
            if ended.exists():
                break
            time.sleep(0.05)
        if not ended.exists():
            return ""
        reason, log = ended.read_text(), self.folder / "log.err"
        lines = log.read_text("utf-8", "replace").splitlines() if log.exists() else []
        faults = [line for line in lines if "[ERROR]" in line]
        return f"{reason}; {faults[-1][:500]}" if faults else reason

    # -- inside ---------------------------------------------------------------
    def _watch(self) -> None:
        """Before anything else: whatever happens from now on, the folder goes when we do."""
        self._guard = subprocess.Popen(
            [
                sys.executable,
                "-I",
                str(Path(guard.__file__)),
                str(self.folder),
                str(self.other.uid),
                str(self.other.gid),
                str(self._cap),
                str(self._hours),
                str(os.getpid()),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _prepare(self) -> None:
        os.chmod(self.folder, 0o700)
        self.other.give(self.folder)
        _copy(self._template(), self.folder / "data")
        if self.other.uid >= 0:
            for place, folders, names in os.walk(self.folder / "data"):
                for name in (".", *folders, *names):
                    os.chown(os.path.join(place, name), self.other.uid, self.other.gid)

    def _template(self) -> Path:
        """A fresh data folder to be copied (34 MB), made once per server version: 0.1 s instead of 3 s for each rehearsal."""
        version = hashlib.sha256(self._programs.version.encode()).hexdigest()[:12]
        template = self._cache / "scratch" / f"mariadb-{version}"
        if template.exists():
            return template
        self._job.report(0, None, "Preparing a scratch server (only once)")
        data = self.folder / "data"
        who = ["--user=root"] if self.other.uid >= 0 else []
        made, said = self._ended(
            [
                self._programs.install,
                "--no-defaults",
                *self._programs.options,
                f"--datadir={data}",
                *who,
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--skip-name-resolve",
                "--innodb-log-file-size=16M",
                # Nothing to lose yet: syncing each of ninety small tables to disk was half of the time.
                "--innodb-doublewrite=0",
                "--innodb-flush-log-at-trx-commit=0",
                "--loose-debug-no-sync",
            ]
        )
        if made != 0:  # what follows the errors is advice that fits nothing in particular
            errors = [line for line in said.splitlines() if "ERROR" in line and not line.endswith("Aborting")]
            raise OpsError(
                "The scratch server could not be prepared",
                "; ".join(errors)[:500] or said.strip()[-500:],
                "Check the disk and the MariaDB installation",
                code="scratch",
            )
        self._keep(data, template)
        return template

    def _keep(self, data: Path, template: Path) -> None:
        """``data`` becomes the template, which appears whole or not at all."""
        draft = template.with_name(f".{template.name}-{secrets.token_hex(4)}")
        try:
            _copy(data, draft)
            try:
                draft.rename(template)
            except OSError:
                if not template.exists():  # else another rehearsal was quicker
                    raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        shutil.rmtree(data)

    def _ended(self, command: list[str]) -> tuple[int, str]:
        """Run a program with all its children to its end: (status, what it said). A cancel ends them all."""
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", start_new_session=True,
            # Not the system's: every MariaDB that starts on this computer clears its temporary tables out of there. No option,
            # for the installer is a shell script that takes a folder with a blank in its name for two words.
            env={**os.environ, "TMPDIR": str(self.folder)},
        )  # fmt: skip

        def end() -> None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

        with process:
            try:
                with self._job.interruptible(end):
                    said, _ = process.communicate(timeout=_PREPARE_SECONDS)
            except subprocess.TimeoutExpired:
                return -1, f"{Path(command[0]).name} did not end within {_PREPARE_SECONDS:.0f} s"
            finally:
                if process.poll() is None:
                    end()
        self._job.checkpoint()
        return process.returncode, said

    def _start(self) -> None:
        command = [
            self._programs.server,
            "--no-defaults",
            *self._programs.options,
            f"--datadir={self.folder / 'data'}",
            f"--socket={self.folder / 's'}",
            f"--pid-file={self.folder / 'pid'}",
            f"--log-error={self.folder / 'log.err'}",
            f"--tmpdir={self.folder}",
            f"--secure-file-priv={self.folder / 'data'}",
            "--skip-networking",
            "--skip-log-bin",
            "--skip-name-resolve",
            "--local-infile=0",
            "--event-scheduler=OFF",
            "--max-allowed-packet=1G",
            "--innodb-buffer-pool-size=128M",
            "--innodb-log-file-size=16M",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-doublewrite=0",
            "--character-set-server=utf8mb4",
        ]
        assert self._guard and self._guard.stdin
        with contextlib.suppress(BrokenPipeError):  # somebody has ended the guard: told below
            self._guard.stdin.write(json.dumps(command).encode() + b"\n")
            self._guard.stdin.flush()
        waited = 0.0
        while True:
            self._job.report(0, None, "Starting a scratch server")
            try:
                with connected(self.root):
                    return
            except OpsError as error:
                gone = (self.folder / "ended").exists() or self._guard.poll() is not None
                if gone or waited > _START_SECONDS:
                    raise OpsError(
                        "The scratch server did not start",
                        self._last_words() or error.why,
                        "Check the disk and the MariaDB installation",
                        code="scratch",
                    ) from error
            self._job.sleep(0.1)
            waited += 0.1

    def _stop(self) -> None:
        if self._guard is not None:
            assert self._guard.stdin
            with contextlib.suppress(BrokenPipeError):
                self._guard.stdin.close()
            self._guard.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def _account(definer: str) -> tuple[str, str]:
    user, _, host = definer.rpartition("@")
    return user, host
