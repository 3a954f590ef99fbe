"""Downloads that are cancelled, killed or overtaken by another version: gone on with safely, or begun anew; and what is compared."""

from __future__ import annotations

import base64
import contextlib
import errno
import fcntl
import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.backups.objects.address import Address
from core.backups.objects.download import download_file
from core.backups.objects.fingerprint import NOTHING_TO_COMPARE, UNEVEN
from core.backups.objects.partial import Partial, is_partial
from core.backups.objects.pieces import md5_alone
from core.backups.objects.sums import SUMS, sum_of
from core.backups.objects.upload import upload_file
from core.base.errors import OpsError
from core.base.locks import take
from core.jobs.job import Job, JobState, headless_job
from tests.core.backups.objects.conftest import MB, file_of, md5_of

QUARTER = MB >> 2
SMALL = MB >> 5
KMS = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "a-key"}


@pytest.fixture(autouse=True)
def a_megabyte_is_worth_keeping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.backups.objects.partial.WORTH_KEEPING", MB)


@pytest.mark.usefixtures("every_report")
def test_a_cancelled_download_goes_on_when_it_is_asked_for_again(either, tmp_path: Path) -> None:
    bucket, source = either.bucket(), file_of(tmp_path / "big.bin", 4 * MB)
    upload_file(headless_job(), either.aws, source, bucket, "big.bin", part_size=8 * MB)
    target = tmp_path / "here" / "big.bin"
    target.parent.mkdir()
    target.write_bytes(b"old")
    job = cancelled_at(3 * MB, lambda j: download_file(j, either.aws, bucket, "big.bin", target, part_size=QUARTER))
    assert target.read_bytes() == b"old"
    (half,) = parts_in(target.parent)
    kept = half.stat().st_size
    assert kept >= MB and job.concluded and f"{kept:,} of 4,194,304 bytes arrived" in job.progress.note
    again = headless_job()
    assert either.objects.download_as(again, bucket, "big.bin", target).reused == kept
    assert target.read_bytes() == source.read_bytes() and again.progress.done == 4 * MB
    assert os.listdir(target.parent) == ["big.bin"]


def cancelled_at(count: int, work) -> Job:
    """The job that ran ``work`` and was cancelled once so many bytes had arrived."""

    def stop(job: Job) -> None:
        if job.progress and job.progress.done >= count:
            job.cancel()

    job = Job("down", work, (stop,))
    job.run()
    assert job.state is JobState.CANCELLED, job.error
    return job


@contextlib.contextmanager
def heads_without(store, *facts: str) -> Iterator[None]:
    """An endpoint that does not tell these of its objects."""
    events = store.aws.client("s3", retries=2).meta.events

    def forget(parsed: dict, **_: object) -> None:
        for fact in facts:
            parsed.pop(fact, None)

    events.register("after-call.s3.HeadObject", forget)
    try:
        yield
    finally:
        events.unregister("after-call.s3.HeadObject", forget)


def parts_in(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if is_partial(path.name)]


@pytest.mark.usefixtures("every_report")
def test_of_a_small_object_and_of_one_without_etag_nothing_is_kept(store, tmp_path: Path) -> None:
    bucket, source = store.bucket(), file_of(tmp_path / "big.bin", 4 * MB)
    store.fill(bucket, {"k": source.read_bytes(), "small": b"x" * MB})
    cancelled_at(QUARTER, lambda j: store.objects.download_as(j, bucket, "small", tmp_path / "t"))
    with heads_without(store, "ETag"):
        cancelled_at(3 * MB, lambda j: download_file(j, store.aws, bucket, "k", tmp_path / "t", part_size=QUARTER))
    assert parts_in(tmp_path) == []


@pytest.mark.usefixtures("every_report")
def test_two_versions_are_never_mixed_and_the_older_bytes_go(store, tmp_path: Path) -> None:
    bucket, source, other = store.bucket(), file_of(tmp_path / "1", 4 * MB), file_of(tmp_path / "2", 4 * MB)
    target = tmp_path / "here" / "t"
    store.fill(bucket, {"k": source.read_bytes()})
    cancelled_at(3 * MB, lambda j: download_file(j, store.aws, bucket, "k", target, part_size=QUARTER))
    kept = parts_in(target.parent)[0].stat().st_size
    store.fill(bucket, {"k": other.read_bytes()})
    got = store.objects.download_as(headless_job(), bucket, "k", target)
    assert got.reused == 0 and f"{kept:,} bytes of unfinished older downloads were removed" in got.words[1]
    assert target.read_bytes() == other.read_bytes() and os.listdir(target.parent) == ["t"]


def test_what_nobody_goes_on_with_is_removed_after_two_weeks(store, tmp_path: Path, monkeypatch) -> None:
    bucket = store.bucket()
    store.fill(bucket, {"k": os.urandom(2 * MB)})
    (tmp_path / ".opsdesk-other-object.part").write_bytes(bytes(500))
    store.objects.download_as(headless_job(), bucket, "k", tmp_path / "t")
    assert len(parts_in(tmp_path)) == 1
    monkeypatch.setattr("core.backups.objects.partial.KEPT_DAYS", -1)
    with (tmp_path / ".opsdesk-other-object.part").open() as held:  # somebody is at it
        assert take(held)
        store.objects.download_as(headless_job(), bucket, "k", tmp_path / "t")
        assert len(parts_in(tmp_path)) == 1
    got = store.objects.download_as(headless_job(), bucket, "k", tmp_path / "t")
    assert "500 bytes of unfinished older downloads were removed" in got.words[1] and parts_in(tmp_path) == []


@pytest.mark.usefixtures("every_report")
def test_the_same_download_twice_at_once_is_refused(store, tmp_path: Path) -> None:
    bucket, source = store.bucket(), file_of(tmp_path / "s", 2 * MB)
    store.fill(bucket, {"k": source.read_bytes()})
    refused = []

    def second(job: Job) -> None:
        if job.progress and job.progress.done == 2 * MB and not refused:
            refused.append("")
            with pytest.raises(OpsError) as caught:
                store.objects.download_as(headless_job(), bucket, "k", tmp_path / "t")
            refused[0] = caught.value.code

    job = Job("down", lambda j: store.objects.download_as(j, bucket, "k", tmp_path / "t"), (second,))
    job.run()
    assert job.state is JobState.SUCCEEDED and refused == ["locked"]
    assert (tmp_path / "t").read_bytes() == source.read_bytes()


_KILLED = """
import os, signal, sys
from pathlib import Path
from core.backups.objects import download
from core.jobs.job import headless_job
from tests.core.backups.objects.conftest import session_on

written = []

def wrote(self, count):
    written.append(count)
    if sum(written) >= 2 << 20:
        os.kill(os.getpid(), signal.SIGKILL)

download._Syncing.wrote = wrote
url, access, secret, bucket, target = sys.argv[1:]
download.download_file(headless_job(), session_on(url, access, secret), bucket, "k", Path(target), part_size=1 << 20)
"""


def test_a_download_that_is_killed_goes_on(store, tmp_path: Path) -> None:
    bucket, source, target = store.bucket(), file_of(tmp_path / "f", 4 * MB), tmp_path / "t"
    store.fill(bucket, {"k": source.read_bytes()})
    where = store.aws.target()
    words = [where.endpoints.get("s3") or where.endpoints["default"], where.access_key, where.secret_key, bucket]
    killed = subprocess.run([sys.executable, "-c", _KILLED, *words, str(target)], check=False)
    assert killed.returncode == -signal.SIGKILL and not target.exists()
    got = store.objects.download_as(headless_job(), bucket, "k", target)
    assert got.reused == 2 * MB and target.read_bytes() == source.read_bytes() and parts_in(tmp_path) == []


@pytest.mark.parametrize("settled", [True, False])
def test_what_a_kill_left_is_used_where_the_whole_can_be_compared(store, tmp_path: Path, settled: bool) -> None:
    """Where S3 keeps no sum (encryption by KMS), only what was ended in good order is trusted."""
    bucket, source, target = store.bucket(), file_of(tmp_path / "big.bin", 4 * MB), tmp_path / "t"
    content = source.read_bytes()
    for key, extra, trusted in (
        ("plain", {}, True),
        ("kms", KMS, settled),
    ):
        store.s3.put_object(Bucket=bucket, Key=key, Body=content, **extra)
        head = store.s3.head_object(Bucket=bucket, Key=key)
        half = Partial(target, bucket, key, head).path
        half.write_bytes(content[: 2 * MB + 5])
        if settled:
            os.utime(half, (int(head["LastModified"].timestamp()),) * 2)
        with heads_without(store, "ChecksumCRC32"):
            got = store.objects.download_as(headless_job(), bucket, key, target)
        assert got.reused == (2 * MB + 5 if trusted else 0) and target.read_bytes() == content
        assert ("MD5" in got.words[0]) is (key == "plain")
    # A leftover with wrong bytes is found by the sum, not handed over.
    half = Partial(target, bucket, "plain", store.s3.head_object(Bucket=bucket, Key="plain")).path
    half.write_bytes(bytes(2 * MB))
    target.unlink()
    with pytest.raises(OpsError) as caught:
        store.objects.download_as(headless_job(), bucket, "plain", target)
    assert caught.value.code == "damaged"
    assert not target.exists() and not half.exists()


@pytest.mark.parametrize("kind", ["", "SHA1", "SHA256", "CRC32", "CRC32C", "CRC64NVME"])
def test_an_object_in_parts_is_compared_by_its_parts(store, tmp_path: Path, kind: str) -> None:
    bucket, content = store.bucket(), os.urandom(2 * SMALL + 7)
    upload_in_parts(store, bucket, "k", [content[at : at + SMALL] for at in range(0, len(content), SMALL)], kind)
    got = store.objects.download_as(headless_job(), bucket, "k", tmp_path / "t")
    assert got.words == (f"Its {SUMS[kind or 'MD5'][0]} by parts was compared",)
    damage(store, bucket, content, tmp_path / "t")
    with pytest.raises(OpsError, match="damaged"):
        store.objects.download_as(headless_job(), bucket, "k", tmp_path / "t")


@pytest.mark.parametrize("sizes", [(3000, 1500, 1500, 700), (3000, 3500, 2500, 700)], ids=["seen at once", "seen late"])
def test_parts_of_several_sizes_are_compared(store, tmp_path: Path, sizes: tuple[int, ...]) -> None:
    """Four parts of 3,000, 3,500, 2,500 and 700 bytes have the number that parts of 3,000 would have had."""
    bucket, bodies = store.bucket(), [os.urandom(size) for size in sizes]
    content = b"".join(bodies)
    upload_in_parts(store, bucket, "k", bodies)
    got = store.objects.download_as(headless_job(), bucket, "k", tmp_path / "d" / "k")
    assert got.words == ("Its MD5 by parts was compared",)
    os.utime(tmp_path / "d" / "k")
    found = store.objects.compare(headless_job(), tmp_path / "d", Address(bucket, ""), upward=False)
    assert (found.carry, found.same) == ((), 1)
    out = io.BytesIO()
    piped = store.objects.stream(headless_job(), bucket, "k", out)
    assert out.getvalue() == content and piped.words == ((UNEVEN,) if sizes[1] > sizes[0] else got.words)
    damage(store, bucket, content, tmp_path / "t")
    with pytest.raises(OpsError, match="damaged"):
        store.objects.download_as(headless_job(), bucket, "k", tmp_path / "t")


def test_more_parts_than_s3_allows_are_not_believed(store, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("core.backups.objects.parts.MOST_PARTS", 3)
    bucket = store.bucket()
    upload_in_parts(store, bucket, "k", [b"1", b"1", b"1", b"1"])
    got = store.objects.download_as(headless_job(), bucket, "k", tmp_path / "k")
    assert got.words == (NOTHING_TO_COMPARE,)


@pytest.mark.parametrize("kind", ["CRC32C", "CRC64NVME"])
def test_an_object_under_a_key_of_kms_is_compared_by_the_sum_that_aws_gives_each(
    store, tmp_path: Path, kind: str
) -> None:
    """Its ETag is no MD5. That such a sum is of the whole or of parts is told by its type."""
    bucket, content = store.bucket(), os.urandom(SMALL)
    sums = {f"Checksum{kind}": sum_of(kind, content)}
    store.s3.put_object(Bucket=bucket, Key="k", Body=content, **KMS, **sums)
    assert store.objects.object_facts(bucket, "k").checksums == {kind: sum_of(kind, content)}
    got = store.objects.download_as(headless_job(), bucket, "k", tmp_path / "t")
    assert got.words == (f"Its {SUMS[kind][0]} was compared",)
    damage(store, bucket, content, tmp_path / "t")
    with pytest.raises(OpsError, match="damaged"):
        store.objects.download_as(headless_job(), bucket, "k", tmp_path / "t")


def test_sums_of_published_values() -> None:
    """RFC 3720 and NVMe's NVM Command Set Specification have those of zeros and ones, the catalogue of CRCs the first."""
    for kind, content, wanted in (
        ("CRC32C", b"123456789", "e3069283"),
        ("CRC32C", bytes(32), "8a9136aa"),
        ("CRC32C", b"\xff" * 32, "62a8ab43"),
        ("CRC64NVME", b"123456789", "ae8b14860a799888"),
        ("CRC64NVME", bytes(4096), "6482d367eb22b64e"),
        ("CRC64NVME", b"\xff" * 4096, "c0ddba7302eca3ac"),
    ):
        assert base64.b64decode(sum_of(kind, content)).hex() == wanted
        pieces = SUMS[kind][1]()
        for at in range(len(content)):
            pieces.update(memoryview(content)[at : at + 1])
        assert pieces.digest().hex() == wanted


def upload_in_parts(store, bucket: str, key: str, bodies: list[bytes], kind: str = "") -> None:
    s3 = md5_alone(store.s3)
    where = {"Bucket": bucket, "Key": key}
    begun_with = {"ChecksumAlgorithm": kind, **KMS} if kind else {}  # under KMS the ETag is no sum
    upload = s3.create_multipart_upload(**where, **begun_with)["UploadId"]
    parts = []
    for number, body in enumerate(bodies, 1):
        sums = {f"Checksum{kind}": sum_of(kind, body)} if kind else {}
        guard = sums or {"ContentMD5": md5_of(body)}
        answer = s3.upload_part(**where, UploadId=upload, PartNumber=number, Body=body, **guard)
        parts.append({"PartNumber": number, "ETag": answer["ETag"], **sums})
    s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": parts})


def damage(store, bucket: str, content: bytes, target: Path) -> None:
    """An unfinished download whose last byte is wrong."""
    half = Partial(target, bucket, "k", store.s3.head_object(Bucket=bucket, Key="k")).path
    half.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def test_a_disk_without_locks_is_downloaded_to_and_trouble_of_the_disk_is_no_other(
    store, tmp_path: Path, monkeypatch
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    bucket = store.bucket()
    store.fill(bucket, {"k": b"x"})
    monkeypatch.setattr(fcntl, "flock", no_locks)
    assert store.objects.download_as(headless_job(), bucket, "k", tmp_path / "t").size == 1
    half = Partial(tmp_path / "t", bucket, "k", store.s3.head_object(Bucket=bucket, Key="k"))
    with pytest.raises(FileNotFoundError), half.opened():
        raise FileNotFoundError("gone")
    assert parts_in(tmp_path) == []
