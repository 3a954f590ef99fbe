"""A login that may not see triggers or routines: its dump lacks them without a word, which is said before and after."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.backups.outcomes import Outcome, Severity
from core.backups.privileges import _lacking
from tests.core.backups.conftest import Station

ALL = {"triggers", "procedures and functions"}
TO = " TO `lo`@`%` IDENTIFIED BY PASSWORD '*0'"


@pytest.mark.parametrize(
    ("grants", "engine", "missing"),
    [
        (["GRANT ALL PRIVILEGES ON *.*" + TO], "mariadb", set()),
        (["GRANT USAGE ON *.*" + TO, "GRANT ALL PRIVILEGES ON `shop`.*" + TO], "mariadb", set()),
        (["GRANT ALL PRIVILEGES ON `other`.*" + TO], "mariadb", ALL),
        (["GRANT SELECT, SHOW VIEW ON `shop`.*" + TO], "mariadb", ALL),
        (["GRANT SELECT (`a`, `b`), TRIGGER ON `shop`.*" + TO], "mariadb", {"procedures and functions"}),
        (["GRANT SELECT, TRIGGER ON `sho_`.*" + TO, "GRANT SELECT ON `mysql`.`proc`" + TO], "mariadb", set()),
        (["GRANT TRIGGER ON `sh\\_p`.*" + TO], "mariadb", ALL),
        (["GRANT TRIGGER ON `s%`.*" + TO, "GRANT SELECT ON `mysql`.*" + TO], "mariadb", set()),
        (["GRANT SELECT, EVENT ON *.*" + TO], "mysql", {"triggers"}),
        (["GRANT SHOW_ROUTINE ON *.*" + TO, "GRANT EVENT, TRIGGER ON `shop`.*" + TO], "mysql", set()),
        (["GRANT EXECUTE, TRIGGER ON `shop`.*" + TO], "mariadb", set()),  # listed: a dump that may not read it fails
        (["GRANT `role`@`%` TO `lo`@`%`"], "mysql", ALL),
    ],
)
def test_what_grants_leave_unseen(grants: list[str], engine: str, missing: set[str]) -> None:
    assert {entry.what for entry in _lacking(grants, "shop", engine)} == missing


def test_what_a_dump_lacks_without_a_word_is_told_before_and_after(station: Station) -> None:
    source, name = station.target.mysql[0], f"lo_{station.database[-8:]}"
    station.sql(
        f"CREATE USER `{name}`@`%` IDENTIFIED BY 'x'",
        f"GRANT SELECT, SHOW VIEW, EVENT ON `{station.database}`.* TO `{name}`@`%`",
    )
    station.service = station.make(mysql=(replace(source, user=name, password="x"),))
    found = {item.title: item for item in station.service.preflight(station.job(), station.plan)}
    blind = [title for title in found if "cannot be seen" in title]
    assert len(blind) == 2 and all(found[title].severity is Severity.WARNING for title in blind)
    assert any("Grant TRIGGER" in found[title].remedy for title in blind)
    done = station.run()
    assert done.outcome is Outcome.DONE
    assert sum("not in this backup" in item.title for item in done.findings) == 2
    station.sql(
        f"GRANT TRIGGER, ALTER ROUTINE ON `{station.database}`.* TO `{name}`@`%`",
        f"GRANT SELECT ON mysql.proc TO `{name}`@`%`",
    )
    assert not any("cannot be seen" in item.title for item in station.service.preflight(station.job(), station.plan))
    station.sql(f"DROP USER `{name}`@`%`")
