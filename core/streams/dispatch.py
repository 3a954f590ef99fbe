"""Who does a pipeline's work: processes of this computer, or the workers of a Gearman server."""

from __future__ import annotations

import logging
import multiprocessing
import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Protocol

from core.base.errors import OpsError, WrongUse
from core.streams.page_views import work

FUNCTION = "opsdesk.page_views"
_PORT = 4730
_ATTEMPTS = 3
_CONNECT_WITHIN = 10.0  # seconds
_ACCEPTED_WITHIN = 5.0  # seconds for a job to be taken: a connection may be dead without a word
_RECONNECT_WITHIN = 20.0  # seconds for a Gearman server to come back


class Dispatch(Protocol):
    """Takes a job's bytes and gives its result's; jobs are pure, so a lost one is handed out again."""

    name: str

    def submit(self, content: bytes) -> Future[bytes]: ...

    def close(self) -> None: ...


class LocalProcesses:
    """A pool of worker processes; one that dies is replaced and its jobs are done again."""

    def __init__(self, workers: int) -> None:
        self.name = f"{workers} local process{'es' if workers > 1 else ''}"
        self._workers = workers
        self._lock = threading.Lock()
        self._closed = False
        self._pool = self._new_pool()

    def _new_pool(self) -> ProcessPoolExecutor:
        # spawn: a fork would carry our threads' locks along in whatever state they are
        return ProcessPoolExecutor(
            self._workers, mp_context=multiprocessing.get_context("spawn"), initializer=_leave_with_parent
        )

    def submit(self, content: bytes) -> Future[bytes]:
        outer: Future[bytes] = Future()
        outer.set_running_or_notify_cancel()
        self._try(content, outer, 1)
        return outer

    def _try(self, content: bytes, outer: Future[bytes], attempt: int) -> None:
        with self._lock:
            pool = self._pool
        try:
            inner = pool.submit(work, content)
        except (BrokenProcessPool, RuntimeError) as error:
            self._again(content, outer, attempt, pool, error)
            return
        inner.add_done_callback(lambda done: self._done(done, content, outer, attempt, pool))

    def _done(
        self, inner: Future[bytes], content: bytes, outer: Future[bytes], attempt: int, pool: ProcessPoolExecutor
    ) -> None:
        if inner.cancelled():
            outer.set_exception(OpsError("The pipeline's workers were stopped", code="stopped"))
        elif (error := inner.exception()) is None:
            outer.set_result(inner.result())
        elif isinstance(error, BrokenProcessPool):
            self._again(content, outer, attempt, pool, error)
        else:
            outer.set_exception(error)

    def _again(
        self, content: bytes, outer: Future[bytes], attempt: int, pool: ProcessPoolExecutor, error: BaseException
    ) -> None:
        if self._closed or attempt == _ATTEMPTS:
            trouble = OpsError(
                "A worker process died over the same records several times",
                str(error),
                "See the journal; nothing was lost, the pipeline starts again at its checkpoint",
                code="worker",
            )
            outer.set_exception(trouble)
            return
        with self._lock:
            if self._pool is pool:  # the first to notice replaces it
                self._pool = self._new_pool()
        # Not on the broken pool's own thread, which still holds its locks.
        threading.Thread(target=self._try, args=(content, outer, attempt + 1), daemon=True).start()

    def close(self) -> None:
        self._closed = True
        with self._lock:
            self._pool.shutdown(wait=True, cancel_futures=True)


def _leave_with_parent() -> None:
    """In a worker: end when the pipeline's process does, however it was ended; it would wait for work for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class GearmanServer:
    """An existing gearmand whose workers were started elsewhere (`streams worker`)."""

    def __init__(self, host: str, port: int) -> None:
        self.name = f"gearman://{host}:{port}"
        self._client = _gear_client(self._finished, self._lost)
        self._host, self._port = host, port
        self._jobs: dict[int, tuple[Any, bytes, Future[bytes]]] = {}
        self._lock = threading.Lock()
        # gear takes the server's answers to be in the order of its own list, which two threads that submit at once do
        # not keep: their jobs would get each other's results.
        self._submitting = threading.Lock()
        self._closed = False
        _connect(self._client, host, port)

    def submit(self, content: bytes) -> Future[bytes]:
        future: Future[bytes] = Future()
        future.set_running_or_notify_cancel()
        self._send(content, future)
        return future

    def _send(self, content: bytes, future: Future[bytes]) -> None:
        import gear

        trouble: BaseException | None = None
        for _ in range(_ATTEMPTS):
            job = gear.Job(FUNCTION.encode(), content)
            with self._lock:
                self._jobs[id(job)] = (job, content, future)
            try:
                self._client.waitForServer(_RECONNECT_WITHIN)
                with self._submitting:
                    self._client.submitJob(job, timeout=_ACCEPTED_WITHIN)
                return
            except (
                gear.GearmanError,
                gear.TimeoutError,
                gear.NoConnectedServersError,
                gear.ConnectionError,
                gear.DisconnectError,
                OSError,
            ) as error:  # they have no common base; the server may go between the wait and the submission
                trouble = error
                with self._lock:
                    if self._jobs.pop(id(job), None) is None:
                        return  # lost together with its server: handed out again already
        future.set_exception(
            OpsError(
                f"The Gearman server {self._host}:{self._port} does not take jobs",
                str(trouble) or type(trouble).__name__,
                "Start gearmand; nothing was lost, the pipeline starts again at its checkpoint",
                code="unreachable",
            )
        )

    def _finished(self, job: Any) -> None:
        with self._lock:
            entry = self._jobs.pop(id(job), None)
        if entry is None:
            return
        if job.failure:
            why = b"".join([job.exception or b""]).decode(errors="replace") or "the worker gave no reason"
            entry[2].set_exception(OpsError("A Gearman worker failed", why, "See the worker's output", code="worker"))
        else:
            entry[2].set_result(b"".join(job.data))

    def _lost(self, job: Any) -> None:
        """gearmand keeps foreground jobs in memory: what it held when it went away is handed out again."""
        with self._lock:
            entry = self._jobs.pop(id(job), None)
        if entry is None or self._closed:
            return

        # Not on the client's own thread, which is the one that connects again.
        threading.Thread(target=self._send, args=entry[1:], daemon=True).start()

    def close(self) -> None:
        self._closed = True
        _shut(self._client)


def dispatch_to(text: str, workers: int) -> Dispatch:
    """``local`` or ``gearman://host[:port]``."""
    if text == "local":
        if not 1 <= workers <= 64:
            raise WrongUse("1 to 64 workers can be started", f"{workers} were asked for", "Change --workers")
        return LocalProcesses(workers)
    return GearmanServer(*gearman_address(text))


def gearman_address(text: str) -> tuple[str, int]:
    scheme, _, rest = text.partition("://")
    host, _, port = rest.rstrip("/").partition(":")
    if scheme != "gearman" or not host or (port and not port.isdecimal()):
        raise WrongUse(
            f"{text!r} is no way to dispatch work",
            "It can be local, or gearman://host:port",
            "For example gearman://127.0.0.1:4730",
        )
    return host, int(port or _PORT)


def serve(address: str, stopped: threading.Event, done: Callable[[int], None]) -> int:
    """Be a Gearman worker until ``stopped``; ``done`` hears the number of jobs after each. Returns that number."""
    import gear

    _quiet()
    host, port = gearman_address(address)

    class Worker(gear.Worker):  # type: ignore[misc,unused-ignore]
        def _onConnect(self, conn: Any) -> None:
            _no_delay(conn)
            super()._onConnect(conn)

    worker = Worker(f"opsdesk-{socket.gethostname()}")
    _connect(worker, host, port)
    worker.registerFunction(FUNCTION)
    threading.Thread(target=lambda: (stopped.wait(), worker.stopWaitingForJobs()), daemon=True).start()
    count = 0
    while not stopped.is_set():
        try:
            job = worker.getJob()
        except gear.InterruptedError:
            continue
        except (OSError, AttributeError):  # the server went while a job was asked for; gear notices and connects again
            stopped.wait(0.1)
            continue
        try:
            result = work(job.arguments)
        except Exception as error:  # told to the pipeline, which stops and says so; the worker goes on
            if _taken(job.sendWorkException, f"{type(error).__name__}: {error}".encode()):
                _taken(job.sendWorkFail)
            continue
        if _taken(job.sendWorkComplete, result):
            count += 1
            done(count)
    _shut(worker)
    return count


def _taken(answer: Callable[..., None], *content: bytes) -> bool:
    """Whether the server took the answer. Where the server went away while the job was worked on, nobody hears it, and the pipeline hands
    the job out again; the worker waits for the server to come back."""
    try:
        answer(*content)
    except (OSError, AttributeError):  # gear has taken the socket of a lost connection away: None has no ``send``
        return False
    return True


def _gear_client(finished: Callable[[Any], None], lost: Callable[[Any], None]) -> Any:
    try:
        import gear
    except ImportError as error:
        raise OpsError(
            "Gearman cannot be used",
            "The Python package gear is not installed",
            "Install Opsdesk with its extra `gearman`, or use --dispatch local",
            code="missing",
        ) from error
    _quiet()

    class Client(gear.Client):  # type: ignore[misc,unused-ignore]
        def _onConnect(self, conn: Any) -> None:
            _no_delay(conn)
            super()._onConnect(conn)

        def handleWorkComplete(self, packet: Any) -> Any:
            job = super().handleWorkComplete(packet)
            finished(job)
            return job

        def handleWorkFail(self, packet: Any) -> Any:
            job = super().handleWorkFail(packet)
            finished(job)
            return job

        def handleDisconnect(self, job: Any) -> Any:
            lost(job)
            return super().handleDisconnect(job)

    return Client(f"opsdesk-{socket.gethostname()}")


def _no_delay(conn: Any) -> None:
    """Without it every small packet waits some 40 ms for the last one's acknowledgement: 52 times slower, measured."""
    conn.conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _shut(client: Any) -> None:
    """Ends a gear client or worker. Its own shutdown leaves open the connection that it was about to make again."""
    connections = [*client.active_connections, *client.inactive_connections]
    client.shutdown()
    for connection in connections:
        connection.disconnect()


def _quiet() -> None:
    logging.getLogger("gear").setLevel(logging.CRITICAL)  # its troubles reach us as exceptions


def _connect(client: Any, host: str, port: int) -> None:
    import gear

    client.addServer(host, port)
    try:
        client.waitForServer(_CONNECT_WITHIN)
    except gear.TimeoutError as error:
        _shut(client)
        raise OpsError(
            f"The Gearman server {host}:{port} does not answer",
            f"No connection within {_CONNECT_WITHIN:g} s",
            "Start gearmand, or correct the address",
            code="unreachable",
        ) from error
