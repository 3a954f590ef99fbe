"""Jobs end exactly once, lanes keep order, and CPU work in a child can be killed at any moment."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from core.base.errors import OpsError
from core.jobs.child import run_in_child
from core.jobs.history import JobHistory
from core.jobs.job import Job, JobCancelled, JobState, headless_job
from core.jobs.runner import JobRunner


@pytest.fixture
def runner():
    made = JobRunner()
    yield made
    assert made.close() == []


WORK = "tests.core.child_work"


def test_child_reports_and_returns(runner: JobRunner) -> None:
    values: list[int] = []
    job = runner.submit(
        "count",
        lambda j: run_in_child(j, f"{WORK}:count_slowly", {"steps": 5, "seconds": 0.01}, on_value=values.append),
    )
    assert job.wait(20)
    assert (job.state, job.result, values) == (JobState.SUCCEEDED, 5, [0, 1, 2, 3, 4])


def test_child_is_killed_by_cancel(runner: JobRunner) -> None:
    job = runner.submit("count", lambda j: run_in_child(j, f"{WORK}:count_slowly", {"steps": 10_000, "seconds": 0.01}))
    while job.progress is None:
        time.sleep(0.01)
    assert job.cancel()
    assert job.wait(60)  # by itself it goes on for 100 s
    assert job.state is JobState.CANCELLED


def test_child_errors_keep_their_kind(runner: JobRunner) -> None:
    refused = runner.submit("refuse", lambda j: run_in_child(j, f"{WORK}:refuse", {}))
    bug = runner.submit("burst", lambda j: run_in_child(j, f"{WORK}:burst", {}))
    dead = runner.submit("die", lambda j: run_in_child(j, f"{WORK}:die", {}))
    loud = runner.submit("chatty", lambda j: run_in_child(j, f"{WORK}:chatty", {}))
    for job in (refused, bug, dead, loud):
        assert job.wait(30)
    assert isinstance(refused.error, OpsError)
    assert (refused.error.title, refused.error.why, refused.error.remedy) == ("No", "because", "so")
    assert isinstance(bug.error, OpsError)
    assert "ValueError: a bug" in bug.error.details["traceback"]
    assert isinstance(dead.error, OpsError)
    assert "status 3" in dead.error.why
    assert loud.result == "fine"


def run(name: str, **arguments: Any) -> Any:
    return run_in_child(headless_job(), f"{WORK}:{name}", arguments)


def test_a_child_waits_for_the_next_work_and_finds_this_moment_s_surroundings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run("surroundings", variable="OPSDESK_TRIED")
    assert first[1] is None
    with pytest.raises(OpsError, match="because"):
        run("refuse")
    monkeypatch.setenv("OPSDESK_TRIED", "now")
    monkeypatch.chdir(tmp_path)
    assert run("surroundings", variable="OPSDESK_TRIED") == (first[0], "now", str(tmp_path))
    alone = run_in_child(headless_job(), f"{WORK}:surroundings", {"variable": "POLARS_MAX_THREADS"}, threads=2)
    assert alone[0] != first[0] and alone[1] == "2"


def test_a_child_that_ended_while_it_waited_failed_or_grew_is_replaced() -> None:
    first = run("surroundings", variable="")[0]
    os.kill(first, signal.SIGKILL)
    second = run("surroundings", variable="")[0]
    assert second != first
    with pytest.raises(OpsError, match="a bug"):  # after a fault of ours nobody knows what state it is in
        run("burst")
    third = run("surroundings", variable="")[0]
    assert third != second
    grown = run("grow")
    assert run("surroundings", variable="")[0] != grown


def test_a_cancel_that_comes_late_leaves_the_child_s_next_work_alone() -> None:
    """The button is pressed as the first work ends: its kill must not reach who has the child by then."""
    for _ in range(20):
        job = headless_job()
        thread = threading.Thread(target=lambda job=job: (time.sleep(0.002), job.cancel()))
        with contextlib.suppress(JobCancelled, OpsError):
            thread.start()
            run_in_child(job, f"{WORK}:surroundings", {"variable": ""})
        assert run("chatty") == "fine"
        thread.join()


def test_children_end_with_their_parent_at_work_and_waiting() -> None:
    code = f"""if True:
        import threading
        from core.jobs.child import run_in_child
        from core.jobs.job import headless_job
        busy = headless_job()
        threading.Thread(target=run_in_child, args=(busy, "{WORK}:wait_for_ever", {{}}), daemon=True).start()
        while busy.progress is None:
            pass
        print(run_in_child(headless_job(), "{WORK}:surroundings", {{"variable": ""}})[0], int(busy.progress.done), flush=True)
        threading.Event().wait()
    """
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    children = [int(word) for word in parent.stdout.readline().split()]
    assert len(set(children)) == 2
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until = time.monotonic() + 60
    while any(_lives(one) for one in children) and time.monotonic() < until:
        time.sleep(0.01)
    assert not any(_lives(one) for one in children)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_lane_keeps_order_and_newest_only_drops(runner: JobRunner) -> None:
    order: list[int] = []
    gate, running = threading.Event(), threading.Event()

    def hold(_: Job[None]) -> None:
        running.set()
        gate.wait(30)

    runner.submit("gate", hold, lane="a")
    assert running.wait(30)
    jobs = [runner.submit("n", lambda j, n=n: order.append(n), lane="a") for n in range(5)]
    running.clear()
    runner.submit("gate", hold, lane="b")
    assert running.wait(30)  # what still waits would be dropped
    newest = [runner.submit("n", lambda j, n=n: n, lane="b", newest_only=True) for n in range(50)]
    gate.set()
    assert all(job.wait(30) for job in jobs + newest)
    assert order == [0, 1, 2, 3, 4]
    assert newest[-1].result == 49
    assert [job.state for job in newest[:-1]] == [JobState.CANCELLED] * 49


def test_a_swallowed_cancel_is_still_cancelled_but_a_committed_one_is_done(runner: JobRunner) -> None:
    inside, door = threading.Event(), threading.Event()

    def swallow(job: Job[list[int]]) -> list[int]:
        with job.interruptible(door.set):
            inside.set()
            door.wait(30)
        return []

    job = runner.submit("swallow", swallow)
    inside.wait(30)
    assert job.cancel()
    assert job.wait(30)
    assert job.state is JobState.CANCELLED

    committed, go = threading.Event(), threading.Event()

    def commit(job: Job[str]) -> str:
        job.commit()
        committed.set()
        go.wait(30)
        return "stored"

    stored = runner.submit("commit", commit)
    committed.wait(30)
    assert not stored.cancel()
    go.set()
    assert stored.wait(30)
    assert stored.result == "stored"


def test_more_jobs_than_workers_all_end() -> None:
    runner = JobRunner(max_workers=3)
    jobs = [runner.submit("x", lambda j, n=n: n) for n in range(500)]
    assert all(job.wait(30) for job in jobs)
    assert [job.result for job in jobs] == list(range(500))
    assert runner.close() == []


def test_no_job_waits_for_another_while_there_is_room() -> None:
    """A thread that has taken its task, and got no further yet, is nobody's to wait for."""
    took, on = threading.Event(), threading.Event()
    on.set()

    class Slow(queue.SimpleQueue):
        def get(self) -> Any:
            task = super().get()
            took.set()
            on.wait(30)
            return task

    runner, held = JobRunner(), threading.Event()
    runner._tasks = Slow()
    assert runner.submit("makes a thread", lambda j: 1).wait(30)
    while not runner._idle:
        time.sleep(0.01)
    took.clear()
    on.clear()
    runner.submit("stays", lambda j: held.wait(60))
    assert took.wait(30)
    other = runner.submit("does not wait for that", lambda j: 1)
    on.set()
    waited = other.wait(10)
    held.set()
    assert runner.close(30) == []
    assert waited


def test_close_names_what_would_not_stop() -> None:
    runner, hold = JobRunner(), threading.Event()
    job = runner.submit("deaf job", lambda j: hold.wait(30))
    while job.state is not JobState.RUNNING:
        time.sleep(0.001)
    assert runner.close(timeout=0.1) == ["deaf job"]
    hold.set()
    assert job.wait(30)


def test_history_keeps_endings_without_secrets(tmp_path, runner: JobRunner) -> None:
    history = JobHistory(tmp_path / "jobs.sqlite")
    runner.observe(history.heard)

    def fail(job: Job[None]) -> None:
        raise OpsError("Login failed", "password=hunter2 was refused")

    runner.submit("fails", fail).wait(30)
    runner.submit("quiet", lambda j: 1, quiet=True).wait(30)
    (past,) = history.recent()
    assert (past.title, past.state) == ("fails", "failed")
    assert "hunter2" not in past.error
    history.close()

    (tmp_path / "bad.sqlite").write_bytes(b"not a database" * 100)
    other = JobHistory(tmp_path / "bad.sqlite")
    assert other.recent() == []
    other.close()
    assert (tmp_path / "bad.sqlite.broken-1").exists()
