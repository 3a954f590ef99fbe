"""COPY, UNLOAD and SHOW with what their pages say, on the local engine."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from core.sandbox.redshift.engine.outcome import SqlError
from core.sandbox.redshift.engine.storage import Storage
from core.sandbox.redshift.engine.warehouse import Warehouse
from tests.core.sandbox_redshift.conftest import Engine, made_of
from tests.core.sandbox_redshift.test_statements import _same

HERE = Path(__file__).parent


class Bucket(Storage):
    """Objects in memory, by URL: what S3 itself does is tried by test_storage."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}

    def objects(self, url: str) -> list[tuple[str, int]]:
        return [(name, len(body)) for name, body in sorted(self.contents.items()) if name.startswith(url)]

    @contextmanager
    def open(self, url: str, compression: str = "") -> Iterator[IO[bytes]]:
        if url not in self.contents:
            raise SqlError(f"S3ServiceException: {url} is not there")
        yield io.BytesIO(self.contents[url])

    def put(self, url: str, content: IO[bytes]) -> None:
        self.contents[url] = content.read()

    def delete(self, urls: list[str]) -> None:
        for url in urls:
            del self.contents[url]

    def text(self, key: str) -> str:
        return self.contents[f"s3://b/{key}"].decode()

    def keys(self, prefix: str) -> list[str]:
        return [name.removeprefix("s3://b/") for name, _ in self.objects(f"s3://b/{prefix}")]


def _rows_differ(rows: list[list[Any]], step: dict[str, Any]) -> bool:
    wanted = step.get("rows", step.get("first"))
    if wanted is None:
        return False
    exact = "rows" in step  # else: the first columns of each row
    return len(rows) != len(wanted) or not all(
        (len(one) == len(two) or not exact) and all(map(_same, one, two)) for one, two in zip(rows, wanted, strict=True)
    )


def _trouble(step: dict[str, Any], engine: Engine, bucket: Bucket) -> str:
    try:
        rows = engine(step["sql"])
    except SqlError as error:
        return "" if "error" in step and step["error"] in str(error) else str(error)
    if "error" in step:
        return f"gave {rows}, an error was expected"
    if _rows_differ(rows, step):
        return f"gave {rows}"
    for key, text in step.get("object", {}).items():
        if bucket.text(key) != text:
            return f"{key} is {bucket.text(key)!r}"
    for key, text in step.get("contains", {}).items():
        if text not in bucket.text(key):
            return f"{key} is {bucket.text(key)!r}"
    for key, documents in step.get("documents", {}).items():
        if [json.loads(line) for line in bucket.text(key).splitlines()] != documents:
            return f"{key} is {bucket.text(key)!r}"
    for prefix, keys in step.get("keys", {}).items():
        if bucket.keys(prefix) != keys:
            return f"there are {bucket.keys(prefix)}"
    return ""


@pytest.mark.parametrize("name", ["copy-unload-show", "copy-unload-daily"])
def test_copy_unload_and_show_do_what_their_pages_say(name: str, empty: Path, tmp_path: Path) -> None:
    bucket = Bucket()
    warehouse = Warehouse(made_of(empty, tmp_path), "")
    session = warehouse.session("dev", "awsuser")
    session.storage = bucket
    troubles = []
    for step in json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))["steps"]:
        for key, text in step.get("put", {}).items():  # a character is a byte where UTF-8 is to be broken
            bucket.put(f"s3://b/{key}", io.BytesIO(text.encode("latin-1" if key == "inv" else "utf-8")))
        if "sql" in step and (trouble := _trouble(step, Engine(session), bucket)):
            troubles.append(f"{step['sql']}\n    {trouble}")
    session.close()
    warehouse.close()
    assert not troubles, "\n".join(troubles)
