"""A folder and a prefix made alike: what is carried, what is left alone, what is deleted and when nothing is."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.backups.objects.address import Address
from core.backups.objects.comparing import compare
from core.backups.objects.values import Comparison
from core.base.errors import OpsError, WrongUse
from core.jobs.job import headless_job
from tests.core.backups.objects.conftest import Store

LONG_AGO = 1_500_000_000


def lay(folder: Path, files: dict[str, bytes], *, when: float | None = None) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        if when is not None:
            os.utime(path, (when, when))
    return folder


def read(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Pair:
    """One folder and one prefix."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store, self.folder = store, folder
        folder.mkdir(parents=True, exist_ok=True)
        self.bucket = store.bucket()
        self.place = Address(self.bucket, "in/here")

    def compare(self, *, upward: bool, **options: Any) -> Comparison:
        return self.store.objects.compare(headless_job(), self.folder, self.place, upward=upward, **options)

    def go(self, *, upward: bool, remove: bool = False, **options: Any) -> tuple[int, int, list[str]]:
        """Carry out; how many were carried and deleted, and the names of errors."""
        done = self.store.objects.carry_out(headless_job(), self.compare(upward=upward, **options), remove=remove)
        return done.objects, done.deleted, [name for name, _ in done.errors]

    def there(self) -> dict[str, bytes]:
        keys = [key for key in self.store.keys(self.bucket) if key.startswith("in/here/")]
        return {
            key.removeprefix("in/here/"): self.store.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
            for key in keys
        }


@pytest.fixture
def pair(either: Store, tmp_path: Path) -> Pair:
    return Pair(either, tmp_path / "side")


@pytest.fixture
def sandbox_pair(store: Store, tmp_path: Path) -> Pair:
    return Pair(store, tmp_path / "side")


FILES = {"a": b"1", "a.txt": b"22", "a-b/c": b"333", "d/e/f": b"4444", "d/e.x": b"", "über/ß": b"5", "0": b"6"}


def test_up_and_down_until_nothing_differs(pair: Pair, tmp_path: Path) -> None:
    lay(pair.folder, FILES)
    pair.store.fill(pair.bucket, {"in/here.txt": b"a neighbour", "in/hereafter/x": b"another"})
    assert pair.go(upward=True) == (len(FILES), 0, [])
    assert pair.there() == FILES
    again = pair.compare(upward=True)
    assert (again.carry, again.surplus, again.same) == ((), (), len(FILES))
    pair.folder = tmp_path / "other"
    assert pair.go(upward=False) == (len(FILES), 0, [])
    assert read(pair.folder) == FILES
    for upward in (True, False):
        back = pair.compare(upward=upward)
        assert (back.carry, back.surplus, back.same, back.errors) == ((), (), len(FILES), ())


def test_only_what_differs_is_carried_and_only_on_request_deleted(pair: Pair) -> None:
    lay(pair.folder, FILES)
    pair.go(upward=True)
    lay(pair.folder, {"a": b"one", "new/file": b"n"})
    (pair.folder / "a.txt").unlink()
    found = pair.compare(upward=True)
    assert [(item.name, item.why) for item in found.carry] == [("a", "other size"), ("new/file", "new")]
    assert [item.name for item in found.surplus] == ["a.txt"]
    assert pair.go(upward=True) == (2, 0, []) and "a.txt" in pair.there()
    assert pair.go(upward=True, remove=True) == (0, 1, [])
    assert pair.there() == read(pair.folder)


def test_down_deletes_files_and_the_folders_that_become_empty(pair: Pair) -> None:
    pair.store.fill(pair.bucket, {"in/here/keep": b"k"})
    lay(pair.folder, {"keep": b"old", "gone/deep/file": b"x", "gone too": b"y"})
    (pair.folder / "an empty folder").mkdir()
    assert pair.go(upward=False, remove=True) == (1, 2, [])
    assert read(pair.folder) == {"keep": b"k"}
    assert sorted(path.name for path in pair.folder.iterdir()) == ["an empty folder", "keep"]


def test_a_touched_file_is_read_and_not_sent(sandbox_pair: Pair) -> None:
    lay(sandbox_pair.folder, {"same": b"abc", "other": b"abc"})
    sandbox_pair.go(upward=True)
    future = sandbox_pair.store.s3.head_object(Bucket=sandbox_pair.bucket, Key="in/here/same")["LastModified"]
    lay(sandbox_pair.folder, {"same": b"abc", "other": b"xyz"}, when=future.timestamp() + 60)
    found = sandbox_pair.compare(upward=True)
    assert [(item.name, item.why) for item in found.carry] == [("other", "other content")] and found.same == 1


def test_contents_are_read_where_that_is_asked(sandbox_pair: Pair) -> None:
    """An older file of the same size in the place of what was uploaded: time and size do not tell."""
    lay(sandbox_pair.folder, {"file": b"abc"})
    sandbox_pair.go(upward=True)
    lay(sandbox_pair.folder, {"file": b"xyz"}, when=LONG_AGO)
    assert sandbox_pair.compare(upward=True).same == 1
    assert [item.why for item in sandbox_pair.compare(upward=True, contents=True).carry] == ["other content"]
    sandbox_pair.go(upward=False)
    when = (sandbox_pair.folder / "file").stat().st_mtime
    lay(sandbox_pair.folder, {"file": b"xyz"}, when=when)
    assert sandbox_pair.compare(upward=False).same == 1
    assert sandbox_pair.go(upward=False, contents=True)[0] == 1
    assert read(sandbox_pair.folder) == {"file": b"abc"}


def test_parts_are_compared_by_their_own_size(sandbox_pair: Pair) -> None:
    """What went up in parts has no MD5 of its own; it is told from the MD5s of the parts, whatever their size was."""
    body = os.urandom(5 << 20) + b"tail"
    lay(sandbox_pair.folder, {"big": body}, when=LONG_AGO)
    client = sandbox_pair.store.s3
    where = {"Bucket": sandbox_pair.bucket, "Key": "in/here/big"}
    upload = client.create_multipart_upload(**where)["UploadId"]
    parts = [
        {"PartNumber": n, "ETag": client.upload_part(**where, UploadId=upload, PartNumber=n, Body=part)["ETag"]}
        for n, part in ((1, body[: 5 << 20]), (2, body[5 << 20 :]))
    ]
    client.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": parts})
    assert sandbox_pair.compare(upward=True, contents=True).same == 1
    lay(sandbox_pair.folder, {"big": body[:-1] + b"!"}, when=LONG_AGO)
    assert len(sandbox_pair.compare(upward=True, contents=True).carry) == 1


def test_excluded_things_are_neither_carried_nor_deleted(pair: Pair) -> None:
    pair.store.fill(pair.bucket, {"in/here/cache/old": b"1", "in/here/x.tmp": b"2", "in/here/stale": b"3"})
    lay(pair.folder, {"cache/new": b"4", "deep/y.tmp": b"5", "kept": b"6"})
    assert pair.go(upward=True, remove=True, exclude=("cache", "*.tmp")) == (1, 1, [])
    assert pair.there() == {"cache/old": b"1", "x.tmp": b"2", "kept": b"6"}


def test_what_cannot_be_read_is_named_and_its_objects_stay(pair: Pair, tmp_path: Path) -> None:
    lay(tmp_path / "elsewhere", {"file": b"linked"})
    pair.store.fill(pair.bucket, {"in/here/link/file": b"1", "in/here/pipe": b"2", "in/here/gone": b"3"})
    lay(pair.folder, {"a": b"a"})
    (pair.folder / "link").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(pair.folder / "pipe")
    (pair.folder / os.fsdecode(b"latin \xe9")).write_bytes(b"x")
    carried, deleted, errors = pair.go(upward=True, remove=True)
    assert (carried, deleted) == (1, 1)
    assert sorted(errors) == ["latin \\xe9", "link", "pipe"]
    assert pair.there() == {"link/file": b"1", "pipe": b"2", "a": b"a"}


@pytest.mark.parametrize("upward", [True, False])
def test_an_empty_source_deletes_nothing(pair: Pair, upward: bool) -> None:
    if upward:
        pair.store.fill(pair.bucket, {"in/here/only": b"1"})
    else:
        lay(pair.folder, {"only": b"1"})
    with pytest.raises(WrongUse, match="is empty"):
        pair.go(upward=upward, remove=True)
    assert pair.there() if upward else read(pair.folder)


def test_nothing_is_deleted_where_something_failed(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that goes between comparing and carrying out."""
    lay(pair.folder, {"a": b"1", "b": b"2"})
    pair.store.fill(pair.bucket, {"in/here/surplus": b"3"})
    found = pair.compare(upward=True)
    (pair.folder / "a").unlink()
    done = pair.store.objects.carry_out(headless_job(), found, remove=True)
    assert [name for name, _ in done.errors] == ["in/here/a", "deletions"] and done.deleted == 0
    assert set(pair.there()) == {"b", "surplus"}


def test_what_came_meanwhile_is_not_deleted(pair: Pair) -> None:
    lay(pair.folder, {"a": b"1"})
    pair.store.fill(pair.bucket, {"in/here/a": b"1", "in/here/late": b"3"})
    found = pair.compare(upward=True)
    lay(pair.folder, {"late": b"3"})
    assert pair.store.objects.carry_out(headless_job(), found, remove=True).deleted == 0
    assert set(pair.there()) == {"a", "late"}


def test_hostile_keys_stay_where_they_are(sandbox_pair: Pair) -> None:
    keys = {
        "in/here/../../evil": b"1",
        "in/here//x": b"2",
        "in/here/ok": b"3",
        "in/here/folder/": b"",
        "in/here/full/": b"4",
    }
    sandbox_pair.store.fill(sandbox_pair.bucket, keys)
    found = sandbox_pair.compare(upward=False)
    assert [item.name for item in found.carry] == ["ok"]
    assert sorted(name for name, _ in found.errors) == ["../../evil", "/x", "full/"]


def test_a_half_downloaded_file_is_nobodys(pair: Pair) -> None:
    lay(pair.folder, {".opsdesk-0123.part": b"half", "a": b"1"})
    assert pair.go(upward=True) == (1, 0, []) and set(pair.there()) == {"a"}


def test_a_source_that_is_not_there(pair: Pair) -> None:
    pair.folder.rmdir()
    with pytest.raises(WrongUse, match="is no folder"):
        pair.compare(upward=True)
    assert pair.compare(upward=False).source_empty


def test_an_etag_that_tells_nothing_does_not_count_as_the_same(sandbox_pair: Pair) -> None:
    """As of objects encrypted by KMS. When only the time is asked, it settles the matter; contents were not compared."""
    lay(sandbox_pair.folder, {"file": b"abc"})
    sandbox_pair.go(upward=True)
    opaque = Changed(sandbox_pair.store.aws, lambda item: {**item, "ETag": '"0123456789abcdef-opaque"'})

    def found(**options: Any) -> list[str]:
        return [
            item.why
            for item in compare(
                headless_job(), opaque, sandbox_pair.folder, sandbox_pair.place, upward=True, **options
            ).carry
        ]

    assert found() == []
    assert found(contents=True) == ["content not known"]
    later = (sandbox_pair.folder / "file").stat().st_mtime + 100
    os.utime(sandbox_pair.folder / "file", (later, later))
    assert found() == ["other time"]


class Changed:
    """An endpoint that lists in another way: each entry, or their order."""

    def __init__(self, aws: Any, entry: Callable[[dict[str, Any]], dict[str, Any]], order: int = 1) -> None:
        self._aws, self._entry, self._order = aws, entry, order

    def client(self, *args: Any, **options: Any) -> Any:
        client, entry, order = self._aws.client(*args, **options), self._entry, self._order

        class Client:
            def __getattr__(self, name: str) -> Any:
                return getattr(client, name)

            def list_objects_v2(self, **arguments: Any) -> Any:
                answer = client.list_objects_v2(**arguments)
                answer["Contents"] = [entry(item) for item in answer.get("Contents", [])][::order]
                return answer

        return Client()


def test_an_endpoint_without_order_is_refused(sandbox_pair: Pair) -> None:
    sandbox_pair.store.fill(sandbox_pair.bucket, {"in/here/a": b"1", "in/here/b": b"2"})
    backwards = Changed(sandbox_pair.store.aws, dict, order=-1)
    with pytest.raises(OpsError) as caught:
        compare(headless_job(), backwards, sandbox_pair.folder, sandbox_pair.place, upward=True)
    assert caught.value.code == "order"


NAMES = st.lists(st.sampled_from(["a", "b", "a.", "a-", "a0", "é", "z", "a b"]), min_size=1, max_size=3).map("/".join)


def _fits(names: dict[str, bytes]) -> bool:
    """No name is a file and a folder at once."""
    return not any(other.startswith(f"{name}/") for name in names for other in names)


TREES = st.dictionaries(NAMES, st.binary(max_size=2), max_size=8).filter(_fits)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(here=TREES.filter(bool), there=TREES)
def test_any_two_sides_become_alike(
    store: Store, tmp_path_factory: pytest.TempPathFactory, here: Any, there: Any
) -> None:
    pair = Pair(store, tmp_path_factory.mktemp("any") / "side")
    lay(pair.folder, here)
    store.fill(pair.bucket, {f"in/here/{name}": body for name, body in there.items()})
    pair.go(upward=True, remove=True, contents=True)
    assert pair.there() == here
