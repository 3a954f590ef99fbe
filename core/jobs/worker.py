"""The child's side of ``core.jobs.child``: take a request, work, answer, wait for the next."""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
import traceback
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from core.base.errors import OpsError
from core.jobs.pipe import packed, receive

_WAIT_SECONDS = 60.0
_WAITING_BYTES = 400 << 20
"""A child that holds more than this after its work does not wait."""


def _main() -> None:
    channel = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints goes to stderr, not into the channel
    requests: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def read() -> None:
        while (request := receive(sys.stdin.buffer)) is not None:
            requests.put(request)
        os._exit(1)  # the parent is gone, in the midst of work or not

    threading.Thread(target=read, daemon=True).start()
    with contextlib.suppress(queue.Empty):
        while True:
            _work(requests.get(timeout=_WAIT_SECONDS), channel)
            if _grown():
                break
    os._exit(0)  # do not wait for library threads


def _work(request: tuple[str, dict[str, Any], dict[str, str], str | None], channel: IO[bytes]) -> None:
    target, arguments, environment, folder = request
    lock = threading.Lock()

    def send(message: Any) -> None:
        content = packed(message)
        with lock:
            channel.write(content)
            channel.flush()

    def report(done: float, total: float | None = None, note: str = "", *, value: Any = None) -> None:
        send(("progress", (done, total, note, value)))

    send(("taken", None))
    os.environ.clear()
    os.environ.update(environment)
    if folder:
        with contextlib.suppress(OSError):  # gone since: what is named by its full path still works
            os.chdir(folder)
    module, function = target.split(":")
    try:
        answer = ("result", getattr(import_module(module), function)(report, **arguments))
    except OpsError as error:
        answer = ("error", error)
    except BaseException as error:
        answer = ("error", (f"{type(error).__name__}: {error}", traceback.format_exc()))
    send(answer)


def _grown() -> bool:
    """Whether it holds too much to be kept; where the system does not tell as Linux does, it always does."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return True
    return pages * os.sysconf("SC_PAGE_SIZE") > _WAITING_BYTES


if __name__ == "__main__":
    _main()
