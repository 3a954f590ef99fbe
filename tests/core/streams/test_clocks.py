"""A clock that is set while streams are read, and what AWS says of one that is wrong."""

from __future__ import annotations

import time

import pytest
from botocore.exceptions import ClientError

from core.aws.faults import translated
from core.base.errors import OpsError
from core.streams.pages import Passing, StreamSource
from core.streams.pipeline import _passes
from core.streams.service import StreamsService
from core.streams.sink import StreamSink
from tests.core.sandbox.kinesis.plane import Plane
from tests.core.streams.conftest import put, session, wait_until


@pytest.mark.parametrize("jump", [3_600.0, -3_600.0])
def test_a_clock_that_is_set_moves_neither_chart_nor_figures(
    plane: Plane, service: StreamsService, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    stream = f"clock{jump:+.0f}".replace("+", "p")
    plane.create(stream, 1)
    tap = service.tap(stream)
    real = time.time
    wait_until(lambda: tap.caught_up, "it reads")
    monkeypatch.setattr(time, "time", lambda: real() + jump)
    put(plane, stream, [("k", b"1")] * 5)
    wait_until(lambda: tap.window.seen == 5, "they are read")
    now = time.time() + tap.skew
    assert abs(now - real()) < 2, "the server's clock was not set"
    series = tap.window.series(60, now + 1)
    (records,), (ages,) = series.records.values(), series.ages.values()
    assert sum(records) == 5 and len(ages) == 60
    status = tap.status()
    assert status.delay_p50 is not None and status.delay_p50 < 60_000
    (shard,) = status.shards
    assert abs(shard.known_until + tap.skew - real()) < 30
    tap.stop()


def test_a_signature_that_is_too_old_passes_with_the_clock() -> None:
    def refused(message: str) -> ClientError:
        return ClientError({"Error": {"Code": "InvalidSignatureException", "Message": message}}, "GetRecords")

    source, sink = StreamSource(session("http://127.0.0.1:1"), "s"), StreamSink(session("http://127.0.0.1:1"), "s")
    late = refused("Signature expired: 20261129T100000Z is now earlier than 20261129T105500Z")
    wrong = refused("The request signature we calculated does not match the signature you provided")
    assert isinstance(source._sorted(late), Passing) and sink._sorted(late).again
    assert isinstance(source._sorted(wrong), OpsError) and not sink._sorted(wrong).again
    assert _passes(translated(late, "load")) and not _passes(translated(wrong, "load"))
