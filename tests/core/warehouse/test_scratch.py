"""Folders for what is on its way: a killed process leaves one, the next removes that one and no other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow
import pytest

from core.jobs.job import headless_job
from core.warehouse.export import export
from core.warehouse.extract.definition import Definition, OutputColumn
from core.warehouse.extract.extraction import extract
from core.warehouse.extract.sources import local_sources
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


def test_what_a_killed_extraction_left_goes_with_the_next_into_that_folder(tmp_path: Path) -> None:
    source = tmp_path / "x.log"
    source.write_text("1\nno\n")
    code = (
        "import os, sys, signal\nfrom pathlib import Path\nfrom core.jobs.job import headless_job\n"
        "from core.warehouse.extract import extraction\n"
        "def killed(job, target, arguments, **_):\n"
        "    Path(arguments['output']).write_bytes(b'half'); Path(arguments['rejects']).write_bytes(b'half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "extraction.run_in_child = killed\n"
        "extraction.extract(headless_job(), None, [], Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    places = (tmp_path / "out" / "t.parquet", tmp_path / "bad" / "r.jsonl")
    places[1].parent.mkdir()
    root = Path(__file__).resolve().parents[3]
    assert subprocess.run([sys.executable, "-c", code, *map(str, places)], cwd=root).returncode == -signal.SIGKILL
    assert [len(list(place.parent.iterdir())) for place in places] == [1, 1]
    definition = Definition(pattern=r"(\d)", columns=(OutputColumn("n", "whole"),))
    extract(headless_job(), definition, local_sources(source), *places)
    assert [path.name for path in places[0].parent.iterdir()] == ["t.parquet"]
    assert [path.name for path in places[1].parent.iterdir()] == ["r.jsonl"]


def test_what_a_killed_export_left_goes_with_the_next_into_that_folder(tmp_path: Path) -> None:
    code = (
        "import os, sys, signal, pyarrow\nfrom pathlib import Path\nfrom core.jobs.job import headless_job\n"
        "from core.warehouse.export import export\n"
        "def pages():\n"
        "    yield pyarrow.table({'n': [1]})\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "export(headless_job(), pages(), Path(sys.argv[1]), 'csv')"
    )
    place, root = tmp_path / "out" / "rows.csv", Path(__file__).resolve().parents[3]
    assert subprocess.run([sys.executable, "-c", code, str(place)], cwd=root).returncode == -signal.SIGKILL
    assert len(list(place.parent.iterdir())) == 1 and not place.exists()
    other = place.with_name("other.csv")
    assert export(headless_job(), [pyarrow.table({"n": [1, 2]})], other, "csv") == 2
    assert [path.name for path in place.parent.iterdir()] == ["other.csv"]
    assert other.stat().st_mode & 0o777 == 0o644
