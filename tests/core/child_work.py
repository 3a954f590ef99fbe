"""Work for children; they import this file, which therefore imports little: no pytest."""

from __future__ import annotations

import os
import time
from typing import Any

from core.base.errors import OpsError


def count_slowly(report: Any, steps: int, seconds: float) -> int:
    for step in range(steps):
        report(step + 1, steps, f"step {step + 1}", value=step)
        time.sleep(seconds)
    return steps


def refuse(report: Any) -> None:
    raise OpsError("No", "because", "so")


def burst(report: Any) -> None:
    raise ValueError("a bug")


def die(report: Any) -> None:
    os._exit(3)


def chatty(report: Any) -> str:
    print("noise on stdout must not enter the channel")
    return "fine"


def surroundings(report: Any, variable: str) -> tuple[int, str | None, str]:
    return os.getpid(), os.environ.get(variable), os.getcwd()


held = b""


def grow(report: Any) -> int:
    global held
    held = b"x" * (500 << 20)
    return os.getpid()


def wait_for_ever(report: Any) -> None:
    report(os.getpid())
    time.sleep(600)
