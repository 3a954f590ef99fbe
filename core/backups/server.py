"""A MySQL or MariaDB server: logging in, and asking."""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.aws.workplace import Workplace
from core.base.errors import OpsError, WrongUse
from core.settings.profiles import mysql_secret

SYSTEM_SCHEMAS = ("information_schema", "performance_schema", "mysql", "sys")


@dataclass(frozen=True, slots=True)
class Login:
    """How to reach a server: by host and port, or by ``socket``."""

    name: str
    user: str
    password: str = ""
    host: str = ""
    port: int = 3306
    socket: str = ""
    ca_file: str = ""

    def defaults_file(self) -> bytes:
        """The content of a client's defaults file: the only way the password travels, never argv or environment."""
        lines = ["[client]", f"user={_quoted(self.user)}", f"password={_quoted(self.password)}"]
        if self.socket:
            lines.append(f"socket={_quoted(self.socket)}")
        else:
            lines += [f"host={_quoted(self.host)}", f"port={self.port}", "protocol=tcp"]
        if self.ca_file:
            lines += [
                f"ssl-ca={_quoted(self.ca_file)}",
                "loose-ssl-verify-server-cert",
                "loose-ssl-mode=VERIFY_IDENTITY",
            ]
        else:
            # TLS if offered, unchecked (core/base/mysql.py): MariaDB's programs since 11.4 insist on a known certificate
            # unless told so. MySQL's ask for the key that passwords need without TLS only if told to.
            lines += ["loose-ssl-verify-server-cert=0", "loose-get-server-public-key"]
        return "\n".join([*lines, ""]).encode()


def login_to(workplace: Workplace, server: str) -> Login:
    """To a MySQL source of the open profile, its password from the secrets; raises WrongUse where there is none."""
    sources = workplace.aws.target().mysql
    for source in sources:
        if source.name == server:
            password = source.password
            if password is None:
                password = workplace.secrets.need(mysql_secret(workplace.profile.name, source.name))
            return Login(source.name, source.user, password, source.host, source.port, ca_file=source.ca_file)
    raise WrongUse(
        f"The profile has no MySQL source {server}",
        f"Known are: {', '.join(source.name for source in sources) or 'none'}",
        f"Add it (`opsdesk profiles add-mysql {workplace.profile.name} {server}`), or correct the plan",
    )


@contextmanager
def defaults_option(login: Login, *, owner: int | None = None) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The option ``--defaults-file=...`` and the descriptors the child must inherit.

    Not the "extra" file: a ~/.my.cnf would be read after that and win.
    A pipe where the system has /dev/fd, so that nothing is written to a disk; a file in a folder of this user otherwise.
    owner: the user id of the child, where it is another than ours.
    """
    content = login.defaults_file()
    if os.path.isdir("/dev/fd"):
        reading, writing = os.pipe()
        try:
            if owner is not None:
                os.fchown(reading, owner, -1)
            with os.fdopen(writing, "wb") as file:  # far below the pipe's 64 KiB: never blocks
                file.write(content)
            yield f"--defaults-file=/dev/fd/{reading}", (reading,)
        finally:
            os.close(reading)
    else:
        with tempfile.TemporaryDirectory(prefix="opsdesk-") as folder:
            path = Path(folder) / "client.cnf"
            path.touch(mode=0o600)
            path.write_bytes(content)
            yield f"--defaults-file={path}", ()


@contextmanager
def connected(
    login: Login, database: str = "", *, timeout: float = 3600, doing: str = "ask the server"
) -> Iterator[Any]:
    """A pymysql connection (autocommit, utf8mb4); raises OpsError in plain words where the login fails or the line breaks."""
    import pymysql

    from core.base.mysql import Line

    try:
        connection = Line(
            host=login.host or None,
            port=login.port,
            unix_socket=login.socket or None,
            user=login.user,
            password=login.password,
            database=database or None,
            charset="utf8mb4",
            autocommit=True,
            connect_timeout=10,
            read_timeout=timeout,
            write_timeout=timeout,
            ca_file=login.ca_file,
            defer_connect=True,
        )
        # A socket of the system's needs no cipher: PyMySQL knows that of those only that it has opened itself.
        connection._secure = bool(login.socket)
        connection.connect(_socket_to(login.socket) if login.socket else None)
    except (pymysql.MySQLError, OSError) as error:
        raise explain_login(login, error) from error
    try:
        yield connection
    except pymysql.MySQLError as error:
        raise OpsError(
            f"Could not {doing}", message_of(error), "", details={"server": login.name}, code="mysql"
        ) from error
    finally:
        connection._force_close()  # no farewell: a dead server must not hold us


def _socket_to(path: str) -> socket.socket:
    """Connected, or closed: pymysql would leave a refused one open."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.connect(path)
    except OSError:
        made.close()
        raise
    return made


def abandon(connection: Any) -> None:
    """Wake whoever waits for this connection's answer, from another thread: closing alone would leave them waiting."""
    line = connection._sock
    if line is not None:
        with contextlib.suppress(OSError):  # it may be gone already
            line.shutdown(socket.SHUT_RDWR)


def message_of(error: BaseException) -> str:
    """The engine's own message with its number: "1146: Table 'x' doesn't exist"."""
    arguments = error.args
    if len(arguments) >= 2 and isinstance(arguments[0], int):
        return f"{arguments[0]}: {arguments[1]}"
    return str(error) or type(error).__name__


def explain_login(login: Login, error: BaseException) -> OpsError:
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    where = login.socket or f"{login.host}:{login.port}"
    details = {"server": login.name, "address": where, "user": login.user}
    title = f"Could not log in to {login.name}"
    if number in (1045, 1698):
        return OpsError(
            title,
            f"The server refused user or password ({message_of(error)})",
            "Correct the password of the source",
            details=details,
            code="denied",
        )
    if number == 1049:
        return OpsError(
            title,
            f"There is no such database ({message_of(error)})",
            "Check the plan's databases",
            details=details,
            code="not-found",
        )
    return OpsError(
        title,
        f"{where} does not answer ({message_of(error)})",
        "Check that the server runs and can be reached, then try again",
        details=details,
        code="unreachable",
    )


def rows_of(connection: Any, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values or None)
        return [tuple(row) for row in cursor.fetchall()]


def one_of(connection: Any, sql: str, *values: Any) -> Any:
    """The first column of the first row, or None."""
    rows = rows_of(connection, sql, *values)
    return rows[0][0] if rows else None


def identifier(name: str) -> str:
    """A name quoted for SQL."""
    return "`" + name.replace("`", "``") + "`"


def bound(name: str) -> str:
    """A name quoted for SQL that is given values, where a percent sign would ask for one."""
    return identifier(name).replace("%", "%%")


def _quoted(value: str) -> str:
    escaped = (
        value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    )
    return f'"{escaped}"'
