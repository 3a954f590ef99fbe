"""The streams verbs as a script uses them: a process, its output and its exit status."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from core.base.places import Places
from core.cli.arguments import parse
from core.cli.run import run_verb
from tests.core.sandbox.kinesis.plane import ROOT, Plane
from tests.core.streams.conftest import put, wait_until
from tests.core.streams.test_fanout import consumers

KEYS = {"arrived", "shard", "partition_key", "sequence", "sub_sequence", "size", "codec", "data"}


@dataclass
class Told:
    status: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


Run = Callable[..., Told]


@pytest.fixture
def run(plane: Plane, home: Places, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a verb as main.py does, in this process."""
    for name, value in {
        "AWS_ENDPOINT_URL_KINESIS": plane.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)

    def run(*words: str) -> Told:
        capsys.readouterr()
        try:
            status = run_verb(parse(["--profile", "env", "streams", *words]))
        except SystemExit as leaving:
            status = int(leaving.code or 0)
        told = capsys.readouterr()
        return Told(status, told.out, told.err)

    return run


def test_make_look_reshard_and_delete(run: Run, plane: Plane) -> None:
    made = run("create", "verbs", "--shards", "2", "--json")
    assert (made.status, made.json["open_shards"]) == (0, 2), made.stderr
    listed = run("list", "--json").json
    assert next(row for row in listed if row["name"] == "verbs")["status"] == "ACTIVE"

    described = run("describe", "verbs", "--json").json
    assert (described["max_record_kib"], described["record_distribution"]) == (1_024, "USER_PARTITION_KEY")
    policy = run("policy", "verbs", "--fan-out", "--json").json
    allowed = {action: entry["Resource"] for entry in policy["Statement"] for action in entry["Action"]}
    assert allowed["kinesis:GetRecords"] == [described["arn"]]
    assert f"{described['arn']}/consumer/opsdesk-tap-*" in allowed["kinesis:SubscribeToShard"]
    assert not any("Put" in action or "Update" in action for action in allowed)

    dry = run("scale", "verbs", "--shards", "4", "--dry-run", "--json").json
    assert (dry["allowed"], dry["shards_before"], dry["shards_after"], len(dry["opens"])) == (True, 2, 4, 4)
    refused = run("scale", "verbs", "--shards", "5")
    assert refused.status == 2
    assert "at most doubles" in refused.stderr
    assert run("scale", "verbs", "--shards", "3", "--json").json["open_shards"] == 3

    described = run("describe", "verbs", "--json").json
    in_order = sorted(described["shards"], key=lambda shard: int(shard["starting_hash_key"]))
    first, second, *_ = [shard["shard"] for shard in in_order if shard["open"]]
    assert run("merge", "verbs", first, second, "--json").json["open_shards"] == 2
    described = run("describe", "verbs", "--json").json
    last = [shard["shard"] for shard in described["shards"] if shard["open"]][-1]
    assert run("split", "verbs", last, "--json").json["open_shards"] == 3

    assert run("delete", "verbs", "--yes", "verb").status == 2
    arn = plane.client.describe_stream_summary(StreamName="verbs")["StreamDescriptionSummary"]["StreamARN"]
    plane.client.register_stream_consumer(StreamARN=arn, ConsumerName="nightly")
    refused = run("delete", "verbs", "--yes", "verbs")
    assert refused.status == 2 and "nightly" in refused.stderr and "--with-consumers" in refused.stderr
    assert run("delete", "verbs", "--yes", "verbs", "--with-consumers").status == 0
    gone = run("describe", "verbs")
    assert gone.status == 1
    assert "does not exist" in gone.stderr


def test_tap_prints_files_and_ends(plane: Plane, run: Run, tmp_path: Path) -> None:
    plane.create("tapped", 2)
    put(plane, "tapped", [(f"k{n}", b'{"n": %d}' % n) for n in range(50)] + [("bytes", b"\xff\x00\x01")])
    told = run("tap", "tapped", "--from", "trim_horizon", "--limit", "51")
    rows = [json.loads(line) for line in told.stdout.splitlines()]
    assert told.status == 0, told.stderr
    assert len(rows) == 51
    assert all(row.keys() == KEYS for row in rows if row["partition_key"] != "bytes")
    assert next(row for row in rows if row["partition_key"] == "bytes")["data_base64"] == "/wAB"

    only = run("tap", "tapped", "--from", "1h", "--filter", "$.n >= 48 and not key:k49", "--seconds", "3")
    assert [json.loads(json.loads(line)["data"])["n"] for line in only.stdout.splitlines()] == [48]

    for name in ("out.jsonl", "out.csv", "out.parquet"):
        path = tmp_path / name
        saved = run("tap", "tapped", "--from", "trim_horizon", "--limit", "51", "--output", str(path), "--json")
        assert saved.json == {"records": 51, "file": str(path)}, saved.stderr
    with (tmp_path / "out.csv").open(newline="") as file:
        assert sum(1 for _ in csv.DictReader(file)) == 51
    import pyarrow.parquet

    assert pyarrow.parquet.read_table(tmp_path / "out.parquet").num_rows == 51


def test_ctrl_c_ends_a_tap_with_a_whole_file(plane: Plane, run: Run, tmp_path: Path) -> None:
    plane.create("interrupted", 1)
    put(plane, "interrupted", [("k", b"%01000d" % n) for n in range(200)])
    path = tmp_path / "out.jsonl"
    line = [sys.executable, "main.py", "--profile", "env", "streams", "tap", "interrupted", "--from", "trim_horizon"]
    process = subprocess.Popen([*line, "--output", str(path)], cwd=ROOT, stderr=subprocess.DEVNULL)
    wait_until(lambda: sum(file.stat().st_size for file in tmp_path.glob(".out*")) > 100_000, "the records came", 40)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert [int(json.loads(row)["data"]) for row in path.read_text().splitlines()] == list(range(200))
    assert list(tmp_path.glob(".out*")) == []


def test_fan_out_leaves_no_consumer_behind(plane: Plane, run: Run, tmp_path: Path) -> None:
    plane.create("pushing", 2)
    put(plane, "pushing", [(f"k{n}", b"%d" % n) for n in range(50)])
    told = run("tap", "pushing", "--from", "trim_horizon", "--limit", "50", "--fan-out")
    assert told.status == 0
    assert sorted(int(json.loads(line)["data"]) for line in told.stdout.splitlines()) == list(range(50))
    assert "is deregistered" in told.stderr
    assert consumers(plane, "pushing") == []
    command = [sys.executable, "main.py", "--profile", "env", "streams", "tap", "pushing", "--fan-out"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while "is registered" not in (line := process.stderr.readline()):
            assert line, "it ended before its consumer was registered"
        assert len(consumers(plane, "pushing")) == 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(40) == 130
    assert consumers(plane, "pushing") == []


def test_the_budget_tells_what_cloudwatch_knows(plane: Plane, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    plane.create("spent", 2)
    told = run("budget", "spent", "--json")
    assert (told.json["reads_refused"], told.json["room_for_a_tap"]) == (None, None)
    assert "for CloudWatch no endpoint is set" in told.stderr
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", plane.url)
    told = run("budget", "spent", "--json")
    assert "CloudWatch has no figures of spent" in told.stderr
    plane.control("SetFaults", ThrottleShare=1)
    answer = plane.client.put_records(StreamName="spent", Records=[{"Data": b"x", "PartitionKey": "k"}] * 3)
    assert answer["FailedRecordCount"] == 3
    iterator = plane.iterator("spent", "shardId-000000000000")
    for _ in range(2):
        with pytest.raises(plane.client.exceptions.ProvisionedThroughputExceededException):
            plane.client.get_records(ShardIterator=iterator)
    plane.control("SetFaults", ThrottleShare=0)
    for _ in range(4):
        plane.client.get_records(ShardIterator=iterator)
    found = run("budget", "spent", "--json").json
    assert (found["reads_refused"], found["writes_refused"], found["room_for_a_tap"]) == (2, 3, False)
    assert found["reads_per_second_and_shard"] in (round(reads / 60 / 2, 2) for reads in range(3, 7))


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("tap", "nothing"), 1, "does not exist"),
        (("tap", "nothing", "--from", "soon"), 2, "no place to start from"),
        (("tap", "nothing", "--filter", "$.a ="), 2, "value is missing"),
        (("tap", "nothing", "--output", "out.txt"), 2, "ending"),
        (("tap", "nothing", "--limit", "0"), 2, "at least 1"),
        (("create", "x", "--shards", "0"), 2, "at least one shard"),
        (("scale", "nothing", "--shards", "2"), 1, "does not exist"),
    ],
)
def test_wrong_use_is_said(run: Run, words: tuple[str, ...], status: int, says: str) -> None:
    told = run(*words)
    assert told.status == status
    assert says in told.stderr
    assert "Traceback" not in told.stderr


def test_stats(plane: Plane, run: Run) -> None:
    plane.create("counted", 2)
    over = threading.Event()
    sent = 0

    def keep_putting() -> None:
        nonlocal sent
        while not over.wait(0.02):
            put(plane, "counted", [("hot", b"12345")] * 9 + [("cold", b"12345")])
            sent += 10

    writer = threading.Thread(target=keep_putting)
    writer.start()
    try:
        told = run("stats", "counted", "--seconds", "2.5", "--json").json
    finally:
        over.set()
        writer.join()
    assert 0 < told["records"] <= sent
    assert len(told["shards"]) == 2
    assert {"shard", "records_per_second", "bytes_per_second", "iterator_age_ms", "throttles"} <= told["shards"][
        0
    ].keys()
    assert told["top_keys"][0]["key"] == "hot"
    assert told["top_keys"][0]["split_helps"] is False
