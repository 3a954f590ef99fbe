"""The loader against the real Data API endpoint and a real S3: rows and checkpoints together, each event once."""

from __future__ import annotations

import io
import threading
import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from core.aws.session import AwsSession
from core.aws.workplace import Workplace
from core.base.errors import OpsError
from core.base.places import Places
from core.jobs.job import Job, JobCancelled, headless_job
from core.settings.model import Settings
from core.streams.carrying import Carriage, pipeline
from core.streams.checkpoints import Checkpoints
from core.streams.decode import Record
from core.streams.loading import Loader
from core.streams.page_views import parsed
from core.streams.pages import StreamSource
from core.streams.pipeline import Pipeline, PipelineOptions, PipelineSnapshot
from core.streams.positions import LATEST, SHARD_END, TRIM_HORIZON, Checkpoint, Start
from core.streams.staging import Staging
from core.streams.statements import Statements
from tests.core.sandbox.kinesis.plane import Plane
from tests.core.streams.children import ended
from tests.core.streams.loading_child import CONNECTION, load_and_die
from tests.core.streams.pipeline_child import InThread

JOB: Job[None] = headless_job()


def loader(aws: AwsSession, table: str) -> Loader:
    made = Loader(Statements(aws, CONNECTION), Staging(aws, "s3://staging/views/"), "s", table, "default")
    made.prepare(JOB, make_bucket=True)
    return made


def count(aws: AwsSession, table: str) -> list[int]:
    (row,) = Statements(aws, CONNECTION).rows(JOB, f"SELECT COUNT(*), COUNT(DISTINCT event_id) FROM {table}", "count")
    return row


def parquet(*events: str) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    records = [
        Record(1.0, "shardId-000000000000", "k", str(n), 0, 9, "json", orjson.dumps({"event_id": event}))
        for n, event in enumerate(events)
    ]
    file = io.BytesIO()
    pq.write_table(pa.ipc.open_stream(parsed("s", records).table).read_all(), file)
    return file.getvalue()


def test_rows_and_checkpoints_come_together_or_not_at_all(aws: AwsSession) -> None:
    views = loader(aws, "together")
    assert views.standing(JOB, 0).checkpoints == {}
    key = views.stage(parquet("a", "b"))
    views.commit(JOB, key, {"shardId-000000000000": Checkpoint("7"), "shardId-000000000001": SHARD_END}, "1" * 32)
    views.commit(JOB, views.stage(parquet("b", "c")), {"shardId-000000000000": Checkpoint("9")}, "2" * 32)
    assert count(aws, "together") == [3, 3]
    done = {"shardId-000000000000": Checkpoint("9"), "shardId-000000000001": SHARD_END}
    assert views.standing(JOB, 0).checkpoints == done
    with pytest.raises(OpsError, match="Could not load rows"):
        views.commit(JOB, "views/not-there.parquet", {"shardId-000000000000": Checkpoint("99")}, "3" * 32)
    with pytest.raises(OpsError, match="an id that is none"):
        views.commit(JOB, None, {"x'; DROP TABLE together; --": Checkpoint("1")}, "4" * 32)
    assert count(aws, "together") == [3, 3] and views.standing(JOB, 0).checkpoints == done
    views.unstage(key)
    assert loader(aws, "together").standing(JOB, 0).checkpoints == done, "a second preparation keeps what is there"


def test_a_table_of_another_shape_is_refused_before_anything_is_read(aws: AwsSession) -> None:
    Statements(aws, CONNECTION).run(JOB, ["CREATE TABLE other (event_id VARCHAR(10))"], "make a table")
    with pytest.raises(OpsError, match="use the table other"):
        loader(aws, "other")


def test_a_pipeline_from_stream_to_warehouse(aws: AwsSession, plane: Plane) -> None:
    plane.create("s", 2)
    records = [
        {"Data": orjson.dumps({"event_id": f"e{n % 250}", "url": "https://shop.example/"}), "PartitionKey": str(n)}
        for n in range(300)
    ]
    plane.client.put_records(StreamName="s", Records=records)
    options = PipelineOptions(every=0.1, batch_records=100, reads_per_second=5)
    for read in (300, 0):
        pipeline = Pipeline(StreamSource(aws, "s"), loader(aws, "piped"), InThread(), options)
        assert pipeline.run(headless_job(), once=True).read == read
        assert count(aws, "piped") == [250, 250]
    listed = aws.client("s3").list_objects_v2(Bucket="staging").get("Contents", [])
    assert [entry["Key"] for entry in listed if "together" not in entry["Key"] and "piped" in entry["Key"]] == []


def test_a_kill_while_the_warehouse_loads_neither_loses_nor_doubles(aws: AwsSession, plane: Plane) -> None:
    """The batch whose end nobody heard of goes on, also while the next run reads the checkpoints."""
    plane.create("killed", 2)
    events = [{"event_id": f"e{n}", "url": "https://shop.example/"} for n in range(600)]
    for first in range(0, 600, 300):
        records = [
            {"Data": orjson.dumps(event), "PartitionKey": event["event_id"]} for event in events[first : first + 300]
        ]
        assert plane.client.put_records(StreamName="killed", Records=records)["FailedRecordCount"] == 0
    target = aws.target()
    urls = [target.endpoints[name] for name in ("kinesis", "redshift-data", "s3")]
    assert ended(load_and_die, (*urls, target.access_key, target.secret_key), "killed", "killed") == -9
    options = PipelineOptions(every=0.1, reads_per_second=10)
    again = Loader(Statements(aws, CONNECTION), Staging(aws, "s3://staging/killed/"), "killed", "killed", "default")
    pipeline = Pipeline(StreamSource(aws, "killed"), again, InThread(), options)
    end = pipeline.run(headless_job(), once=True)
    assert 0 < end.read < 600, "the first batch was not read again"
    assert count(aws, "killed") == [600, 600]
    listed = aws.client("s3").list_objects_v2(Bucket="staging", Prefix="killed/").get("Contents", [])
    assert listed == []


def test_rejects_are_kept_once_whoever_was_killed(aws: AwsSession, plane: Plane) -> None:
    """A run that ends between keeping them and committing, another batch then, and at last the whole again."""
    plane.create("rejecting", 1)

    def send(first: int, last: int) -> None:
        records = [
            {"Data": b"bad %d" % n if n % 2 else orjson.dumps({"event_id": f"e{n}"}), "PartitionKey": "k"}
            for n in range(first, last)
        ]
        plane.client.put_records(StreamName="rejecting", Records=records)

    def made(kind: type[Loader]) -> Pipeline:
        into = kind(Statements(aws, CONNECTION), Staging(aws, "s3://staging/r/"), "rejecting", "rejecting", "default")
        options = PipelineOptions(every=0.05, batch_records=6, reads_per_second=10, page_records=6)
        return Pipeline(StreamSource(aws, "rejecting"), into, InThread(), options)

    class Killed(Loader):
        commits = 0

        def commit(self, *arguments: Any) -> None:
            self.commits += 1
            if self.commits == 2:
                raise KeyboardInterrupt
            super().commit(*arguments)

    send(0, 14)
    with pytest.raises(KeyboardInterrupt):
        made(Killed).run(headless_job(), once=True, make_bucket=True)
    send(14, 18)
    end = made(Loader).run(headless_job(), once=True)
    checkpoints = Checkpoints(Statements(aws, CONNECTION), "rejecting", "rejecting")
    checkpoints.standing(JOB, StreamSource(aws, "rejecting").birth()[0])
    checkpoints.set_back(JOB, Start("sequence", shard="shardId-000000000000", sequence=kept_rejects(aws)[2][0]), 0)
    made(Loader).run(headless_job(), once=True)
    assert sorted(int(data.split()[1]) for _, data in kept_rejects(aws)) == list(range(1, 18, 2))
    assert end.rejects_at == "s3://staging/r/rejects/" and count(aws, "rejecting") == [9, 9]


def kept_rejects(aws: AwsSession) -> list[tuple[str, str]]:
    s3 = aws.client("s3")
    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket="staging", Prefix="r/rejects/").get("Contents", [])]
    lines = [line for key in keys for line in s3.get_object(Bucket="staging", Key=key)["Body"].read().splitlines()]
    return [(reject["sequence"], reject["data"]) for reject in map(orjson.loads, lines)]


def test_pipelines_with_one_staging_prefix_leave_each_other_alone(aws: AwsSession, home: Places) -> None:
    workplace = Workplace(aws, home, Settings)
    made = [
        pipeline(workplace, Carriage("s", table, staging="s3://staging/shared/"))
        for table in ("views_one", "views_two")
    ]
    key = made[0].loader.stage(parquet("a"))
    made[1].loader.prepare(JOB, make_bucket=False)
    listed = aws.client("s3").list_objects_v2(Bucket="staging", Prefix="shared/")["Contents"]
    for entry in made:
        entry.dispatch.close()
    assert [entry["Key"] for entry in listed] == [key]


def fill(plane: Plane, stream: str, *ids: str, hash_key: int = 0) -> None:
    for one in ids:
        data = orjson.dumps({"event_id": one})
        plane.client.put_record(StreamName=stream, Data=data, PartitionKey=one, ExplicitHashKey=str(hash_key))


def carry(
    aws: AwsSession, stream: str, table: str, start: Start = TRIM_HORIZON, *, every: float = 0.05
) -> PipelineSnapshot:
    """One run that ends with the stream."""
    into = Loader(Statements(aws, CONNECTION), Staging(aws, f"s3://staging/{table}/"), stream, table, "default")
    options = PipelineOptions(every=every, reads_per_second=10, start=start)
    return Pipeline(StreamSource(aws, stream), into, InThread(), options).run(
        headless_job(), once=True, make_bucket=True
    )


def ids(aws: AwsSession, table: str) -> list[str]:
    return [row[0] for row in Statements(aws, CONNECTION).rows(JOB, f"SELECT event_id FROM {table} ORDER BY 1", "ask")]


def test_a_run_that_ends_with_the_stream_ends_though_more_keeps_coming(aws: AwsSession, plane: Plane) -> None:
    plane.create("busy", 1)
    fill(plane, "busy", "first")
    over = threading.Event()

    def produce() -> None:
        for number in range(3_000):  # some minutes of it
            if over.wait(0.02):
                return
            fill(plane, "busy", f"more-{number}")

    producing = threading.Thread(target=produce)
    producing.start()
    try:
        end = carry(aws, "busy", "busy", every=5)
        assert producing.is_alive()
    finally:
        over.set()
        producing.join()
    assert "first" in ids(aws, "busy") and len(ids(aws, "busy")) == end.read


def test_a_shard_that_was_quiet_goes_on_where_the_first_run_began(aws: AwsSession, plane: Plane) -> None:
    plane.create("quiet", 2)
    first = carry(aws, "quiet", "quiet", LATEST)
    fill(plane, "quiet", "low")
    fill(plane, "quiet", "high", hash_key=2**127)  # of a shard that has no checkpoint yet
    time.sleep(1.1)  # timestamps travel in whole seconds
    again = carry(aws, "quiet", "quiet", LATEST)
    assert (first.read, again.read, again.notes) == (0, 2, ())
    assert ids(aws, "quiet") == ["high", "low"]


def test_a_stream_made_anew_is_read_from_its_beginning(aws: AwsSession, plane: Plane) -> None:
    """Its shards have the ids of those before, one of which was read to its end."""
    plane.create("loaded_anew", 1)
    fill(plane, "loaded_anew", "old")
    plane.client.split_shard(
        StreamName="loaded_anew", ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**127)
    )
    plane.until_active("loaded_anew")
    assert carry(aws, "loaded_anew", "loaded_anew").notes == ()
    plane.client.delete_stream(StreamName="loaded_anew")
    while "loaded_anew" in plane.client.list_streams()["StreamNames"]:
        time.sleep(0.05)
    plane.create("loaded_anew", 1)
    fill(plane, "loaded_anew", "new")
    told = carry(aws, "loaded_anew", "loaded_anew", LATEST)
    assert ids(aws, "loaded_anew") == ["new", "old"]
    assert "another stream named loaded_anew" in told.notes[0]
    assert carry(aws, "loaded_anew", "loaded_anew").notes == ()


def test_a_pause_longer_than_the_stream_keeps_its_records_is_told(aws: AwsSession, plane: Plane) -> None:
    plane.create("paused", 1)
    fill(plane, "paused", "one")
    carry(aws, "paused", "paused")
    Statements(aws, CONNECTION).run(
        JOB,
        ["UPDATE opsdesk_stream_checkpoints SET updated_at = DATEADD(hour, -30, updated_at) WHERE target = 'paused'"],
        "turn the clock",
    )
    (note,) = carry(aws, "paused", "paused").notes
    assert "30.0 hours" in note and "24" in note


def test_entries_that_say_no_stream_count_if_they_are_younger_than_it(aws: AwsSession) -> None:
    views = loader(aws, "entries")
    views.commit(JOB, None, {"shardId-000000000000": Checkpoint("5")}, "5" * 32)
    made = round(time.time() * 1000)
    assert views.standing(JOB, made - 60_000).checkpoints == {"shardId-000000000000": Checkpoint("5")}
    young = views.standing(JOB, made + 60_000)
    assert young.checkpoints == {} and young.other


def test_another_run_that_removes_a_staged_file_costs_an_attempt_only(aws: AwsSession, plane: Plane) -> None:
    """A failed statement is told again under its token for eight hours: the next attempt needs another one."""
    plane.create("loaded_shared", 1)
    fill(plane, "loaded_shared", "a", "b")

    class Tidied(Loader):
        def stage(self, content: bytes) -> str:
            key = super().stage(content)
            if not staged:
                aws.client("s3").delete_object(Bucket="staging", Key=key)
            staged.append(key)
            return key

    staged: list[str] = []
    into = Tidied(
        Statements(aws, CONNECTION), Staging(aws, "s3://staging/shared-2/"), "loaded_shared", "loaded_shared", "default"
    )
    options = PipelineOptions(every=0.05, reads_per_second=10)
    pipeline = Pipeline(StreamSource(aws, "loaded_shared"), into, InThread(), options)
    end = pipeline.run(headless_job(), once=True, make_bucket=True)
    assert (len(staged), end.retries, end.loaded) == (2, 1, 2) and ids(aws, "loaded_shared") == ["a", "b"]


def test_two_pipelines_into_one_table_double_nothing(aws: AwsSession, plane: Plane) -> None:
    """The lock is one computer's: two of them read the same records, and commit them at the same time."""
    plane.create("both", 2)
    sent = [f"e{n}" for n in range(120)]
    records = [{"Data": orjson.dumps({"event_id": one}), "PartitionKey": one} for one in sent]
    plane.client.put_records(StreamName="both", Records=records)
    ended: list[PipelineSnapshot | BaseException] = []

    def run() -> None:
        into = Loader(Statements(aws, CONNECTION), Staging(aws, "s3://staging/both/"), "both", "both", "default")
        options = PipelineOptions(every=0.01, batch_records=60, reads_per_second=10, page_records=60)
        try:
            ended.append(Pipeline(StreamSource(aws, "both"), into, InThread(), options).run(headless_job(), once=True))
        except BaseException as error:
            ended.append(error)

    loader(aws, "both")  # the table itself is made by one
    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(ended) == 2 and all(isinstance(end, PipelineSnapshot) for end in ended), ended
    assert ids(aws, "both") == sorted(sent)


def test_a_cancel_ends_a_statement_that_does_not_end(aws: AwsSession) -> None:
    """A table locked by somebody else must not hold a pipeline, or the window that closes, for as long."""
    job: Job[None] = headless_job()
    started: list[str] = []

    class Slow(Statements):
        def _wait(self, job: Job[None], identifier: str, doing: str) -> str:
            started.append(identifier)
            threading.Timer(0.2, job.cancel).start()
            return super()._wait(job, identifier, doing)

    long = "SELECT COUNT(*) FROM generate_series(1, 1000000) a(i), generate_series(1, 1000000) b(j) WHERE a.i * b.j = 7"
    with pytest.raises(JobCancelled):
        Slow(aws, CONNECTION).run(job, [long], "count")
    client = aws.client("redshift-data")
    deadline = time.monotonic() + 20
    while (status := client.describe_statement(Id=started[0])["Status"]) == "STARTED":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert status == "ABORTED"


def test_paths(tmp_path: Path) -> None:
    for wrong in ("bucket/prefix", "s3://", "s3://UPPER/x"):
        with pytest.raises(OpsError, match="no place in S3"):
            Staging(AwsSession.__new__(AwsSession), wrong)
