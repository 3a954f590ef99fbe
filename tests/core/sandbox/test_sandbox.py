"""The sandbox starts once, serves on loopback only, survives kills, and stops with its last user."""

from __future__ import annotations

from tests.sandboxed import Sandbox


def test_small_services_answer(sandbox: Sandbox) -> None:
    bucket = sandbox.name("hello")
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a/b.txt", Body=b"hello")
    assert s3.get_object(Bucket=bucket, Key="a/b.txt")["Body"].read() == b"hello"
    assert sandbox.client("sts").get_caller_identity()["Account"] == "000000000000"


def test_mysql_answers(sandbox: Sandbox) -> None:
    with sandbox.mysql() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT DATABASE(), @@bind_address, @@hostname IS NOT NULL")
        assert cursor.fetchone()[1] == "127.0.0.1"
