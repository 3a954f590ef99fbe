"""One statement from asked to ended: the job fills it, the window and the command line read it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.base.clock import Clock
from core.base.errors import OpsError
from core.jobs.job import Job, JobCancelled
from core.settings.profiles import WarehouseConnection
from core.warehouse.drivers.driver import Driver, State, Status, Values
from core.warehouse.failures import error_place, failure
from core.warehouse.history import History
from core.warehouse.intent import Intent
from core.warehouse.results import Result

_POLL = 2.0  # seconds a driver may wait for the end before the elapsed time is told again
_CANCEL_WAIT = 30.0  # seconds to wait for the server to confirm a cancel


@dataclass(slots=True)
class Run:
    """state: the server's word. seconds: elapsed so far, or in all. affected: rows a write touched, -1 unknown.
    confirmed: the server itself said how the statement ended (a cancel without it is only a hope).
    place: where in ``sql`` the error stands. leave: a cancel of the job lets the statement go on at the server."""

    connection: WarehouseConnection
    database: str
    sql: str
    intent: Intent
    values: Values
    session: str
    result: Result
    started: datetime
    statement: str = ""
    state: State | None = None
    seconds: float = 0.0
    affected: int = -1
    has_result: bool = False
    confirmed: bool = False
    notes: list[str] = field(default_factory=list)
    error: OpsError | None = None
    place: tuple[int, int] | None = None
    number: int = 0  # in the history
    leave: bool = False

    def words(self, elapsed: float = 0.0) -> str:
        """What came of it, in a line that tells the truth. ``elapsed``: seconds by now, while it runs: ``seconds`` stands still
        between two answers of the server."""
        took = f"{max(self.seconds, elapsed):.1f} s"
        if self.state is State.FINISHED and self.error is None:
            return f"{self.outcome()}, {took}"
        if self.error is not None:
            rows = f"{self.result.count.words()}; " if self.result.count.stopped and self.result.count.shown else ""
            return f"{rows}failed after {took}"
        if self.state is State.ABORTED:
            return f"cancelled after {took}, confirmed by the server"
        return f"{self.state.value if self.state else 'sending'}, {took}"

    def outcome(self) -> str:
        """What a statement that the server has finished came to, without the time it took."""
        if self.has_result:
            return self.result.count.words()
        verb = self.intent.verb or "statement"
        if self.affected >= 0 and verb.split()[0] in (
            "INSERT",
            "UPDATE",
            "DELETE",
            "MERGE",
            "COPY",
            "UNLOAD",
            "SELECT",
        ):
            return f"{verb}: {self.affected:,} {'row' if self.affected == 1 else 'rows'}"
        return f"{verb} done"


def execute(job: Job[Any], run: Run, driver: Driver, history: History, clock: Clock, *, fetch: bool = True) -> Run:
    """Send, wait, fetch. Raises OpsError as the server refused, JobCancelled when it confirmed a cancel.

    A cancel that came too late for a write does not hide what happened: the run ends as finished.
    """
    begun = clock.monotonic()
    with _noted(run):
        run.number = history.begin(run.connection.name, run.database, run.sql, run.started)
    try:
        job.checkpoint()
        run.statement = driver.submit(run.sql, run.values, session=run.session)
        run.state = State.SUBMITTED
        with _noted(run):
            history.sent(run.number, run.statement)
        return follow(job, run, driver, history, clock, begun, fetch=fetch)
    except OpsError as error:
        run.seconds = clock.monotonic() - begun
        run.error = run.error or error
        with _noted(run):
            history.end(run.number, "failed", run.seconds, -1, error.why if error.code == "sql" else str(error))
        raise
    except JobCancelled:
        run.seconds = clock.monotonic() - begun
        if run.state is State.FINISHED and run.intent.writes:
            word = "finished"
        else:
            word = "cancelled" if run.confirmed or not run.statement else "left"
        with _noted(run):
            history.end(run.number, word, run.seconds, run.affected)
        raise


def follow(
    job: Job[Any],
    run: Run,
    driver: Driver,
    history: History | None,
    clock: Clock,
    begun: float,
    *,
    fetch: bool = True,
) -> Run:
    """Wait for the end of a statement the server has, then fetch its rows up to the limit."""
    status = _await_end(job, run, driver, clock, begun)
    run.state, run.confirmed, run.has_result = status.state, True, status.has_result
    run.notes += status.notes
    if status.state is State.ABORTED:
        run.result.end()
        raise JobCancelled(job.title)
    if status.state is State.FAILED:
        run.place = error_place(run.sql, status.error)
        run.error = failure(run.sql, status.error, statement=run.statement)
        raise run.error
    run.affected = status.rows
    if job.stopping and run.intent.writes:
        run.notes.append("The cancel came too late: the server had finished")
        raise JobCancelled(job.title)
    if status.has_result and fetch:
        _fetch(job, run, driver, clock, begun)
    run.result.end()
    run.seconds = clock.monotonic() - begun
    count = run.result.count
    rows = (count.total if count.total is not None else count.shown) if status.has_result and fetch else status.rows
    if history is not None:
        with _noted(run):
            history.end(run.number, "finished", run.seconds, rows)
    return run


@contextlib.contextmanager
def _noted(run: Run) -> Iterator[None]:
    """A history that cannot be written is told beside the result: it must not hide what the server did."""
    try:
        yield
    except OpsError as trouble:
        note = f"The history does not have all of this run. {trouble}"
        if note not in run.notes:
            run.notes.append(note)


def _await_end(job: Job[Any], run: Run, driver: Driver, clock: Clock, begun: float) -> Status:
    """Poll until final; a cancel goes to the server at once and its answer is waited for."""
    failures: list[OpsError] = []

    def stop() -> None:
        try:
            driver.cancel(run.statement)
        except OpsError as error:
            failures.append(error)

    def stop_soon() -> None:  # called on the thread that cancels, which may be the window's: no network there
        if not run.leave:
            threading.Thread(target=stop, name="warehouse-cancel", daemon=True).start()

    with contextlib.ExitStack() as watched:
        try:
            watched.enter_context(job.interruptible(stop_soon))
        except JobCancelled:  # asked to stop while the statement was being handed over: the server has it now
            stop_soon()
        stop_by: float | None = None
        wait = 0.2  # short statements should not wait out a long poll that is lost
        while True:
            status = driver.status(run.statement, wait)
            run.state, run.seconds = status.state, clock.monotonic() - begun
            if status.state.is_final:
                return status
            wait = _POLL
            if job.stopping and run.leave and driver.outlives:
                raise JobCancelled(job.title)
            if job.stopping:
                now = clock.monotonic()
                stop_by = stop_by or now + _CANCEL_WAIT
                if failures:
                    raise failures[0]
                if now > stop_by:
                    raise OpsError(
                        "The server did not confirm the cancel",
                        f"The statement is still {status.state.value} after {_CANCEL_WAIT:.0f} s",
                        "See the running statements, and cancel it there again",
                        details={"statement": run.statement},
                        code="cancel",
                    )
                wait = 0.5
            else:
                with contextlib.suppress(JobCancelled):  # asked to stop just now: first hear how the server ends it
                    job.report(0, None, f"{status.state.value}, {run.seconds:.1f} s")


def _fetch(job: Job[Any], run: Run, driver: Driver, clock: Clock, begun: float) -> None:
    pages = driver.pages(run.statement)
    try:
        for page in pages:
            more = run.result.add(page)
            run.seconds = clock.monotonic() - begun
            count = run.result.count
            job.report(count.shown, min(count.total, run.result.limit) if count.total else None, count.words())
            if not more:
                break
    except BaseException as error:
        run.result.stop()  # what is here is not all, and nobody may take it for that
        if isinstance(error, OpsError) and driver.outlives and error.code not in ("not-found", "incomplete"):
            kept = "The server keeps the result: take it up again from the history, without running it anew"
            error.remedy = f"{error.remedy.rstrip('.')}. {kept}" if error.remedy else kept
        raise
    finally:
        close = getattr(pages, "close", None)
        if close:
            close()  # ends a server cursor and its transaction
