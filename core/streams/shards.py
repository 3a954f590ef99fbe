"""Resharding thought through before it is done: what becomes of each shard, what it costs, and which rule forbids it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from core.base.errors import WrongUse
from core.streams.keys import HotKey, hash_key
from core.streams.pages import Shard
from core.streams.positions import shard_id, short_shard
from core.streams.reader import ShardStatus

HASH_SPACE = 2**128
SHARD_HOUR_PRICE = 0.015
"""US dollars, list price in us-east-1; other regions differ by up to a half."""
FAN_OUT_SHARD_HOUR_PRICE, FAN_OUT_GB_PRICE = 0.015, 0.013
"""The same for enhanced fan-out: a consumer and shard, and what it reads."""
WRITE_BYTES, WRITE_RECORDS = 1_048_576, 1_000
"""What one shard takes in a second."""
_HOURS_A_MONTH = 730
_MOST_SHARDS = 10_000
_HOT_SHARE = 0.5  # of a shard's records: beyond it one key decides where the load lies


@dataclass(frozen=True, slots=True)
class PlannedShard:
    """A shard that would come to be (``id`` is "" before the service names it) or stay."""

    id: str
    first_hash: int
    last_hash: int
    parents: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """Of all hash keys, 0..1."""
        return (self.last_hash - self.first_hash + 1) / HASH_SPACE


@dataclass(frozen=True, slots=True)
class ReshardPlan:
    """A dry run. ``problems`` forbid it; ``notes`` should be known first. Costs in US dollars a month, list price."""

    title: str
    before: tuple[Shard, ...]
    after: tuple[PlannedShard, ...]
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    command: str = ""
    closing: tuple[str, ...] = field(default=())

    @property
    def cost_before(self) -> float:
        return monthly_cost(len(self.before))

    @property
    def cost_after(self) -> float:
        return monthly_cost(len(self.after))

    def check(self) -> None:
        """Raises WrongUse with the first rule that forbids it."""
        if self.problems:
            raise WrongUse(f"Cannot {self.title[:1].lower()}{self.title[1:]}", self.problems[0], "Nothing was changed")


def monthly_cost(shards: int) -> float:
    return shards * SHARD_HOUR_PRICE * _HOURS_A_MONTH


def open_shards(shards: Sequence[Shard]) -> tuple[Shard, ...]:
    """Those that take records, in the order of their hash keys."""
    return tuple(sorted((shard for shard in shards if not shard.closed), key=lambda shard: shard.first_hash))


def plan_scale(stream: str, mode: str, status: str, shards: Sequence[Shard], count: int) -> ReshardPlan:
    """UpdateShardCount with UNIFORM_SCALING, and its own rules."""
    before = open_shards(shards)
    now = len(before)
    problems = _general_problems(mode, status)
    if count < 1:
        problems.append("A stream has at least one shard")
    elif count > _MOST_SHARDS:
        problems.append(f"A stream has at most {_MOST_SHARDS:,} shards this way")
    elif count == now:
        problems.append(f"The stream has {now} open shards already")
    elif count > 2 * now:
        problems.append(f"One change at most doubles the shards: from {now} to {2 * now}. Go there in steps")
    elif count * 2 < now:
        problems.append(f"One change at most halves the shards: from {now} to {(now + 1) // 2}. Go there in steps")
    after = []
    if 1 <= count <= _MOST_SHARDS:
        edges = [HASH_SPACE * index // count for index in range(count + 1)]
        for low, high in pairwise(edges):
            parents = tuple(shard.id for shard in before if shard.first_hash < high and shard.last_hash >= low)
            after.append(PlannedShard("", low, high - 1, parents))
    notes = [
        "AWS allows 10 such changes of a stream in 24 hours.",
        "All shards are replaced: readers finish the old ones first, then go on with the new ones.",
    ]
    if now and count * 4 % now:
        notes.append(f"Steps of a quarter ({', '.join(map(str, quarter_steps(now)))}) take fewer splits and merges.")
    return ReshardPlan(
        f"Scale {stream} from {now} to {count} shards",
        before,
        tuple(after),
        tuple(problems),
        tuple(notes),
        f"opsdesk streams scale {stream} --shards {count}",
        tuple(shard.id for shard in before),
    )


def quarter_steps(now: int) -> list[int]:
    """The targets AWS recommends: 25, 50, 75 ... 200 per cent, where whole."""
    return [now * quarter // 4 for quarter in range(2, 9) if now * quarter % 4 == 0 and quarter != 4]


def plan_split(
    stream: str, mode: str, status: str, shards: Sequence[Shard], shard: str, at: int | None = None
) -> ReshardPlan:
    """Split one open shard in the middle, or so that the second half starts ``at`` a hash key."""
    before = open_shards(shards)
    target = _named(stream, shards, shard)
    problems = _general_problems(mode, status)
    middle = (target.first_hash + target.last_hash + 1) // 2 if at is None else at
    if target.closed:
        problems.append(f"{target.id} is closed: it was split or merged before")
    elif not target.first_hash + 1 < middle < target.last_hash:  # the service's own rule
        problems.append(f"The hash key must lie between {target.first_hash + 1} and {target.last_hash}")
    halves = (
        PlannedShard("", target.first_hash, middle - 1, (target.id,)),
        PlannedShard("", middle, target.last_hash, (target.id,)),
    )
    after = [half for entry in before for half in (halves if entry.id == target.id else (_stays(entry),))]
    return ReshardPlan(
        f"Split shard {short_shard(target.id)} of {stream}",
        before,
        tuple(after),
        tuple(problems),
        ("The halves take new records; what the old shard holds is read first.",),
        f"opsdesk streams split {stream} {target.id}" + (f" --at {at}" if at is not None else ""),
        (target.id,),
    )


def plan_merge(stream: str, mode: str, status: str, shards: Sequence[Shard], one: str, other: str) -> ReshardPlan:
    """Merge two open shards whose hash keys touch."""
    before = open_shards(shards)
    low, high = sorted((_named(stream, shards, one), _named(stream, shards, other)), key=lambda shard: shard.first_hash)
    problems = _general_problems(mode, status)
    if closed := [shard.id for shard in (low, high) if shard.closed]:
        problems.append(f"{closed[0]} is closed: it was split or merged before")
    elif low.id == high.id:
        problems.append("A shard cannot be merged with itself")
    elif low.last_hash + 1 != high.first_hash:
        problems.append(f"{low.id} and {high.id} are no neighbours: their hash keys do not touch")
    merged = PlannedShard("", low.first_hash, high.last_hash, (low.id, high.id))
    after = [merged if shard.id == low.id else _stays(shard) for shard in before if shard.id != high.id]
    return ReshardPlan(
        f"Merge shards {short_shard(low.id)} and {short_shard(high.id)} of {stream}",
        before,
        tuple(after),
        tuple(problems),
        ("Together they then take in what one shard can: 1,000 records and 1 MiB a second.",),
        f"opsdesk streams merge {stream} {low.id} {high.id}",
        (low.id, high.id),
    )


@dataclass(frozen=True, slots=True)
class KeyAdvice:
    """A hot key and the shard it lies in. ``of_shard``: its share of that shard's records, 0..1, as far as seen.

    split_helps: False where the one key is most of the shard's load, for all of a key's records go to one shard.
    """

    key: HotKey
    shard: str
    of_shard: float
    split_helps: bool


def key_advice(keys: Sequence[HotKey], statuses: Sequence[ShardStatus]) -> list[KeyAdvice]:
    """Where the hot keys lie now, and whether splitting there would spread them."""
    found = []
    for key in keys:
        place = hash_key(key.key)
        covering = [status for status in statuses if status.shard.first_hash <= place <= status.shard.last_hash]
        now = next((status for status in reversed(covering) if status.state != "closed"), None)
        records = sum(status.records for status in covering)
        share = min(1.0, key.count / records) if records else 0.0
        found.append(KeyAdvice(key, now.shard.id if now else "", share, share < _HOT_SHARE))
    return found


def _general_problems(mode: str, status: str) -> list[str]:
    problems = []
    if mode == "ON_DEMAND":
        problems.append("The stream is on-demand: AWS adds and removes its shards by itself")
    if status != "ACTIVE":
        problems.append(f"The stream is {status}: wait until it is ACTIVE")
    return problems


def _named(stream: str, shards: Sequence[Shard], word: str) -> Shard:
    found = {shard.id: shard for shard in shards}.get(shard_id(word))
    if found is None:
        raise WrongUse(
            f"The stream {stream} has no shard {word}",
            f"It has {', '.join(shard.id for shard in open_shards(shards)[:20])}",
            "Name one of these",
        )
    return found


def _stays(shard: Shard) -> PlannedShard:
    return PlannedShard(shard.id, shard.first_hash, shard.last_hash)
