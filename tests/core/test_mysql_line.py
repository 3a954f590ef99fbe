"""TLS to a real MariaDB: used where it is offered, demanded and checked where an authority is named."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pymysql
import pytest

from core.backups.scratch import Other, find_programs
from core.backups.server import Login, connected, rows_of
from core.base.errors import OpsError
from core.base.mysql import Line
from core.warehouse.feed.source import Server
from tests.sandboxed import Sandbox

pytestmark = pytest.mark.skipif(
    shutil.which("mariadbd") is None or shutil.which("openssl") is None, reason="there is no mariadbd or openssl here"
)


@dataclass
class Keeper:
    port: int
    ca_file: str
    other: str
    """An authority that signed nothing."""


def _certificate(folder: Path, name: str) -> Path:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.pem")],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder / f"{name}.pem"


@pytest.fixture(scope="module")
def keeper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keeper]:
    """A MariaDB with a certificate for 127.0.0.1, and an account that must use TLS."""
    folder = tmp_path_factory.mktemp("tls")
    theirs, other = _certificate(folder, "server"), _certificate(folder, "other")
    programs = find_programs()
    account = ["--user=root"] if Other.here().uid >= 0 else []
    # In the shared folder each server that starts clears the others' tables away.
    surroundings = {**os.environ, "TMPDIR": str(folder)}
    subprocess.run(
        [programs.install, "--no-defaults", f"--datadir={folder / 'data'}", "--skip-test-db",
         "--auth-root-authentication-method=normal", *account],
        env=surroundings, check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    first = folder / "first.sql"
    first.write_text(
        "CREATE USER keeper@'127.0.0.1' IDENTIFIED BY 'secret' REQUIRE SSL;\nCREATE USER plain@'127.0.0.1';\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [programs.server, "--no-defaults", f"--datadir={folder / 'data'}", f"--socket={folder / 's'}", f"--init-file={first}",
         "--bind-address=127.0.0.1", f"--port={port}", "--skip-name-resolve", f"--ssl-cert={theirs}", f"--ssl-key={folder / 'server.key'}", *account],
        env=surroundings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                Line(host="127.0.0.1", port=port, user="plain").close()
                break
            except pymysql.MySQLError:
                assert time.monotonic() < deadline and server.poll() is None, "the server does not start"
                time.sleep(0.1)
        yield Keeper(port, str(theirs), str(other))
    finally:
        server.kill()
        server.wait(10)


def test_tls_is_used_where_it_is_offered(keeper: Keeper) -> None:
    with closing(Line(host="127.0.0.1", port=keeper.port, user="keeper", password="secret")) as line:
        with line.cursor() as cursor:
            cursor.execute("SHOW STATUS LIKE 'Ssl_cipher'")
            assert cursor.fetchone()[1]


def test_where_none_is_offered_none_is_used(sandbox: Sandbox) -> None:
    with closing(sandbox.mysql()) as line, line.cursor() as cursor:
        cursor.execute("SHOW STATUS LIKE 'Ssl_cipher'")
        assert cursor.fetchone() == ("Ssl_cipher", "")


def test_a_named_authority_is_held_to(keeper: Keeper, sandbox: Sandbox) -> None:
    login = Login("the shop", "keeper", "secret", "127.0.0.1", keeper.port, ca_file=keeper.ca_file)
    with connected(login) as line:
        assert rows_of(line, "SHOW STATUS LIKE 'Ssl_cipher'")[0][1]
    feeding = Server("127.0.0.1", keeper.port, "keeper", "secret", ca_file=keeper.ca_file)
    feeding.connect().close()
    with pytest.raises(OpsError), connected(replace(login, ca_file=keeper.other)):
        pass
    with pytest.raises(OpsError, match=r"(?i)certificate"):
        replace(feeding, ca_file=keeper.other).connect()
    elsewhere = sandbox.target.mysql[0]  # offers no TLS at all
    with pytest.raises(OpsError, match=r"(?i)ssl|tls"):
        Server(elsewhere.host, elsewhere.port, elsewhere.user, elsewhere.password, ca_file=keeper.ca_file).connect()


def test_a_certificate_of_another_host_is_refused(keeper: Keeper) -> None:
    login = Login("the shop", "keeper", "secret", "localhost", keeper.port, ca_file=keeper.ca_file)
    with pytest.raises(OpsError) as caught, connected(login):
        pass
    assert "certificate" in f"{caught.value} {caught.value.why}".lower()
