"""Dry runs keep the hash space whole and know the service's rules."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import WrongUse
from core.streams.keys import HotKey, TopKeys, hash_key
from core.streams.pages import Shard
from core.streams.reader import ShardStatus
from core.streams.shards import (
    HASH_SPACE,
    PlannedShard,
    ReshardPlan,
    key_advice,
    plan_merge,
    plan_scale,
    plan_split,
    quarter_steps,
)


def even(count: int) -> list[Shard]:
    edges = [HASH_SPACE * n // count for n in range(count + 1)]
    return [Shard(f"shardId-{n:012d}", edges[n], edges[n + 1] - 1) for n in range(count)]


def assert_whole(after: tuple[PlannedShard, ...]) -> None:
    assert after[0].first_hash == 0
    assert after[-1].last_hash == HASH_SPACE - 1
    assert all(low.last_hash + 1 == high.first_hash for low, high in pairwise(after))


def scale(now: int, count: int, mode: str = "PROVISIONED", status: str = "ACTIVE") -> ReshardPlan:
    return plan_scale("s", mode, status, even(now), count)


@given(st.integers(1, 60), st.integers(1, 120))
def test_scaling_keeps_the_hash_space_whole(now: int, count: int) -> None:
    plan = scale(now, count)
    assert_whole(plan.after)
    assert bool(plan.problems) == (count == now or count > 2 * now or count * 2 < now)
    for shard in plan.after:
        assert shard.parents


@given(st.integers(1, 20), st.data())
def test_splits_and_merges_keep_the_hash_space_whole(count: int, data: st.DataObject) -> None:
    shards = even(count)
    number = data.draw(st.integers(0, count - 1))
    at = data.draw(st.none() | st.integers(shards[number].first_hash + 2, shards[number].last_hash - 1))
    plan = plan_split("s", "PROVISIONED", "ACTIVE", shards, str(number), at)
    plan.check()
    assert_whole(plan.after)
    assert len(plan.after) == count + 1
    other = data.draw(st.integers(0, count - 1))
    merged = plan_merge("s", "PROVISIONED", "ACTIVE", shards, str(number), str(other))
    assert bool(merged.problems) == (abs(number - other) != 1)
    if not merged.problems:
        assert_whole(merged.after)


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        (scale(4, 9), "at most doubles the shards: from 4 to 8"),
        (scale(5, 2), "at most halves the shards: from 5 to 3"),
        (scale(4, 4), "4 open shards already"),
        (scale(4, 0), "at least one shard"),
        (scale(4, 20_000_000), "at most 10,000"),
        (scale(4, 5, mode="ON_DEMAND"), "on-demand"),
        (scale(4, 5, status="UPDATING"), "UPDATING"),
        (plan_split("s", "PROVISIONED", "ACTIVE", even(2), "0", 0), "hash key must lie"),
        (plan_split("s", "PROVISIONED", "ACTIVE", even(2), "0", 1), "hash key must lie"),
        (plan_split("s", "PROVISIONED", "ACTIVE", even(2), "0", 2**127 - 1), "hash key must lie"),
        (plan_merge("s", "PROVISIONED", "ACTIVE", even(4), "0", "2"), "no neighbours"),
        (plan_merge("s", "PROVISIONED", "ACTIVE", even(4), "1", "1"), "with itself"),
        (
            plan_split("s", "PROVISIONED", "ACTIVE", [Shard("shardId-000000000000", 0, 9, (), "1", "2")], "0"),
            "is closed",
        ),
    ],
)
def test_rules(plan: ReshardPlan, says: str) -> None:
    assert says in " ".join(plan.problems)
    with pytest.raises(WrongUse):
        plan.check()


def test_unknown_shards_are_named() -> None:
    with pytest.raises(WrongUse, match="no shard 9"):
        plan_split("s", "PROVISIONED", "ACTIVE", even(2), "9")


def test_costs_and_quarters() -> None:
    plan = scale(4, 8)
    assert plan.cost_after == pytest.approx(2 * plan.cost_before) == pytest.approx(87.6)
    assert quarter_steps(4) == [2, 3, 5, 6, 7, 8]


def test_a_split_does_not_help_a_single_hot_key() -> None:
    half = Shard("shardId-000000000000", 0, HASH_SPACE - 1)
    status = ShardStatus(half, "reading", records=1_000)
    hot, warm = key_advice([HotKey("a", 900, 0, 0.9), HotKey("b", 100, 0, 0.1)], [status])
    assert (hot.split_helps, hot.of_shard, hot.shard) == (False, 0.9, half.id)
    assert warm.split_helps


def test_advice_names_the_shard_that_takes_the_key_now() -> None:
    place = hash_key("a")
    old = ShardStatus(Shard("old", 0, HASH_SPACE - 1, (), "1", "2"), "closed", records=500)
    low = ShardStatus(Shard("low", 0, place - 1), "reading", records=500)
    high = ShardStatus(Shard("high", place, HASH_SPACE - 1), "reading", records=500)
    (advice,) = key_advice([HotKey("a", 600, 0, 0.4)], [old, low, high])
    assert (advice.shard, advice.of_shard) == ("high", 0.6)


@given(st.lists(st.lists(st.integers(0, 60), max_size=30), max_size=60))
def test_heavy_keys_are_never_missed_and_counts_are_bounded(pages: list[list[int]]) -> None:
    from collections import Counter

    sketch, exact = TopKeys(20), Counter[str]()
    for page in pages:
        counts = Counter(str(key) for key in page)
        sketch.add(counts)
        exact.update(counts)
    found = {key.key: key for key in sketch.top(1_000)}
    assert sketch.total == exact.total()
    for key, count in exact.items():
        if count > sketch.total * 2 / 20:
            assert key in found
    for key in found.values():
        assert key.count <= exact[key.key] <= key.count + key.error
