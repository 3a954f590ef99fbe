"""Runs a private MariaDB: its own data folder, loopback only, a random password set before the port opens.

Its first start makes the system tables in about two seconds instead of four: the file system is not asked to
sync each of some ninety small tables of a folder that counts only once it is whole.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from core.base.errors import OpsError
from core.base.files import write_atomic
from core.sandbox.contract import PULSE, PULSES, announce, end_with_parent, when_parent_leaves

VARIABLE = "OPSDESK_MARIADBD"
USER, DATABASE = "opsdesk", "shop"
HOW_TO_GET_IT = (
    "Install MariaDB (Debian, Ubuntu: apt install mariadb-server-core mariadb-client; macOS: brew install mariadb), "
    f"or set {VARIABLE} to the path of mariadbd"
)
SPACE = 200
"""MB for a new data folder with the demo shop (100 MB) and room to work."""
_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/opt/homebrew/bin", "/usr/local/bin")


def find_mariadbd() -> Path:
    """The server's program; OpsError (code ``missing``) says how to get one."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        path = Path(chosen).expanduser()
        if not os.access(path, os.X_OK) or path.is_dir():
            raise OpsError(
                "MariaDB was not found", f"{VARIABLE} names {path}, which is no program", HOW_TO_GET_IT, code="missing"
            )
        return path
    search = os.pathsep.join((os.environ.get("PATH", ""), *_FOLDERS))
    for name in ("mariadbd", "mysqld"):
        if found := shutil.which(name, path=search):
            return Path(found).resolve()
    raise OpsError("MariaDB was not found", "There is no mariadbd on this computer", HOW_TO_GET_IT, code="missing")


def is_mariadb(program: Path) -> bool:
    """MySQL's own server starts and initialises in another way: only MariaDB is run here."""
    answer = subprocess.run([program, "--no-defaults", "--version"], capture_output=True, text=True, timeout=30)
    return "mariadb" in answer.stdout.lower()


def password_in(data: Path) -> str:
    """The password of this data folder, made on first use (0600)."""
    file = data / "password"
    with contextlib.suppress(FileNotFoundError):
        if password := file.read_text(encoding="ascii").strip():
            return password
    password = secrets.token_urlsafe(18)
    write_atomic(file, password)
    return password


class Children:
    """The one program that runs for us now; ``end`` stops it and lets no other start."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended = False
        self._process: subprocess.Popen[str] | None = None

    def start(self, command: list[str], temporary: Path | None = None, **streams: Any) -> subprocess.Popen[str]:
        """``temporary``: its folder for temporary files (None: the system's)."""
        own = os.getpid()
        place = {"TMPDIR": str(temporary)} if temporary else {}
        with self._lock:
            if self._ended:
                sys.exit(0)
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                text=True,
                errors="replace",
                env={**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin", **place},
                start_new_session=True,  # the installer is a script: stop it with its children
                preexec_fn=(lambda: end_with_parent(own)) if os.name == "posix" else None,
                **streams,
            )
        return self._process

    def finish(self, command: list[str], temporary: Path) -> tuple[int, str]:
        """Run to the end; its status and what it said."""
        process = self.start(command, temporary, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said, _ = process.communicate()
        return process.returncode, said

    def end(self) -> None:
        with self._lock:
            self._ended = True
            if self._process and self._process.poll() is None:
                if os.name == "posix":
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(self._process.pid, signal.SIGTERM)
                else:
                    self._process.terminate()


def initialise(program: Path, data: Path, password: str, children: Children) -> Path:
    """Make the data folder if it is not there yet; it takes its name only when it is whole."""
    folder = data / "files"
    if folder.is_dir():
        return folder
    free = shutil.disk_usage(data).free // 1_000_000
    if free < SPACE:
        raise OpsError(
            "MariaDB has too little space",
            f"{free} MB are free, it needs some {SPACE} ({data})",
            "Free some space; it is tried again by itself",
            code="disk",
        )
    installer = _installer(program)
    draft, script = data / "files.new", data / "first.sql"
    shutil.rmtree(draft, ignore_errors=True)
    write_atomic(script, _first_sql(password))
    base = program.parent.parent
    # The installer is a shell script that trips over a space in a path, and macOS keeps data in "Application Support".
    short = Path(tempfile.mkdtemp(prefix="opsdesk-"))
    try:
        (short / "data").symlink_to(data, target_is_directory=True)
        status, said = children.finish(
            [
                str(installer),
                "--no-defaults",
                *([f"--basedir={base}"] if (base / "share").is_dir() else []),
                f"--datadir={short / 'data' / draft.name}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--skip-name-resolve",
                f"--extra-file={short / 'data' / script.name}",
                "--innodb-log-file-size=16M",
                "--innodb-doublewrite=0",
                "--innodb-flush-log-at-trx-commit=0",
                "--loose-debug-no-sync",
                *_as_root(),
            ],
            short,  # in the system's, every other MariaDB that starts clears its temporary tables away
        )
    finally:
        script.unlink(missing_ok=True)
        shutil.rmtree(short, ignore_errors=True)
    if status or not (draft / "mysql").is_dir():
        shutil.rmtree(draft, ignore_errors=True)
        trouble = [line for line in said.splitlines() if "ERROR" in line or "annot" in line]
        raise OpsError(
            "MariaDB's data folder could not be made",
            "; ".join(trouble[-2:]) or said[-300:],
            "Free some space or look into the journal, then start the sandbox again",
        )
    draft.replace(folder)
    return folder


def end_leftover(folder: Path, patience: float = 20) -> None:
    """End a server that still has this data folder, because the process that started it was killed."""
    try:
        pid = int((folder / "mysql.pid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return
    until = time.monotonic() + patience
    while f"--datadir={folder} " in _command_line(pid):  # not a stranger with the same number
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM if time.monotonic() < until else signal.SIGKILL)
        time.sleep(0.2)


def server_command(program: Path, folder: Path, port: int) -> list[str]:
    """The socket's name is relative to the data folder: a whole path may exceed the 107 bytes a socket allows."""
    return [
        str(program),
        "--no-defaults",
        f"--datadir={folder}",
        "--socket=mysql.sock",
        "--pid-file=mysql.pid",
        "--bind-address=127.0.0.1",
        f"--port={port}",
        "--skip-ssl",  # MariaDB makes itself a certificate since 11.4, which nobody could check
        "--skip-name-resolve",
        "--skip-log-bin",
        "--local-infile=0",
        f"--secure-file-priv={folder.parent / 'load'}",
        f"--tmpdir={folder.parent / 'tmp'}",
        "--character-set-server=utf8mb4",
        "--collation-server=utf8mb4_unicode_ci",
        "--event-scheduler=OFF",  # the demo shop should stand still unless someone works on it
        "--performance-schema=OFF",
        "--log-warnings=1",
        "--max-allowed-packet=64M",
        "--innodb-buffer-pool-size=128M",
        "--innodb-log-file-size=16M",
        "--innodb-doublewrite=0",
        "--innodb-flush-log-at-trx-commit=2",  # survives a kill of the server; only a power cut costs a second
        *_as_root(),
    ]


def run(port: int, data: Path) -> int:
    children = Children()
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=children.end).start())
    when_parent_leaves(children.end)
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    program = find_mariadbd()
    if not is_mariadb(program):
        raise OpsError("MariaDB was not found", f"{program} is not MariaDB", HOW_TO_GET_IT, code="missing")
    folder = initialise(program, data, password_in(data), children)
    end_leftover(folder)
    for name in ("load", "tmp"):
        (data / name).mkdir(exist_ok=True, mode=0o700)
    if not port:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
    server = children.start(server_command(program, folder, port), stdout=sys.stderr)
    while server.poll() is None:
        if greets(port, 5):  # it is past start-up and recovery
            announce(port)
            break
        time.sleep(0.05)
    threading.Thread(target=end_when_it_hangs, args=(server, port), daemon=True, name="pulse").start()
    status = server.wait()
    return 128 - status if status < 0 else status


def greets(port: int, patience: float) -> bool:
    """Whether a MySQL server answers a connection: it speaks first."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=patience) as connection:
        return bool(connection.recv(1))
    return False


def end_when_it_hangs(server: subprocess.Popen[str], port: int) -> None:
    """Kill a server that listens, but greets nobody."""
    missed = 0
    while missed < PULSES:
        time.sleep(PULSE)
        missed = 0 if greets(port, PULSE) else missed + 1
    print(f"It did not answer {PULSES} times in a row", file=sys.stderr, flush=True)
    server.kill()


def _command_line(pid: int) -> str:
    """The words of a running process; empty where there is none (or no ps)."""
    with contextlib.suppress(OSError):
        return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes()).replace("\0", " ")
    # Elsewhere. It writes what its locale does not know as question marks, and a timer's locale knows ASCII alone.
    knowing = {**os.environ, "LC_ALL": "en_US.UTF-8"}
    try:
        answer = subprocess.run(
            ["ps", "-p", str(pid), "-ww", "-o", "args="],
            env=knowing,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
        )
    except OSError:
        return ""
    return answer.stdout


def _first_sql(password: str) -> str:
    assert re.fullmatch(r"[A-Za-z0-9_-]+", password)
    lines = ["FLUSH PRIVILEGES;"]
    lines += [f"ALTER USER root@'{host}' IDENTIFIED BY '{password}';" for host in ("localhost", "127.0.0.1", "::1")]
    for host in ("localhost", "127.0.0.1"):
        lines.append(f"CREATE USER {USER}@'{host}' IDENTIFIED BY '{password}';")
        lines.append(f"GRANT ALL PRIVILEGES ON *.* TO {USER}@'{host}' WITH GRANT OPTION;")
    # the installer also lets root of this computer's own name in, without a password
    lines.append("DELETE FROM mysql.global_priv WHERE User = '' OR Host NOT IN ('localhost', '127.0.0.1', '::1');")
    lines.append(f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;")
    return "\n".join(lines) + "\n"


def _installer(program: Path) -> Path:
    folders = (program.parent, program.parent.parent / "bin", program.parent.parent / "scripts", Path("/usr/bin"))
    for folder in folders:
        for name in ("mariadb-install-db", "mysql_install_db"):
            if os.access(folder / name, os.X_OK):
                return folder / name
    raise OpsError(
        "MariaDB's data folder could not be made",
        f"mariadb-install-db is not beside {program}",
        HOW_TO_GET_IT,
        code="missing",
    )


def _as_root() -> list[str]:
    return ["--user=root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    try:
        sys.exit(run(options.port, options.data))
    except OpsError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
