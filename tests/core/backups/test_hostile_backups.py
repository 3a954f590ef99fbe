"""Backups made to harm: whatever a dump or an archive asks for, nothing outside of its scratch place happens."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.backups.loader import Loader
from core.backups.outcomes import Outcome
from core.backups.scratch import ScratchServer, find_programs
from core.backups.server import Login, connected, rows_of
from core.base.errors import OpsError
from core.jobs.job import headless_job
from tests.core.backups.conftest import Station, broken

HOSTILE = {
    "shell": "\\! touch {mark}\n",
    "system": "system touch {mark}\n",
    "tee": "\\T {mark}\n",
    "source": "source {mark}\n",
    "outfile": "SELECT 'x' INTO OUTFILE '{mark}';\n",
    "load_file": "INSERT INTO nothing SELECT LENGTH(LOAD_FILE('/etc/passwd'));\n",
    "local": "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE nothing;\n",
    "infile": "LOAD DATA INFILE '/etc/passwd' INTO TABLE nothing;\n",
    "plugin": "INSTALL SONAME 'ha_sphinx';\n",
    "global": "SET GLOBAL local_infile = 1;\n",
    "other": "CREATE DATABASE elsewhere;\n",
    "grants": "CREATE USER evil IDENTIFIED BY 'x';\n",
}


@pytest.fixture(scope="module")
def scratch(scratch_cache: Path) -> Iterator[tuple[ScratchServer, Login]]:
    """One scratch server for all attacks, with the login that dumps are loaded with."""
    with ScratchServer(headless_job(), find_programs(), scratch_cache, cap=1 << 30) as server:
        yield server, server.admit({"victim": ("utf8mb4", "utf8mb4_unicode_ci")}, ())


@pytest.mark.parametrize("attack", sorted(HOSTILE))
def test_a_hostile_dump_can_do_nothing(scratch: tuple[ScratchServer, Login], attack: str) -> None:
    server, login = scratch
    mark = Path("/tmp") / f"opsdesk-mark-{os.getpid()}-{attack}"
    text = f"DROP TABLE IF EXISTS nothing;\nCREATE TABLE nothing (id INT);\n{HOSTILE[attack].format(mark=mark)}"

    def load() -> None:
        with Loader(headless_job(), server.client, login, "victim", other=server.other, folder=server.folder) as loader:
            loader.write(text.encode())
            loader.finish()

    if attack == "load_file":  # refused in silence: the answer is NULL
        load()
    else:
        with pytest.raises(OpsError, match="ERROR"):
            load()
    with connected(login) as connection:
        assert rows_of(connection, "SELECT * FROM victim.nothing") in ([], [(None,)])
    data = server.folder / "data"  # no administrator is left who could ask the server for the rest
    assert not (data / "elsewhere").exists()
    assert b"evil" not in (data / "mysql" / "global_priv.MAD").read_bytes()
    assert not mark.exists()


def test_the_scratch_server_is_nobodys_business(scratch: tuple[ScratchServer, Login]) -> None:
    server, _ = scratch
    assert server.folder.stat().st_mode & 0o777 == 0o700
    with connected(server.root) as connection:
        assert rows_of(connection, "SELECT @@skip_networking, @@event_scheduler, @@local_infile, @@log_bin") == [
            (1, "OFF", 0, 0)
        ]
        assert str(rows_of(connection, "SELECT @@secure_file_priv")[0][0]).startswith(str(server.folder))
    if os.geteuid() == 0:
        owners = subprocess.run(
            ["ps", "-o", "user=", "-p", (server.folder / "pid").read_text().strip()],
            capture_output=True,
            text=True,
            check=False,
        )
        assert owners.stdout.strip() == "nobody"


def test_a_hostile_backup_is_found_by_its_verification(station: Station) -> None:
    run = station.run()
    mark = Path("/tmp") / f"opsdesk-mark-{os.getpid()}"
    station.forge(run.key, f"/* dump */\n\\! touch {mark}\n-- Dump completed on x\n".encode())
    check = broken(station.verify())
    assert check.name == "restore" and "ERROR" in check.actual
    assert not mark.exists()


def test_values_of_a_failing_statement_stay_out_of_the_evidence(station: Station) -> None:
    run = station.run()
    secret = "customer-secret-" * 2000
    text = f"CREATE TABLE customers (id INT PRIMARY KEY, note LONGTEXT);\nINSERT INTO customers VALUES\n(1,'{secret}'),\n(1,'{secret}');\n-- Dump completed on x\n"
    station.forge(run.key, text.encode())
    check = broken(station.verify())
    assert "1062" in check.actual
    assert "customer-secret" not in check.actual
    assert len(check.actual) < 5000


def forged_tar(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for info, content in members:
            info.size = len(content) if info.isreg() else info.size
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, to: str = "", size: int = 0) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, to, size
    return info


@pytest.mark.parametrize("name", ["../evil.txt", "/tmp/opsdesk-evil.txt", "a/../../evil.txt"])
def test_a_tar_cannot_leave_its_folder(folders: Station, name: str) -> None:
    run = folders.run()
    folders.forge(run.key, forged_tar((member(name), b"evil")))
    verification = folders.verify()
    assert verification.outcome is Outcome.FAILED
    assert not Path("/tmp/opsdesk-evil.txt").exists()


def test_a_tar_cannot_write_through_a_link(folders: Station, tmp_path: Path) -> None:
    run = folders.run()
    away = tmp_path / "away"
    away.mkdir()
    folders.forge(
        run.key, forged_tar((member("link", tarfile.SYMTYPE, str(away)), b""), (member("link/evil"), b"evil"))
    )
    assert folders.verify().outcome is Outcome.FAILED
    assert list(away.iterdir()) == []


def test_a_tar_bomb_is_stopped_by_what_the_manifest_tells(folders: Station) -> None:
    run = folders.run()
    folders.forge(run.key, forged_tar((member("bomb"), bytes(50_000_000))))
    check = broken(folders.verify())
    assert "more than it should" in check.actual or "More than" in check.actual
