"""The window's parts offscreen, with the product's own application object."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from pytestqt.qtbot import QtBot

import tests.patient
import tests.qt_on_one_thread  # noqa: F401
from core.jobs.runner import JobRunner
from gui.bridge.job_bridge import JobBridge


@pytest.fixture(scope="session")
def qapp():
    from gui.app import application

    return application()


class Patient(QtBot):
    """Waits as long as a busy machine may need; what comes sooner is seen at once."""

    def waitUntil(self, callback: Callable[[], object]) -> None:
        super().waitUntil(callback, timeout=30_000)


@pytest.fixture
def qtbot(qapp, request: pytest.FixtureRequest) -> Patient:
    return Patient(request)


@pytest.fixture
def runner() -> Iterator[JobRunner]:
    made = JobRunner()
    yield made
    assert made.close() == []


@pytest.fixture
def jobs(qapp, runner: JobRunner) -> JobBridge:
    return JobBridge(runner)
