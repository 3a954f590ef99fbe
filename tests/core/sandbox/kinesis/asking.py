"""What the plane's tests ask with: an expected refusal, dials for a while, and waiting."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.core.sandbox.kinesis.plane import Plane


@contextmanager
def refused(code: str) -> Iterator[None]:
    with pytest.raises(ClientError) as error:
        yield
    assert error.value.response["Error"]["Code"] == code, error.value
    assert error.value.response["ResponseMetadata"]["RequestId"]


@contextmanager
def dials(plane: Plane, **values: float) -> Iterator[None]:
    before = plane.control("GetFaults")
    plane.control("SetFaults", **values)
    try:
        yield
    finally:
        plane.control("SetFaults", **before)


def until(condition: Callable[[], Any], seconds: float = 10) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert value
    return value
