"""``python -m core.sandbox.redshift --port N --data DIR --s3-endpoint URL``: serve until SIGTERM or the end of stdin."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import sys
from pathlib import Path

import uvicorn

from core.sandbox.contract import announce, when_parent_leaves
from core.sandbox.redshift.account import Account
from core.sandbox.redshift.api import DataApi
from core.sandbox.redshift.catalogue import Catalogue
from core.sandbox.redshift.execution import Execution
from core.sandbox.redshift.limits import Limits
from core.sandbox.redshift.opening import Opening
from core.sandbox.redshift.results import Results
from core.sandbox.redshift.sessions import Sessions
from core.sandbox.redshift.statements import StatementStore
from core.sandbox.redshift.wire import Application


def main() -> int:
    arguments = _arguments()
    with contextlib.closing(socket.socket()) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", arguments.port))
        asyncio.run(_serve(listener, arguments.data, arguments.s3_endpoint, arguments.limits))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="core.sandbox.redshift", description="The sandbox's Redshift Data API")
    parser.add_argument("--port", type=int, default=0, help="0: choose one")
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of the database, the statements and their results"
    )
    parser.add_argument("--s3-endpoint", default="", help="where COPY reads and UNLOAD writes")
    parser.add_argument(
        "--limit", action="append", default=[], metavar="NAME=VALUE", help="change one limit of the Data API"
    )
    arguments = parser.parse_args()
    try:
        arguments.limits = Limits.from_words(arguments.limit)
    except ValueError as error:
        parser.error(str(error))
    return arguments


async def _serve(listener: socket.socket, folder: Path, s3_endpoint: str, limits: Limits) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    warehouse = Opening(folder, s3_endpoint)
    store = StatementStore(folder / "statements.sqlite", limits.retention)
    results = Results(folder / "results", limits)
    sessions = Sessions(warehouse, limits.active_sessions)
    execution = Execution(warehouse, store, results, sessions, limits)
    api = DataApi(store, sessions, execution, results, Catalogue(warehouse), limits)
    account = Account()
    application = Application({**api.operations(), **account.operations()}, account.query)
    server = _Server(uvicorn.Config(application, log_level="warning", access_log=False, lifespan="off"))
    loop = asyncio.get_running_loop()

    def leave() -> None:
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, leave)
    when_parent_leaves(leave)
    try:
        await server.serve(sockets=[listener])
    finally:
        await asyncio.to_thread(execution.close)
        sessions.close()
        store.close()
        warehouse.close()


class _Server(uvicorn.Server):
    """Says READY once it listens, and leaves the signals to us."""

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        assert sockets
        announce(sockets[0].getsockname()[1])


if __name__ == "__main__":
    status = main()
    sys.stderr.flush()
    os._exit(status)  # everything is closed; an orderly end has DuckDB complain about the thread that watches stdin
