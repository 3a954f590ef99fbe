"""A password goes to the dump program by a descriptor it inherits: nobody who lists processes, or reads our files, meets it."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.backups.outcomes import Outcome
from tests.core.backups.conftest import Station
from tests.core.backups.test_backup_faults import shim


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="this system shows no processes as files")
def test_the_password_is_in_no_argument_variable_or_file(
    station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "seen"
    shim(monkeypatch, tmp_path, f'cat /proc/$$/cmdline /proc/$$/environ > {seen}\nexec {{real}} "$@"')
    run = station.run()
    assert run.outcome is Outcome.DONE
    password = (station.target.mysql[0].password or "").encode()
    assert password and b"--defaults-file=/dev/fd/" in seen.read_bytes() and password not in seen.read_bytes()
    written = [path for path in station.places.state.rglob("*") if path.is_file()]
    assert written and not [path for path in written if password in path.read_bytes()]
    stored = station.keys()
    assert stored and not [key for key in stored if password in station.body(key)]
