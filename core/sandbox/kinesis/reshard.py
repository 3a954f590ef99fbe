"""Split, merge and scale: what is asked is checked at once, kept on disk, and carried out when UPDATING ends."""

from __future__ import annotations

from core.sandbox.kinesis.errors import invalid
from core.sandbox.kinesis.limits import BYTES_IN_A_SECOND, RECORDS_A_SECOND
from core.sandbox.kinesis.stream import HASH_KEYS, Shard, Stream, even_ranges


def plan_split(stream: Stream, shard: Shard, hash_key: int) -> None:
    if not shard.open:
        raise invalid(f"Shard {shard.id} in stream {stream.name} is closed and cannot be split.")
    if not shard.first + 1 < hash_key < shard.last:
        raise invalid(
            f"NewStartingHashKey {hash_key} used in SplitShard() on shard {shard.id} in stream {stream.name} "
            f"is not both greater than one plus the shard's StartingHashKey {shard.first} "
            f"and less than the shard's EndingHashKey {shard.last}."
        )
    stream.facts.pending = {"split": shard.number, "at": str(hash_key)}


def plan_merge(stream: Stream, one: Shard, other: Shard) -> None:
    for shard in (one, other):
        if not shard.open:
            raise invalid(f"Shard {shard.id} in stream {stream.name} is closed and cannot be merged.")
    low, high = sorted((one, other), key=lambda shard: shard.first)
    if low.last + 1 != high.first:
        raise invalid(f"Shards {one.id} and {other.id} in stream {stream.name} are not an adjacent pair of shards.")
    stream.facts.pending = {"merge": [one.number, other.number]}


def finish(stream: Stream) -> None:
    """Carry out what was planned (also after a restart: it was acknowledged)."""
    pending, stream.facts.pending = stream.facts.pending, None
    if pending is None:
        return
    if "split" in pending:
        _split(stream, stream.shards[pending["split"]], int(pending["at"]))
    elif "merge" in pending:
        one, other = (stream.shards[number] for number in pending["merge"])
        _merge(stream, one, other)
    else:
        _scale(stream, pending["scale"])


def relieve(stream: Stream) -> bool:
    """On-demand: plan to halve the hottest shard if it took over 80 % of its limits in the last second."""
    hot = None
    for shard in stream.open_shards:
        use = max(shard.taken / BYTES_IN_A_SECOND, shard.taken_records / RECORDS_A_SECOND)
        if use > 0.8 and (hot is None or use > hot[0]) and shard.last - shard.first > 4:
            hot = (use, shard)
        shard.taken = shard.taken_records = 0
    if hot is None:
        return False
    plan_split(stream, hot[1], (hot[1].first + hot[1].last) // 2 + 1)
    return True


def _split(stream: Stream, shard: Shard, at: int) -> None:
    stream.new_shard(shard.first, at - 1, (shard,))
    stream.new_shard(at, shard.last, (shard,))


def _merge(stream: Stream, one: Shard, other: Shard) -> None:
    stream.new_shard(min(one.first, other.first), max(one.last, other.last), (one, other))


def _scale(stream: Stream, count: int) -> None:
    """To ``count`` equal shards, by splits where an edge is missing and merges where one is too many, as the service
    does: a shard has at most two parents, so some in between live for a moment only."""
    wanted = {first for first, _ in even_ranges(count)} - {0}
    for edge in sorted(wanted):
        shard = stream.shard_for(edge)
        if shard.first != edge:
            _split(stream, shard, edge)
    while len(stream.open_shards) > count:
        shards = stream.open_shards
        left = next(n for n in range(len(shards) - 1) if shards[n + 1].first not in wanted)
        _merge(stream, shards[left], shards[left + 1])
    assert stream.open_shards[0].first == 0 and stream.open_shards[-1].last == HASH_KEYS - 1
