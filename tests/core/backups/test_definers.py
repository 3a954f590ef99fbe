"""Dumps made to act as somebody else: by procedures, views, functions, triggers and events of an administrator, run by the
dump itself or by what a verification asks of the restored database."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.backups.loader import Loader
from core.backups.outcomes import Outcome
from core.backups.rewriting import Definer
from core.backups.scratch import ScratchServer, find_programs
from core.backups.server import Login, connected, rows_of
from core.base.errors import OpsError
from core.jobs.job import headless_job
from tests.core.backups.conftest import Station
from tests.core.backups.test_other_servers import elsewhere, left, second  # noqa: F401  (fixtures)

ROOT = "DEFINER=`root`@`localhost`"
DEEDS = {
    "account": "CREATE USER evil IDENTIFIED BY 'x'",
    "grant": "GRANT ALL ON *.* TO {loader} WITH GRANT OPTION",
    "drop": "DROP DATABASE precious",
    "outfile": "SELECT 'x' INTO OUTFILE '{mark}'",
    "global": "SET GLOBAL max_connections = 77",
    "plugin": "INSTALL SONAME 'ha_blackhole'",
    "dynamic": "EXECUTE IMMEDIATE CONCAT('DROP DATABASE ', 'precious')",
}
INSIDE = "DELETE FROM precious.t"
"""What a function, a trigger or a view may do, which commit nothing: still another database's rows."""

WAYS = {
    **{
        f"procedure {name}": f"DELIMITER ;;\nCREATE {ROOT} PROCEDURE deed() SQL SECURITY DEFINER BEGIN {deed}; END ;;\n"
        "DELIMITER ;\nCALL deed();\n"
        for name, deed in DEEDS.items()
    },
    "spread over lines": f"CREATE\n{ROOT}\nPROCEDURE deed() {INSIDE};\nCALL deed();\n",
    "between comments": "CREATE/**/DEFINER/**/=/**/root@localhost/**/PROCEDURE deed() " + INSIDE + ";\nCALL deed();\n",
    "as in a dump": f"/*!50003 CREATE*/ /*!50020 {ROOT}*/ /*!50003 PROCEDURE `deed`()\n{INSIDE} */;\nCALL deed();\n",
    "mariadb.sys": "CREATE DEFINER=`mariadb.sys`@`localhost` PROCEDURE deed() DELETE FROM mysql.global_priv;\nCALL deed();\n",
    "trigger": f"/*!50003 CREATE*/ /*!50017 {ROOT}*/ /*!50003 TRIGGER deed AFTER INSERT ON nothing FOR EACH ROW {INSIDE} */;\n"
    "INSERT INTO nothing VALUES (1);\n",
    "function": f"CREATE {ROOT} FUNCTION deed() RETURNS INT BEGIN {INSIDE}; RETURN 1; END",
    "view": f"CREATE {ROOT} SQL SECURITY DEFINER VIEW peep AS SELECT * FROM precious.t;\nINSERT INTO nothing SELECT * FROM peep;\n",
}
WAYS["function"] = f"DELIMITER ;;\n{WAYS['function']} ;;\nDELIMITER ;\nSELECT deed();\n"

BAIT = (
    "CREATE TABLE orders (id INT);\nINSERT INTO orders VALUES (1);\nDELIMITER ;;\n"
    f"CREATE FUNCTION deed() RETURNS INT SQL SECURITY INVOKER BEGIN SET GLOBAL max_connections = 77; {INSIDE}; RETURN 1; END ;;\n"
    "DELIMITER ;\n"
    "CREATE SQL SECURITY INVOKER VIEW customers AS SELECT id FROM orders WHERE deed() = 1;\n"
    "CREATE ALGORITHM=TEMPTABLE SQL SECURITY INVOKER VIEW rich AS SELECT id FROM orders WHERE deed() = 1;\n"
)
"""What a verification counts and selects from, with a function behind it that acts as whoever looks."""


@pytest.fixture
def precious(second: ScratchServer) -> Iterator[ScratchServer]:  # noqa: F811
    with connected(second.root) as connection:
        rows_of(connection, "CREATE OR REPLACE DATABASE precious")
        rows_of(connection, "CREATE TABLE precious.t (id INT)")
        rows_of(connection, "INSERT INTO precious.t VALUES (1)")
        rows_of(connection, "SET GLOBAL max_connections = DEFAULT")
    yield second
    with connected(second.root) as connection:
        rows_of(connection, "DROP DATABASE IF EXISTS precious")
        rows_of(connection, "DROP USER IF EXISTS evil")


def unharmed(server: ScratchServer, mark: Path) -> None:
    with connected(server.root) as connection:
        assert rows_of(connection, "SELECT * FROM precious.t") == [(1,)]
        assert not rows_of(connection, "SELECT 1 FROM mysql.global_priv WHERE user = 'evil'")
        assert rows_of(connection, "SELECT @@GLOBAL.max_connections <> 77") == [(1,)]
        assert not rows_of(connection, "SELECT 1 FROM information_schema.plugins WHERE plugin_name = 'BLACKHOLE'")
    assert not mark.exists()
    assert left(server) == []


def test_nobody_acts_as_an_administrator_on_a_named_server(
    elsewhere: Station,  # noqa: F811
    precious: ScratchServer,
) -> None:
    run = elsewhere.run()
    mark = precious.folder / "data" / "mark"
    for way, attack in WAYS.items():
        text = attack.replace("{mark}", str(mark)).replace("{loader}", "CURRENT_USER")
        elsewhere.forge(run.key, f"/* x */\nCREATE TABLE nothing (id INT);\n{text}-- Dump completed on x\n".encode())
        verification = elsewhere.verify()
        assert verification.outcome in (Outcome.FAILED, Outcome.NOT_RESTORABLE_HERE), (way, verification)
        unharmed(precious, mark)


def test_whoever_looks_at_the_restored_database_is_no_administrator(
    elsewhere: Station,  # noqa: F811
    precious: ScratchServer,
) -> None:
    run = elsewhere.run()
    elsewhere.forge(run.key, f"/* x */\n{BAIT}-- Dump completed on x\n".encode())
    verification = elsewhere.verify()
    unharmed(precious, precious.folder / "data" / "mark")
    (count,) = [check for check in verification.checks if check.name.endswith(".customers")]
    assert count.ok is False and ("1227" in count.actual or "1142" in count.actual), count


@pytest.fixture(scope="module")
def private(scratch_cache: Path) -> Iterator[tuple[ScratchServer, Login]]:
    """As a rehearsal has it, with another database beside the restored one."""
    with ScratchServer(headless_job(), find_programs(), scratch_cache, cap=1 << 30) as server:
        with connected(server.root) as connection:
            rows_of(connection, "CREATE DATABASE precious")
            rows_of(connection, "CREATE TABLE precious.t (id INT) ENGINE=MyISAM")
            rows_of(connection, "INSERT INTO precious.t VALUES (1)")
        shop = {"victim": ("utf8mb4", "utf8mb4_unicode_ci")}
        yield server, server.admit(shop, ("root@localhost", "mariadb.sys@localhost"))


@pytest.mark.parametrize("way", sorted({*WAYS, "bait"}))
def test_nobody_is_an_administrator_of_the_private_server(private: tuple[ScratchServer, Login], way: str) -> None:
    server, login = private
    mark = server.folder / "data" / "mark"
    with connected(login) as connection:
        rows_of(connection, "DROP DATABASE victim")
        rows_of(connection, "CREATE DATABASE victim")
    attack = BAIT + "SELECT COUNT(*) FROM customers;\n" if way == "bait" else WAYS[way]
    text = attack.replace("{mark}", str(mark)).replace("{loader}", "CURRENT_USER")
    with Loader(headless_job(), server.client, login, "victim", other=server.other, folder=server.folder) as loader:
        loader.write(f"CREATE TABLE nothing (id INT);\n{text}".encode())
        with pytest.raises(OpsError, match=r"ERROR 1(044|045|142|227|370|410|449|356)"):
            loader.finish()
    with connected(login) as connection:
        assert rows_of(connection, "SELECT @@GLOBAL.max_connections <> 77") == [(1,)]
        assert not rows_of(connection, "SELECT 1 FROM information_schema.plugins WHERE plugin_name = 'BLACKHOLE'")
    # Nobody is left who could ask the server for the rest.
    assert (server.folder / "data" / "precious" / "t.MYD").stat().st_size > 0
    assert b"evil" not in (server.folder / "data" / "mysql" / "global_priv.MAD").read_bytes()
    assert not mark.exists()


DEFINED = (
    b"/*!50001 CREATE ALGORITHM=UNDEFINED */\n/*!50013 DEFINER=`ro``ot`@`local@host` SQL SECURITY DEFINER */\n/*!50001 VIEW `v` AS x */;\n"
    b"/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`%`*/ /*!50003 TRIGGER t x */;;\nCREATE DEFINER=`\xd0\xb8`@`localhost` PROCEDURE `p`()\n"
    b"/*!50106 CREATE*/ /*!50117 DEFINER=`role`*/ /*!50106 EVENT e */;\nINSERT INTO `t` VALUES\n('CREATE DEFINER=`root`@`localhost` x'),\n"
)


@given(st.lists(st.integers(0, 2 * len(DEFINED)), max_size=10), st.integers(0, 3000))
def test_definers_are_changed_in_the_dumps_own_lines_wherever_it_is_cut(cuts: list[int], filling: int) -> None:
    text = b"\n" + DEFINED + b"x" * filling + b"\n" + DEFINED
    out = io.BytesIO()
    definer = Definer(out)
    for start, end in itertools.pairwise([0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]):
        definer.write(text[start:end])
    definer.close()
    result = out.getvalue()
    assert definer.changed == 8
    assert result.count(b"/*!50013 DEFINER=CURRENT_USER SQL SECURITY DEFINER */") == 2
    assert result.count(b"/*!50017 DEFINER=CURRENT_USER*/ /*!50003 TRIGGER") == 2
    assert result.count(b"\nCREATE DEFINER=CURRENT_USER PROCEDURE `p`()") == 2
    assert result.count(b"/*!50117 DEFINER=CURRENT_USER*/ /*!50106 EVENT") == 2
    assert result.count(b"('CREATE DEFINER=`root`@`localhost` x')") == 2
