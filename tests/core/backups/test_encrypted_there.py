"""What a plan says of encryption and storage class goes with every request that begins an object, whoever sends it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from core.backups import policies
from core.backups.manifest import SUFFIX
from core.backups.vault import LIST_SUFFIX
from tests.core.backups.conftest import Station

KEY = "arn:aws:kms:us-east-1:000000000000:key/one"


@contextmanager
def begun(folders: Station) -> Iterator[dict[str, dict[str, Any]]]:
    """Key -> parameters of every request inside that begins an object."""
    seen: dict[str, dict[str, Any]] = {}

    def see(params: dict[str, Any], **_: Any) -> None:
        seen[params["Key"]] = params

    aws = folders.service._workplace.aws
    events = [client.meta.events for client in (aws.client("s3"), aws.client("s3", retries=2))]
    names = [f"provide-client-params.s3.{name}" for name in ("PutObject", "CreateMultipartUpload")]
    for one in events:
        for name in names:
            one.register_first(name, see, unique_id=f"{name}-{folders.bucket}")
    yield seen
    for one in events:
        for name in names:
            one.unregister(name, unique_id=f"{name}-{folders.bucket}")


def sealed(params: dict[str, Any]) -> bool:
    return (params.get("ServerSideEncryption"), params.get("SSEKMSKeyId")) == ("aws:kms", KEY)


def test_every_object_of_a_run_and_every_trial_is_encrypted_as_the_plan_says(folders: Station) -> None:
    folders.keep(target=replace(folders.plan.target, sse="aws:kms", kms_key=KEY, storage_class="STANDARD_IA"))
    with begun(folders) as seen:
        key = folders.run().key
    assert {key, key + SUFFIX, key + LIST_SUFFIX} < set(seen) and all(map(sealed, seen.values()))
    with_class = {name for name, params in seen.items() if "StorageClass" in params}
    assert with_class == {key}  # the others are small and read often
    head = folders.s3.head_object(Bucket=folders.bucket, Key=key)
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"], head["StorageClass"]) == ("aws:kms", KEY, "STANDARD_IA")
    vault = folders.service._vault(folders.plan)
    for trial in (
        lambda: policies._tried(folders.service._workplace.aws, folders.plan),
        lambda: vault.probe(folders.job(), key + SUFFIX, folders.body(key + SUFFIX), "run"),
    ):
        with begun(folders) as seen:
            trial()
        assert seen and all(map(sealed, seen.values()))
