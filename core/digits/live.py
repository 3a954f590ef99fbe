"""The model that answers while one draws: patch-svc in this process, anything else in a child that stays open.

A stock model needs scikit-learn, which must not be imported into the window's process; its child loads it once
and answers in a few milliseconds over a pipe.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
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
from core.jobs.pipe import packed, receive


class LiveModel:
    """One model at a time, opened on first use; safe from any thread, one answer after the other."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._lock = threading.Lock()
        self._wanted = DEFAULT
        self._open: tuple[str, Answering, ModelCard] | None = None

    @property
    def wanted(self) -> str:
        return self._wanted

    def use(self, model: str) -> ModelCard:
        """Answer with this model from now on. Raises OpsError where it cannot be opened; the old one then stays."""
        with self._lock:
            if self._open is None or self._open[0] != model:
                path = self._registry.find(model)
                opened, card = _opened(path)
                self._close()
                self._open, self._wanted = (model, opened, card), model
            return self._open[2]

    def answer(self, images: Floats) -> Answer:
        self.use(self._wanted)
        with self._lock:
            assert self._open
            try:
                return self._open[1].answer(images)
            except OpsError:
                self._close()  # the next drawing starts it again
                raise

    def close(self) -> None:
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._open and isinstance(self._open[1], ServedModel):
            self._open[1].close()
        self._open = None


def _opened(path: Path) -> tuple[Answering, ModelCard]:
    if read_card(path).kind == "patch-svc":
        return read_patch_model(path)
    served = ServedModel(path)
    return served, read_card(path)


class ServedModel:
    """A model in a child process of its own."""

    def __init__(self, path: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "core.digits.live", str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=child_environment(),
            start_new_session=True,
        )
        try:
            self._receive()  # "ready", or why not
        except OpsError:
            self.close()
            raise

    def answer(self, images: Floats) -> Answer:
        assert self._process.stdin
        try:
            self._process.stdin.write(packed(images))
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise _gone() from error
        answer: Answer = self._receive()
        return answer

    def _receive(self) -> Any:
        assert self._process.stdout
        message = receive(self._process.stdout)
        if message is None:
            raise _gone()
        if isinstance(message, OpsError):
            raise message
        return message

    def close(self) -> None:
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


def _main() -> None:
    """The child's side; it leaves when the pipe closes, which it does when the parent dies."""
    import os

    from core.digits.judging import serve

    channel = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not enter the channel

    def send(message: Any) -> None:
        channel.write(packed(message))
        channel.flush()

    try:
        serve(Path(sys.argv[1]), lambda: receive(sys.stdin.buffer), send)
    except OpsError as error:
        send(error)


if __name__ == "__main__":
    _main()
