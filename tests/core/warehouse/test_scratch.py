"""Folders for what is on its way: a killed process leaves one, the next removes that one and no other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from core.warehouse.scratch import scratch


def test_what_a_killed_process_left_goes_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "opsdesk-feed-old").mkdir()  # of a version that knew no locks: it may be at work
    (tmp_path / "opsdesk-feed-young").mkdir()
    (tmp_path / "opsdesk-feed-young" / "lock").touch()  # about to be locked
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "opsdesk-feed-link").symlink_to(tmp_path / "elsewhere")
    code = (
        "import sys\nfrom core.warehouse.scratch import scratch\n"
        "with scratch('feed') as folder:\n    (folder / 'rows').write_text('x')\n    print(folder, flush=True)\n    sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        cwd=Path(__file__).resolve().parents[3],
    ) as process:
        assert process.stdout is not None
        other = Path(process.stdout.readline().strip())
        with scratch("feed") as mine, scratch("feed") as second, scratch("parts", beside=tmp_path / "out") as hidden:
            assert {mine.parent, second.parent, hidden.parent} == {tmp_path} and hidden.name.startswith(".")
            assert (other / "rows").exists() and mine.exists()  # at work, whoever else begins
            process.send_signal(signal.SIGKILL)
            process.wait()
            assert other.exists()
            with scratch("export"):
                assert other.exists()
            with scratch("feed"):
                assert not other.exists() and mine.exists() and second.exists()
    left = sorted(one.name for one in tmp_path.iterdir())
    assert left == ["elsewhere", "opsdesk-feed-link", "opsdesk-feed-old", "opsdesk-feed-young"]
