"""streams tap | stats | budget | policy | replay: read a stream, what that costs its other readers, and send back what was read."""

from __future__ import annotations

import argparse
import json
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.base.errors import WrongUse
from core.cli.console import Console
from core.cli.group import Group
from core.jobs.job import Job, JobCancelled

if TYPE_CHECKING:
    from core.streams.decode import Record
    from core.streams.fanout import FanOutSource
    from core.streams.tap import Tap

_HANDED_OVER = 64  # pages; reading waits for a slow reader of our output


def add_actions(group: Group) -> None:
    tap = group.action("tap", _tap, "print records as JSON lines while they come")
    tap.add_argument("name")
    tap.add_argument(
        "--from",
        dest="start",
        default="latest",
        metavar="PLACE",
        help="latest (default), trim_horizon, an age like 10m, an ISO time, or SHARD:SEQUENCE",
    )
    tap.add_argument("--shard", action="append", default=[], metavar="ID", help="only this one; may be given again")
    tap.add_argument("--filter", default="", metavar="EXPR", help='for example: paid, key:c-44, $.status = "paid"')
    tap.add_argument("--limit", type=int, metavar="N", help="end after N records")
    tap.add_argument("--seconds", type=float, metavar="S", help="end after S seconds")
    tap.add_argument("--output", type=Path, metavar="FILE", help="a .jsonl, .csv or .parquet file instead of stdout")
    tap.add_argument(
        "--fan-out",
        action="store_true",
        help="be pushed the records by a consumer of its own, which costs money and is deregistered at the end",
    )
    budget = group.action("budget", _budget, "what other readers leave of a shard's five reads a second")
    budget.add_argument("name")
    policy = group.action("policy", _policy, "the IAM policy of an identity that may tap and change nothing")
    policy.add_argument("name")
    policy.add_argument("--fan-out", action="store_true", help="with what enhanced fan-out needs")
    stats = group.action("stats", _stats, "records, bytes, age and throttles by shard, and the busiest keys")
    stats.add_argument("name")
    stats.add_argument("--seconds", type=float, default=10.0, metavar="S", help="how long to look (default: 10)")
    replay = group.action("replay", _replay, "send the records of an exported file again, with their keys, in order")
    replay.add_argument("name")
    replay.add_argument("file", type=Path, help="what `tap --output` or the window's export wrote")


def _tap(options: argparse.Namespace, console: Console) -> None:
    from core.streams.filters import filter_of
    from core.streams.positions import start_from

    start = start_from(options.start, datetime.now(UTC))
    keep = filter_of(options.filter)
    if options.limit is not None and options.limit < 1:
        raise WrongUse("--limit must be at least 1", "", "Leave it out for no limit")
    handed: queue.Queue[list[Record]] = queue.Queue(_HANDED_OVER)
    over = threading.Event()
    found = 0

    def hand_over(records: list[Record]) -> None:
        while not over.is_set():
            with suppress(queue.Full):
                handed.put(records, timeout=0.2)
                return

    def work(job: Job[None]) -> None:
        nonlocal found
        with ExitStack() as stack:
            write = _writer(options.output, console, stack)
            consumer = stack.enter_context(_consumer(options.name, console, job)) if options.fan_out else None
            tap = console.desk.streams.tap(options.name, start, options.shard, on_records=hand_over, source=consumer)
            stack.callback(tap.stop)
            stack.callback(over.set)
            deadline = time.monotonic() + options.seconds if options.seconds is not None else None
            try:
                while (records := _next(job, tap, handed, deadline)) is not None:
                    wanted = [record for record in records if keep is None or keep(record)]
                    if options.limit is not None:
                        wanted = wanted[: options.limit - found]
                    write(wanted)
                    found += len(wanted)
                    if found == options.limit:
                        break
            except JobCancelled:
                if options.output is None:
                    raise
            _tell_troubles(tap, console)

    console.do(f"Tap {options.name}", work)
    if options.output is not None:
        console.result({"records": found, "file": str(options.output)}, f"{found:,} records are in {options.output}.")


@contextmanager
def _consumer(name: str, console: Console, job: Job[None]) -> Iterator[FanOutSource]:
    """Registered before the tap, deregistered after it, whatever happens between; Ctrl-C and SIGTERM are cancels."""
    source = console.desk.streams.consumer(job, name)
    try:
        console.say(f"The consumer {source.consumer} of {name} is registered.")
        yield source
    finally:
        source.close()
        console.say(f"The consumer {source.consumer} is deregistered.")


def _next(job: Job[None], tap: Tap, handed: queue.Queue[list[Record]], deadline: float | None) -> list[Record] | None:
    """The next page's records; None when the time is over. Raises what made the tap fail."""
    while True:
        job.checkpoint()
        left = 0.2 if deadline is None else min(0.2, deadline - time.monotonic())
        try:
            return handed.get(timeout=max(0.0, left))
        except queue.Empty:
            if deadline is not None and time.monotonic() >= deadline:
                return None
            if tap.failure is not None:
                raise tap.failure from None


def _writer(path: Path | None, console: Console, stack: ExitStack) -> Callable[[Iterable[Record]], None]:
    if path is not None:
        from core.streams.export import SUFFIXES, record_file
        from core.streams.unfinished import recovered

        for told in recovered(path) if path.suffix in SUFFIXES else ():
            console.say(told)
        return stack.enter_context(record_file(path))

    def lines(records: Iterable[Record]) -> None:
        for record in records:
            console.line(record.row())
        sys.stdout.flush()

    return lines


def _tell_troubles(tap: Tap, console: Console) -> None:
    """What was met on the way is counted, not hidden."""
    status = tap.status()
    throttles = sum(shard.throttles for shard in status.shards)
    retries = sum(shard.retries for shard in status.shards)
    if throttles:
        console.say(f"{throttles:,} reads were throttled: other consumers share the shards' five reads a second.")
    if retries:
        console.say(f"{retries:,} reads failed and were made again.")
    for count, words in (
        (status.decode.too_large, "would unpack to more than 8 MiB and stay packed"),
        (status.decode.broken, "begin like packed or aggregated data but are cut or altered"),
        (status.decode.astray, "lie outside their shard's hash range"),
    ):
        if count:
            console.say(f"{count:,} records {words}.")


def _replay(options: argparse.Namespace, console: Console) -> int:
    told = console.do(
        f"Replay {options.file.name}", lambda job: console.desk.streams.replay(job, options.name, options.file)
    )
    failed = told.accepted + told.dropped - told.acknowledged
    console.result(
        {
            "sent": told.accepted + told.dropped,
            "acknowledged": told.acknowledged,
            "retried": told.retried,
            "failed": failed,
        },
        f"{told.acknowledged:,} records of {options.file} are in {options.name}.",
    )
    return 1 if failed else 0


def _stats(options: argparse.Namespace, console: Console) -> None:
    def work(job: Job[Any]) -> dict[str, Any]:
        tap = console.desk.streams.tap(options.name)
        try:
            started = time.monotonic()
            while (passed := time.monotonic() - started) < options.seconds:
                job.report(passed, options.seconds, f"{tap.window.seen:,} records")
                if tap.failure is not None:
                    raise tap.failure
                job.sleep(min(0.2, options.seconds - passed))
            return _statistics(tap, time.monotonic() - started)
        finally:
            tap.stop()

    found = console.do(f"Watch {options.name}", work)
    if console.json:
        console.result({"name": options.name, **found})
        return
    console.table(found["shards"])
    if found["top_keys"]:
        console.say("The busiest partition keys:")
        console.table(found["top_keys"])


def _budget(options: argparse.Namespace, console: Console) -> None:
    streams = console.desk.streams
    details = streams.describe(options.name)
    found = streams.budget(options.name, len(details.open_shards))
    facts = {
        "name": options.name,
        "minutes": found.minutes,
        "reads_per_second_and_shard": None if found.reads_per_second is None else round(found.reads_per_second, 2),
        "reads_refused": found.reads_refused if found.known else None,
        "writes_refused": found.writes_refused if found.known else None,
        "consumers": list(details.consumers),
        "a_tap_takes": streams.reads_per_second,
        "room_for_a_tap": found.room_for(streams.reads_per_second) if found.known else None,
    }
    if found.trouble is not None:
        console.warn(str(found.trouble))
    elif not found.known:
        console.warn(f"CloudWatch has no figures of {options.name} for the last {found.minutes} minutes.")
    console.result(facts)


def _policy(options: argparse.Namespace, console: Console) -> None:
    from core.streams.policy import tap_policy

    policy = tap_policy(console.desk.streams.describe(options.name).arn, fan_out=options.fan_out)
    console.result(policy, json.dumps(policy, indent=2))


def _statistics(tap: Tap, seconds: float) -> dict[str, Any]:
    from core.streams.shards import key_advice

    status = tap.status()
    return {
        "seconds": round(seconds, 3),
        "records": status.seen,
        "shards": [
            {
                "shard": shard.shard.id,
                "state": shard.state,
                "records_per_second": round(shard.records / seconds, 2),
                "bytes_per_second": round(shard.bytes / seconds, 2),
                "iterator_age_ms": shard.behind,
                "throttles": shard.throttles,
            }
            for shard in status.shards
        ],
        "top_keys": [
            {
                "key": advice.key.key,
                "count": advice.key.count,
                "share": round(advice.key.share, 4),
                "shard": advice.shard,
                "share_of_shard": round(advice.of_shard, 4),
                "split_helps": advice.split_helps,
            }
            for advice in key_advice(tap.window.top_keys(10), status.shards)
        ],
    }
