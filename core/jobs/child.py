"""CPU work in a child process: one BLAS thread, progress over a pipe, cancelled by killing it.

Threads would share the interpreter lock with the window (measured: worst stall 303 ms against 46 ms),
and BLAS with its default two threads is 3.5-5 times slower on a busy two-core machine. A child that is done waits a
minute for the next work, for what it has imported costs up to two seconds of CPU (scikit-learn, pyarrow).
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from core.base.errors import OpsError
from core.jobs.job import Job
from core.jobs.pipe import packed, receive

_ROOT = Path(__file__).resolve().parents[2]
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"), "1")

_MOST_WAITING = 2
"""Children kept for the next work; each holds what it has imported, some 150 MB."""

Report = Callable[..., None]
"""report(done, total=None, note="", *, value=None): ``value`` is any picklable news, handed to ``on_value``."""


def run_in_child(
    job: Job[Any],
    target: str,
    arguments: dict[str, Any],
    *,
    on_value: Callable[[Any], None] | None = None,
    threads: int = 1,
) -> Any:
    """Run ``module:function`` as ``function(report, **arguments)`` in another interpreter and return its result.

    Arguments, values and the result must pickle. The function finds this process's environment and folder as they
    are now; modules may have been imported by earlier work, but with more than one thread the interpreter is new.
    The child dies with this process, and at once when the job is cancelled. Raises what the function raised if it
    is an OpsError; otherwise OpsError (code ``child``) with the child's traceback in the details, also when the
    child was killed from outside.
    """
    request = packed((target, arguments, _environment(threads), _folder()))
    while True:
        child, new = _CHILDREN.take(threads)
        try:
            return _asked(job, child, request, on_value, keep=threads == 1)
        except _NotTakenError as error:
            job.checkpoint()
            if new:
                raise OpsError(
                    f"{job.title} could not be started", "Its process ended at once", "Try again", code="child"
                ) from error


def child_environment() -> dict[str, str]:
    """The environment of an interpreter of ours: one BLAS thread, and the program's own modules first."""
    return _environment(1)


def _environment(threads: int) -> dict[str, str]:
    more = {"POLARS_MAX_THREADS": str(threads)} if threads > 1 else {}
    return {**os.environ, **_ONE_THREAD, "PYTHONPATH": str(_ROOT), **more}


def _folder() -> str | None:
    try:
        return os.getcwd()
    except FileNotFoundError:  # it was deleted under us
        return None


class _NotTakenError(Exception):
    """The child ended before it took the request: nothing of it was done."""


class _Child:
    """One interpreter, working for at most one job at a time."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "core.jobs.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=child_environment(),
            start_new_session=True,  # so that a kill takes the child's own children along
        )
        assert self.process.stdin and self.process.stdout
        self.requests: IO[bytes] = self.process.stdin
        self.answers: IO[bytes] = self.process.stdout

    def kill(self) -> None:
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if hasattr(os, "killpg"):
                    os.killpg(self.process.pid, signal.SIGKILL)
                else:
                    self.process.kill()

    def end(self) -> None:
        self.kill()
        with contextlib.suppress(BrokenPipeError):
            self.requests.close()
        self.answers.close()
        self.process.wait()


class _Children:
    """The children that wait for work."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[_Child] = []
        atexit.register(self.close)

    def take(self, threads: int) -> tuple[_Child, bool]:
        """A child, and whether it is new; one that waited may have ended by now."""
        with self._lock:
            if threads == 1 and self._waiting:
                return self._waiting.pop(), False
        return _Child(), True

    def keep(self, child: _Child) -> None:
        with self._lock:
            self._waiting.append(child)
            surplus = self._waiting.pop(0) if len(self._waiting) > _MOST_WAITING else None
        if surplus:
            surplus.end()

    def close(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for child in waiting:
            child.end()


_CHILDREN = _Children()


def _asked(job: Job[Any], child: _Child, request: bytes, on_value: Callable[[Any], None] | None, *, keep: bool) -> Any:
    """Send the request and follow the work to its end. Raises _NotTakenError if the child was not there."""
    lock, over = threading.Lock(), False

    def kill() -> None:
        with lock:
            if not over:  # else the child may already work for another job
                child.kill()

    try:
        with job.interruptible(kill):
            kind, content = _followed(job, child, request, on_value)
        with lock:  # after a fault of ours nobody knows what state it is in
            over = keep and (kind == "result" or isinstance(content, OpsError))
    finally:
        if over:
            _CHILDREN.keep(child)
        else:
            child.end()
    if kind == "result":
        return content
    if isinstance(content, OpsError):
        raise content
    raise OpsError(
        f"{job.title} failed",
        content[0],
        "This is a fault of Opsdesk: please report it with the details",
        details={"traceback": content[1]},
        code="child",
    )


def _followed(job: Job[Any], child: _Child, request: bytes, on_value: Callable[[Any], None] | None) -> tuple[str, Any]:
    """Until ``("result", it)`` or ``("error", it)``."""
    try:
        child.requests.write(request)
        child.requests.flush()
    except BrokenPipeError as error:
        raise _NotTakenError from error
    if receive(child.answers) is None:  # "taken"
        raise _NotTakenError
    while (message := receive(child.answers)) is not None:
        kind, content = message
        if kind != "progress":
            return kind, content
        done, total, note, value = content
        if value is not None and on_value:
            on_value(value)
        job.report(done, total, note)
    job.checkpoint()
    status = child.process.wait()
    reason = f"It was ended by signal {-status}" if status < 0 else f"It ended with status {status}"
    raise OpsError(
        f"{job.title} stopped before it was done",
        f"{reason}; the computer may have run out of memory",
        "Try again with less data or close other programs",
        code="child",
    )
