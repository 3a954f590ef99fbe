"""Keys and wishes that a user of s3cmd or rclone brings along one day, and what must not be lost over them."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from core.backups.objects import archived, copying
from core.backups.objects.address import Address
from core.backups.objects.browse import lister
from core.backups.objects.change import delete
from core.backups.objects.folding import folds
from core.backups.objects.values import Archive, Entry
from core.base.errors import OpsError, WrongUse
from core.cli.console import _json, legible
from core.jobs.job import headless_job

KEYS = ("a//b", "a/../b", "+ %2B&", "line\nbreak", "caf\u0065\u0301", "caf\u00e9", " lead", "~!'()*", "tab\there", "😀")


@pytest.mark.parametrize("move", [True, False])
def test_nothing_is_copied_onto_itself_or_into_itself(either, move: bool) -> None:
    """A move deletes its original in the end, which would be the copy."""
    bucket = either.bucket()
    either.fill(bucket, {"d/a": b"aa", "d/e/b": b"b", "x": b"x"})
    folder, single = Entry("d/", folder=True), Entry("x", 1)
    for source, entry, target in (
        ("", single, "x"),
        ("", single, ""),
        ("", folder, ""),
        ("d/", Entry("d/a", 2), "d"),
        ("d/", Entry("d/a", 2), "d/a"),
        ("", folder, "d/sub/"),
        ("", folder, "d"),
    ):
        with pytest.raises(WrongUse):
            either.objects.copy(
                headless_job(), Address(bucket, source), [entry], Address(bucket, target), move=move, replace=True
            )
    assert either.keys(bucket) == {"d/a", "d/e/b", "x"}
    beside = either.objects.copy(headless_job(), Address(bucket), [folder], Address(bucket, "d2/"), replace=True)
    assert beside.objects == 2


def test_keys_that_a_disk_takes_for_one_name(store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither is written over the other, whatever the way down; nor is a file deleted that bears a key's other spelling."""
    monkeypatch.setattr("core.backups.objects.folding.folds", lambda _: True)
    bucket, here = store.bucket(), tmp_path / "d"
    store.fill(bucket, {"d/Read": b"1", "d/read": b"2", "d/x": b"3", "d/caf\u00e9": b"4", "d/cafe\u0301": b"5"})
    done = store.objects.download(headless_job(), bucket, "", [Entry("d/", folder=True)], tmp_path)
    assert [name for name, _ in done.errors] == ["d/café", "d/read"] and "for one" in done.errors[0][1]
    assert sorted(file.read_bytes() for file in here.iterdir()) == [b"1", b"3", b"5"]
    (here / "X").write_bytes(b"x, by its old spelling")
    (here / "other").write_bytes(b"")
    found = store.objects.compare(headless_job(), here, Address(bucket, "d/"), upward=False)
    assert [name for name, _ in found.errors] == ["café", "read"]
    assert [item.name for item in found.surplus] == ["other"] and found.same == 3


def test_a_disk_that_keeps_letter_case_is_seen_to(tmp_path: Path) -> None:
    if (tmp_path / "a").write_bytes(b"") == 0 and (tmp_path / "A").exists():
        pytest.skip("this disk folds letter case")
    assert not folds(tmp_path / "not" / "there") and [path.name for path in tmp_path.iterdir()] == ["a"]


def test_what_intelligent_tiering_has_archived(store) -> None:
    """The sandbox has the class and not its archive tiers: what S3 says of them is put into its answers."""
    events, asked, bucket = store.s3.meta.events, list[dict[str, object]](), store.bucket()
    store.s3.put_object(Bucket=bucket, Key="k", Body=b"x", StorageClass="GLACIER")

    def tiered(parsed: dict[str, object], **_: object) -> None:
        parsed.update(StorageClass="INTELLIGENT_TIERING", ArchiveStatus="ARCHIVE_ACCESS")

    def heard(params: dict[str, object], **_: object) -> dict[str, object]:
        asked.append(dict(params["RestoreRequest"]))  # type: ignore[call-overload]
        params["RestoreRequest"]["Days"] = 1  # type: ignore[index] # the sandbox wants it, S3 refuses it
        return params

    events.register("after-call.s3.HeadObject", tiered)
    events.register("provide-client-params.s3.RestoreObject", heard)
    try:
        assert store.objects.object_facts(bucket, "k").archive is Archive.AWAY
        assert "until it is unused for long" in store.objects.bring_back(bucket, "k")
    finally:
        events.unregister("after-call.s3.HeadObject", tiered)
        events.unregister("provide-client-params.s3.RestoreObject", heard)
    assert asked == [{"GlacierJobParameters": {"Tier": "Standard"}}]
    refused = OpsError("Could not copy k", details={"code": "ObjectNotInActiveTierError"})  # the sandbox copies it
    assert "Bring it back" in archived.told(refused, "k").remedy


def test_a_customers_own_key_is_guessed_where_s3_gives_no_reason(store, tmp_path: Path) -> None:
    bucket = store.bucket()
    store.s3.put_object(Bucket=bucket, Key="k", Body=b"x", SSECustomerAlgorithm="AES256", SSECustomerKey=bytes(32))
    for ask in (
        lambda: store.objects.object_facts(bucket, "k"),
        lambda: store.objects.download_as(headless_job(), bucket, "k", tmp_path / "k"),
    ):
        with pytest.raises(OpsError) as caught:
            ask()
        assert "SSE-C" in caught.value.why


def test_a_lock_that_new_objects_get_is_told(store) -> None:
    store.s3.create_bucket(Bucket="locked-by-default", ObjectLockEnabledForBucket=True)
    assert store.objects.bucket_facts("locked-by-default").object_lock == "on"
    retention = {"Mode": "COMPLIANCE", "Days": 90}
    store.s3.put_object_lock_configuration(
        Bucket="locked-by-default",
        ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": retention}},
    )
    assert store.objects.bucket_facts("locked-by-default").object_lock == "on, compliance for 90 days"


def test_a_device_or_pipe_is_not_replaced_by_what_is_downloaded(store, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    bucket = store.bucket()
    store.fill(bucket, {"k": b"x"})
    with pytest.raises(OpsError, match="no regular file"):
        store.objects.download_as(headless_job(), bucket, "k", tmp_path / "pipe")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode) and sorted(os.listdir(tmp_path)) == ["own", "pipe"]


def test_a_pipe_is_not_waited_for(store, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    done = store.objects.upload(headless_job(), [tmp_path / "pipe"], store.bucket(), "")
    assert done.objects == 0 and done.errors == ((str(tmp_path / "pipe"), "It is no regular file"),)


def test_odd_keys_are_listed_fetched_copied_and_deleted(store, tmp_path: Path) -> None:
    bucket = store.bucket()
    store.fill(bucket, {key: key.encode() for key in KEYS})
    assert {entry.key for entry in store.objects.page(bucket, "", "").entries} >= {"+ %2B&", "line\nbreak", "a/"}
    job = headless_job()
    for number, key in enumerate(KEYS):
        store.objects.download_as(job, bucket, key, tmp_path / str(number))
        assert (tmp_path / str(number)).read_bytes() == key.encode()
    entries = [Entry(key, len(key.encode())) for key in KEYS]
    copied = store.objects.copy(job, Address(bucket), entries, Address(bucket, "to/"))
    assert copied.errors == () and {f"to/{key}" for key in KEYS} <= store.keys(bucket)
    gone = store.objects.delete(job, bucket, [*entries, Entry("to/", folder=True)])
    assert gone.errors == () and store.keys(bucket) == set()


def test_one_key_that_no_xml_can_hold_keeps_no_other_from_being_deleted(store) -> None:
    sent: list[list[str]] = []

    class Client:
        """S3's own refusal (MalformedXML), which the sandbox does not know."""

        def delete_objects(self, Bucket: str, Delete: dict[str, list[dict[str, str]]]) -> dict[str, object]:
            sent.append([item["Key"] for item in Delete["Objects"]])
            assert not any("\x01" in key for key in sent[-1])
            return {}

        def delete_object(self, Bucket: str, Key: str) -> None:
            sent.append([Key])

    class Aws:
        def client(self, _: str) -> Client:
            return Client()

    done = delete(headless_job(), Aws(), "b", [Entry("a"), Entry("b\x01"), Entry("c")])  # type: ignore[arg-type]
    assert done.objects == 3 and sent == [["b\x01"], ["a", "c"]]


def test_a_large_copy_keeps_tags_and_headers(store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "LARGEST_COPY", 3)
    bucket = store.bucket()
    store.s3.put_object(
        Bucket=bucket,
        Key="big",
        Body=b"12345",
        Tagging="team=a%26b&keep=yes",
        ContentLanguage="de",
        Metadata={"m": "1"},
    )
    asked: list[str] = []  # the sandbox keeps no tags of what came in parts
    hook = "before-parameter-build.s3.CreateMultipartUpload"
    store.s3.meta.events.register_first(hook, lambda params, **_: asked.append(params["Tagging"]), unique_id="seen")
    moved = store.objects.copy(headless_job(), Address(bucket), [Entry("big", 5)], Address(bucket, "there"), move=True)
    store.s3.meta.events.unregister(hook, unique_id="seen")
    assert moved.errors == () and store.keys(bucket) == {"there"}
    assert parse_qs(asked[0]) == {"team": ["a&b"], "keep": ["yes"]}
    head = store.s3.head_object(Bucket=bucket, Key="there")
    assert (head["ContentLanguage"], head["Metadata"]) == ("de", {"m": "1"})


def test_another_class_leaves_the_encryption_as_it_was(store, monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 encrypts a copy as its bucket does by default, not as the original was."""
    bucket = store.bucket(versioning=True)
    key = "arn:aws:kms:us-east-1:000000000000:key/one"
    asked: list[dict[str, object]] = []
    store.s3.put_object(Bucket=bucket, Key="x", Body=b"1", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    store.s3.meta.events.register_first(
        "before-parameter-build.s3.CopyObject", lambda params, **_: asked.append(dict(params)), unique_id="seen"
    )
    store.s3.put_object(Bucket=bucket, Key="y", Body=b"1")
    (version,) = store.objects.versions(headless_job(), bucket, "x")
    store.objects.relabel(headless_job(), bucket, Entry("x", 1), storage_class="STANDARD_IA")
    store.objects.restore_version(headless_job(), bucket, version)
    store.objects.relabel(headless_job(), bucket, Entry("y", 1), storage_class="STANDARD_IA")
    store.s3.meta.events.unregister("before-parameter-build.s3.CopyObject", unique_id="seen")
    assert [(item.get("ServerSideEncryption"), item.get("SSEKMSKeyId")) for item in asked] == [
        ("aws:kms", key),
        ("aws:kms", key),
        (None, None),
    ]


def test_an_unfinished_upload_of_another_class_is_not_taken_up(store, tmp_path: Path) -> None:
    bucket, file = store.bucket(), tmp_path / "file"
    file.write_bytes(os.urandom(11 << 20))
    begun = store.s3.create_multipart_upload(Bucket=bucket, Key="file", ChecksumAlgorithm="SHA256")["UploadId"]
    store.s3.upload_part(Bucket=bucket, Key="file", UploadId=begun, PartNumber=1, Body=file.read_bytes()[: 5 << 20])
    done = store.objects.upload_as(headless_job(), file, bucket, "file", storage_class="STANDARD_IA")
    assert done.reused == 0
    assert store.s3.head_object(Bucket=bucket, Key="file")["StorageClass"] == "STANDARD_IA"


def test_what_a_folder_does_not_bring_is_named(store, tmp_path: Path) -> None:
    bucket, folder = store.bucket(), tmp_path / "folder"
    folder.mkdir()
    (folder / "good").write_text("x")
    (folder / "elsewhere").symlink_to(tmp_path)
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff")).write_text("x")
    done = store.objects.upload(headless_job(), [folder], bucket, "")
    assert done.objects == 1
    assert [(Path(name).name, why[:20]) for name, why in done.errors] == [
        ("elsewhere", "It is a link to a fo"),
        ("\\xff", "Its name is no text,"),
    ]
    _json(done.errors)
    store.fill(bucket, {"folder/sub/": b"", "folder/odd/": b"content"})
    back = store.objects.download(headless_job(), bucket, "", [Entry("folder/", folder=True)], tmp_path / "back")
    assert back.objects == 1 and [name for name, _ in back.errors] == ["folder/odd/"]


def test_a_listed_key_stays_on_its_line() -> None:
    assert legible("a\nb\x1b[2Jé 😀") == "a\\nb\\x1b[2Jé 😀"


@pytest.mark.parametrize(
    "when", ["before-call.s3.CopyObject", "after-call.s3.CopyObject", "before-call.s3.DeleteObject"]
)
def test_a_move_leaves_what_was_written_meanwhile(store, when: str) -> None:
    """A lister's view is old; the second write must not be lost with the first one's copy."""
    bucket, written = store.bucket(), list[str]()
    store.fill(bucket, {"a": b"one"})
    (entry,) = store.objects.page(bucket).entries

    def write(**_: object) -> None:
        if not written:
            written.append(when)
            store.aws.client("s3", retries=2).put_object(Bucket=bucket, Key="a", Body=b"two")

    events = store.s3.meta.events
    events.register(when, write)
    try:
        moved = store.objects.copy(headless_job(), Address(bucket), [entry], Address(bucket, "b"), move=True)
    finally:
        events.unregister(when, write)
    assert written and moved.objects == 0 and len(moved.errors) == 1
    assert store.s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"two"


@pytest.mark.parametrize("token", ["", "again"])
def test_half_a_list_is_not_taken_for_the_whole(store, token: str) -> None:
    bucket = store.bucket()
    store.fill(bucket, {"a": b"one"})

    def cut(parsed: dict, **_: object) -> None:
        parsed |= {"IsTruncated": True, "NextContinuationToken": token}

    events = lister(store.aws).meta.events
    events.register("after-call.s3.ListObjectsV2", cut)
    try:
        with pytest.raises(OpsError, match="cannot be listed to its end"):
            store.objects.amount(headless_job(), bucket, [Entry("", folder=True)])
    finally:
        events.unregister("after-call.s3.ListObjectsV2", cut)
