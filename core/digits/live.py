"""The model that answers while one draws: patch-svc in this process, anything else in a child that stays open.

A stock model needs scikit-learn, which must not be imported into the window's process; its child loads it once
and answers in a few milliseconds over a pipe.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.base.errors import OpsError
from core.digits.answers import Answer
from core.digits.card import ModelCard
from core.digits.model_file import read_card, read_patch_model
from core.digits.opened import Answering
from core.digits.patches import Floats
from core.digits.registry import DEFAULT, Registry
from core.jobs.child import child_environment
from core.jobs.job import Job
from core.jobs.pipe import packed, receive

_OPEN_SECONDS = 60.0
"""For a child to import scikit-learn and load a model: 2 to 4 s where nothing else runs, a large forest some 8."""
_ANSWER_SECONDS = 15.0
"""For one picture: the slowest algorithm (neighbours over all pixels) takes 0.1 s."""


class LiveModel:
    """One model at a time, opened on first use; safe from any thread, one answer after the other.

    What waits for a model is stopped by cancelling ``job``, and by itself after ``_OPEN_SECONDS`` or ``_ANSWER_SECONDS``.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._lock = threading.Lock()
        self._wanted = DEFAULT
        self._open: tuple[str, Answering | ServedModel, ModelCard] | None = None

    @property
    def wanted(self) -> str:
        return self._wanted

    def use(self, job: Job[Any], model: str) -> ModelCard:
        """Answer with this model from now on. Raises OpsError where it cannot be opened; the old one then stays."""
        with self._alone(job):
            return self._use(job, model)

    def answer(self, job: Job[Any], images: Floats) -> Answer:
        with self._alone(job):
            self._use(job, self._wanted)
            assert self._open
            answering = self._open[1]
            if not isinstance(answering, ServedModel):
                return answering.answer(images)
            try:
                return answering.answer(job, images)
            finally:
                if answering.closed:
                    self._close()  # the next drawing starts it again

    def forget(self, job: Job[Any], model: str) -> None:
        """The model is gone: where it was in use, the one that ships answers from now on."""
        with self._alone(job):
            if self._wanted == model:
                self._close()
                self._wanted = DEFAULT

    def close(self) -> None:
        """Call it when nothing waits for an answer any more."""
        with self._lock:
            self._close()

    @contextlib.contextmanager
    def _alone(self, job: Job[Any]) -> Iterator[None]:
        """Whoever waits for another's answer can be cancelled too."""
        while not self._lock.acquire(timeout=0.1):
            job.checkpoint()
        try:
            yield
        finally:
            self._lock.release()

    def _use(self, job: Job[Any], model: str) -> ModelCard:
        if self._open is None or self._open[0] != model:
            path = self._registry.find(model)
            opened, card = _opened(job, path)
            self._close()
            self._open, self._wanted = (model, opened, card), model
        return self._open[2]

    def _close(self) -> None:
        if self._open and isinstance(self._open[1], ServedModel):
            self._open[1].close()
        self._open = None


def _opened(job: Job[Any], path: Path) -> tuple[Answering | ServedModel, ModelCard]:
    if read_card(path).kind == "patch-svc":
        return read_patch_model(path)
    return ServedModel(job, path), read_card(path)


class ServedModel:
    """A model in a child process of its own. After a fault or a cancel it is closed: what it would say next belongs to
    a question that nobody waits for."""

    def __init__(self, job: Job[Any], path: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "core.digits.live", str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=child_environment(),
            start_new_session=True,
        )
        self.closed = False
        self._asked(job, None, _OPEN_SECONDS, "open")  # "ready", or why not

    def answer(self, job: Job[Any], images: Floats) -> Answer:
        answer: Answer = self._asked(job, images, _ANSWER_SECONDS, "answer")
        return answer

    def _asked(self, job: Job[Any], question: Floats | None, seconds: float, what: str) -> Any:
        """The child's next message; its death, which ends every wait for it, is how it is cancelled and timed out."""
        late = threading.Event()

        def give_up() -> None:
            late.set()
            self._process.kill()

        timer = threading.Timer(seconds, give_up)
        timer.daemon = True
        timer.start()
        try:
            with job.interruptible(self._process.kill):
                message = self._exchanged(question)
            if isinstance(message, OpsError):
                raise message
            if message is None:
                job.checkpoint()
                raise _late(what, seconds) if late.is_set() else _gone()
        except BaseException:
            self.close()
            raise
        finally:
            timer.cancel()
            if late.is_set():  # it may have fallen in the moment after the message
                self.close()
        return message

    def _exchanged(self, question: Floats | None) -> Any:
        assert self._process.stdin and self._process.stdout
        try:
            if question is not None:
                self._process.stdin.write(packed(question))
                self._process.stdin.flush()
        except BrokenPipeError:
            return None
        return receive(self._process.stdout)

    def close(self) -> None:
        self.closed = True
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(BrokenPipeError):  # what was still to be sent is of no use to a dead child
                if pipe:
                    pipe.close()
        self._process.wait()


def _gone() -> OpsError:
    return OpsError(
        "The model stopped answering",
        "Its process ended",
        "Draw again; if it stays so, choose another model",
        code="model",
    )


def _late(what: str, seconds: float) -> OpsError:
    return OpsError(
        f"The model did not {what} in time",
        f"Its process said nothing for {seconds:g} s and was ended",
        "Try again when this computer is less busy; if it stays so, choose another model",
        code="model",
    )


def _main() -> None:
    """The child's side; it leaves when the pipe closes, which it does when the parent dies."""
    import queue

    from core.digits.judging import serve

    channel = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not enter the channel
    questions: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def read() -> None:
        while (question := receive(sys.stdin.buffer)) is not None:
            questions.put(question)
        os._exit(0)  # also in the midst of an answer that would never end

    def send(message: Any) -> None:
        channel.write(packed(message))
        channel.flush()

    threading.Thread(target=read, daemon=True).start()
    try:
        serve(Path(sys.argv[1]), questions.get, send)
    except OpsError as error:
        send(error)


if __name__ == "__main__":
    _main()
