"""Whatever goes wrong while backing up: nothing half published, nothing left behind, and the cause is named."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.backups.archive import Archive
from core.backups.dump import Dump
from core.backups.ledger import Ledger
from core.backups.manifest import SUFFIX
from core.backups.outcomes import Outcome
from core.backups.server import rows_of
from core.base.errors import OpsError
from core.jobs.job import Job, JobState
from tests.core.backups.conftest import Station, large


def fails(station: Station, code: str) -> OpsError:
    """Run the plan; it must fail with ``code`` and leave neither object nor upload."""
    with pytest.raises(OpsError) as caught:
        station.run()
    assert caught.value.code == code, str(caught.value)
    assert station.keys() == []
    assert station.uploads() == []
    assert station.service.runs("nightly")[0].outcome is Outcome.FAILED
    return caught.value


def shim(monkeypatch: pytest.MonkeyPatch, folder: Path, body: str) -> None:
    """Put a ``mariadb-dump`` before the real one on the PATH; {real} is the real one."""
    real = subprocess.run(["which", "mariadb-dump"], capture_output=True, text=True, check=True).stdout.strip()
    program = folder / "bin" / "mariadb-dump"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/bash\ncase " $* " in *" --version "*) exec {real} "$@";; esac\n' + body.replace("{real}", real)
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")


def test_a_whole_backup_is_published_with_its_manifest_last(station: Station) -> None:
    run = station.run()
    assert station.keys() == [run.key, run.key + SUFFIX]
    assert station.uploads() == []
    assert run.rows == 200 + 500
    assert run.outcome is Outcome.DONE
    assert station.service.runs("nightly") == [run]


def test_two_in_one_second_get_two_names(filed: Station) -> None:
    assert filed.run().id != filed.run().id
    assert len(filed.keys()) == 6


def test_wrong_password(station: Station) -> None:
    source = replace(station.target.mysql[0], password="wrong")
    station.service = station.make(mysql=(source,))
    assert "refused user or password" in fails(station, "denied").why


def test_server_that_does_not_answer(station: Station) -> None:
    source = replace(station.target.mysql[0], port=1)
    station.service = station.make(mysql=(source,))
    fails(station, "unreachable")


def test_the_dump_is_killed(station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shim(monkeypatch, tmp_path, '{real} "$@" 2>/dev/null | head -c 3000; kill -KILL $$')
    assert "signal 9" in fails(station, "dump").why


def test_the_dump_is_cut_but_claims_success(station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shim(monkeypatch, tmp_path, '{real} "$@" | head -c 3000; exit 0')
    assert "closing line" in fails(station, "dump-cut").why


def test_the_dump_is_empty_but_claims_success(
    station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shim(monkeypatch, tmp_path, "exit 0")
    fails(station, "dump-cut")


@pytest.mark.parametrize("counted_at_most", [64 << 20, -1])  # small tables are counted before, large ones are not
def test_a_table_comes_out_without_rows(
    station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counted_at_most: int
) -> None:
    monkeypatch.setattr("core.backups.content._COUNTED_AT_MOST", counted_at_most)
    shim(monkeypatch, tmp_path, '{real} "$@" | sed -e "/^INSERT INTO .customers/,/);$/d"')
    error = fails(station, "hollow")
    assert "customers" in error.title and "200" in error.why


def test_a_large_table_comes_out_with_few_of_its_rows(
    station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.backups.content._COUNTED_AT_MOST", -1)
    station.sql("ANALYZE TABLE customers")
    shim(monkeypatch, tmp_path, """{real} "$@" | sed -E "/^[(]([0-9]{1,2}|1[01][0-9]),'person/d\"""")
    run = station.run()
    (finding,) = [item for item in run.findings if "customers" in item.title]
    assert "81 rows in the dump, 200 after it" in finding.title


def test_an_empty_database_is_no_backup(station: Station) -> None:
    station.sql(
        *(
            f"DROP {kind} {name}"
            for kind, name in [
                ("VIEW", "rich"),
                ("TABLE", "orders"),
                ("TABLE", "customers"),
                ("TABLE", "nothing"),
                ("SEQUENCE", "numbers"),
            ]
        )
    )
    assert "holds no table" in fails(station, "empty").title


def big(station: Station, megabytes: int) -> None:
    """A table whose dump takes twice, and whose backup about so many megabytes; dumped before the others."""
    station.sql("CREATE TABLE big (id INT AUTO_INCREMENT PRIMARY KEY, filling LONGBLOB)")
    for _ in range(megabytes):
        station.sql("INSERT INTO big (filling) VALUES (%s)", values=(os.urandom(1 << 20),))


def test_the_server_ends_the_dumps_connection(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    big(station, 30)  # more than all the buffers in between
    pieces = Dump.pieces

    def killing(self: Dump, job: Job[Any]) -> Iterator[bytes]:
        flow = pieces(self, job)
        yield next(flow)
        for row in station.sql("SHOW PROCESSLIST"):
            if row[3] == station.database and row[4] != "Sleep" and "PROCESSLIST" not in str(row[7]):
                station.sql(f"KILL {row[0]}")
        yield from flow

    monkeypatch.setattr(Dump, "pieces", killing)
    error = fails(station, "lost")
    assert "2013" in error.why or "1927" in error.why


def test_a_table_is_rebuilt_during_the_dump_and_the_second_try_succeeds(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    big(station, 2)
    pieces, tries = Dump.pieces, []

    def rebuilding(self: Dump, job: Job[Any]) -> Iterator[bytes]:
        flow = pieces(self, job)
        yield next(flow)
        tries.append(1)
        if len(tries) == 1:
            station.sql("ALTER TABLE customers FORCE")
        yield from flow

    monkeypatch.setattr(Dump, "pieces", rebuilding)
    run = station.run()
    assert len(tries) == 2
    assert station.keys() == [run.key, run.key + SUFFIX]
    assert station.uploads() == []


@pytest.mark.heavy
def test_a_large_value_and_four_byte_text_go_through(station: Station) -> None:
    station.sql("CREATE TABLE large (id INT PRIMARY KEY, content LONGBLOB)")
    station.sql("INSERT INTO large VALUES (1, REPEAT(UNHEX('F09F9880'), 8000000))")
    station.run()
    verification = station.verify()
    assert verification.outcome is Outcome.DONE, verification.headline


def test_two_runs_at_once(filed: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, go_on = threading.Event(), threading.Event()
    pieces = Archive.pieces

    def waiting(self: Archive, job: Job[Any]) -> Iterator[bytes]:
        inside.set()
        go_on.wait(30)
        yield from pieces(self, job)

    monkeypatch.setattr(Archive, "pieces", waiting)
    first: Job[Any] = Job("first", lambda job: filed.service.run(job, "nightly"))
    thread = threading.Thread(target=first.run)
    thread.start()
    assert inside.wait(30)
    with pytest.raises(OpsError) as caught:
        filed.make().run(filed.job(), "nightly")
    go_on.set()
    thread.join()
    assert caught.value.exit_status == 3
    assert str(os.getpid()) in caught.value.why
    assert first.state is JobState.SUCCEEDED
    assert len(filed.keys()) == 3


def test_cancelled_in_the_middle(filed: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    large(filed, 2)
    monkeypatch.setattr("core.jobs.job._REPORT_INTERVAL", 0.0)
    job: Job[Any] = Job("backup", lambda job: filed.service.run(job, "nightly"))

    def listen(changed: Job[Any]) -> None:
        if changed.progress and "packed and sent" in changed.progress.note:
            changed.cancel()

    job._listeners = (listen,)
    job.run()
    assert job.state is JobState.CANCELLED
    assert filed.keys() == [] and filed.uploads() == []
    assert filed.service.runs("nightly")[0].outcome is Outcome.CANCELLED


def test_cancelled_while_the_server_does_not_answer(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow count: the cancel does not wait for the server."""
    monkeypatch.setattr(
        "core.backups.content.count_rows", lambda _job, connection, *_: rows_of(connection, "SELECT SLEEP(60)")
    )
    job: Job[Any] = Job("backup", lambda job: station.service.run(job, "nightly"))
    thread = threading.Thread(target=job.run)
    thread.start()
    for _ in range(100):
        if any("SLEEP" in str(row[7]) for row in station.sql("SHOW PROCESSLIST")):
            break
        threading.Event().wait(0.05)
    job.cancel()
    thread.join(20)
    assert job.state is JobState.CANCELLED
    assert station.service.runs("nightly")[0].outcome is Outcome.CANCELLED
    assert station.keys() == [] and station.uploads() == []


def test_the_key_is_taken(filed: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another computer published under the same name while this one was dumping: its object stays."""
    filed.needs("refusal to overwrite")
    pieces = Archive.pieces

    def racing(self: Archive, job: Job[Any]) -> Iterator[bytes]:
        yield from pieces(self, job)
        run = filed.service.runs("nightly")[0]
        filed.overwrite(run.key or keys[0], b"theirs")

    keys: list[str] = []
    from core.backups import backing

    original = backing.object_key
    monkeypatch.setattr(backing, "object_key", lambda plan, run: keys.append(original(plan, run)) or keys[-1])
    monkeypatch.setattr(Archive, "pieces", racing)
    with pytest.raises(OpsError) as caught:
        filed.run()
    assert caught.value.code == "exists"
    assert filed.keys() == keys[:1]
    assert filed.body(keys[0]) == b"theirs"
    assert filed.uploads() == []


def test_the_clock_went_back(filed: Station) -> None:
    filed.run()

    class Yesterday:
        def now(self) -> datetime:
            return datetime.now(UTC) - timedelta(days=1)

    filed.under(clock=Yesterday())
    run = filed.run()
    assert any(finding.rule == "clock" for finding in run.findings)
    assert len(filed.keys()) == 6


def test_a_disk_that_is_full_leaves_no_upload(
    filed: Station, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger's disk fills up after the run has begun: what nobody could note is not left open."""
    filed.places = filed.places._replace(state=small_disk)
    filed.service = filed.make()
    note = Ledger.note_upload

    def filled(self: Ledger, *words: Any, **facts: Any) -> None:
        with contextlib.suppress(OSError), (small_disk / "filler").open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
        note(self, *words, **facts)

    monkeypatch.setattr(Ledger, "note_upload", filled)
    with pytest.raises(OpsError) as caught:
        filed.run()
    assert caught.value.code == "disk" and "full" in caught.value.why
    assert filed.keys() == [] and filed.uploads() == []
    (small_disk / "filler").unlink()
    monkeypatch.undo()
    assert filed.run().outcome is Outcome.DONE
    assert [run.outcome for run in filed.service.runs("nightly")] == [Outcome.DONE, Outcome.FAILED]
    filed.service._ledger.close()  # or the disk cannot be taken away
