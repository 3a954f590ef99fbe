"""A service that runs but answers nobody is noticed, killed and started again; one that answers is left alone."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

from core.base.errors import OpsError
from core.base.places import Places
from core.sandbox import mariadb, service
from core.sandbox.layout import Layout
from core.sandbox.ports import Ports
from core.sandbox.service import Service, ServiceKind
from tests.core.clearing import others_start
from tests.core.sandbox.conftest import eventually


@pytest.mark.parametrize(("answers", "http", "ends"), [(2, True, True), (1000, True, False), (0, False, False)])
def test_a_service_that_hangs_is_started_again(
    home: Places, monkeypatch: pytest.MonkeyPatch, answers: int, http: bool, ends: bool
) -> None:
    # One that lives must not be killed because a busy machine had no time for it: that takes three pulses in a row.
    monkeypatch.setattr(service, "PULSE", 0.1 if ends else 0.5)
    layout = Layout.of(home).made()
    kind = ServiceKind("deaf", "tests.fakes.deaf", str(answers), lambda: "", http)

    async def watched() -> tuple[int, str, str]:
        one = Service(kind, layout, Ports(layout.ports), lambda _kind: [], lambda: None)
        run = asyncio.create_task(one.run())
        until = time.monotonic() + (60 if ends else 2.5)
        while not one.status.restarts and time.monotonic() < until:
            await asyncio.sleep(0.02)
        status = one.status
        await one.stop()
        await run
        return status.restarts, status.last_exit, status.note

    restarts, last_exit, note = asyncio.run(watched())
    if ends:
        assert (restarts, last_exit) == (1, "signal 9 (SIGKILL)")
        assert "It did not answer 3 times in a row" in note
    else:
        assert (restarts, last_exit) == (0, "")


@pytest.mark.skipif(os.name != "posix", reason="stops by signal")
def test_a_mariadb_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd) -> None:
    """Stopped by a signal it still accepts connections, for the kernel does, and greets nobody."""
    monkeypatch.delenv("OPSDESK_MARIADBD", raising=False)
    try:
        program = mariadb.find_mariadbd()
    except OpsError as error:
        pytest.skip(str(error))
    monkeypatch.setattr(mariadb, "PULSE", 0.5)
    for name in ("load", "tmp"):
        (tmp_path / name).mkdir()
    children = mariadb.Children()
    with others_start(tmp_path / "My Disk", monkeypatch):
        folder = mariadb.initialise(program, tmp_path, "secret", children)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = children.start(mariadb.server_command(program, folder, port))
    eventually(lambda: mariadb.greets(port, 5))
    threading.Thread(target=mariadb.end_when_it_hangs, args=(server, port), daemon=True).start()
    time.sleep(2)
    assert server.poll() is None, "one that answers is left alone"
    server.send_signal(signal.SIGSTOP)
    assert server.wait(30) == -signal.SIGKILL
    assert "It did not answer 3 times in a row" in capfd.readouterr().err
