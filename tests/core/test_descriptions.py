"""What sessions share to be made quickly: botocore's descriptions of the services, and its event handlers."""

from __future__ import annotations

import json
from pathlib import Path

import botocore
import pytest
from botocore.exceptions import EndpointConnectionError, ParamValidationError, UnknownServiceError
from botocore.loaders import JSONFileLoader, Loader

from core.aws.descriptions import DescriptionReader
from core.aws.session import AwsSession, Target
from core.settings.profiles import SANDBOX

DATA = Path(botocore.__file__).parent / "data"


@pytest.mark.parametrize("name", ["kinesis/2013-12-02/service-2", "sdk-default-configuration"])
def test_they_are_read_as_botocore_reads_them(name: str) -> None:
    path = str(DATA / name)
    assert DescriptionReader().load_file(path) == JSONFileLoader().load_file(path) is not None
    assert DescriptionReader().exists(path)


def test_a_service_of_the_user_s_own_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "mine" / "2026-01-01"
    folder.mkdir(parents=True)
    (folder / "service-2.json").write_text(json.dumps({"metadata": {"apiVersion": "2026-01-01"}, "operations": {}}))
    loader = Loader([str(tmp_path)], DescriptionReader(), include_default_search_paths=False)
    assert loader.load_service_model("mine", "service-2")["metadata"] == {"apiVersion": "2026-01-01"}
    with pytest.raises(UnknownServiceError):
        loader.load_service_model("theirs", "service-2")


def test_a_handler_of_one_session_is_not_the_other_s() -> None:
    """And each has botocore's own: among them the one that looks at the name of a bucket."""
    target = Target(SANDBOX, "us-east-1", "", {"default": "http://127.0.0.1:9"}, "key", "secret")
    heard: list[str] = []
    clients = [AwsSession(SANDBOX, lambda: target).client("s3", retries=1) for _ in range(2)]
    for name, client in zip("ab", clients, strict=True):
        client.meta.events.register("before-call.s3", lambda name=name, **_: heard.append(name))
    for client in clients:
        with pytest.raises(EndpointConnectionError):
            client.list_buckets()
        with pytest.raises(ParamValidationError, match="bucket name"):
            client.list_objects_v2(Bucket="a b")
    assert heard == ["a", "b"]
