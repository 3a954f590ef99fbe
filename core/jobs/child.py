"""CPU work in a child process: one BLAS thread, progress over a pipe, cancelled by killing it.

Threads would share the interpreter lock with the window (measured: worst stall 303 ms against 46 ms),
and BLAS with its default two threads is 3.5-5 times slower on a busy two-core machine.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import struct
import subprocess
import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from core.base.errors import OpsError
from core.jobs.job import Job

_ROOT = Path(__file__).resolve().parents[2]
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"), "1")

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
    """Run ``module:function`` as ``function(report, **arguments)`` in a fresh interpreter and return its result.

    Arguments, values and the result must pickle. The child dies with this process, and at once when the
    job is cancelled. Raises what the function raised if it is an OpsError; otherwise OpsError (code
    ``child``) with the child's traceback in the details, also when the child was killed from outside.
    """
    environment = child_environment()
    if threads > 1:
        environment["POLARS_MAX_THREADS"] = str(threads)
    process = subprocess.Popen(
        [sys.executable, "-m", "core.jobs.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        start_new_session=True,  # so that a kill takes the child's own children along
    )
    assert process.stdin and process.stdout
    try:
        with job.interruptible(lambda: _kill(process)):
            _send(process.stdin, (target, arguments))
            while (message := _receive(process.stdout)) is not None:
                kind, content = message
                if kind == "progress":
                    done, total, note, value = content
                    if value is not None and on_value:
                        on_value(value)
                    job.report(done, total, note)
                elif kind == "result":
                    return content
                elif isinstance(content, OpsError):
                    raise content
                else:
                    raise OpsError(
                        f"{job.title} failed",
                        content[0],
                        "This is a fault of Opsdesk: please report it with the details",
                        details={"traceback": content[1]},
                        code="child",
                    )
            job.checkpoint()
            status = process.wait()
            reason = f"It was ended by signal {-status}" if status < 0 else f"It ended with status {status}"
            raise OpsError(
                f"{job.title} stopped before it was done",
                f"{reason}; the computer may have run out of memory",
                "Try again with less data or close other programs",
                code="child",
            )
    except BrokenPipeError as error:
        job.checkpoint()
        raise OpsError(
            f"{job.title} could not be started", "Its process ended at once", "Try again", code="child"
        ) from error
    finally:
        _kill(process)
        process.stdin.close()
        process.stdout.close()
        process.wait()


def child_environment() -> dict[str, str]:
    """The environment of an interpreter of ours: one BLAS thread, and the program's own modules first."""
    return {**os.environ, **_ONE_THREAD, "PYTHONPATH": str(_ROOT)}


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()


def _send(pipe: IO[bytes], message: Any) -> None:
    content = pickle.dumps(message, protocol=5)
    pipe.write(struct.pack("<Q", len(content)) + content)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> Any:
    head = pipe.read(8)
    if len(head) < 8:
        return None
    (size,) = struct.unpack("<Q", head)
    content = pipe.read(size)
    return pickle.loads(content) if len(content) == size else None  # the other end is our own child


def _main() -> None:
    """The child's side: read one request, work, answer; leave when the parent is gone."""
    import threading

    channel = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints goes to stderr, not into the channel
    target, arguments = _receive(sys.stdin.buffer)
    lock = threading.Lock()

    def leave_with_parent() -> None:
        sys.stdin.buffer.read()
        os._exit(1)

    threading.Thread(target=leave_with_parent, daemon=True).start()

    def report(done: float, total: float | None = None, note: str = "", *, value: Any = None) -> None:
        with lock:
            _send(channel, ("progress", (done, total, note, value)))

    module, function = target.split(":")
    try:
        answer = ("result", getattr(import_module(module), function)(report, **arguments))
    except OpsError as error:
        answer = ("error", error)
    except BaseException as error:
        answer = ("error", (f"{type(error).__name__}: {error}", traceback.format_exc()))
    with lock:
        _send(channel, answer)
    os._exit(0)  # do not wait for library threads


if __name__ == "__main__":
    _main()
