"""Processes for tests that kill them: forked from one that has imported what they need, since an import costs a second."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from typing import Any

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    ["pyarrow.parquet", "botocore.session", "botocore.signers", "botocore.handlers", "tests.core.streams.loading_child"]
)


def begun(work: Callable[..., object], *arguments: Any) -> BaseProcess:
    process = _CONTEXT.Process(target=work, args=arguments)
    process.start()
    return process


def ended(work: Callable[..., object], *arguments: Any) -> int | None:
    """The exit status of a process that did it: -9 where it was killed."""
    process = begun(work, *arguments)
    process.join(60)
    assert process.exitcode is not None, "it is still at it"
    return process.exitcode
