"""Backups from a real MySQL, and proofs on one: with its own programs and MariaDB's, by TCP with TLS and without, by socket."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.backups.dump import Dump
from core.backups.outcomes import Outcome, Severity, Verification
from core.backups.plan import Proof, Sentinel, Source
from core.backups.server import Login, connected, one_of, rows_of
from core.backups.service import BackupsService
from core.base.errors import OpsError
from tests.core.backups.conftest import Station, broken
from tests.core.mysql_server import MySql, beside, mysql_servers
from tests.sandboxed import Sandbox

pytestmark = pytest.mark.heavy

SHOP = (
    "CREATE TABLE goods (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(90) NOT NULL, doc JSON, kind ENUM('a','b''c'),"
    " twice INT GENERATED ALWAYS AS (CHAR_LENGTH(name) * 2) STORED, once INT AS (CHAR_LENGTH(name)) VIRTUAL, hidden INT INVISIBLE DEFAULT 7,"
    " at DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6), price DECIMAL(9,2) DEFAULT (1.5), raw BLOB, place POINT, KEY backwards (name DESC))",
    "CREATE TABLE empty_one (id INT, at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, word VARCHAR(9) DEFAULT (UUID()))",
    "CREATE VIEW cheap AS SELECT id, name FROM goods WHERE price < 2",
    "CREATE TRIGGER trimmed BEFORE INSERT ON goods FOR EACH ROW SET NEW.name = TRIM(NEW.name)",
    "CREATE PROCEDURE hello() SELECT 'hello'",
    "CREATE FUNCTION twofold(x INT) RETURNS INT DETERMINISTIC RETURN x * 2",
    "CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM empty_one",
    r"""INSERT INTO goods (name, doc, kind, raw, place) VALUES (' first 😀', '{"a": [1, 2]}', 'a', x'0a2800', POINT(1, 2)),"""
    r"""('line\n(2),(3);\n-- Dump completed\n', '{}', 'b''c', NULL, NULL)""",
)


PLAIN = (
    "CREATE TABLE goods (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(90) NOT NULL, doc JSON, price DECIMAL(9,2))",
    "CREATE TABLE empty_one (id INT)",
    "CREATE VIEW cheap AS SELECT id, name FROM goods WHERE price < 2",
    """INSERT INTO goods (name, doc) VALUES ('first 😀', '{"a": [1, 2]}'), ('x', '{}')""",
)
"""What MariaDB has, too."""


@pytest.fixture(scope="module")
def servers() -> Iterator[list[MySql]]:
    """The source, which has no TLS, and another with it."""
    folder = Path(tempfile.mkdtemp(prefix="opsdesk-my-", dir="/tmp"))
    try:
        with mysql_servers(folder, ("--tls-version=", "--event-scheduler=OFF"), ()) as made:
            made[0].execute("CREATE DATABASE `odd ``shop` COLLATE utf8mb4_0900_ai_ci")
            made[0].execute("CREATE DATABASE plain COLLATE utf8mb4_general_ci")
            made[0].execute(*SHOP, database="odd `shop")
            made[0].execute(*PLAIN, database="plain")
            yield made
    finally:
        shutil.rmtree(folder)


class WithMySql(BackupsService):
    logins: dict[str, Login]

    def _login(self, server: str) -> Login:
        return self.logins.get(server) or super()._login(server)


@pytest.fixture
def mysql(sandbox: Sandbox, home: Any, servers: list[MySql], scratch_cache: Path) -> Station:
    """A plan for the shop on the first server, proved on the second."""
    station = Station(sandbox, home._replace(cache=scratch_cache), "")
    service = WithMySql(station.service._workplace)
    service.logins = {"source": servers[0].login(), "scratch": servers[1].login()}
    station.service = service
    station.keep(
        source=Source("mysql", "source", ("odd `shop",)),
        proof=Proof(
            scratch="scratch", sentinels=(Sentinel("goods", "name = 'first 😀' AND twice = 14 AND hidden = 7"),)
        ),
    )
    return station


@pytest.fixture(params=["mysqldump", "mariadb-dump"])
def program(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Which program dumps; skips where it is not there."""
    name: str = request.param
    path = beside(name) if name == "mysqldump" else shutil.which(name)
    if not path:
        pytest.skip(f"{name} is not installed")
    here = SimpleNamespace(which=lambda wanted: path if wanted == name else None)
    monkeypatch.setattr("core.backups.dump.shutil", here)
    return name


def left(server: MySql) -> list[Any]:
    return server.execute("SHOW DATABASES LIKE 'opsdesk%'") + server.execute(
        "SELECT user FROM mysql.user WHERE user LIKE 'opsdesk%'"
    )


def told(verification: Verification) -> dict[str, bool | None]:
    return {check.name.split(" of ")[0]: check.ok for check in verification.checks}


def test_a_backup_is_proved_on_another_mysql(mysql: Station, servers: list[MySql], program: str) -> None:
    run = mysql.run()
    assert run.outcome is Outcome.DONE
    verification = mysql.verify()
    if program == "mariadb-dump":  # said before, and found afterwards
        assert broken(verification).actual.startswith("ERROR 3105")
        found = mysql.service.preflight(mysql.job(), mysql.plan)
        warnings = [one.rule for one in found if one.severity is Severity.WARNING]
        assert warnings == ["preflight-generated", "preflight-alerts"]  # nobody hears of this plan
        return
    assert verification.outcome is Outcome.DONE, verification
    assert verification.level == 6
    checks = told(verification)
    assert checks["schema"] and checks["views"] and checks["CHECK TABLE"] and checks["CHECKSUM TABLE"]
    assert checks["definers"] is None and "confined user" not in checks
    assert left(servers[1]) == []


OWN = pytest.mark.parametrize("program", ["mysqldump"], indirect=True)


@OWN
def test_several_databases_at_once(mysql: Station, servers: list[MySql], program: str) -> None:
    mysql.keep(source=Source("mysql", "source", ("odd `shop", "plain")))
    mysql.run()
    verification = mysql.verify()
    assert verification.outcome is Outcome.DONE, verification
    assert any(check.name == "rows of plain.goods" and check.actual == "2" for check in verification.checks)
    assert left(servers[1]) == []


@pytest.mark.parametrize("database", ["odd `shop", "plain"])
def test_mariadb_proves_what_it_can_hold_and_says_so_of_the_rest(mysql: Station, program: str, database: str) -> None:
    """MySQL's default collation is none of MariaDB 10.11's: that is no fault of the backup."""
    mysql.keep(source=Source("mysql", "source", (database,)), proof=Proof())
    mysql.run()
    verification = mysql.verify()
    if database != "plain":
        assert verification.outcome is Outcome.NOT_RESTORABLE_HERE, verification
        assert "0900_ai_ci" in verification.error or "engine mismatch" in verification.error
        assert told(verification)["SHA-256"]  # it was read to its end all the same
    elif verification.outcome is Outcome.NOT_RESTORABLE_HERE:
        assert "engine mismatch" in verification.error, verification
    else:
        assert verification.outcome is Outcome.DONE, verification
        assert told(verification)["CHECKSUM TABLE"] is None


@pytest.mark.parametrize("number", [0, 1], ids=["without TLS", "with TLS"])
@pytest.mark.parametrize("socket", [True, False], ids=["socket", "TCP"])
def test_the_first_login_by_caching_sha2(
    mysql: Station, servers: list[MySql], number: int, socket: bool, program: str
) -> None:
    """Whole logins of PyMySQL and of the programs: the server has forgotten whom it let in."""
    server = servers[number]
    login = server.login(socket=socket)
    server.forget_logins()
    with connected(login) as connection:
        assert one_of(connection, "SELECT CURRENT_USER()") == "shopper@%"
        cipher = rows_of(connection, "SHOW SESSION STATUS LIKE 'Ssl_cipher'")[0][1]
    assert bool(cipher) is (number == 1)
    server.execute(
        "CREATE DATABASE IF NOT EXISTS small",
        "CREATE TABLE IF NOT EXISTS small.t (id INT)",
        "REPLACE INTO small.t VALUES (1)",
    )
    if program == "mysqldump":  # MariaDB's own cannot without TLS; a backup has looked at the database just before it
        server.forget_logins()
    pieces = list(Dump(login, ("small",)).pieces(mysql.job()))
    assert b"Dump completed" in pieces[-1]


def test_a_wrong_password_is_told(mysql: Station, servers: list[MySql], program: str) -> None:
    service: Any = mysql.service
    service.logins["source"] = servers[0].login(password="wrong")
    with pytest.raises(OpsError) as caught:
        mysql.run()
    assert caught.value.code == "denied" and "1045" in caught.value.why
    assert mysql.keys() == [] and mysql.uploads() == []
    service.logins["source"] = servers[0].login()
    mysql.run()
    service.logins["scratch"] = servers[1].login(password="wrong")
    verification = mysql.verify()
    assert verification.outcome is Outcome.FAILED and "1045" in verification.error


HOSTILE = (
    "CREATE TABLE nothing (id INT);\nDELIMITER ;;\nCREATE DEFINER=`{who}` PROCEDURE deed() SQL SECURITY DEFINER BEGIN {deed}; END ;;\n"
    "DELIMITER ;\nCALL deed();\n"
)


@pytest.mark.parametrize("who", ["root`@`localhost", "shopper`@`%", "app`@`%"])
def test_nobody_acts_as_somebody_else(mysql: Station, servers: list[MySql], who: str) -> None:
    """MySQL guards accounts with SYSTEM_USER alone: ``app`` has none."""
    server = servers[1]
    run = mysql.run()
    try:
        server.execute("CREATE DATABASE precious", "CREATE TABLE precious.t (id INT)", "INSERT INTO precious.t VALUES (1)",
                       "CREATE USER app IDENTIFIED BY 'x'", "GRANT ALL ON *.* TO app", "REVOKE SYSTEM_USER ON *.* FROM app")  # fmt: skip
        for deed in ("DELETE FROM precious.t", "CREATE USER evil", "SET GLOBAL max_connections = 77"):
            for text in (
                HOSTILE,
                HOSTILE.replace("CREATE DEFINER", "CREATE\nDEFINER"),
                HOSTILE.replace("DEFINER=", "/**/DEFINER = ", 1),
            ):
                dump = f"/* x */\n{text.format(who=who, deed=deed)}-- Dump completed on x\n"
                mysql.forge(run.key, dump.encode())
                assert mysql.verify().outcome in (Outcome.FAILED, Outcome.NOT_RESTORABLE_HERE)
        assert server.execute("SELECT * FROM precious.t") == [(1,)]
        assert server.execute("SELECT @@GLOBAL.max_connections <> 77") == [(1,)]
        assert server.execute("SELECT user FROM mysql.user WHERE user = 'evil'") == []
        assert left(server) == []
    finally:
        server.execute("DROP DATABASE IF EXISTS precious", "DROP USER IF EXISTS app, evil")


def test_a_proof_on_a_mysql_without_tls(mysql: Station, servers: list[MySql]) -> None:
    """MariaDB's client cannot log in there by a name that the server has not seen yet: no fault of the backup."""
    servers[1].execute(
        "CREATE DATABASE other", "CREATE TABLE other.goods (name VARCHAR(9))", "INSERT INTO other.goods VALUES ('x')"
    )
    service: Any = mysql.service
    service.logins = {"source": servers[1].login(), "scratch": servers[0].login()}
    mysql.keep(source=Source("mysql", "source", ("other",)), proof=Proof(scratch="scratch"))
    mysql.run()
    verification = mysql.verify()
    assert verification.outcome is Outcome.DONE, verification
    assert left(servers[0]) == []


@OWN
def test_a_flipped_value_is_found(mysql: Station, program: str) -> None:
    run = mysql.run()
    mysql.change_manifest(run.key, lambda values: values["databases"][0]["checksums"].update(goods=1))
    assert broken(mysql.verify()).name.startswith("CHECKSUM TABLE")
