"""The one door between workers and widgets: on the right thread, exactly once, never to a dead owner."""

from __future__ import annotations

import threading
import time

import shiboken6
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from core.base.errors import OpsError
from core.jobs.job import JobState
from gui.bridge.job_bridge import JobBridge


def test_results_arrive_on_the_gui_thread(qtbot, jobs: JobBridge) -> None:
    got, owner = [], QObject()
    jobs.start(owner, "x", lambda j: threading.current_thread().name,
               on_success=lambda name: got.append((name, threading.current_thread() is threading.main_thread())))  # fmt: skip
    qtbot.waitUntil(lambda: bool(got))
    assert got[0][0].startswith("job")
    assert got[0][1]


def test_trouble_that_is_expected_comes_as_it_is_and_a_bug_is_told_apart(qtbot, jobs: JobBridge) -> None:
    got, bugs, owner = [], [], QObject()
    jobs.trouble.connect(bugs.append)

    def expected(job):
        raise OpsError("The bucket is gone", "somebody deleted it", "make it again")

    def bug(job):
        raise ValueError("nope")

    jobs.start(owner, "expected", expected, on_failure=got.append)
    qtbot.waitUntil(lambda: len(got) == 1)
    assert got[0].title == "The bucket is gone"
    assert bugs == []
    jobs.start(owner, "A bug", bug, on_failure=got.append)
    qtbot.waitUntil(lambda: len(got) == 2)
    assert got[1].code == "bug"
    assert isinstance(bugs[0], ValueError)
    assert bugs[0].__traceback__ is not None


def test_a_flood_of_progress_does_not_drown_the_window(qtbot, jobs: JobBridge) -> None:
    seen, done, owner = [], [], QObject()

    def work(job):
        for n in range(200_000):
            job.report(n + 1, 200_000)
        return "all"

    jobs.start(owner, "flood", work, on_progress=seen.append, on_success=done.append)
    qtbot.waitUntil(lambda: bool(done))
    assert done == ["all"]
    assert len(seen) < 2_000


def test_cancel_reaches_the_work_and_the_owner_hears_once(qtbot, jobs: JobBridge) -> None:
    heard, owner, door = [], QObject(), threading.Event()

    def work(job):
        with job.interruptible(door.set):
            door.wait(10)
        return []  # a driver that swallows the interrupt: it must not look like "no rows"

    job = jobs.start(
        owner, "x", work, on_cancelled=lambda: heard.append("cancelled"), on_success=lambda r: heard.append("BAD")
    )
    qtbot.waitUntil(lambda: job.state is JobState.RUNNING)
    job.cancel()
    qtbot.waitUntil(lambda: bool(heard))
    qtbot.wait(30)
    assert heard == ["cancelled"]


def test_a_dead_owner_is_never_called_and_its_job_is_stopped(qtbot, jobs: JobBridge) -> None:
    heard, widget, inside = [], QWidget(), threading.Event()

    def work(job):
        inside.set()
        for n in range(1000):
            job.report(n)
            time.sleep(0.005)

    job = jobs.start(
        widget, "x", work, on_progress=lambda p: None, on_success=heard.append, on_cancelled=lambda: heard.append("BAD")
    )
    inside.wait(5)
    shiboken6.delete(widget)
    assert job.wait(2)
    qtbot.wait(50)
    assert heard == []
    assert job.state is JobState.CANCELLED


def test_work_that_outlives_its_page_goes_on(qtbot, jobs: JobBridge) -> None:
    widget, go = QWidget(), threading.Event()
    job = jobs.start(widget, "backup", lambda j: go.wait(5), outlives_owner=True)
    shiboken6.delete(widget)
    go.set()
    assert job.wait(5)
    qtbot.wait(30)
    assert job.state is JobState.SUCCEEDED


def test_one_connection_per_owner_however_many_jobs(qtbot, jobs: JobBridge) -> None:
    owner, done = QObject(), []
    jobs.start(owner, "first", lambda j: 1, quiet=True)
    after_one = owner.receivers("2destroyed(QObject*)")
    for _ in range(300):
        jobs.start(owner, "x", lambda j: 1, quiet=True, on_success=done.append)
    qtbot.waitUntil(lambda: len(done) == 300)
    assert owner.receivers("2destroyed(QObject*)") == after_one


def test_the_drawer_keeps_loud_jobs_offers_the_next_step_and_a_retry(qtbot, jobs: JobBridge) -> None:
    owner, runs = QObject(), []

    def work(job):
        runs.append(1)
        if len(runs) == 1:
            raise OpsError("No", "first time", "again")
        return "there"

    jobs.start(owner, "quiet", lambda j: 1, quiet=True)
    jobs.start(
        owner, "export", work, can_retry=True, after=lambda where: (f"Show {where}", lambda: runs.append("shown"))
    )
    qtbot.waitUntil(lambda: len(jobs.activities) == 1 and jobs.activities[0].fault is not None)
    retry = jobs.activities[0].retry
    assert retry is not None
    retry()
    qtbot.waitUntil(lambda: jobs.activities[0].next_step is not None)
    label, step = jobs.activities[0].next_step
    step()
    assert label == "Show there"
    assert runs == [1, 1, "shown"]
    jobs.clear_finished()
    assert not jobs.activities


def test_what_the_drawer_offers_goes_with_its_page(qtbot, jobs: JobBridge) -> None:
    page, told = QWidget(), []
    jobs.start(page, "export", lambda _job: 1, can_retry=True, outlives_owner=True, after=lambda _: ("Show", page.show))
    qtbot.waitUntil(lambda: jobs.activities[0].next_step is not None)
    jobs.activity_changed.connect(lambda: told.append(jobs.activities[0]))
    shiboken6.delete(page)
    assert [(entry.next_step, entry.retry) for entry in told] == [(None, None)]


def test_a_widget_in_a_cycle_is_never_destroyed_on_a_worker(qtbot, jobs: JobBridge) -> None:
    """Python's own collector would run on the worker that allocates, and Qt would abort."""
    gone: list[bool] = []

    class Cycle(QWidget):
        def __init__(self) -> None:
            super().__init__()
            self.itself = self

        def __del__(self) -> None:
            gone.append(threading.current_thread() is threading.main_thread())

    for _ in range(50):
        Cycle()

    def allocate(job) -> int:
        return len([[[]] for _ in range(400_000)])

    job = jobs.start(QObject(jobs), "allocate", allocate)
    qtbot.waitUntil(lambda: job.state.is_final)
    kept = [[] for _ in range(2_000)]  # enough to be worth a collection: what the worker made is freed again
    qtbot.waitUntil(lambda: len(gone) == 50)
    assert all(gone) and kept


def test_a_job_asked_for_by_a_page_that_is_gone_or_after_the_end_never_begins(qtbot, runner, jobs: JobBridge) -> None:
    begun: list[str] = []
    owner = QObject()
    shiboken6.delete(owner)
    assert jobs.start(owner, "late", lambda _job: begun.append("gone")).state is JobState.CANCELLED
    runner.close()
    job = jobs.start(QObject(jobs), "later", lambda _job: begun.append("closed"))
    qtbot.waitUntil(lambda: job.state.is_final)
    assert job.state is JobState.CANCELLED and not begun
