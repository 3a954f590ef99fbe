"""The generated policies, under a server that enforces them: each role can do its work and nothing else."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from core.aws.session import AwsSession, Target
from core.aws.workplace import Workplace
from core.backups import policies
from core.backups.objects.service import Objects
from core.backups.outcomes import Outcome
from core.backups.plan import Plan, Source
from core.backups.plan import Target as Aim
from core.backups.service import BackupsService
from core.base.places import Places
from core.jobs.job import headless_job
from core.settings.model import Settings
from core.settings.profiles import SANDBOX
from core.settings.secrets import Secrets
from tests.core.backups.conftest import Station

BUCKET = "vault"


class Aws:
    """moto with IAM enforced; ``as_role`` gives the target of a user who has only that role's policy."""

    def __init__(self, url: str, plan: Plan) -> None:
        self.url, self.plan = url, plan
        iam = self.client("iam", Target(SANDBOX, access_key="root", secret_key="root"))
        self.targets: dict[str, Target] = {}
        for role, document in policies.documents(plan).items():
            name = f"user-{role}"
            iam.create_user(UserName=name)
            iam.put_user_policy(UserName=name, PolicyName="least", PolicyDocument=json.dumps(document))
            key = iam.create_access_key(UserName=name)["AccessKey"]
            self.targets[role] = Target(
                SANDBOX,
                region="us-east-1",
                endpoints={"default": url},
                access_key=key["AccessKeyId"],
                secret_key=key["SecretAccessKey"],
            )

    def client(self, service: str, target: Target) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=target.access_key,
            aws_secret_access_key=target.secret_key,
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )

    def service(self, role: str, places: Places) -> BackupsService:
        aws = AwsSession(SANDBOX, lambda: self.targets[role])
        return BackupsService(Workplace(aws, places, Settings, Secrets()))


def reset_auth(url: str, allowed: str) -> None:
    """How many calls moto lets pass before it asks IAM: "0" is enforcement from now on."""
    request = urllib.request.Request(
        f"{url}/moto-api/reset-auth", data=allowed.encode(), headers={"Content-Type": "text/plain"}
    )
    urllib.request.urlopen(request, timeout=10).close()


@pytest.fixture
def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    monkeypatch.setenv("INITIAL_NO_AUTH_ACTION_COUNT", "1000000")
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "one.txt").write_text("one" * 100)
    plan = Plan("nightly", Source("folder", paths=(str(tmp_path / "papers"),)), Aim(BUCKET, "db"))
    made = Aws(url, plan)
    root = made.client("s3", Target(SANDBOX, access_key="root", secret_key="root"))
    root.create_bucket(Bucket=BUCKET)
    root.put_object(Bucket=BUCKET, Key="db/nightly/there", Body=b"x")
    root.put_object(Bucket=BUCKET, Key="elsewhere", Body=b"x")
    reset_auth(url, "0")
    yield made
    reset_auth(url, "inf")
    urllib.request.urlopen(urllib.request.Request(f"{url}/moto-api/reset", method="POST"), timeout=10).close()
    server.stop()


ACTS: dict[str, Callable[[Any], Any]] = {
    "put": lambda s3: s3.put_object(Bucket=BUCKET, Key="db/nightly/new", Body=b"x"),
    "put elsewhere": lambda s3: s3.put_object(Bucket=BUCKET, Key="db/other/new", Body=b"x"),
    "get": lambda s3: s3.get_object(Bucket=BUCKET, Key="db/nightly/there"),
    "get elsewhere": lambda s3: s3.get_object(Bucket=BUCKET, Key="elsewhere"),
    "list": lambda s3: s3.list_objects_v2(Bucket=BUCKET, Prefix="db/nightly/"),
    "lifecycle": lambda s3: s3.put_bucket_lifecycle_configuration(
        Bucket=BUCKET,
        LifecycleConfiguration={
            "Rules": [{"ID": "x", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}]
        },
    ),
    "versioning": lambda s3: s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"}),
    "delete": lambda s3: s3.delete_object(Bucket=BUCKET, Key="db/nightly/there"),
    "delete elsewhere": lambda s3: s3.delete_object(Bucket=BUCKET, Key="elsewhere"),
}
ALLOWED = {
    "backup": {"put", "list"},
    "verify": {"get", "list"},
    "admin": {"get", "list", "lifecycle", "versioning", "delete"},
}


@pytest.mark.parametrize("role", policies.ROLES)
def test_each_role_can_do_its_work_and_nothing_else(aws: Aws, role: str) -> None:
    s3 = aws.client("s3", aws.targets[role])
    done = set()
    for name, act in ACTS.items():
        try:
            act(s3)
            done.add(name)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("AccessDenied", "403"):
                raise
    assert done == ALLOWED[role]


def test_the_backup_role_backs_up_and_the_verify_role_proves(aws: Aws, home: Places) -> None:
    writer, reader = aws.service("backup", home), aws.service("verify", home)
    writer.save_plan(aws.plan)
    run = writer.run(headless_job(), "nightly")
    assert run and run.outcome is Outcome.DONE
    verification = reader.verify(headless_job(), "nightly")
    assert verification.outcome is Outcome.DONE, verification.headline
    rules = {finding.rule for finding in writer.check_rights(headless_job(), aws.plan)}
    assert "role-may-delete" not in rules and "role-may-not-write" not in rules
    assert "role-fits" in rules
    assert "role-may-not-write" in {finding.rule for finding in reader.check_rights(headless_job(), aws.plan)}
    assert "role-may-delete" in {
        finding.rule for finding in aws.service("admin", home).check_rights(headless_job(), aws.plan)
    }
    keys = [
        item["Key"]
        for item in aws.client("s3", aws.targets["verify"]).list_objects_v2(Bucket=BUCKET, Prefix="db/nightly/")[
            "Contents"
        ]
    ]
    assert not any("probe" in key for key in keys)


def test_a_stolen_backup_key_cannot_overwrite_a_backup_through_us(aws: Aws, home: Places) -> None:
    writer = aws.service("backup", home)
    writer.save_plan(aws.plan)
    first = writer.run(headless_job(), "nightly")
    assert first
    second = writer.run(headless_job(), "nightly")
    assert second and second.key != first.key


def test_policies_name_the_key_and_the_topic(tmp_path: Path) -> None:
    plan = Plan("nightly", Source("folder", paths=("/x",)), Aim("b", "p", kms_key="arn:aws:kms:eu-west-1:1:key/k"))
    plan = replace(plan, alerts=replace(plan.alerts, sns_topic="arn:aws:sns:eu-west-1:1:t"))
    text = json.dumps(policies.documents(plan)["backup"])
    assert "arn:aws:kms:eu-west-1:1:key/k" in text and "arn:aws:sns:eu-west-1:1:t" in text
    assert "Delete" not in text and "GetObject" not in text and '"*"' not in text


@pytest.mark.parametrize(
    ("region", "word"),
    [("", "aws"), ("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")],
)
def test_names_of_another_partition(region: str, word: str) -> None:
    plan = Plan("nightly", Source("folder", paths=("/x",)), Aim("b", "p"))
    for document in policies.documents(plan, region).values():
        assert {one["Resource"].split(":")[1] for one in document["Statement"]} == {word}


def test_every_partition_is_known() -> None:
    botocores = boto3.Session()
    for name in botocores.get_available_partitions():
        assert {policies.partition(region) for region in botocores.get_available_regions("s3", name)} == {name}


def test_signs_of_a_prefix_stand_for_nothing_else_in_a_policy() -> None:
    """``a*/`` would open every folder that begins with an a."""
    plan = Plan("nightly", Source("folder", paths=("/x",)), Aim(BUCKET, "a*?$"))
    for document in policies.documents(plan).values():
        text = json.dumps(document)
        assert "a${*}${?}${$}/nightly/*" in text and "a*" not in text


def test_what_was_not_tried_is_not_called_safe(aws: Aws) -> None:
    """A usual policy of old: read, write and delete, and nothing of the bucket itself."""
    iam = aws.client("iam", Target(SANDBOX, access_key="root", secret_key="root"))
    reset_auth(aws.url, "inf")
    document = policies.documents(aws.plan)["backup"]
    for statement in document["Statement"]:
        statement["Action"] = [one for one in statement["Action"] if one != "s3:GetBucketVersioning"]
    document["Statement"][0]["Action"].append("s3:DeleteObject")
    iam.put_user_policy(UserName="user-backup", PolicyName="least", PolicyDocument=json.dumps(document))
    reset_auth(aws.url, "0")
    rules = {
        item.rule
        for item in policies.check(headless_job(), AwsSession(SANDBOX, lambda: aws.targets["backup"]), aws.plan)
    }
    assert "role-unknown" in rules and "role-fits" not in rules


def test_the_root_of_an_account_may_do_everything_and_the_page_says_since_when_it_knows(folders: Station) -> None:
    """No policy binds it, and the simulation of policies, which finds none, calls it powerless."""
    days = [f"{datetime.now(UTC):%Y-%m-%d}"]
    (found,) = folders.service.check_rights(folders.job(), folders.plan)
    days.append(f"{datetime.now(UTC):%Y-%m-%d}")  # midnight may have passed
    assert found.rule == "role-may-delete" and "root user" in found.why
    told = [item for item in folders.service.status(folders.job(), "nightly").findings if item.rule == found.rule]
    assert any(f"Looked at on {day} " in told[0].why for day in days)


def test_without_the_right_to_list_buckets_the_known_ones_are_shown(aws: Aws, home: Places) -> None:
    session = AwsSession(SANDBOX, lambda: aws.targets["backup"])
    limited = Objects(Workplace(session, home, Settings, Secrets()))
    listing = limited.buckets(known=(BUCKET,))
    assert [bucket.name for bucket in listing.buckets] == [BUCKET]
    assert not listing.whole and listing.why
    assert [item.key for item in limited.page(BUCKET, "db/nightly/").entries] == ["db/nightly/there"]
    assert any("may not read the lifecycle" in sentence for sentence in limited.bucket_facts(BUCKET).lacking)
