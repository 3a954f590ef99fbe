"""One data plane, limits off unless a test sets them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.core.sandbox.kinesis.plane import Plane


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    running = Plane(tmp_path_factory.mktemp("kinesis")).start()
    running.control("SetFaults", LimitScale=0)
    yield running
    assert running.stop() == 0
