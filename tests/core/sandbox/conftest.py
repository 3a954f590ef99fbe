"""Sandboxes of a test's own, for breaking them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from core.base.places import Places
from core.sandbox.door import Lease, join, stop


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    """A home for the tests of one module, whose sandbox has no demo data, no MariaDB (quicker) and stops at once."""
    variables = {
        "OPSDESK_HOME": str(tmp_path_factory.mktemp("bare")),
        "OPSDESK_SANDBOX_SEED": "off",
        "OPSDESK_SANDBOX_LINGER": "0.2",
        "OPSDESK_MARIADBD": "/nonexistent/mariadbd",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        places = Places.here().made()
        yield places
        stop(places)


@pytest.fixture
def lease(bare: Places) -> Iterator[Lease]:
    joined = join(bare)
    yield joined
    joined.close()


def eventually(reached: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait until ``reached`` holds."""
    until = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)
