"""What was typed outlives a kill, goes to one window only, and what was closed comes back; bounded."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.base.errors import OpsError
from core.warehouse import drafts as module
from core.warehouse.drafts import Draft, Drafts
from core.warehouse.sqlfile import OnDisk

_KILLED = """
import os, signal, sys
from pathlib import Path
from core.warehouse.drafts import Draft, Drafts
mine = Drafts(Path(sys.argv[1]), "p")
mine.begin()
mine.keep([Draft("b", "query 2.sql", "SELECT 'typed'"), Draft("a", "query 1.sql", "SELECT 1")])
sys.stdin.readline()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_window_had_open_is_taken_up_by_the_next_and_by_no_other(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[3]
    with subprocess.Popen([sys.executable, "-c", _KILLED, str(tmp_path)], stdin=subprocess.PIPE, cwd=root) as first:
        assert first.stdin is not None
        while not list((tmp_path / "sql-drafts").glob("*.lock")) or not Drafts(tmp_path, "p")._found("id = 'a'"):
            assert first.poll() is None
        second = Drafts(tmp_path, "p")
        assert second.begin() == [], "the first window lives"
        second.keep([Draft("c", "query 1.sql", "SELECT 2")])
        first.stdin.write(b"\n")
        first.stdin.close()
        assert first.wait() == -signal.SIGKILL
    third = Drafts(tmp_path, "p")
    assert [(one.id, one.text) for one in third.begin()] == [("b", "SELECT 'typed'"), ("a", "SELECT 1")]
    other = Drafts(tmp_path, "other")
    assert other.begin() == [], "another profile's"
    assert [one.id for one in second.begin()] == ["c"], "what is open elsewhere stays there"
    second.close()
    fourth = Drafts(tmp_path, "p")
    assert [one.id for one in fourth.begin()] == ["c"]
    third.close(), fourth.close(), other.close()
    assert list((tmp_path / "sql-drafts").iterdir()) == []


def test_a_closed_file_comes_back_once_with_all_of_it(tmp_path: Path) -> None:
    one, other = Drafts(tmp_path, "p"), Drafts(tmp_path, "p")
    report = Draft("a", "report.sql", "SELECT 1", "/tmp/report.sql", OnDisk("ab", "\r\n", True))
    one.keep([report, Draft("b", "x.sql", "SELECT 2")])
    one.close_file(Draft("b", "x.sql", "SELECT 22"))
    one.close_file(report)
    one.close_file(Draft("c", "blank.sql", "  \n"))
    assert [draft.id for draft in other.closed()] == ["a", "b"]
    assert other.reopen() == report
    assert one.reopen("a") is None, "the other window has it"
    assert [draft.id for draft in one.closed()] == ["b"]
    assert one.reopen("b") == Draft("b", "x.sql", "SELECT 22")
    one.keep([Draft("b", "x.sql", "")])
    assert one.begin() == [] and other.begin() == [report]
    one.close(), other.close()


def test_closed_files_are_bounded_in_number_and_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CLOSED_KEPT", 3)
    monkeypatch.setattr(module, "_CLOSED_LENGTH", 100)
    drafts = Drafts(tmp_path, "p")
    for number in range(5):
        drafts.close_file(Draft(str(number), "q.sql", "SELECT 1"))
    assert [draft.id for draft in drafts.closed()] == ["4", "3", "2"]
    drafts.close_file(Draft("long", "q.sql", "-" * 92))
    assert [draft.id for draft in drafts.closed()] == ["long", "4"]
    drafts.forget("long")
    assert len(drafts.closed()) == 1
    drafts.close()


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "sql-drafts").write_text("no folder")
    drafts = Drafts(tmp_path, "p")
    with pytest.raises(OpsError, match="cannot be kept"):
        drafts.keep([Draft("a", "q.sql", "SELECT 1")])
    drafts.close()
