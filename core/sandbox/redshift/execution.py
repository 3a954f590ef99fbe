"""Runs statements on threads: states as the Data API shows them, batches as one transaction, cancel by interrupt."""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from core.sandbox.redshift.engine.outcome import SqlError
from core.sandbox.redshift.faults import ApiFault
from core.sandbox.redshift.limits import Limits
from core.sandbox.redshift.opening import Opening
from core.sandbox.redshift.results import Results, ResultTooLarge
from core.sandbox.redshift.sessions import ApiSession, Sessions
from core.sandbox.redshift.statements import FINAL, Part, Statement, StatementStore

if TYPE_CHECKING:
    from core.sandbox.redshift.engine.session import EngineSession

log = logging.getLogger("redshift")


class _Cancelled(Exception):
    pass


class _Running:
    """The hold on a statement that waits or runs: how to stop it, and who waits for its end."""

    def __init__(self) -> None:
        self.cancelled = threading.Event()
        self.lock = threading.Lock()
        self.engine: EngineSession | None = None
        self.ended = threading.Event()
        self.done = asyncio.Event()

    def interrupt_until_ended(self, most: int = 1000) -> None:
        """Interrupt ten times a second: one that comes just before the engine begins is lost."""
        for _ in range(most):
            with self.lock:
                if self.engine is not None:
                    self.engine.interrupt()
            if self.ended.wait(0.1):
                return


class Execution:
    """Owns the worker threads. ``submit`` and ``wait`` belong to the event loop's thread."""

    def __init__(
        self, warehouse: Opening, store: StatementStore, results: Results, sessions: Sessions, limits: Limits
    ) -> None:
        self._warehouse, self._store, self._results, self._sessions = warehouse, store, results, sessions
        self._limits = limits
        self._pool = ThreadPoolExecutor(limits.workers, thread_name_prefix="statement")
        self._running: dict[str, _Running] = {}
        self._query_ids = itertools.count(int(time.time()))
        self._waiters = 0

    @property
    def active(self) -> int:
        return len(self._running)

    def submit(self, statement: Statement, session: ApiSession | None) -> None:
        """Queue the statement; it is already in the store."""
        running = self._running[statement.id] = _Running()
        loop = asyncio.get_running_loop()

        def ended() -> None:
            self._running.pop(statement.id, None)
            running.done.set()

        def work() -> None:
            try:
                self._run(statement, session, running)
            except Exception as error:
                log.exception("statement %s", statement.id)
                self._finish(statement, "FAILED", f"{type(error).__name__}: {error}")
            finally:
                if session is not None:
                    self._sessions.give_back(session)
                running.ended.set()
                loop.call_soon_threadsafe(ended)

        self._pool.submit(work)

    async def wait(self, statement: Statement, seconds: int) -> None:
        """Return when the statement has ended or ``seconds`` have passed."""
        running = self._running.get(statement.id)
        if running is None or not seconds:
            return
        if self._waiters >= self._limits.active_waiters:
            raise ApiFault("ActiveWaitingRequestsExceededException", "Too many requests wait for statements")
        self._waiters += 1
        try:
            async with asyncio.timeout(seconds):
                await running.done.wait()
        except TimeoutError:
            pass
        finally:
            self._waiters -= 1

    def cancel(self, statement: Statement) -> bool:
        """Ask a waiting or running statement to stop; False if it had ended."""
        running = self._running.get(statement.id)
        if running is None:
            return False
        if not running.cancelled.is_set():
            running.cancelled.set()
            threading.Thread(target=running.interrupt_until_ended, daemon=True).start()
        return True

    def close(self) -> None:
        """Stop everything: running statements read ABORTED afterwards."""
        for running in list(self._running.values()):
            running.cancelled.set()
            running.interrupt_until_ended(most=1)
        self._pool.shutdown(wait=True, cancel_futures=True)

    # -- on a worker thread ---------------------------------------------------
    def _run(self, statement: Statement, session: ApiSession | None, running: _Running) -> None:
        started = time.monotonic_ns()
        statement.move("PICKED")
        engine: EngineSession | None = None
        timer = threading.Timer(self._limits.statement_seconds, lambda: self.cancel(statement))
        timer.daemon = True
        try:
            engine = session.engine if session else self._open(statement)
            with running.lock:
                running.engine = engine
            timer.start()
            statement.pid = engine.pid
            statement.move("STARTED")
            self._run_parts(statement, engine, running)
            state, error = "FINISHED", ""
            if failed := [part for part in statement.parts if part.status == "FAILED"]:
                state, error = "FAILED", failed[0].error
        except _Cancelled:
            state, error = "ABORTED", "Query cancelled on user's request"
        except SqlError as fault:
            state, error = "FAILED", str(fault)
        finally:
            timer.cancel()
            with running.lock:
                running.engine = None
            if session is None and engine is not None:
                engine.close()
        statement.duration = time.monotonic_ns() - started
        self._finish(statement, state, error)

    def _open(self, statement: Statement) -> EngineSession:
        return self._warehouse.session(statement.place.get("Database", ""), statement.place.get("DbUser", ""))

    def _run_parts(self, statement: Statement, engine: EngineSession, running: _Running) -> None:
        parameters = {one["name"]: one["value"] for one in statement.parameters}
        whole = statement.is_batch and statement.mode == "TRANSACTION"
        if whole:
            engine.begin()
        try:
            for part in statement.parts:
                if running.cancelled.is_set():
                    raise _Cancelled
                try:
                    self._run_part(part, engine, parameters, running)
                except SqlError as fault:
                    if running.cancelled.is_set():
                        part.move("ABORTED")
                        part.error = "Query cancelled on user's request"
                        raise _Cancelled from fault
                    part.error = str(fault)
                    part.move("FAILED")
                    if whole or not statement.is_batch:
                        raise
            if whole:
                engine.commit()
        except (_Cancelled, SqlError):
            if whole:
                engine.rollback()
            raise

    def _run_part(self, part: Part, engine: EngineSession, parameters: dict[str, str], running: _Running) -> None:
        started = time.monotonic_ns()
        part.query_id = next(self._query_ids)
        part.move("STARTED")
        try:
            outcome = engine.run(part.sql, parameters, query_id=part.query_id)
            part.notes = list(outcome.notes)
            if outcome.columns is None:
                part.rows = outcome.affected
            else:
                part.columns = [column.metadata() for column in outcome.columns]
                part.rows, part.size = self._results.write(
                    part.id, outcome.schema, outcome.batches(self._limits.row_bytes)
                )
                part.has_result = True
        except ResultTooLarge as error:
            raise SqlError(str(error)) from error
        finally:
            part.duration = time.monotonic_ns() - started
        if running.cancelled.is_set() and part.has_result and not engine.wrote:
            raise SqlError("Query cancelled on user's request")
        part.move("FINISHED")

    def _finish(self, statement: Statement, state: str, error: str) -> None:
        for part in statement.parts:
            if part.status not in FINAL:
                part.error = error or part.error
                part.move("ABORTED")
        statement.error = error
        statement.move(state)
        self._store.save(statement)
