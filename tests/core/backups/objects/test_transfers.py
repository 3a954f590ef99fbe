"""Bytes up and down: whole, in parts, resumed, cancelled, damaged, and never half there."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from core.backups.objects import trees
from core.backups.objects.download import download_file
from core.backups.objects.pieces import md5_alone
from core.backups.objects.sums import sum_of
from core.backups.objects.upload import slices, upload_file
from core.backups.objects.values import Entry
from core.base.errors import OpsError
from core.jobs.job import Job, JobCancelled, JobState, headless_job
from tests.core.backups.objects.conftest import MB, file_of, md5_of


@pytest.mark.parametrize("size", [0, 1, 5 * MB, 11 * MB + 7])
def test_a_file_goes_up_and_comes_back_the_same(either, tmp_path: Path, size: int) -> None:
    bucket, source = either.bucket(), file_of(tmp_path / "in.bin", size)
    sent = upload_file(headless_job(), either.aws, source, bucket, "folder/Ünicode +%20.bin", part_size=5 * MB)
    assert (sent.objects, sent.size, sent.reused) == (1, size, 0)
    target = tmp_path / "out" / "back.bin"
    got = either.objects.download_as(headless_job(), bucket, "folder/Ünicode +%20.bin", target)
    assert got.size == size
    assert target.read_bytes() == source.read_bytes()
    assert [path.name for path in target.parent.iterdir()] == ["back.bin"]
    assert either.open_uploads(bucket) == []


def test_what_was_compared_is_said(store, rclone, tmp_path: Path) -> None:
    source = file_of(tmp_path / "in.bin", 11 * MB)
    for place, words in ((store, "SHA-256 by parts"), (rclone, "MD5")):
        bucket = place.bucket()
        upload_file(headless_job(), place.aws, source, bucket, "k", part_size=5 * MB)
        got = place.objects.download_as(headless_job(), bucket, "k", tmp_path / "back")
        assert words in got.words[0]


def test_an_upload_goes_on_with_the_parts_that_arrived(either, tmp_path: Path) -> None:
    bucket, source = either.bucket(), file_of(tmp_path / "big.bin", 17 * MB)
    content = source.read_bytes()
    begun = either.s3.create_multipart_upload(Bucket=bucket, Key="big.bin", ChecksumAlgorithm="SHA256")["UploadId"]
    for number in (1, 2):
        either.s3.upload_part(
            Bucket=bucket, Key="big.bin", UploadId=begun, PartNumber=number,
            Body=content[(number - 1) * 5 * MB : number * 5 * MB], ChecksumAlgorithm="SHA256",
        )  # fmt: skip
    sent = upload_file(headless_job(), either.aws, source, bucket, "big.bin", part_size=8 * MB)
    assert sent.reused == 10 * MB
    assert either.s3.get_object(Bucket=bucket, Key="big.bin")["Body"].read() == content
    assert either.open_uploads(bucket) == []


@pytest.mark.parametrize("begun_with", ["", "CRC32", "SHA1", "CRC64NVME", "CRC32C"])
def test_an_upload_that_another_program_began_goes_on_with_its_checksums(
    either, tmp_path: Path, begun_with: str
) -> None:
    small = 10_000  # the sandbox takes a second for the CRC-64 of a megabyte
    bucket, source = either.bucket(), file_of(tmp_path / "film.mp4", 11 * small)
    content = source.read_bytes()
    s3 = md5_alone(either.s3)
    begun = s3.create_multipart_upload(
        Bucket=bucket, Key="film.mp4", **({"ChecksumAlgorithm": begun_with} if begun_with else {})
    )["UploadId"]
    first = content[: 5 * small]
    guard = {f"Checksum{begun_with}": sum_of(begun_with, first)} if begun_with else {"ContentMD5": md5_of(first)}
    s3.upload_part(Bucket=bucket, Key="film.mp4", UploadId=begun, PartNumber=1, Body=first, **guard)
    sent = upload_file(headless_job(), either.aws, source, bucket, "film.mp4", part_size=8 * small)
    assert sent.reused == 5 * small
    assert s3.get_object(Bucket=bucket, Key="film.mp4")["Body"].read() == content
    assert either.open_uploads(bucket) == []


def test_one_unfinished_upload_is_ended_with_its_own_file_and_with_no_other(store, tmp_path: Path) -> None:
    bucket, source, other = store.bucket(), file_of(tmp_path / "film", 6 * MB), file_of(tmp_path / "other", 6 * MB)
    begun = store.s3.create_multipart_upload(Bucket=bucket, Key="film", StorageClass="STANDARD_IA")["UploadId"]
    store.s3.upload_part(Bucket=bucket, Key="film", UploadId=begun, PartNumber=1, Body=source.read_bytes()[: 5 * MB])
    with pytest.raises(OpsError, match="does not go on with"):
        store.objects.upload_as(headless_job(), other, bucket, "film", going_on=begun)
    assert store.keys(bucket) == set() and [item["UploadId"] for item in store.open_uploads(bucket)] == [begun]
    store.s3.put_object(Bucket=bucket, Key="film", Body=b"there")
    with pytest.raises(OpsError) as refused:
        store.objects.upload_as(headless_job(), source, bucket, "film", replace=False, going_on=begun)
    assert refused.value.code == "exists" and len(store.open_uploads(bucket)) == 1, "it can be ended later"
    assert store.objects.upload_as(headless_job(), source, bucket, "film", going_on=begun).reused == 6 * MB
    assert store.s3.get_object(Bucket=bucket, Key="film")["Body"].read() == source.read_bytes()
    assert store.open_uploads(bucket) == []


def test_an_unfinished_upload_of_another_file_is_left_alone(store, tmp_path: Path) -> None:
    bucket = store.bucket()
    begun = store.s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm="SHA256")["UploadId"]
    store.s3.upload_part(
        Bucket=bucket, Key="k", UploadId=begun, PartNumber=1, Body=b"x" * 5 * MB, ChecksumAlgorithm="SHA256"
    )
    source = file_of(tmp_path / "f", 11 * MB)
    assert upload_file(headless_job(), store.aws, source, bucket, "k", part_size=5 * MB).reused == 0
    assert [item["UploadId"] for item in store.open_uploads(bucket)] == [begun]


@pytest.mark.usefixtures("every_report")
def test_a_cancelled_upload_leaves_nothing(either, tmp_path: Path) -> None:
    bucket, source = either.bucket(), file_of(tmp_path / "big.bin", 16 * MB)

    def stop(job: Job) -> None:
        if job.progress and job.progress.done > 6 * MB:
            job.cancel()

    job = Job("up", lambda j: upload_file(j, either.aws, source, bucket, "big.bin", part_size=5 * MB), (stop,))
    job.run()
    assert job.state is JobState.CANCELLED
    assert either.keys(bucket) == set()
    assert either.open_uploads(bucket) == []


@pytest.mark.usefixtures("every_report")
def test_a_cancelled_upload_stays_where_that_was_asked_and_is_gone_on_with(store, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("core.backups.objects.upload.WORTH_KEEPING", MB)
    bucket, source = store.bucket(), file_of(tmp_path / "big.bin", 4 * MB)

    def cancelled(at: int, **options: bool) -> str:
        def stop(job: Job) -> None:
            if job.progress and job.progress.done >= at:
                job.cancel()

        def work(job: Job) -> None:
            trees.upload_paths(job, store.aws, [source], bucket, "", part_size=MB >> 1, workers=1, **options)

        job = Job("up", work, (stop,))
        job.run()
        assert job.state is JobState.CANCELLED and store.keys(bucket) == set()
        return job.progress.note

    assert cancelled(3 * MB) == "0 of 1 uploaded; what had arrived of big.bin was removed"
    assert cancelled(MB >> 1, keep=True).endswith("was removed") and store.open_uploads(bucket) == []
    assert "of 4,194,304 bytes of big.bin stay in the bucket" in cancelled(3 * MB, keep=True)
    (begun,) = store.objects.open_uploads(headless_job(), bucket)
    assert begun.size >= MB
    again = trees.upload_paths(headless_job(), store.aws, [source], bucket, "", part_size=MB >> 1)
    assert again.reused >= begun.size and store.open_uploads(bucket) == []
    assert store.s3.get_object(Bucket=bucket, Key="big.bin")["Body"].read() == source.read_bytes()


def test_nothing_is_overwritten_where_that_was_asked(store, tmp_path: Path) -> None:
    bucket = store.bucket()
    store.fill(bucket, {"small": b"first", "large": b"first"})
    for key, size in (("small", 10), ("large", 11 * MB)):
        with pytest.raises(OpsError) as caught:
            upload_file(
                headless_job(), store.aws, file_of(tmp_path / key, size), bucket, key, part_size=5 * MB, replace=False
            )
        assert caught.value.code == "exists"
        assert store.s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"first"
    assert store.open_uploads(bucket) == []
    (tmp_path / "mine").write_bytes(b"mine")
    with pytest.raises(OpsError) as caught:
        store.objects.download_as(headless_job(), bucket, "small", tmp_path / "mine", replace=False)
    assert caught.value.code == "exists" and (tmp_path / "mine").read_bytes() == b"mine"


@pytest.mark.usefixtures("every_report")
def test_a_file_that_changes_meanwhile_is_not_published(store, tmp_path: Path) -> None:
    bucket, source = store.bucket(), file_of(tmp_path / "f", 12 * MB)
    changed = threading.Event()

    def change(job: Job) -> None:
        if not changed.is_set() and job.progress and job.progress.done > MB:
            changed.set()
            os.utime(source, ns=(1, 1))

    job = Job("up", lambda j: upload_file(j, store.aws, source, bucket, "k", part_size=5 * MB), (change,))
    job.run()
    assert isinstance(job.error, OpsError) and job.error.code == "changed"
    assert store.keys(bucket) == set() and store.open_uploads(bucket) == []


def test_an_object_that_changes_during_the_download_is_refused(store, tmp_path: Path) -> None:
    bucket = store.bucket()
    store.fill(bucket, {"k": os.urandom(8 * MB)})
    changed = threading.Event()

    def change(job: Job) -> None:
        if not changed.is_set() and job.progress:
            changed.set()
            store.s3.put_object(Bucket=bucket, Key="k", Body=b"x" * 8 * MB)

    def work(job: Job) -> object:
        return download_file(job, store.aws, bucket, "k", tmp_path / "t", part_size=MB, workers=1)

    job = Job("down", work, (change,))
    job.run()
    assert isinstance(job.error, OpsError) and job.error.code == "changed", job.error
    assert os.listdir(tmp_path) == ["own"]


def test_a_folder_goes_up_and_down_with_every_awkward_name(either, tmp_path: Path) -> None:
    top = tmp_path / "Tree & more"
    for name in ("a.txt", "deep/er/b.txt", "deep/ü 100%+#?.txt", "-dash", "empty"):
        file_of(top / name, 0 if name == "empty" else 300)
    (top / "nothing in here").mkdir()
    (top / "loop").symlink_to(top)
    os.mkfifo(top / "pipe")
    (top / ".opsdesk-0123-4567.part").write_text("half a download")
    bucket = either.bucket()
    sent = either.objects.upload(headless_job(), [top], bucket, "pre/fix/")
    assert sent.objects == 5
    assert [Path(name).name for name, _ in sent.errors] == ["loop", "pipe"]
    page = either.objects.page(bucket, "pre/fix/")
    assert [entry.key for entry in page.entries] == ["pre/fix/Tree & more/"]
    out = tmp_path / "out"
    got = either.objects.download(headless_job(), bucket, "pre/fix/", list(page.entries), out)
    assert got.objects == 5 and got.errors == ()
    for path in top.rglob("*"):
        if path.is_file() and not path.is_symlink() and not path.name.startswith(".opsdesk-"):
            assert (out / "Tree & more" / path.relative_to(top)).read_bytes() == path.read_bytes()
    again = either.objects.download(headless_job(), bucket, "pre/fix/", list(page.entries), out)
    if either.name == "rclone" and again.reused < again.size:  # it may settle an object's time after the first answers
        again = either.objects.download(headless_job(), bucket, "pre/fix/", list(page.entries), out)
    assert again.reused == again.size == 1200


def test_keys_cannot_leave_the_chosen_folder(store, tmp_path: Path) -> None:
    bucket = store.bucket()
    store.fill(
        bucket, {"d/../../evil": b"x", "d//etc/passwd": b"x", "d/good": b"fine", "d/C:\\x": b"x", "d/marker/": b""}
    )
    got = store.objects.download(headless_job(), bucket, "", [Entry("d/", folder=True)], tmp_path / "out")
    assert got.objects == 1
    assert len(got.errors) == 3
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files == [tmp_path / "out" / "d" / "good"]


def test_trouble_of_one_file_does_not_stop_the_others(store, tmp_path: Path) -> None:
    bucket = store.bucket()
    store.fill(bucket, {"d/a": b"1", "d/a/b": b"2", "d/c": b"3"})
    got = store.objects.download(headless_job(), bucket, "", [Entry("d/", folder=True)], tmp_path / "out")
    assert got.objects == 2
    assert len(got.errors) == 1  # a name cannot be a file and a folder at once here
    assert (tmp_path / "out" / "d" / "c").read_bytes() == b"3"


def test_a_missing_object_and_a_dead_endpoint_are_told(store, tmp_path: Path, monkeypatch) -> None:
    from tests.core.backups.objects.conftest import objects_on, session_on

    bucket = store.bucket()
    with pytest.raises(OpsError) as caught:
        store.objects.download_as(headless_job(), bucket, "nothing", tmp_path / "t")
    assert caught.value.code == "not-found"
    monkeypatch.setattr("core.backups.objects.upload._PATIENCE", 0.0)
    dead = objects_on(session_on("http://127.0.0.1:9", "a", "b"), tmp_path / "dead")
    with pytest.raises(OpsError) as caught:
        dead.upload(headless_job(), [file_of(tmp_path / "f", 10)], "bucket", "")
    assert caught.value.code == "unreachable"


def test_where_the_endpoint_is_gone_the_files_that_wait_are_not_begun(tmp_path: Path, monkeypatch) -> None:
    """Each would wait for it three quarters of a minute."""
    begun: list[str] = []

    def gone(job: Job, aws: object, file: Path, bucket: str, key: str, **_: object) -> None:
        begun.append(key)
        time.sleep(0.05)
        raise OpsError("Could not upload", "The endpoint does not answer", code="unreachable")

    monkeypatch.setattr(trees, "upload_file", gone)
    with pytest.raises(OpsError, match="Could not upload"):
        trees.upload_files(headless_job(), None, [(tmp_path, str(number), 1) for number in range(250)], "bucket")
    assert len(begun) < 250


@pytest.mark.usefixtures("every_report")
def test_a_folder_that_is_cancelled_says_how_far_it_came_and_goes_on(store, tmp_path: Path) -> None:
    bucket = store.bucket()
    store.fill(bucket, {f"d/{number}": b"x" * 1000 for number in range(12)} | {"d/large": os.urandom(9 * MB)})
    folder = [Entry("d/", folder=True)]

    def stop(job: Job) -> None:
        if job.progress and job.progress.done >= MB:
            job.cancel()

    job = Job("down", lambda j: store.objects.download(j, bucket, "", folder, tmp_path / "out"), (stop,))
    job.run()
    assert job.state is JobState.CANCELLED and job.progress.note == "12 downloaded; the next time goes on from there"
    again = store.objects.download(headless_job(), bucket, "", folder, tmp_path / "out")
    assert again.objects == 13 and again.reused >= 12_000 and again.words == ("Its CRC-32 was compared (1 of 13)",)


def test_no_room_on_the_disk_is_said_before_anything_is_fetched(store, tmp_path: Path, monkeypatch) -> None:
    import shutil

    bucket = store.bucket()
    store.fill(bucket, {"k": b"x" * 1000})
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage._replace(free=10))
    with pytest.raises(OpsError) as caught:
        store.objects.download_as(headless_job(), bucket, "k", tmp_path / "t")
    assert caught.value.code == "disk" and "1,000 bytes" in caught.value.why


def test_a_disk_that_fills_up_during_a_download_is_said_and_nothing_stays(
    store, tmp_path: Path, small_disk: Path, monkeypatch
) -> None:
    bucket = store.bucket()
    store.fill(bucket, {"k": os.urandom(6 << 20)})
    (small_disk / "back").write_text("what was there")
    monkeypatch.setattr("core.backups.objects.download._make_room", lambda *_: None)
    with pytest.raises(OpsError) as caught:
        download_file(headless_job(), store.aws, bucket, "k", small_disk / "back", part_size=1 << 20)
    assert caught.value.code == "disk" and "No space left" in caught.value.why
    assert [path.name for path in small_disk.iterdir()] == ["back"]
    assert (small_disk / "back").read_text() == "what was there"


def test_ten_thousand_parts_are_enough_for_any_size() -> None:
    size = 5 << 40  # the largest object S3 keeps
    plan = slices(size, 16 * MB)
    assert len(plan) <= 10_000
    assert plan[0].start == 0 and plan[-1].start + plan[-1].size == size
    assert slices(0, MB) == []


def test_a_job_cancelled_before_it_began_does_nothing(store, tmp_path: Path) -> None:
    bucket, job = store.bucket(), headless_job()
    job.state = JobState.RUNNING
    job.cancel()
    with pytest.raises(JobCancelled):
        upload_file(job, store.aws, file_of(tmp_path / "f", 10), bucket, "k")
    assert store.keys(bucket) == set()
