"""Streams to read: the sandbox's own Kinesis plane in a process of its own, and a service pointed at it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache

import pytest

from core.aws.session import AwsSession, Target
from core.aws.workplace import Workplace
from core.base.places import Places
from core.settings.model import Settings
from core.settings.profiles import Profile
from core.streams.service import StreamsService
from tests.core.sandbox.kinesis.plane import Plane
from tests.core.streams import loading_child
from tests.sandboxed import Sandbox

OFF = {"LatencyMs": 0, "ErrorShare": 0, "ThrottleShare": 0, "IteratorSeconds": 300, "LimitScale": 0}


@pytest.fixture(scope="session")
def running_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    running = Plane(tmp_path_factory.mktemp("streams")).start()
    yield running
    assert running.stop() == 0


@pytest.fixture
def plane(running_plane: Plane) -> Iterator[Plane]:
    """The plane with every dial off, the limits too (their own tests switch them on)."""
    running_plane.control("SetFaults", **OFF)
    yield running_plane
    running_plane.control("SetFaults", **OFF)


@pytest.fixture(scope="session")
def aws(running_plane: Plane, sandbox: Sandbox) -> AwsSession:
    """The plane's streams, and the sandbox's S3 and Data API; one, for making its clients costs more than most tests."""
    target = sandbox.target
    at = target.endpoints
    return loading_child.session(running_plane.url, at["redshift-data"], at["s3"], target.access_key, target.secret_key)


@cache  # making its clients costs more than most tests
def session(url: str) -> AwsSession:
    profile = Profile("test")
    target = Target(profile, "eu-west-1", endpoints={"kinesis": url}, access_key="test", secret_key="test")
    return AwsSession(profile, lambda: target)


def service_at(url: str, home: Places, wanted: Settings | None = None) -> StreamsService:
    return StreamsService(Workplace(session(url), home, lambda: wanted or Settings()))


@pytest.fixture
def service(plane: Plane, home: Places) -> StreamsService:
    return service_at(plane.url, home)


def put(plane: Plane, stream: str, records: Sequence[tuple[str, bytes]]) -> None:
    """Put until each was acknowledged; what was throttled is sent again."""
    for start in range(0, len(records), 500):
        left = [{"PartitionKey": key, "Data": data} for key, data in records[start : start + 500]]
        while left:
            answer = plane.client.put_records(StreamName=stream, Records=left)
            left = [entry for entry, told in zip(left, answer["Records"], strict=True) if told.get("ErrorCode")]
            if left:
                time.sleep(0.2)


def wait_until(condition: Callable[[], object], what: str, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:g} s until {what}"
        time.sleep(0.02)
