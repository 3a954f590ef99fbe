"""A private MySQL server (Oracle's, not MariaDB), for tests that need the real thing."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from core.backups.server import Login, connected, rows_of
from core.base.errors import OpsError
from tests import rivals

NAMED_BY = "OPSDESK_TEST_MYSQLD"
PASSWORD = 'a "quoted" #pass\\word'


def mysqld() -> str:
    """The program; skips where there is none."""
    named = os.environ.get(NAMED_BY, "")
    if named and not os.access(named, os.X_OK):
        pytest.fail(f"{NAMED_BY} names {named}, which is no program")
    on_path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])
    path = named or rivals.mysqld() or shutil.which("mysqld", path=on_path) or ""
    told = subprocess.run([path, "--no-defaults", "--version"], capture_output=True, text=True).stdout if path else ""
    if named and "mysql" not in told.lower():
        pytest.fail(
            f"{NAMED_BY} names {named}, which does not say that it is MySQL: {told.strip() or 'it does not run'}"
        )
    if not told or "mariadb" in told.lower():
        pytest.skip(f"MySQL is not installed: see `make setup-full`, put mysqld on the PATH, or name it in {NAMED_BY}")
    return path


def beside(name: str) -> str:
    """MySQL's own ``mysqldump`` or ``mysql``, from the folder of its server or the PATH; nothing where there is none."""
    own = Path(mysqld()).parent / name
    path = str(own) if own.exists() else shutil.which(name) or ""
    told = subprocess.run([path, "--no-defaults", "--version"], capture_output=True, text=True).stdout if path else ""
    return "" if "mariadb" in told.lower() else path


@dataclass
class MySql:
    """A running server: its administrator by socket, and how the tests log in."""

    root: Login
    port: int
    folder: Path

    def login(self, user: str = "shopper", password: str = PASSWORD, *, socket: bool = False) -> Login:
        if socket:
            return replace(self.root, name="mysql", user=user, password=password)
        return Login("mysql", user, password, host="127.0.0.1", port=self.port)

    def execute(self, *statements: str, database: str = "") -> list[tuple[object, ...]]:
        """As the administrator; the rows of the last."""
        rows: list[tuple[object, ...]] = []
        with connected(self.root, database) as connection:
            for statement in statements:
                rows = rows_of(connection, statement)
        return rows

    def forget_logins(self) -> None:
        """The next login by caching_sha2_password is a whole one, not the short one of a server that remembers."""
        self.execute("FLUSH PRIVILEGES")


@contextmanager
def mysql_servers(folder: Path, *options: tuple[str, ...]) -> Iterator[list[MySql]]:
    """One server for each tuple of further ``options``; each has the user ``shopper``, who may do everything."""
    from tests.core.backups.conftest import free_port

    program = mysqld()
    template = folder / "template"
    ours = ["--user=root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    ours.append(f"--tmpdir={folder}")  # in the shared one each server that starts clears the others' tables away
    made = subprocess.run(
        [program, "--no-defaults", "--initialize-insecure", f"--datadir={template}", *ours],
        capture_output=True, text=True, errors="replace",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr[-1000:]
    with ExitStack() as stack:
        servers = []
        for number, further in enumerate(options):
            data, port = folder / f"data{number}", free_port()
            shutil.copytree(template, data)
            (data / "auto.cnf").unlink()  # its identity
            log = stack.enter_context((folder / f"log{number}").open("wb"))
            process = subprocess.Popen(
                [program, "--no-defaults", f"--datadir={data}", f"--socket={folder}/s{number}", f"--port={port}", *ours,
                 "--bind-address=127.0.0.1", "--mysqlx=OFF", f"--pid-file={folder}/pid{number}", f"--secure-file-priv={data}",
                 "--innodb-flush-log-at-trx-commit=0", "--sync-binlog=0", "--log-bin-trust-function-creators=ON", *further],
                stdout=log, stderr=log,
            )  # fmt: skip
            stack.callback(process.wait)
            stack.callback(process.kill)
            server = MySql(Login("mysql", "root", "", socket=f"{folder}/s{number}"), port, folder)
            _await(server, process, Path(log.name))
            quoted = PASSWORD.replace("\\", "\\\\")
            server.execute(
                f"CREATE USER shopper IDENTIFIED WITH caching_sha2_password BY '{quoted}'",
                "GRANT ALL ON *.* TO shopper WITH GRANT OPTION",
            )
            servers.append(server)
        yield servers


def _await(server: MySql, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            server.execute("SELECT 1")
        except OpsError:
            assert process.poll() is None and time.monotonic() < deadline, log.read_text("utf-8", "replace")[-1000:]
            time.sleep(0.1)
        else:
            return
