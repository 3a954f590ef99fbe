"""A private PostgreSQL server on a free port, for tests that need the real thing."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PASSWORD = "test-only"


def _program(name: str) -> str | None:
    found = shutil.which(name)
    if found:
        return found
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(installed[-1]) if installed else None


@contextlib.contextmanager
def postgres_server() -> Iterator[int]:
    """Start a server with user ``ops``; yields its port. Skips where PostgreSQL is not installed."""
    import psycopg  # 0.3 s of CPU: not for every worker that collects

    initdb, server = _program("initdb"), _program("postgres")
    if not initdb or not server:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="opsdesk-pg-", dir="/tmp"))
    account: dict[str, Any] = {"cwd": folder}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        import pwd

        shutil.chown(folder, "nobody")
        account |= {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": []}
    (folder / "password").write_text(PASSWORD)
    (folder / "password").chmod(0o644)
    data = folder / "data"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = None
    try:
        subprocess.run(
            [
                initdb,
                "-D",
                str(data),
                "-U",
                "ops",
                "--auth=scram-sha-256",
                "-E",
                "UTF8",
                "--locale=C",
                "--no-sync",
                f"--pwfile={folder / 'password'}",
            ],
            check=True,
            capture_output=True,
            **account,
        )
        process = subprocess.Popen(
            [server, "-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", str(folder), "-F"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **account,
        )
        deadline = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(host="127.0.0.1", port=port, user="ops", password=PASSWORD, dbname="postgres").close()
                break
            except psycopg.OperationalError:
                assert process.poll() is None and time.monotonic() < deadline, "PostgreSQL did not start"
                time.sleep(0.1)
        yield port
    finally:
        if process is not None:
            process.send_signal(signal.SIGINT)  # at SIGTERM it waits until whoever is connected has left
            process.wait(60)
        shutil.rmtree(folder, ignore_errors=True)
