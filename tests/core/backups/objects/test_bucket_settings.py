"""What is set on a bucket as a whole, access lists, and many objects changed at once: the verbs, on endpoints that have it and lack it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.backups.objects import browse, documents
from core.backups.objects.document_files import cors_of, policy_of
from core.backups.objects.documents import KINDS, POLICY, website_url
from core.backups.objects.values import Entry
from core.base.errors import OpsError, WrongUse
from core.jobs.job import headless_job

ONE_RULE = {"AllowedMethods": ["GET"], "AllowedOrigins": ["https://a.example"], "MaxAgeSeconds": 60}
XML = """<?xml version="1.0"?><CORSConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><CORSRule>
<AllowedOrigin>https://a.example</AllowedOrigin><AllowedMethod>GET</AllowedMethod><MaxAgeSeconds>60</MaxAgeSeconds>
</CORSRule></CORSConfiguration>"""


def policy_for(bucket: str) -> dict[str, Any]:
    reading = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "s3:GetObject"}
    return {"Version": "2012-10-17", "Statement": [{**reading, "Resource": f"arn:aws:s3:::{bucket}/*"}]}


def test_a_policy_is_set_shown_and_removed(s3, sandbox, tmp_path: Path) -> None:
    bucket = made(sandbox, "policy")
    there, file = f"s3://{bucket}", tmp_path / "policy.json"
    assert s3("getpolicy", there, text=True)[:2] == (0, f"{bucket} has no policy\n")
    file.write_text(json.dumps(policy_for(bucket)))
    status, _, said = s3("setpolicy", str(file), there)
    assert status == 1 and "lift the block of public access" in said
    sandbox.aws.client("s3").delete_public_access_block(Bucket=bucket)
    assert s3("setpolicy", str(file), there)[1]["before"] is None
    assert json.loads(s3("getpolicy", there, text=True)[1]) == policy_for(bucket)
    status, _, said = s3("delpolicy", there, text=True)
    assert status == 0 and json.loads(said.partition("\n")[2]) == policy_for(bucket), "it can be put back"
    assert s3("delpolicy", there, text=True)[1] == f"policy of {bucket}: there is none\n"


def test_cors_rules_of_either_tool(s3, sandbox, tmp_path: Path) -> None:
    there, file = f"s3://{made(sandbox, 'cors')}", tmp_path / "cors"
    for text in (json.dumps({"CORSRules": [ONE_RULE]}), json.dumps([ONE_RULE]), XML):
        file.write_text(text)
        assert cors_of(file) == [ONE_RULE]
    assert s3("setcors", str(file), there)[0] == 0
    about = s3("info", there)[1]
    assert about["cors"] == [ONE_RULE] and about["policy"] is None and about["public_access_blocked"] is True
    assert s3("delcors", there)[1]["before"] == [ONE_RULE]


def test_website_and_access_log(s3, sandbox) -> None:
    bucket, logs = made(sandbox, "site"), made(sandbox, "logs")
    there = f"s3://{bucket}"
    status, _, said = s3("ws-create", there, "--ws-error", "404.html")
    assert status == 0 and "policy" in said
    site = {"IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "404.html"}}
    assert s3("ws-info", there)[1]["document"] == site and s3("ws-delete", there)[1]["before"] == site
    log = {"TargetBucket": logs, "TargetPrefix": "of/"}
    assert s3("accesslog", there, "--to", f"s3://{logs}/of/")[0] == 0
    assert s3("accesslog", there)[1]["document"] == log
    assert s3("accesslog", there, "--off")[1]["before"] == log


def test_who_pays(s3, sandbox, monkeypatch) -> None:
    """The sandbox answers the question with a list of objects."""
    bucket = made(sandbox, "payer")
    status, _, said = s3("payer", f"s3://{bucket}", "--set", "requester")
    assert status == 1 and "does not offer the payer of requests" in said
    sent: list[str | None] = []
    from botocore.httpsession import URLLib3Session

    send = URLLib3Session.send

    def heard(session: Any, request: Any) -> Any:
        sent.append(request.headers.get("x-amz-request-payer"))
        return send(session, request)

    monkeypatch.setattr(URLLib3Session, "send", heard)
    assert s3("ls", f"s3://{bucket}", "--requester-pays")[0] == 0 and set(sent) == {b"requester"}
    sent.clear()
    assert s3("ls", f"s3://{bucket}")[0] == 0 and set(sent) == {None}


@pytest.mark.parametrize("kind", KINDS)
def test_what_an_endpoint_lacks_is_said_and_not_taken_for_done(rclone, kind: str) -> None:
    bucket = rclone.bucket()
    value = {"policy": policy_for(bucket), "cors": [ONE_RULE], "website": {"IndexDocument": {"Suffix": "i"}},
             "access_log": {"TargetBucket": bucket, "TargetPrefix": ""}, "payer": "Requester"}[kind]  # fmt: skip
    with pytest.raises(OpsError) as caught:
        rclone.objects.write_document(bucket, KINDS[kind], value)
    assert caught.value.code == "lacking" and "does not offer" in caught.value.title
    found, lacking = rclone.objects.bucket_documents(bucket)
    assert not any(found.values()) and len(lacking) >= 4


def test_access_lists_where_they_are_switched_on_and_off(s3, sandbox) -> None:
    bucket, client = made(sandbox, "acl"), sandbox.aws.client("s3")
    there = f"s3://{bucket}"
    client.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=owned_by("BucketOwnerEnforced"))
    for key in ("d/a", "d/b", "c"):
        client.put_object(Bucket=bucket, Key=key, Body=b"x")
    status, _, said = s3("setacl", f"{there}/c", "--acl-public")
    assert status == 1 and "lift the block of public access" in said
    client.delete_public_access_block(Bucket=bucket)
    for words in ((f"{there}/c",), (there,), (f"{there}/d/", "-r")):
        status, _, said = s3("setacl", *words, "--acl-public")
        assert status == 1 and "switched off" in said and "s3 setpolicy" in said
    client.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=owned_by("ObjectWriter"))
    assert s3("setacl", f"{there}/d/", "--acl-public")[0] == 2
    assert s3("setacl", f"{there}/d/", "-r", "--acl", "public-read")[1]["objects"] == 2
    assert public(client, bucket, "d/a") and not public(client, bucket, "c")
    assert s3("setacl", f"{there}/d/a", "--acl-private")[0] == 0 and not public(client, bucket, "d/a")


def owned_by(whom: str) -> dict[str, Any]:
    return {"Rules": [{"ObjectOwnership": whom}]}


def public(client: Any, bucket: str, key: str) -> bool:
    grants = client.get_object_acl(Bucket=bucket, Key=key)["Grants"]
    return any(grant["Grantee"].get("URI", "").endswith("AllUsers") for grant in grants)


def test_many_objects_are_changed_at_once(s3, sandbox) -> None:
    bucket, client = made(sandbox, "many"), sandbox.aws.client("s3")
    there = f"s3://{bucket}"
    client.put_object(Bucket=bucket, Key="d/a", Body=b"x", Metadata={"team": "web", "x": "1"}, Tagging="k=v")
    client.put_object(Bucket=bucket, Key="d/b", Body=b"x", StorageClass="STANDARD_IA")
    client.put_object(Bucket=bucket, Key="other", Body=b"x")
    assert s3("modify", f"{there}/d/", "--tag", "a=b")[0] == 2 and s3("modify", there, "--tag", "a=b")[0] == 2
    assert s3("modify", f"{there}/d/", "-r", "--metadata", "x=", "--metadata", "y=2", "--tag", "a=b")[1] == {
        "objects": 2, "errors": [],
    }  # fmt: skip
    first, other = s3("info", f"{there}/d/a")[1], s3("info", f"{there}/other")[1]
    assert (first["metadata"], first["tags"]) == ({"team": "web", "y": "2"}, {"k": "v", "a": "b"})
    assert (other["metadata"], other["tags"]) == ({}, {})
    before = client.head_object(Bucket=bucket, Key="d/b")["LastModified"]
    status, done, said = s3("modify", f"{there}/d/", "-r", "--storage-class", "STANDARD_IA")
    assert (status, done["objects"]) == (0, 2) and "had that storage class already (1 of 2)" in said
    assert s3("info", f"{there}/d/a")[1]["storage_class"] == "STANDARD_IA"
    assert client.head_object(Bucket=bucket, Key="d/b")["LastModified"] == before


def test_what_one_object_refuses_is_named_and_the_others_are_changed(store) -> None:
    bucket = store.bucket()
    store.fill(bucket, {"d/a": b"x", "d/b": b"x"})
    tags = [{"Key": str(number), "Value": "x"} for number in range(10)]
    store.s3.put_object_tagging(Bucket=bucket, Key="d/a", Tagging={"TagSet": tags})
    folder = [Entry("d/", folder=True)]
    done = store.objects.modify(headless_job(), bucket, folder, tags={"new": "x"})
    assert done.objects == 1 and [name for name, _ in done.errors] == ["d/a"] and "at most 10" in done.errors[0][1]


def test_what_lies_in_each_bucket_and_which_one_cannot_be_read(s3, sandbox, monkeypatch) -> None:
    first, second, walk = made(sandbox, "la-a"), made(sandbox, "la-b"), browse.walk
    for bucket in (first, second):
        sandbox.aws.client("s3").put_object(Bucket=bucket, Key="d/k", Body=b"x")
    assert {(first, "d/"), (second, "d/")} <= {(row["bucket"], row["key"]) for row in s3("la")[1]}

    def denied(job: Any, aws: Any, bucket: str, prefix: str = "") -> Any:
        if bucket == first:
            raise OpsError("Could not list", "This identity has no permission for it", code="denied")
        return walk(job, aws, bucket, prefix)

    monkeypatch.setattr(browse, "walk", denied)
    status, lines, said = s3("la", "-r", text=True)
    assert status == 1 and f"s3://{second}/d/k" in lines and f"s3://{first}: This identity has no permission" in said


@pytest.mark.parametrize(
    ("name", "text"),
    [("policy", "{"), ("policy", "[]"), ("policy", '{"Version": "1"}'), ("cors", "<a>"), ("cors", "<a/>"), ("cors", "{}"),
     ("cors", "[1]"), ("cors", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')],
)  # fmt: skip
def test_a_file_that_is_none_is_refused(tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / "file"
    with pytest.raises(WrongUse):
        (policy_of if name == "policy" else cors_of)(file)
    file.write_text(text)
    with pytest.raises(WrongUse):
        (policy_of if name == "policy" else cors_of)(file)


def test_no_key_where_a_bucket_is_meant(s3) -> None:
    for verb in ("accesslog", "delcors"):
        status, _, said = s3(verb, "s3://bucket/key")
        assert status == 2 and "is no bucket" in said


@pytest.mark.parametrize(
    ("region", "wanted"),
    [(None, "-us-east-1.amazonaws.com"), ("EU", "-eu-west-1.amazonaws.com"), ("eu-central-1", ".eu-central-1.amazonaws.com"),
     ("cn-north-1", ".cn-north-1.amazonaws.com.cn")],
)  # fmt: skip
def test_where_aws_serves_a_website(monkeypatch, region: str | None, wanted: str) -> None:
    class Somewhere:
        def target(self) -> Any:
            return type("Target", (), {"endpoints": {}})()

        def client(self, _: str) -> Any:
            return self

        def get_bucket_location(self, **_: str) -> dict[str, Any]:
            return {"LocationConstraint": region}

    assert website_url(Somewhere(), "b") == f"http://b.s3-website{wanted}"


def test_a_policy_that_nobody_may_read_afterwards_is_written(store, monkeypatch) -> None:
    bucket = store.bucket()
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{bucket}/*"}

    def denied(*_: Any) -> Any:
        raise OpsError("Could not read", "This identity has no permission for it", code="denied")

    with monkeypatch.context() as without_right:
        without_right.setattr(documents, "read", denied)
        assert store.objects.write_document(bucket, POLICY, {"Version": "2012-10-17", "Statement": [deny]}) is None
    assert store.objects.document(bucket, POLICY)["Statement"] == [deny]


def made(sandbox: Any, word: str) -> str:
    name: str = sandbox.name(word)
    sandbox.aws.client("s3").create_bucket(Bucket=name)
    return name
