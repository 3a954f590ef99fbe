"""Proofs on a server that the user names, clients of another make, and dumps in MySQL's manner."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.backups import loader, targets
from core.backups.dump import Dump, DumpProgram, dump_command
from core.backups.loader import Loader
from core.backups.outcomes import Outcome, Status
from core.backups.plan import Proof, Sentinel, Source
from core.backups.rewriting import Renamer
from core.backups.rowcount import RowCounter
from core.backups.scratch import ScratchServer, find_programs
from core.backups.server import Login, connected, rows_of
from core.backups.service import BackupsService
from core.backups.targets import held_alone, sweep
from core.base.errors import OpsError
from core.jobs.job import headless_job
from tests.core.backups.conftest import Station


@pytest.fixture(scope="module")
def second(scratch_cache: Path) -> Iterator[ScratchServer]:
    """A MariaDB of its own, beside the sandbox's."""
    with ScratchServer(headless_job(), find_programs(), scratch_cache, cap=4 << 30) as server:
        yield server


class TwoServers(BackupsService):
    """Knows ``second``, reached by socket, beside the sources of the profile."""

    second: Login

    def _login(self, server: str) -> Login:
        return self.second if server == "second" else super()._login(server)


@pytest.fixture
def elsewhere(station: Station, second: ScratchServer) -> Station:
    """The plan names the second server as scratch."""
    service = TwoServers(station.service._workplace)
    service.second = second.root
    station.service = service
    station.keep(proof=Proof(scratch="second", sentinels=(Sentinel("customers", "id = 1"),)))
    return station


def left(server: ScratchServer) -> list[Any]:
    """Databases and accounts of ours on it."""
    with connected(server.root) as connection:
        found = rows_of(connection, "SHOW DATABASES LIKE 'opsdesk%'")
        return found + rows_of(connection, "SELECT user FROM mysql.user WHERE user LIKE 'opsdesk%'")


def test_the_server_is_killed_during_the_dump(
    station: Station, scratch_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScratchServer(headless_job(), find_programs(), scratch_cache, cap=4 << 30) as doomed:
        with connected(doomed.root) as connection:
            rows_of(connection, "CREATE DATABASE doomed")
            rows_of(connection, "CREATE TABLE doomed.big (id INT AUTO_INCREMENT PRIMARY KEY, filling LONGBLOB)")
            for _ in range(30):  # more than all the buffers in between
                rows_of(connection, "INSERT INTO doomed.big (filling) VALUES (REPEAT(MD5(RAND()), 32768))")
        service = TwoServers(station.service._workplace)
        service.second = doomed.root
        station.service = service
        station.keep(source=Source("mysql", "second", ("doomed",)))
        pieces = Dump.pieces

        def killing(self: Dump, job: Any) -> Iterator[bytes]:
            flow = pieces(self, job)
            yield next(flow)
            os.kill(int((doomed.folder / "pid").read_text()), signal.SIGKILL)
            yield from flow

        monkeypatch.setattr(Dump, "pieces", killing)
        with pytest.raises(OpsError) as caught:
            station.run()
    assert caught.value.code == "lost" and "server went away" in caught.value.why
    assert station.keys() == [] and station.uploads() == []
    assert "went away" in station.service.status(station.job(), "nightly").findings[0].why


def test_a_proof_on_a_named_server(elsewhere: Station, second: ScratchServer) -> None:
    elsewhere.run()
    verification = elsewhere.verify()
    assert verification.outcome is Outcome.DONE, verification.headline
    assert verification.level == 6
    assert any("the server the scratch server" in check.expected for check in verification.checks)
    (views,) = [check for check in verification.checks if check.name.startswith("views of")]
    assert views.ok and views.actual == "1 selectable"
    (definers,) = [check for check in verification.checks if check.name == "definers"]
    assert definers.ok is None and definers.actual.startswith("3 views, routines, triggers or events")
    assert elsewhere.service.status(elsewhere.job(), "nightly").status is Status.OK
    assert left(second) == []


@pytest.mark.heavy
def test_several_databases_on_a_named_server(elsewhere: Station, second: ScratchServer) -> None:
    other = f"{elsewhere.database}_b"
    elsewhere.sql(
        f"CREATE DATABASE {other}", f"CREATE TABLE {other}.things (id INT)", f"INSERT INTO {other}.things VALUES (7)"
    )
    try:
        elsewhere.keep(source=Source("mysql", elsewhere.plan.source.server, (elsewhere.database, other)))
        elsewhere.run()
        verification = elsewhere.verify()
        assert verification.outcome is Outcome.DONE, verification.headline
        assert any(check.name == f"rows of {other}.things" and check.ok for check in verification.checks)
        assert left(second) == []
    finally:
        elsewhere.sql(f"DROP DATABASE {other}")


def test_a_hostile_dump_reaches_nothing_else_there(elsewhere: Station, second: ScratchServer) -> None:
    with connected(second.root) as connection:
        rows_of(connection, "CREATE DATABASE precious")
        rows_of(connection, "CREATE TABLE precious.t (id INT)")
    try:
        run = elsewhere.run()
        elsewhere.forge(run.key, b"/* x */\nDROP DATABASE precious;\n-- Dump completed on x\n")
        verification = elsewhere.verify()
        assert "1044" in verification.headline, verification
        with connected(second.root) as connection:
            assert rows_of(connection, "SHOW TABLES FROM precious") == [("t",)]
        assert left(second) == []
    finally:
        with connected(second.root) as connection:
            rows_of(connection, "DROP DATABASE precious")


@pytest.mark.heavy
def test_what_the_login_there_may_not_is_no_fault_of_the_backup(elsewhere: Station, second: ScratchServer) -> None:
    elsewhere.run()
    with connected(second.root) as connection:
        rows_of(connection, "CREATE USER poor@localhost IDENTIFIED BY 'p'")
        rows_of(connection, r"GRANT ALL ON `opsdesk\_verify\_%%`.* TO poor@localhost".replace("%%", "%"))
    service: Any = elsewhere.service
    service.second = Login("second", "poor", "p", socket=second.root.socket)
    try:
        verification = elsewhere.verify()
        assert verification.outcome is Outcome.DONE, verification.headline
        (confined,) = [check for check in verification.checks if check.name == "confined user"]
        assert confined.ok is None and "may not make one" in confined.actual
        with connected(second.root) as connection:
            rows_of(connection, "REVOKE ALL PRIVILEGES, GRANT OPTION FROM poor@localhost")
        verification = elsewhere.verify()
        assert verification.outcome is Outcome.NOT_RESTORABLE_HERE and "1044" in verification.error
    finally:
        with connected(second.root) as connection:
            rows_of(connection, "DROP USER poor@localhost")
    assert left(second) == []


@pytest.mark.parametrize(
    ("line", "outcome"), [("column orders.doc: json", Outcome.DONE), ("column orders.lost: json", Outcome.FAILED)]
)
def test_another_engine_may_word_a_type_its_own_way_but_must_have_it(
    station: Station, line: str, outcome: Outcome
) -> None:
    run = station.run()

    def from_mysql(values: dict[str, Any]) -> None:
        (part,) = values["databases"]
        values["engine"] = "mysql"
        part["schema"] = [line if old.startswith("column orders.doc:") else old for old in part["schema"]]
        part["checksums"] = dict.fromkeys(part["checksums"], 1)

    station.change_manifest(run.key, from_mysql)
    verification = station.verify()
    assert verification.outcome is outcome
    told = {check.name.split(" of ")[0]: check.ok for check in verification.checks}
    assert told["schema"] is (None if outcome is Outcome.DONE else False)
    assert outcome is Outcome.FAILED or told["CHECKSUM TABLE"] is None


def test_the_source_is_refused_as_scratch(elsewhere: Station) -> None:
    elsewhere.run()
    elsewhere.keep(proof=Proof(scratch=elsewhere.plan.source.server))
    verification = elsewhere.verify()
    assert verification.outcome is Outcome.NOT_RESTORABLE_HERE
    assert "is the source itself" in verification.error


# -- other clients ------------------------------------------------------------

OLD_CLIENT = """#!/bin/sh
case " $* " in *" --help "*) echo "--binary-mode"; exit 0;; *" --sandbox"*) exit 7;; esac
exec cat > "$0.got"
"""


@pytest.mark.parametrize(
    "first",
    [
        b"/*M!999999\\- enable the sandbox mode */ \n",
        b"/*!999999\\- enable the sandbox mode */\n",
        b"",
        b"/*M!999999 harmless */\n",
    ],
)
@pytest.mark.parametrize("size", [1, 30, 1000])
def test_a_client_without_sandbox_is_spared_the_line_that_it_cannot_read(
    tmp_path: Path, first: bytes, size: int
) -> None:
    program = tmp_path / "mysql"
    program.write_text(OLD_CLIENT)
    program.chmod(0o755)
    dump = first + b"-- MariaDB dump 10.19\nSELECT 1;\n" * 4
    with Loader(headless_job(), str(program), Login("x", "root"), "shop") as writer:
        for start in range(0, len(dump), size):
            writer.write(dump[start : start + size])
        writer.finish()
    kept = dump if b"harmless" in first else dump.removeprefix(first)
    assert (tmp_path / "mysql.got").read_bytes() == kept


def test_the_real_client_knows_sandbox() -> None:
    assert loader._knows_sandbox(targets.client_program())


# -- MySQL ----------------------------------------------------------------------

MYSQL_DUMP = b"""-- MySQL dump 10.13  Distrib 8.0.40, for Linux (x86_64)
--
-- Host: db    Database: shop
-- ------------------------------------------------------
-- Server version\t8.0.40

/*!50503 SET NAMES utf8mb4 */;
SET @@SESSION.SQL_LOG_BIN= 0;

--
-- Current Database: `shop`
--

CREATE DATABASE /*!32312 IF NOT EXISTS*/ `shop` /*!40100 DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci */ /*!80016 DEFAULT ENCRYPTION='N' */;

USE `shop`;

--
-- Table structure for table `people`
--

DROP TABLE IF EXISTS `people`;
/*!50503 SET character_set_client = utf8mb4 */;
CREATE TABLE `people` (`id` int NOT NULL) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci;

--
-- Dumping data for table `people`
--

LOCK TABLES `people` WRITE;
/*!40000 ALTER TABLE `people` DISABLE KEYS */;
INSERT INTO `people` VALUES (1),(2),(3);
/*!40000 ALTER TABLE `people` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Dumping data for table `nobody`
--

LOCK TABLES `nobody` WRITE;
/*!40000 ALTER TABLE `nobody` DISABLE KEYS */;
/*!40000 ALTER TABLE `nobody` ENABLE KEYS */;
UNLOCK TABLES;

-- Dump completed on 2026-11-22 14:05:00
"""


def test_mysqls_dump_is_whole_and_its_rows_are_not_guessed() -> None:
    counter = RowCounter()
    for start in range(0, len(MYSQL_DUMP), 17):
        counter.feed(MYSQL_DUMP[start : start + 17])
    assert counter.whole
    assert counter.rows == {("shop", "people"): None, ("shop", "nobody"): 0}


def test_mysqls_databases_are_renamed_too() -> None:
    got = bytearray()

    class Sink:
        def write(self, data: bytes) -> None:
            got.extend(data)

    renamer = Renamer({"shop": "proof"}, Sink())
    renamer.write(MYSQL_DUMP)
    renamer.close()
    assert b"USE `proof`;" in got and b"`proof` /*!40100 DEFAULT" in got and b"USE `shop`" not in got


@pytest.mark.parametrize(
    ("told", "counts"),
    [
        ("mariadb-dump  Ver 10.19 Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64)", True),
        ("mariadb-dump from 11.4.2-MariaDB, client 10.19 for Linux (x86_64)", True),
        ("mysqldump  Ver 10.19 Distrib 10.6.18-MariaDB, for debian-linux-gnu (x86_64)", False),
        ("mysqldump  Ver 8.0.40 for Linux on x86_64 (MySQL Community Server - GPL)", False),
    ],
)
def test_whose_rows_can_be_counted_in_the_dump(told: str, counts: bool) -> None:
    program = DumpProgram("dump", "mariadb" in told.lower(), told)
    assert program.one_row_a_line is counts
    options = dump_command(program, "--defaults-file=x", ("shop",), history=True)
    assert ("--loose-set-gtid-purged=OFF" in options) is ("MySQL" in told)
    assert ("--dump-history" in options) is ("MariaDB" in told)


AS_MYSQL = """
import re, subprocess, sys
if "--version" in sys.argv:
    print("mysqldump  Ver 8.0.40 for Linux on x86_64 (MySQL Community Server - GPL)")
    sys.exit()
done = subprocess.run(["{real}", *sys.argv[1:]], stdout=subprocess.PIPE, close_fds=False)  # the password's pipe
text = done.stdout.partition(b"\\n")[2]  # without MariaDB's sandbox line
text = text.replace(b"VALUES\\n(", b"VALUES (").replace(b"),\\n(", b"),(")
sys.stdout.buffer.write(text)
sys.exit(done.returncode)
"""


def test_a_backup_by_mysqls_program(station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All rows on one line: they are counted around the dump instead, and the proof compares with that."""
    real = shutil.which("mariadb-dump")
    if not real:
        pytest.skip("mariadb-dump is not installed")
    program, dumping = tmp_path / "mysqldump", tmp_path / "dumping.py"
    dumping.write_text(AS_MYSQL.replace("{real}", real))
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "{dumping}" "$@"\n')
    program.chmod(0o755)
    here = SimpleNamespace(which=lambda name: str(program) if name == "mysqldump" else None)
    monkeypatch.setattr("core.backups.dump.shutil", here)
    run = station.run()
    assert run.rows == 0  # only the empty table's are told by the dump itself
    verification = station.verify()
    assert verification.outcome is Outcome.DONE, verification.headline
    (rows,) = [check for check in verification.checks if check.name.endswith(".customers") and check.level == 4]
    assert (rows.expected, rows.actual) == ("200", "200")


def test_what_a_killed_proof_left_on_a_named_server_goes_with_the_next(station: Station) -> None:
    login = station.service._login(station.plan.source.server)
    dead, alive = "opsdesk_verify_dead0001_1", "opsdesk_verify_beef0002_1"
    station.sql(
        f"CREATE DATABASE {dead}",
        f"CREATE DATABASE {alive}",
        "CREATE USER opsdesk_dead0001@'%'",
        "CREATE USER opsdesk_beef0002@'%'",
    )
    with held_alone(login, "beef0002"), connected(login) as connection:
        sweep(connection)
        assert station.sql("SHOW DATABASES LIKE 'opsdesk\\_verify\\_%'") == [(alive,)]
        assert station.sql("SELECT user FROM mysql.user WHERE user LIKE 'opsdesk\\_%'") == [("opsdesk_beef0002",)]
    with connected(login) as connection:
        sweep(connection)
    assert station.sql("SHOW DATABASES LIKE 'opsdesk\\_verify\\_%'") == []
