"""The dials as the window turns them."""

from __future__ import annotations

import pytest

from core.base.errors import OpsError
from core.sandbox.dials import KinesisDials
from core.sandbox.kinesis.faults import Faults
from tests.core.sandbox.kinesis.plane import Plane


def test_dials_are_turned_and_read(plane: Plane) -> None:
    dials = KinesisDials(lambda: plane.url)
    wanted = Faults(latency_ms=5, throttle_share=0.25, iterator_seconds=30, limit_scale=0)
    assert dials.turn(wanted) == wanted == dials.read()
    assert dials.turn(Faults(limit_scale=0)) == Faults(limit_scale=0)


def test_a_stopped_sandbox_is_said() -> None:
    with pytest.raises(OpsError, match="could not be turned"):
        KinesisDials(lambda: "http://127.0.0.1:9").read()
