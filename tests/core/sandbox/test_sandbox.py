"""The sandbox serves S3, the small services and MySQL, on loopback only, to every user of the session."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from core.aws.session import AwsSession
from core.settings.profiles import SANDBOX
from tests.sandboxed import Sandbox


def test_small_services_answer(sandbox: Sandbox) -> None:
    bucket = sandbox.name("hello")
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a/b.txt", Body=b"hello")
    assert s3.get_object(Bucket=bucket, Key="a/b.txt")["Body"].read() == b"hello"
    assert sandbox.client("sts").get_caller_identity()["Account"] == "000000000000"
    topic = sandbox.client("sns").create_topic(Name=sandbox.name("topic"))["TopicArn"]
    assert topic in [entry["TopicArn"] for entry in sandbox.client("sns").list_topics()["Topics"]]
    assert sandbox.client("ec2").describe_vpcs()["Vpcs"]
    balancers = sandbox.client("elbv2").describe_load_balancers()["LoadBalancers"]  # other tests may have made some
    assert all(balancer["LoadBalancerArn"].startswith("arn:aws:elasticloadbalancing:") for balancer in balancers)
    secret = sandbox.name("secret")
    sandbox.client("secretsmanager").create_secret(Name=secret, SecretString="s")
    assert sandbox.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"] == "s"


def test_a_wrong_key_is_refused(sandbox: Sandbox) -> None:
    stranger = AwsSession(SANDBOX, lambda: replace(sandbox.target, access_key="AKIAIOSFODNN7EXAMPLE"))
    with pytest.raises(ClientError, match="InvalidAccessKeyId"):
        stranger.client("s3", retries=1).list_buckets()
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        stranger.client("sts", retries=1).get_caller_identity()


def test_policies_of_iam_users_count(sandbox: Sandbox) -> None:
    """So that the least rights a backup needs can be tried out here."""
    bucket, user = sandbox.name("rights"), sandbox.name("user")
    sandbox.client("s3").create_bucket(Bucket=bucket)
    iam = sandbox.client("iam")
    iam.create_user(UserName=user)
    allowed = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName=user, PolicyName="put", PolicyDocument=policy)
    key = iam.create_access_key(UserName=user)["AccessKey"]

    def as_user(secret: str) -> Any:
        target = replace(sandbox.target, access_key=key["AccessKeyId"], secret_key=secret)
        return AwsSession(SANDBOX, lambda: target).client("s3", retries=1)

    as_user(key["SecretAccessKey"]).put_object(Bucket=bucket, Key="k", Body=b"v")
    with pytest.raises(ClientError, match="AccessDenied"):
        as_user(key["SecretAccessKey"]).delete_object(Bucket=bucket, Key="k")
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        as_user("wrong").put_object(Bucket=bucket, Key="k", Body=b"v")


def test_a_signed_link_opens_until_it_is_changed(sandbox: Sandbox) -> None:
    bucket = sandbox.name("signed")
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"v")
    link = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"}, ExpiresIn=60)
    assert urllib.request.urlopen(link, timeout=10).read() == b"v"
    for changed in (link.replace("/k?", "/other?"), link.partition("?")[0]):
        with pytest.raises(urllib.error.HTTPError, match="403") as refused:
            urllib.request.urlopen(changed, timeout=10)
        refused.value.close()


def test_a_company_proxy_does_not_come_between(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert AwsSession(SANDBOX, lambda: sandbox.target).client("sts").get_caller_identity()["Account"]


def test_kinesis_and_warehouse_answer(sandbox: Sandbox) -> None:
    assert isinstance(sandbox.client("kinesis").list_streams()["StreamNames"], list)
    assert (
        "dev"
        in sandbox.client("redshift-data").list_databases(Database="dev", ClusterIdentifier="sandbox")["Databases"]
    )


def test_mysql_answers(sandbox: Sandbox) -> None:
    with sandbox.mysql() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT USER(), @@bind_address")
        assert cursor.fetchone() == ("opsdesk@127.0.0.1", "127.0.0.1")
        cursor.execute("SELECT User, Host, JSON_VALUE(Priv, '$.authentication_string') FROM mysql.global_priv")
        for user, host, password in cursor.fetchall():
            assert user == "mariadb.sys" or password, f"{user}@{host} has no password"


def test_mysql_wants_its_password(sandbox: Sandbox) -> None:
    import pymysql

    if not sandbox.target.mysql:
        pytest.skip("there is no mariadbd on this computer")
    for user in ("root", "opsdesk", ""):
        with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
            pymysql.connect(host="127.0.0.1", port=sandbox.target.mysql[0].port, user=user, password="")


def test_management_paths_are_shut(sandbox: Sandbox) -> None:
    """Any page in a browser may POST to a loopback port: it must not be able to empty S3."""
    bucket = sandbox.name("kept")
    sandbox.client("s3").create_bucket(Bucket=bucket)
    for path in (
        "/_ministack/reset",
        "/_ministack/config",
        "/_localstack/state/reset",
        "//_ministack/reset",
        "/%5fministack/reset",
    ):
        request = urllib.request.Request(sandbox.target.endpoints["s3"] + path, data=b"{}", method="POST")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=10)
        refused.value.close()
    assert bucket in [entry["Name"] for entry in sandbox.client("s3").list_buckets()["Buckets"]]


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads Linux's list of sockets")
def test_everything_listens_on_loopback_only(sandbox: Sandbox) -> None:
    listening = listening_addresses(family_of(sandbox.lease.status().pid))
    ports = {service.port for service in sandbox.lease.status().services if service.state == "running"}
    assert ports <= {port for _, port in listening}
    assert {address for address, _ in listening} == {"127.0.0.1"}


def test_files_are_the_users_own(sandbox: Sandbox) -> None:
    run = sandbox.places.sandbox / "run"
    assert (run / "control.json").stat().st_mode & 0o077 == 0
    assert run.stat().st_mode & 0o077 == 0
    assert (sandbox.places.sandbox / "data").stat().st_mode & 0o077 == 0


def family_of(pid: int) -> set[int]:
    """``pid`` and all its descendants."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue  # it ended meanwhile
    family = {pid}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    return family


def listening_addresses(pids: set[int]) -> set[tuple[str, int]]:
    """(address, port) of the TCP sockets these processes listen on."""
    inodes = set()
    for pid in pids:
        for handle in Path(f"/proc/{pid}/fd").iterdir():
            try:
                target = os.readlink(handle)
            except OSError:
                continue
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                address, _, port = fields[1].partition(":")
                readable = ".".join(str(byte) for byte in bytes.fromhex(address)[::-1]) if table == "tcp" else address
                found.add((readable, int(port, 16)))
    return found
