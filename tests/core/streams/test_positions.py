"""What can stand behind --from, and what is said about the rest."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import WrongUse
from core.streams.positions import LATEST, TRIM_HORIZON, Start, shard_id, short_shard, start_from

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("latest", LATEST),
        ("TRIM_HORIZON", TRIM_HORIZON),
        ("10m", Start("time", time=NOW.timestamp() - 600)),
        ("1.5 h", Start("time", time=NOW.timestamp() - 5_400)),
        ("2d", Start("time", time=NOW.timestamp() - 172_800)),
        ("2026-11-22T11:00:00Z", Start("time", time=NOW.timestamp() - 3_600)),
        ("2026-11-22T11:00:00", Start("time", time=NOW.timestamp() - 3_600)),
        ("2026-11-22T12:30:00+01:00", Start("time", time=NOW.timestamp() - 1_800)),
        ("3:4967", Start("sequence", shard="shardId-000000000003", sequence="4967")),
        ("shardId-000000000012:1", Start("sequence", shard="shardId-000000000012", sequence="1")),
    ],
)
def test_places(text: str, start: Start) -> None:
    assert start_from(text, NOW) == start


@pytest.mark.parametrize("text", ["", "yesterday", "10", "10 parsecs", "3:", ":4", "2026-13-01", "-5m"])
def test_no_places(text: str) -> None:
    with pytest.raises(WrongUse, match="is no place to start from"):
        start_from(text, NOW)


def test_the_future_holds_nothing_yet() -> None:
    with pytest.raises(WrongUse, match="in the future"):
        start_from("2026-11-22T12:00:01Z", NOW)


@given(st.integers(0, 999_999_999_999))
def test_short_names_lead_back(number: int) -> None:
    assert short_shard(shard_id(str(number))) == str(number)
