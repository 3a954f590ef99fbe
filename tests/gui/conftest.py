"""The window's parts offscreen, with the product's own application object."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import tests.qt_on_one_thread  # noqa: F401
from core.jobs.runner import JobRunner
from gui.bridge.job_bridge import JobBridge


@pytest.fixture(scope="session")
def qapp():
    from gui.app import application

    return application()


@pytest.fixture
def runner() -> Iterator[JobRunner]:
    made = JobRunner()
    yield made
    assert made.close() == []


@pytest.fixture
def jobs(qapp, runner: JobRunner) -> JobBridge:
    return JobBridge(runner)
