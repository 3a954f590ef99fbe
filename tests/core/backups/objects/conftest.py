"""Two independent endpoints for the same tests: the sandbox's, and `rclone serve s3` (Go, checks signatures, lacks much)."""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
import json
import os
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from core.aws.session import AwsSession, Target
from core.aws.workplace import Workplace
from core.backups.objects.service import Objects
from core.base.places import Places
from core.cli.arguments import parse
from core.cli.run import run_verb
from core.settings.model import Settings
from core.settings.profiles import Profile, Profiles
from tests.core.backups.conftest import rclone_serving

Verb = Callable[..., tuple[int, Any, str]]
_numbers = itertools.count(1)
MB = 1 << 20


@dataclass
class Store:
    """An endpoint under test: ``objects`` as the product uses it, ``s3`` as plain boto3 to look behind its back."""

    name: str
    aws: AwsSession
    objects: Objects
    made: list[str] = field(default_factory=list)

    @property
    def s3(self) -> Any:
        return self.aws.client("s3")

    def bucket(self, *, versioning: bool = False) -> str:
        name = f"obj-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}-{next(_numbers)}"  # they share the sandbox
        self.s3.create_bucket(Bucket=name)
        if versioning:
            self.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    def fill(self, bucket: str, keys: dict[str, bytes]) -> None:
        for key, body in keys.items():
            self.s3.put_object(Bucket=bucket, Key=key, Body=body)

    def keys(self, bucket: str) -> set[str]:
        return {item["Key"] for item in self.s3.list_objects_v2(Bucket=bucket).get("Contents", ())}

    def open_uploads(self, bucket: str) -> list[dict[str, Any]]:
        try:
            return self.s3.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
        except self.s3.exceptions.NoSuchUpload:  # rclone, where there is none
            return []


def file_of(path: Path, size: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(size))
    return path


def md5_of(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content).digest()).decode()


def objects_on(aws: AwsSession, home: Path) -> Objects:
    places = Places(home / "config", home / "state", home / "cache", home / "sandbox").made()
    return Objects(Workplace(aws, places, Settings))


def session_on(url: str, access: str, secret: str) -> AwsSession:
    profile = Profile("test", environment="staging")
    return AwsSession(profile, lambda: Target(profile, "us-east-1", "", {"s3": url}, access, secret))


@pytest.fixture
def store(sandbox, tmp_path: Path) -> Store:
    """The sandbox's S3 (ministack): versions, lifecycle, checksums, tags."""
    return Store("sandbox", sandbox.aws, objects_on(sandbox.aws, tmp_path / "own"))


@pytest.fixture(scope="session")
def rclone_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What rclone serves: each folder in it is a bucket, each file an object."""
    return tmp_path_factory.mktemp("rclone")


@pytest.fixture(scope="session")
def rclone_url(rclone_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("rclone-log") / "log"
    with rclone_serving(rclone_folder, "ACCESS", "SECRETSECRET", log) as url:
        yield url


@pytest.fixture
def rclone(rclone_url: str, tmp_path: Path) -> Store:
    aws = session_on(rclone_url, "ACCESS", "SECRETSECRET")
    return Store("rclone", aws, objects_on(aws, tmp_path / "own"))


@pytest.fixture(params=["store", "rclone"])
def either(request: pytest.FixtureRequest) -> Store:
    """Each endpoint in turn: what every S3 can."""
    found: Store = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def every_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each progress is heard, not 20 a second: what it starts happens after so many bytes, however fast they go."""
    monkeypatch.setattr("core.jobs.job._REPORT_INTERVAL", 0.0)


@pytest.fixture
def s3(sandbox, home, monkeypatch) -> Verb:
    """``s3("ls", ...)`` -> (status, JSON or text, messages), on the sandbox's S3."""
    target = sandbox.target
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", target.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", target.secret_key)
    url = target.endpoints.get("s3") or target.endpoints["default"]
    Profiles(home.config / "profiles.toml").add(
        Profile("stand", environment="staging", region="us-east-1", endpoints={"s3": url})
    )

    def run(*words: str, text: bool = False) -> tuple[int, Any, str]:
        out, said = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(said):
            status = run_verb(parse(["--profile", "stand", *([] if text else ["--json"]), "s3", *words]))
        printed = out.getvalue()
        return status, (json.loads(printed) if printed and not text else printed), said.getvalue()

    return run
