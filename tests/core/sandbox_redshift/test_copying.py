"""COPY, UNLOAD and SHOW with what their pages say, on the local engine and the sandbox's S3."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.sandbox.redshift.engine.outcome import SqlError
from core.sandbox.redshift.engine.warehouse import Warehouse
from tests.core.sandbox_redshift.conftest import Engine
from tests.core.sandbox_redshift.test_statements import _same
from tests.sandboxed import Sandbox

STEPS = Path(__file__).parent / "copy-unload-show.json"


class Bucket:
    def __init__(self, sandbox: Sandbox) -> None:
        self.s3, self.name = sandbox.client("s3"), sandbox.name("unloads")
        self.s3.create_bucket(Bucket=self.name)

    def put(self, objects: dict[str, str]) -> None:
        for (
            key,
            text,
        ) in objects.items():  # latin-1: a byte is a character here, so that broken UTF-8 can be written down
            body = text.replace("s3://b/", f"s3://{self.name}/")
            encoding = "latin-1" if any("\x80" <= char <= "\xff" for char in body) and key == "inv" else "utf-8"
            self.s3.put_object(Bucket=self.name, Key=key, Body=body.encode(encoding))

    def text(self, key: str) -> str:
        return self.s3.get_object(Bucket=self.name, Key=key)["Body"].read().decode()  # type: ignore[no-any-return]

    def keys(self, prefix: str) -> list[str]:
        listed = self.s3.list_objects_v2(Bucket=self.name, Prefix=prefix).get("Contents", [])
        return sorted(one["Key"] for one in listed)


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
        rows = engine(step["sql"].replace("s3://b/", f"s3://{bucket.name}/"))
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


def test_copy_unload_and_show_do_what_their_pages_say(sandbox: Sandbox, tmp_path: Path) -> None:
    bucket = Bucket(sandbox)
    warehouse = Warehouse(tmp_path / "warehouse", sandbox.target.endpoints["s3"])
    session = warehouse.session("dev", "awsuser")
    troubles = []
    try:
        for step in json.loads(STEPS.read_text(encoding="utf-8"))["steps"]:
            if "put" in step:
                bucket.put(step["put"])
            elif trouble := _trouble(step, Engine(session), bucket):
                troubles.append(f"{step['sql']}\n    {trouble}")
    finally:
        session.close()
        warehouse.close()
    assert not troubles, "\n".join(troubles)
