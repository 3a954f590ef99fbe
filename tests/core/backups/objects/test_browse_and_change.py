"""Looking and changing: lists, search, facts, links, copies, moves, deletes, versions, unfinished uploads."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

import pytest

from core.backups.objects.address import Address, address, checked_bucket_name
from core.backups.objects.values import Entry
from core.base.errors import OpsError, WrongUse
from core.jobs.job import Job, JobState, headless_job


def entry(store, bucket: str, key: str) -> Entry:
    prefix = key.rpartition("/")[0]
    page = store.objects.page(bucket, prefix + "/" if prefix else "")
    return next(item for item in page.entries if item.key == key)


def test_a_level_is_read_page_by_page(either) -> None:
    bucket = either.bucket()
    either.fill(bucket, {f"a/{number:02}": b"x" for number in range(7)} | {"a/sub/x": b"1", "b": b"2", "ü +%2B": b"3"})
    top = either.objects.page(bucket)
    assert [(item.key, item.folder) for item in top.entries] == [("a/", True), ("b", False), ("ü +%2B", False)]
    seen, token = [], ""
    while True:
        page = either.objects.page(bucket, "a/", token, size=3)
        seen += [item.name for item in page.entries]
        token = page.token
        if not token:
            break
    assert sorted(seen) == ["00", "01", "02", "03", "04", "05", "06", "sub/"]
    first = next(item for item in either.objects.page(bucket, "a/").entries if item.name == "00")
    assert first.size == 1 and first.modified is not None and first.modified.tzinfo is not None


def test_search_and_sizes(either) -> None:
    bucket = either.bucket()
    either.fill(bucket, {"logs/2026/App.log": b"12345", "logs/2025/app.gz": b"1", "other/app.log": b"1"})
    hits, whole = either.objects.search(headless_job(), bucket, "logs/", "app")
    assert sorted(hit.key for hit in hits) == ["logs/2025/app.gz", "logs/2026/App.log"] and whole
    hits, _ = either.objects.search(headless_job(), bucket, "", "*.log")
    assert sorted(hit.key for hit in hits) == ["logs/2026/App.log", "other/app.log"]
    total = either.objects.amount(
        headless_job(), bucket, [Entry("logs/", folder=True), entry(either, bucket, "other/app.log")]
    )
    assert (total.objects, total.size) == (3, 7)


def test_buckets_are_made_listed_and_removed(either) -> None:
    name = either.bucket()
    fresh = name + "-new"
    either.objects.make_bucket(fresh)
    assert {name, fresh} <= {bucket.name for bucket in either.objects.buckets().buckets}
    either.fill(fresh, {"k": b"x"})
    with pytest.raises(OpsError) as caught:
        either.objects.remove_bucket(fresh)
    assert caught.value.code == "conflict"
    either.objects.delete(headless_job(), fresh, [Entry("k")])
    either.objects.remove_bucket(fresh)
    with pytest.raises(OpsError) as caught:
        either.objects.page(fresh)
    assert caught.value.code == "not-found"


@pytest.mark.parametrize("name", ["ab", "Big", "a..b", "192.168.1.1", "-a-", "xn--abc", "x" * 64, "under_score"])
def test_impossible_bucket_names_are_refused_here(name: str) -> None:
    with pytest.raises(WrongUse):
        checked_bucket_name(name)


@pytest.mark.parametrize("text", ["", "bucket/key", "s3:/b", "s3://", "http://b/k"])
def test_addresses_are_read_strictly(text: str) -> None:
    with pytest.raises(WrongUse):
        address(text)
    assert address("s3://b") == Address("b") and address("s3://b/k/l") == Address("b", "k/l")


def test_delete_takes_folders_and_more_than_a_thousand(rclone, rclone_folder: Path) -> None:
    either, bucket = rclone, rclone.bucket()
    many = rclone_folder / bucket / "many"
    many.mkdir()
    for number in range(1005):  # 3 s of CPU less than by as many requests
        (many / f"{number:04}").touch()
    either.fill(bucket, {"keep": b"x", "one": b"y"})
    gone = either.objects.delete(headless_job(), bucket, [Entry("many/", folder=True), Entry("one")])
    assert (gone.objects, gone.errors) == (1006, ())
    assert either.keys(bucket) == {"keep"}


def test_what_may_not_be_deleted_stays_and_is_named(store) -> None:
    bucket = store.bucket()
    store.objects.make_bucket(bucket + "-lock", lock=True)
    locked = bucket + "-lock"
    store.s3.put_object(
        Bucket=locked, Key="held", Body=b"x", ObjectLockLegalHoldStatus="ON", ChecksumAlgorithm="SHA256"
    )
    store.fill(locked, {"free": b"y"})
    versions = store.objects.versions(headless_job(), locked, "held")
    gone = store.objects.delete(headless_job(), locked, [*versions, Entry("free")])
    assert gone.objects == 1
    assert [key for key, _ in gone.errors] == ["held"]


def test_copy_move_and_their_refusals(either) -> None:
    bucket, other = either.bucket(), either.bucket()
    either.fill(bucket, {"d/a": b"aa", "d/e/b": b"b", "x": b"x"})
    job = headless_job()
    folder = Entry("d/", folder=True)
    copied = either.objects.copy(job, Address(bucket), [folder], Address(other, "in"))
    assert copied.objects == 2 and copied.errors == ()
    assert either.keys(other) == {"in/d/a", "in/d/e/b"}
    again = either.objects.copy(job, Address(bucket), [folder], Address(other, "in"))
    assert again.objects == 0 and len(again.errors) == 2  # nothing is overwritten unasked
    moved = either.objects.copy(job, Address(bucket), [entry(either, bucket, "x")], Address(bucket, "y"), move=True)
    assert moved.objects == 1
    assert either.keys(bucket) == {"d/a", "d/e/b", "y"}
    with pytest.raises(WrongUse):
        either.objects.copy(job, Address(bucket), [folder], Address(bucket, "d/sub/"), move=True)


def test_facts_metadata_tags_and_class(store) -> None:
    bucket = store.bucket()
    store.s3.put_object(
        Bucket=bucket,
        Key="k",
        Body=b"hello",
        ContentType="text/plain",
        Metadata={"rows": "12"},
        ChecksumAlgorithm="SHA256",
    )
    facts = store.objects.object_facts(bucket, "k")
    assert (facts.size, facts.content_type, facts.metadata, facts.tags) == (5, "text/plain", {"rows": "12"}, {})
    assert facts.checksums["SHA256"] == "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="
    store.objects.set_tags(bucket, "k", {"owner": "ops"})
    store.objects.relabel(headless_job(), bucket, entry(store, bucket, "k"), metadata={"rows": "13"})
    store.objects.relabel(headless_job(), bucket, entry(store, bucket, "k"), storage_class="STANDARD_IA")
    facts = store.objects.object_facts(bucket, "k")
    assert (facts.metadata, facts.tags, facts.storage_class) == ({"rows": "13"}, {"owner": "ops"}, "STANDARD_IA")
    assert facts.content_type == "text/plain"
    with pytest.raises(WrongUse):
        store.objects.set_tags(bucket, "k", {str(number): "" for number in range(11)})


def test_what_an_endpoint_lacks_is_said(rclone) -> None:
    bucket = rclone.bucket()
    rclone.fill(bucket, {"k": b"x"})
    facts = rclone.objects.object_facts(bucket, "k")
    assert facts.size == 1
    about = rclone.objects.bucket_facts(bucket)
    assert about.encryption is None, "nobody told that there is none"
    assert about.lacking and all(sentence.startswith("This endpoint does not offer") for sentence in about.lacking), (
        about
    )


def test_versions_come_back(store) -> None:
    bucket = store.bucket(versioning=True)
    job = headless_job()
    assert store.objects.keeps_versions(bucket) is True
    store.fill(bucket, {"k": b"one"})
    store.fill(bucket, {"k": b"two", "k2": b"other"})
    store.objects.delete(job, bucket, [Entry("k")])
    assert store.keys(bucket) == {"k2"}
    versions = store.objects.versions(job, bucket, "k")
    assert [(item.latest, item.delete_marker, item.size) for item in versions] == [
        (True, True, 0),
        (False, False, 3),
        (False, False, 3),
    ]
    assert [item.key for item in store.objects.deleted_keys(job, bucket, "")[0]] == ["k"]
    assert store.objects.undelete(job, bucket, "k") == 1
    assert store.s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"two"
    store.objects.restore_version(job, bucket, versions[2])
    assert store.s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"one"
    gone = store.objects.delete(job, bucket, [Entry("k")], versions=True)
    assert gone.objects == 3
    assert store.objects.versions(job, bucket, "k") == []
    assert store.keys(bucket) == {"k2"}


def test_a_link_serves_the_object_until_it_expires(either) -> None:
    bucket = either.bucket()
    either.fill(bucket, {"a b/ü": b"hello"})
    link = either.objects.link(bucket, "a b/ü", 60)
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in link.url
    with urllib.request.urlopen(link.url) as answer:
        assert answer.read() == b"hello"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(
            link.url.replace("X-Amz-Expires=60", "X-Amz-Expires=61") if either.name == "rclone" else link.url + "x"
        )
    refused.value.close()
    with pytest.raises(WrongUse):
        either.objects.link(bucket, "k", 8 * 86_400)


def test_unfinished_uploads_are_found_counted_and_swept(either) -> None:
    bucket = either.bucket()
    for key in ("b", "a"):
        begun = either.s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
        either.s3.upload_part(Bucket=bucket, Key=key, UploadId=begun, PartNumber=1, Body=b"x" * (5 << 20))
    found = either.objects.open_uploads(headless_job(), bucket)
    assert {(item.key, item.parts, item.size) for item in found} == {("a", 1, 5 << 20), ("b", 1, 5 << 20)}
    gone = either.objects.abort_uploads(headless_job(), bucket, [*found, found[0]])
    assert gone.errors == ()
    assert either.objects.open_uploads(headless_job(), bucket) == []


def test_a_cancelled_deletion_says_how_far_it_came_and_only_the_first_refusals_are_named(store, monkeypatch) -> None:
    monkeypatch.setattr("core.backups.objects.change.BATCH", 2)
    monkeypatch.setattr("core.backups.objects.change._NAMED", 3)
    bucket, keys = store.bucket(), [f"d/{number}" for number in range(6)]
    store.fill(bucket, dict.fromkeys(keys, b"x"))

    def stop(job: Job) -> None:
        if job.progress and job.progress.done == 2:
            job.cancel()

    job = Job("delete", lambda j: store.objects.delete(j, bucket, [Entry("d/", folder=True)], total=6), (stop,))
    job.run()
    assert job.state is JobState.CANCELLED and job.concluded and job.progress.note == "2 of 6 deleted"
    assert store.keys(bucket) == set(keys[2:])

    def refuse(parsed: dict, **_: object) -> None:
        parsed["Errors"] = [{"Key": "d/k", "Code": "AccessDenied"}] * 2

    events = store.s3.meta.events
    events.register("after-call.s3.DeleteObjects", refuse)
    try:
        found = store.objects.delete(headless_job(), bucket, [Entry("d/", folder=True)])
    finally:
        events.unregister("after-call.s3.DeleteObjects", refuse)
    assert (found.objects, found.refused, len(found.errors)) == (0, 4, 3)
