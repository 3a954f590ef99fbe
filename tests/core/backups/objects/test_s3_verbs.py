"""The `s3` verbs end to end: what they print, what they answer, and where they stop."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from core.base.errors import OpsError
from core.cli.arguments import parse
from core.cli.run import run_verb
from tests.core.backups.objects.conftest import Verb


def test_the_daily_handling(s3: Verb, sandbox, tmp_path: Path) -> None:
    bucket = sandbox.name("verbs")
    there = f"s3://{bucket}"
    assert s3("mb", there)[0] == 0
    (tmp_path / "one.txt").write_text("one")
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / "two.txt").write_text("two!")
    assert s3("put", str(tmp_path / "one.txt"), f"{there}/renamed.txt")[1]["bytes"] == 3
    assert s3("put", str(tmp_path / "one.txt"), str(tmp_path / "dir"), f"{there}/in/")[1]["objects"] == 2
    level = s3("ls", there)[1]
    assert [(row["key"], row["folder"]) for row in level] == [("in/", True), ("renamed.txt", False)]
    assert {row["key"] for row in s3("ls", "-r", there)[1]} == {"renamed.txt", "in/one.txt", "in/dir/two.txt"}
    assert s3("du", f"{there}/in/")[1] == {"objects": 2, "bytes": 7} and s3("du", there)[1]["objects"] == 3
    assert s3("get", f"{there}/renamed.txt", str(tmp_path / "back"))[0] == 0
    assert (tmp_path / "back").read_text() == "one"
    assert s3("get", f"{there}/in/", str(tmp_path / "tree"))[1]["objects"] == 2
    assert (tmp_path / "tree" / "in" / "dir" / "two.txt").read_text() == "two!"
    assert s3("mv", f"{there}/renamed.txt", f"{there}/moved.txt")[1]["objects"] == 1
    facts = s3("info", f"{there}/moved.txt")[1]
    assert (facts["size"], facts["metadata"]) == (3, {})
    assert s3("info", there)[1]["bucket"] == bucket
    with urllib.request.urlopen(s3("link", f"{there}/moved.txt")[1]["url"]) as answer:
        assert answer.read() == b"one"
    assert s3("rm", f"{there}/in/")[0] == 2  # a folder wants --recursive
    assert s3("rm", "-r", f"{there}/in/", f"{there}/moved.txt")[1]["deleted"] == 3
    assert s3("rb", there)[0] == 0


def test_sync(s3: Verb, sandbox, tmp_path: Path) -> None:
    there = f"s3://{sandbox.name('sync')}"
    s3("mb", there)
    for name in ("a", "b", "skip.tmp"):
        (tmp_path / "up").mkdir(exist_ok=True)
        (tmp_path / "up" / name).write_text(name)
    up = (str(tmp_path / "up"), f"{there}/p", "--exclude", "*.tmp")
    status, told, _ = s3("sync", *up, "--dry-run")
    assert (status, [(row["action"], row["name"], row["why"]) for row in told["differences"]]) == (
        0, [("upload", "a", "new"), ("upload", "b", "new")],
    )  # fmt: skip
    assert s3("ls", "-r", there)[1] == []
    status, done, _ = s3("sync", *up)
    assert (status, done["objects"], done["bytes"], done["deleted"], done["same"]) == (0, 2, 2, 0, 0)
    (tmp_path / "up" / "b").unlink()
    status, text, said = s3("sync", *up, "--delete", "--dry-run", text=True)
    assert status == 0 and text.split() == ["delete", "1", "b", "(not", "in", "the", "source)"] and "1 the same" in said
    assert s3("sync", *up, "--delete")[1]["deleted"] == 1
    assert s3("sync", f"{there}/p", str(tmp_path / "down"))[1]["objects"] == 1
    assert [path.name for path in (tmp_path / "down").iterdir()] == ["a"]
    status, _, said = s3("sync", f"{there}/nothing", str(tmp_path / "down"), "--delete")
    assert status == 2 and "is empty" in said and (tmp_path / "down" / "a").exists()
    assert s3("sync", str(tmp_path / "up"), str(tmp_path / "down"))[0] == 2


def test_lifecycle_and_uploads(s3: Verb, sandbox) -> None:
    bucket = sandbox.name("cycle")
    client = sandbox.client("s3")
    client.create_bucket(Bucket=bucket)
    client.put_object(Bucket=bucket, Key="db/x", Body=b"x")
    there = f"s3://{bucket}"
    status, found, said = s3("lifecycle", f"{there}/db/", "--expire-days", "60", "--gone-by", "2099-01-01", "--dry-run")
    assert (status, found["changed"], found["gone"]["objects"]) == (0, False, 1)
    assert '+    "Days": 60' in said
    assert s3("lifecycle", f"{there}/db/", "--expire-days", "60", "--abort-days", "3")[1]["changed"] is True
    assert [item["ID"] for item in s3("lifecycle", there)[1]["rules"]] == ["opsdesk-db"]
    assert s3("lifecycle", there, "--expire-days", "0")[0] == 2
    assert s3("lifecycle", there, "--remove", "opsdesk-db")[1]["rules"] == []
    begun = client.create_multipart_upload(Bucket=bucket, Key="half")["UploadId"]
    client.upload_part(Bucket=bucket, Key="half", UploadId=begun, PartNumber=1, Body=b"x" * 100)
    assert [(row["key"], row["bytes"]) for row in s3("uploads", there)[1]] == [("half", 100)]
    assert s3("uploads", there, "--abort")[1]["aborted"] == 1


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("ls", "bucket"), 2, "is no S3 address"),
        (("ls", "s3://arn:aws:s3:eu-west-1:123456789012:accesspoint/a/k"), 2, "alias"),
        (("ls", "s3://no-such-bucket-here"), 1, "There is no bucket of that name"),
        (("mb", "s3://Bad_Name"), 2, "cannot be a bucket's name"),
        (("get", "s3://bucket"), 2, "names no object"),
        (("put", "/no/such/file", "s3://bucket/k"), 2, "There is no file"),
        (("link", "s3://bucket/key", "--hours", "1000"), 2, "1 second to 7 days"),
    ],
)
def test_mistakes_are_said_in_a_line(s3: Verb, words: tuple[str, ...], status: int, said: str) -> None:
    answered, _, heard = s3(*words)
    assert answered == status
    assert said in heard and "Traceback" not in heard


def test_an_archived_object_is_brought_back(s3: Verb, sandbox, tmp_path: Path) -> None:
    bucket = sandbox.name("ice")
    client = sandbox.client("s3")
    client.create_bucket(Bucket=bucket)
    client.put_object(Bucket=bucket, Key="old", Body=b"x", StorageClass="DEEP_ARCHIVE")
    client.put_object(Bucket=bucket, Key="new", Body=b"x")
    status, _, said = s3("get", f"s3://{bucket}/old", str(tmp_path / "old"))
    assert status == 1 and "unarchive" in said
    status, answer, _ = s3("unarchive", f"s3://{bucket}/old", "--days", "3", "--tier", "Bulk")
    assert (status, answer["archive"]) == (0, "coming") and "3 days" in answer["answer"]
    status, _, said = s3("unarchive", f"s3://{bucket}/new")
    assert status == 1 and said


def test_a_list_is_written_as_it_comes_and_left_open_where_it_breaks_off(
    s3: Verb, sandbox, monkeypatch, capsys
) -> None:
    from core.backups.objects import browse
    from core.backups.objects.values import Entry

    def walk(*_: object) -> Any:
        yield [Entry("a", 1), Entry("b", 2)]
        raise OpsError("Could not list", "The endpoint does not answer", code="unreachable")

    monkeypatch.setattr(browse, "walk", walk)
    status = run_verb(parse(["--profile", "stand", "--json", "s3", "ls", "-r", "s3://any"]))
    said = capsys.readouterr()
    assert status == 1 and "does not answer" in said.err
    with pytest.raises(json.JSONDecodeError):
        json.loads(said.out)
    assert [row["key"] for row in json.loads(said.out + "]")] == ["a", "b"]


def test_an_object_goes_through_a_pipe(s3: Verb, sandbox, capsysbinary) -> None:
    bucket, content = sandbox.name("pipe"), bytes(range(256)) * 40_000
    sandbox.aws.client("s3").create_bucket(Bucket=bucket)
    sandbox.aws.client("s3").put_object(Bucket=bucket, Key="dir/k", Body=content)
    assert run_verb(parse(["--profile", "stand", "s3", "get", f"s3://{bucket}/dir/k", "-"])) == 0
    said = capsysbinary.readouterr()
    assert said.out == content and b"was compared" in said.err
    assert s3("get", f"s3://{bucket}/dir/", "-")[0] == 2 and s3("get", f"s3://{bucket}/dir/k", "-")[0] == 2


def test_a_pipe_becomes_an_object(s3: Verb, sandbox, tmp_path: Path, monkeypatch) -> None:
    bucket, client = sandbox.name("piped"), sandbox.aws.client("s3")
    client.create_bucket(Bucket=bucket)
    (tmp_path / "f").write_bytes(b"from a program")
    with (tmp_path / "f").open() as pipe:
        monkeypatch.setattr("sys.stdin", pipe)
        assert s3("put", "-", f"s3://{bucket}/a.html", "--storage-class", "STANDARD_IA")[1]["bytes"] == 14
        status, _, said = s3("put", "-", f"s3://{bucket}/b")
        assert status == 1 and "Nothing came through the pipe" in said
    found = client.get_object(Bucket=bucket, Key="a.html")
    assert (found["Body"].read(), found["ContentType"], found["StorageClass"]) == (
        b"from a program", "text/html", "STANDARD_IA",
    )  # fmt: skip
    for words in (("-", f"s3://{bucket}/in/"), ("-", str(tmp_path / "f"), f"s3://{bucket}/k")):
        assert s3("put", *words)[0] == 2


def test_what_other_tools_call_otherwise_is_found(s3: Verb, sandbox, tmp_path: Path) -> None:
    bucket = sandbox.name("names")
    there, client = f"s3://{bucket}", sandbox.aws.client("s3")
    assert s3("mb", there, "--versioning")[0] == 0
    client.put_object(Bucket=bucket, Key="k", Body=b"x", Metadata={"team": "web"}, ContentType="text/plain")
    assert s3("signurl", f"{there}/k")[1]["url"] and s3("multipart", there)[1] == []
    said = s3(
        "modify",
        f"{there}/k",
        "--metadata",
        "owner=ann",
        "--metadata",
        "team=",
        "--tag",
        "a=b",
        "--storage-class",
        "STANDARD_IA",
    )[1]
    assert said == {
        "key": "k",
        "storage_class": "STANDARD_IA",
        "content_type": "text/plain",
        "metadata": {"owner": "ann"},
        "tags": {"a": "b"},
    }
    assert s3("modify", f"{there}/k")[0] == 2 and s3("modify", f"{there}/k", "--tag", "nothing")[0] == 2
    assert s3("del", f"{there}/k")[1]["deleted"] == 1
    status, said, told = s3("rm", f"{there}/mistyped")
    assert (status, said["deleted"], told) == (0, 0, f"There is no {there}/mistyped.\n")
    assert (
        s3("undelete", f"{there}/k")[1]["markers_removed"] == 1
        and s3("undelete", f"{there}/k")[1]["markers_removed"] == 0
    )
    assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    status, _, told = s3("cp", str(tmp_path), f"{there}/k")
    assert status == 2 and "s3 put uploads" in told
