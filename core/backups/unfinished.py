"""A restore that was killed must not be taken for a whole database, nor for a dead one's while it still runs."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from core.backups.outcomes import Finding, Severity
from core.backups.server import Login, connected, identifier, message_of, one_of, rows_of
from core.base.errors import OpsError

_MARK = "_opsdesk_unfinished_restore"
"""A table that stands in a new database until all of it is restored: after a kill it says that this is no whole copy."""


def mark(connection: Any, database: str) -> None:
    rows_of(connection, f"CREATE TABLE {identifier(database)}.{identifier(_MARK)} (id INT PRIMARY KEY)")


def unmark(connection: Any, database: str) -> None:
    rows_of(connection, f"DROP TABLE {identifier(database)}.{identifier(_MARK)}")


def left_unfinished(connection: Any, database: str) -> bool:
    """Whether a restore that was killed left it."""
    found = rows_of(
        connection,
        "SELECT 1 FROM information_schema.tables WHERE table_schema = %s AND table_name = %s",
        database,
        _MARK,
    )
    return bool(found)


def told(database: str) -> Finding:
    """What a preview says of one that was left unfinished."""
    return Finding(
        Severity.WARNING,
        "restore-unfinished",
        f"{database} is what a restore left that was ended before it was done",
        "It is not whole",
        "It is removed and restored anew; choose another name to keep it",
    )


@contextmanager
def alone(login: Login, server: str, databases: Iterable[str]) -> Iterator[None]:
    """No other restore into the same databases meanwhile, from whatever computer: it would take ours for a dead one's."""
    with connected(login, doing="prepare the target") as connection:
        rows_of(connection, "SET SESSION wait_timeout = 2592000")  # it only waits, and for as long as the restore takes
        for name in databases:
            if not _locked(connection, name):
                raise OpsError(
                    f"{name} is being restored already",
                    f"Another restore on {server} has not ended",
                    "Wait for its end, or choose a new name",
                    code="locked",
                    exit_status=3,
                )
        yield


def _locked(connection: Any, name: str) -> bool:
    import pymysql

    digest = hashlib.sha256(name.encode()).hexdigest()[:32]
    try:
        return bool(one_of(connection, "SELECT GET_LOCK(%s, 0)", f"opsdesk-restore-{digest}"))
    except pymysql.MySQLError as error:  # some clusters forbid it; that must not stand between a user and the backup
        logging.getLogger(__name__).warning("nothing keeps two restores into %s apart: %s", name, message_of(error))
        return True
