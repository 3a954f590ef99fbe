"""streams put | collect | pipeline | reset | worker: bring records into a stream, and carry them on into the warehouse."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from core.base.errors import WrongUse
from core.cli.console import Console
from core.cli.group import Group
from core.jobs.job import Job

if TYPE_CHECKING:
    from core.streams.pipeline import PipelineSnapshot
    from core.streams.resetting import ResetPlan

_CLOSE_WITHIN = 60.0  # seconds that the last records may take


def add_actions(group: Group) -> None:
    put = group.action("put", _put, "send page views at a rate, or JSON lines from stdin")
    put.add_argument("name")
    put.add_argument("--rate", type=_rate, metavar="N/s", help="records a second from a template, instead of stdin")
    put.add_argument("--seconds", type=float, metavar="S", help="how long (default: until Ctrl-C)")
    put.add_argument(
        "--template", metavar="NAME|FILE", help="pageview (default), order, or a file with a record a line"
    )
    put.add_argument("--key", metavar="FIELD", help="JSON field of the stdin lines that is the partition key")
    put.add_argument(
        "--unordered", action="store_true", help="faster for few keys; a partial failure may reorder a key"
    )

    collect = group.action("collect", _collect, "an HTTP front end that takes page views into the stream")
    collect.add_argument("name")
    collect.add_argument("--listen", required=True, metavar="HOST:PORT")
    collect.add_argument(
        "--trust", action="append", default=[], metavar="CIDR", help="proxies whose forwarded headers are believed"
    )

    pipeline = group.action("pipeline", _pipeline, "carry a stream's page views into a warehouse table")
    pipeline.add_argument("name")
    pipeline.add_argument("--table", required=True, metavar="T", help="TABLE or SCHEMA.TABLE; made if missing")
    pipeline.add_argument("--workers", type=int, default=1, metavar="N", help="local worker processes (default: 1)")
    pipeline.add_argument("--dispatch", default="local", metavar="HOW", help="local, or gearman://host:port")
    ending = pipeline.add_mutually_exclusive_group()
    ending.add_argument(
        "--once", action="store_true", help="end when what was in the stream, once caught up, is in the table"
    )
    ending.add_argument("--seconds", type=float, metavar="S", help="end after S seconds (default: at Ctrl-C)")
    pipeline.add_argument("--every", type=float, default=5.0, metavar="S", help="seconds between commits (default: 5)")
    pipeline.add_argument("--staging", default="", metavar="S3-ADDRESS", help="where rows wait for COPY")
    pipeline.add_argument("--iam-role", default="default", metavar="ARN", help="role of the warehouse for COPY")
    pipeline.add_argument("--connection", default="", metavar="C", help="Data API connection of the profile")
    pipeline.add_argument(
        "--from", dest="start", default="trim_horizon", metavar="PLACE", help="where a first run begins (trim_horizon)"
    )
    reset = group.action(
        "reset", _reset, "have a pipeline begin anew elsewhere; says what that means, and does it with --yes"
    )
    reset.add_argument("name")
    reset.add_argument("--table", required=True, metavar="T", help="TABLE or SCHEMA.TABLE that it carries into")
    reset.add_argument(
        "--from",
        dest="start",
        required=True,
        metavar="PLACE",
        help="trim_horizon, latest, an age, a time, or SHARD:SEQUENCE for that shard alone",
    )
    reset.add_argument("--connection", default="", metavar="C", help="Data API connection of the profile")
    reset.add_argument("--yes", action="store_true", help="do it (without: only say what it means)")

    worker = group.action("worker", _worker, "do the work of pipelines that dispatch to a Gearman server")
    worker.add_argument("server", metavar="gearman://host:port")


def _rate(word: str) -> float:
    """``500`` or ``500/s`` or ``30000/min``."""
    number, _, unit = word.partition("/")
    try:
        rate = float(number) / {"": 1, "s": 1, "min": 60, "m": 60}[unit]
    except (ValueError, KeyError):
        rate = 0
    if not 0 < rate <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{word!r} is no rate; write for example 500/s or 30000/min")
    return rate


# -- put ----------------------------------------------------------------------


def _put(options: argparse.Namespace, console: Console) -> int:
    from core.streams.producing import ProducerLimits

    if options.template and not options.rate:
        options.rate = 100.0
    if options.seconds is not None and not options.rate:
        raise WrongUse(
            "--seconds needs --rate", "Lines from stdin are sent until they end", "Add --rate, or leave it out"
        )
    limits = ProducerLimits(ordered=not options.unordered)
    producer = console.desk.streams.producer(options.name, limits)
    began = time.monotonic()
    lost = 0

    def work(job: Job[None]) -> None:
        nonlocal lost
        try:
            if options.rate:
                _feed(job, options, producer)
            else:
                _lines(job, options, producer)
            _drain(job, producer)
        finally:
            lost = producer.close(0 if producer.snapshot().trouble else 5)

    try:
        console.do(f"put into {options.name}", work)
    finally:
        end = producer.snapshot()
        result = {
            "sent": end.accepted + end.dropped,
            "acknowledged": end.acknowledged,
            "retried": end.retried,
            "failed": end.dropped + lost + end.refused,
            "seconds": round(time.monotonic() - began, 3),
            "put_ms": dict(zip(("p50", "p95", "p99"), (round(value, 2) for value in end.put_ms), strict=True)),
            "unsure": end.unsure,
            "senders_needed": round(end.senders_needed, 2),
        }
        if end.refusal is not None:
            console.warn(str(end.refusal))
        console.result(result)
    return 1 if result["failed"] else 0


def _feed(job: Job[Any], options: argparse.Namespace, producer: Any) -> None:
    from core.streams.templates import Feed, template

    feed = Feed(producer, template(options.template or "pageview"), options.rate, options.seconds).start()
    began = time.monotonic()
    try:
        while not feed.wait(0.1):
            _tell(job, producer, time.monotonic() - began, options.seconds)
    finally:
        feed.stop()
    if feed.error is not None:
        raise feed.error


def _lines(job: Job[Any], options: argparse.Namespace, producer: Any) -> None:
    from core.streams.templates import json_lines

    producer.sink.learn_size()
    for data, key in json_lines(iter(sys.stdin.buffer.readline, b""), options.key):
        while not producer.wait_for_room(0.2):
            _tell(job, producer, 0, None)
        producer.offer(data, key)
        job.checkpoint()


def _drain(job: Job[Any], producer: Any) -> None:
    """Send what is left; a stream that is not there or not allowed ends the wait at once."""
    began = time.monotonic()
    while not producer.flush(0.2):
        _tell(job, producer, time.monotonic() - began, None)
        if time.monotonic() - began > _CLOSE_WITHIN:
            return


def _tell(job: Job[Any], producer: Any, done: float, total: float | None) -> None:
    now = producer.snapshot()
    note = f"{now.acknowledged:,} acknowledged, {now.rate:,.0f}/s, {now.queued:,} waiting"
    job.report(done, total, note)
    if now.trouble is not None and now.lasting:
        raise now.trouble


# -- collect ------------------------------------------------------------------


def _collect(options: argparse.Namespace, console: Console) -> int | None:
    collector = console.desk.streams.collector(options.name, options.listen, options.trust)
    ended = threading.Event()
    lost = 0

    def work(job: Job[None]) -> None:
        nonlocal lost
        signal.signal(signal.SIGTERM, lambda *_: ended.set())  # a service's orderly end, not a cancel
        console.say(
            f"Collecting for {options.name} on {collector.start()} (POST /collect, GET /pixel.gif, GET /healthz)"
        )
        try:
            while not ended.wait(0.5) and collector.running:
                job.report(0, None, f"{collector.snapshot().events:,} events")
        finally:
            console.say("Draining: answering what is under way, sending what is queued.")
            lost = collector.stop()

    try:
        console.do("collect", work)
    finally:
        end, sent = collector.snapshot(), collector.app.producer.snapshot()
        kept = sent.accepted - sent.acknowledged - sent.refused - lost
        if kept:
            console.warn(f"{kept:,} records wait on disk: the next collector of {options.name} sends them first.")
        if sent.trouble is not None:
            console.warn(str(sent.trouble))
        if sent.refusal is not None:
            console.warn(f"{sent.refused:,} records were refused. The last: {sent.refusal}")
        told = {"events": end.events, "requests": end.statuses, "lost": lost, "on_disk": kept, "refused": sent.refused}
        console.result(told)
    return 1 if lost else None


# -- pipeline and worker ------------------------------------------------------


def _pipeline(options: argparse.Namespace, console: Console) -> None:
    from core.streams.carrying import Carriage
    from core.streams.pipeline import Pipeline, PipelineOptions
    from core.streams.positions import start_from

    wanted = Carriage(
        options.name,
        options.table,
        options.workers,
        options.dispatch,
        options.staging,
        options.iam_role,
        options.connection,
    )
    settings = PipelineOptions(every=options.every, start=start_from(options.start, console.desk.workplace.clock.now()))
    running: list[Pipeline] = []

    def work(job: Job[Any]) -> None:
        console.desk.streams.carry(
            job, wanted, settings, once=options.once, seconds=options.seconds, started=running.append
        )

    try:
        console.do(f"pipeline {options.name}", work)
    finally:
        if running:
            end = running[0].snapshot()
            for note in end.notes:
                console.warn(f"{note}.")
            console.result(_carried(end))


def _carried(end: PipelineSnapshot) -> dict[str, Any]:
    median, worst = end.freshness or (None, None)
    return {
        "read": end.read,
        "loaded": end.loaded,
        "doubles": end.doubles,
        "rejected": end.rejected,
        "rejects_at": end.rejects_at or None,
        "cut": end.cut,
        "uncommitted": end.uncommitted,
        "unread_estimate": end.unread,
        "commits": end.commits,
        "notes": list(end.notes),
        "behind_seconds": end.behind,
        "freshness_seconds": {"median": median, "worst": worst},
    }


def _reset(options: argparse.Namespace, console: Console) -> None:
    from core.streams.carrying import Carriage
    from core.streams.positions import start_from

    streams = console.desk.streams
    wanted = Carriage(options.name, options.table, connection=options.connection)
    start = start_from(options.start, console.desk.workplace.clock.now())
    work = streams.reset if options.yes else streams.plan_reset
    plan = console.do(f"reset {options.name}", lambda job: work(job, wanted, start))
    done = "Done." if options.yes else "Nothing was changed: this was a dry run. Say --yes to do it."
    console.result(_reset_told(plan, done=options.yes), "\n".join([f"{plan.title}.", *plan.sentences, done]))


def _reset_told(plan: ResetPlan, *, done: bool) -> dict[str, Any]:
    passed = plan.passed_over
    return {
        "name": plan.stream,
        "table": plan.table,
        "done": done,
        "from": plan.start.kind,
        "since": plan.since or None,
        "checkpoints": len(plan.standing.checkpoints),
        "last_commit_seconds": plan.standing.idle,
        "rows": plan.held.rows if plan.held else None,
        "rows_read_again": plan.held.since if plan.held else None,
        "passed_over": {"from": passed[0], "until": passed[1]} if passed else None,
        "notes": list(plan.sentences),
    }


def _worker(options: argparse.Namespace, console: Console) -> None:
    from core.streams.dispatch import serve

    def work(job: Job[int]) -> int:
        stopped = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stopped.set())
        with job.interruptible(stopped.set):
            return serve(options.server, stopped, lambda count: job.report(count, None, f"{count:,} jobs done"))

    console.result({"jobs": console.do("worker", work)})
