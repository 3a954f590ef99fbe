"""In a clean clone one xdist worker collects before the others, which then read the bytecode that it left.

Compiling what is imported and rewriting the tests' assertions takes longer than the import itself; workers that begin
at once do it once each, all at the same time.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

try:
    import fcntl
except ImportError:  # Windows: every worker compiles for itself
    fcntl = None  # type: ignore[assignment]

LOCK = Path(__file__)
"""Locked, never written. The controller holds it alone until its first worker has collected."""
HELD: list[int] = []


def compiled(arguments: list[str]) -> bool:
    """Whether earlier runs left the bytecode of the tests that are asked for."""
    folders = [path if path.is_dir() else path.parent for path in (Path(one.split("::")[0]) for one in arguments)]
    return all(any(folder.rglob("__pycache__/test_*.pyc")) for folder in folders)


def let_go() -> None:
    while HELD:
        os.close(HELD.pop())


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """In the controller, before its workers are started."""
    config = session.config
    if (
        fcntl is None
        or hasattr(config, "workerinput")
        or not getattr(config.option, "tx", None)
        or sys.dont_write_bytecode
        or compiled(config.args)
    ):
        return
    held = os.open(LOCK, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)  # a session beside this one compiles much of the same: one after the other
    HELD.append(held)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    """In the workers: all but the first wait until the controller lets go."""
    worker: dict[str, Any] = getattr(session.config, "workerinput", {})
    if fcntl is not None and worker and worker["workerid"] != "gw0":
        waiting = os.open(LOCK, os.O_RDONLY)
        fcntl.flock(waiting, fcntl.LOCK_SH)
        os.close(waiting)
    return (yield)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished() -> None:
    let_go()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown() -> None:
    """A worker that dies while it collects must not keep the others waiting."""
    let_go()


def pytest_sessionfinish() -> None:
    let_go()
