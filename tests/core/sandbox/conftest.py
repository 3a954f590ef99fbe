"""Sandboxes of a test's own, for breaking them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from core.base.places import Places
from core.sandbox.door import Lease, join, stop


@pytest.fixture
def own_home(home: Places, monkeypatch: pytest.MonkeyPatch) -> Iterator[Places]:
    """An empty home whose sandbox is not seeded, has no MariaDB (quick to start) and stops at once; stopped at the end."""
    monkeypatch.setenv("OPSDESK_SANDBOX_SEED", "off")
    monkeypatch.setenv("OPSDESK_SANDBOX_LINGER", "0.2")
    monkeypatch.setenv("OPSDESK_MARIADBD", "/nonexistent/mariadbd")
    yield home
    stop(home)


@pytest.fixture
def lease(own_home: Places) -> Iterator[Lease]:
    joined = join(own_home)
    yield joined
    joined.close()


def eventually(reached: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait until ``reached`` holds."""
    until = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)
