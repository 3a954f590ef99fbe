"""Least privilege: IAM policies for the three roles of a plan, and a look at what the current credentials may do."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

from core.aws.faults import explained, translated
from core.aws.session import AwsSession
from core.backups.outcomes import Finding, Severity
from core.backups.plan import Plan
from core.backups.vault import encryption
from core.base.errors import OpsError
from core.jobs.job import Job

ROLES = ("backup", "verify", "admin")
_VERSION = "2012-10-17"
_PARTITIONS = {
    "cn": "aws-cn", "us-gov": "aws-us-gov", "eusc-de": "aws-eusc",
    "us-iso": "aws-iso", "us-isob": "aws-iso-b", "eu-isoe": "aws-iso-e", "us-isof": "aws-iso-f",
}  # fmt: skip
"""By how the names of their regions begin; botocore knows them too, but reads all endpoints to tell (30 ms on the window's thread)."""


def documents(plan: Plan, region: str = "") -> dict[str, dict[str, Any]]:
    """{role: policy}. ``backup`` may write and never read or delete; ``verify`` may read and never write; ``admin`` is for
    people at work: lifecycle, lock and deletion. region: where the bucket is, for names in China and GovCloud differ."""
    bucket, prefix = f"arn:{partition(region)}:s3:::{plan.target.bucket}", _literal(plan.prefix)
    objects = f"{bucket}/{prefix}*"
    narrowed = {"StringLike": {"s3:prefix": [f"{prefix}*", prefix]}}
    backup = [
        _allow("WriteBackups", ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"], objects),
        _allow("ListBackups", ["s3:ListBucket"], bucket, narrowed),
        # The second so that `backup rights` can tell whether it may delete.
        _allow("SeeUploadsAndVersioning", ["s3:ListBucketMultipartUploads", "s3:GetBucketVersioning"], bucket),
    ]
    verify = [
        _allow(
            "ReadBackups",
            ["s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectAttributes", "s3:GetObjectRetention"],
            objects,
        ),
        _allow("ListBackups", ["s3:ListBucket", "s3:ListBucketVersions"], bucket, narrowed),
        _allow(
            "ReadRules",
            ["s3:GetLifecycleConfiguration", "s3:GetBucketVersioning", "s3:GetBucketObjectLockConfiguration"],
            bucket,
        ),
    ]
    admin = [
        *verify,
        _allow("DeleteBackups", ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:AbortMultipartUpload"], objects),
        _allow(
            "ChangeRules",
            [
                "s3:PutLifecycleConfiguration",
                "s3:PutBucketVersioning",
                "s3:PutBucketObjectLockConfiguration",
                "s3:ListBucketMultipartUploads",
            ],
            bucket,
        ),
    ]
    if plan.target.kms_key:
        key = plan.target.kms_key if plan.target.kms_key.startswith("arn:") else "*"
        backup.append(_allow("Encrypt", ["kms:GenerateDataKey", "kms:Decrypt"], key))
        verify.append(_allow("Decrypt", ["kms:Decrypt"], key))
    if plan.alerts.sns_topic:
        backup.append(_allow("Alert", ["sns:Publish"], plan.alerts.sns_topic))
    return {
        role: {"Version": _VERSION, "Statement": statements}
        for role, statements in zip(ROLES, (backup, verify, admin), strict=True)
    }


def partition(region: str) -> str:
    """The second word of every ARN there."""
    return _PARTITIONS.get(region.rpartition("-")[0].rpartition("-")[0], "aws")


def _literal(text: str) -> str:
    """``text`` in a policy, where a star, a question mark and a dollar would stand for something else."""
    return "".join(f"${{{sign}}}" if sign in "*?$" else sign for sign in text)


def _allow(name: str, actions: list[str], resource: str, condition: dict[str, Any] | None = None) -> dict[str, Any]:
    statement: dict[str, Any] = {"Sid": name, "Effect": "Allow", "Action": actions, "Resource": resource}
    return {**statement, "Condition": condition} if condition else statement


def check(job: Job[Any], aws: AwsSession, plan: Plan) -> list[Finding]:
    """What the credentials in use may do to the plan's objects.

    First by asking IAM to simulate; where that is not allowed, by requests that change nothing: an upload that is aborted,
    a read and a deletion of an object that does not exist. A role that may not read whether the bucket is versioned is
    not tried for deletion.
    """
    job.report(0, None, "Asking IAM what these credentials may do")
    try:
        allowed, how = _simulated(aws, plan)
    except OpsError:
        job.report(0, None, "Trying harmless requests")
        allowed = _tried(aws, plan)
        how = "requests that change nothing"
    return list(_findings(plan, allowed, how))


def _simulated(aws: AwsSession, plan: Plan) -> tuple[dict[str, bool | None], str]:
    """What is allowed, and how that was found out."""
    actions = ["s3:PutObject", "s3:GetObject", "s3:DeleteObject"]
    with explained("ask IAM what these credentials may do"):
        arn = aws.client("sts").get_caller_identity()["Arn"]
        objects = f"arn:{arn.split(':')[1]}:s3:::{plan.target.bucket}/{plan.prefix}probe"
        if arn.endswith(":root"):  # no policy binds it, and none can be simulated
            return {action.removeprefix("s3:"): True for action in actions}, "they are the account's root user"
        if ":assumed-role/" in arn:  # simulation wants the role, not its session
            partition, account, role = arn.split(":")[1], arn.split(":")[4], arn.split("/")[1]
            arn = f"arn:{partition}:iam::{account}:role/{role}"
        answer = aws.client("iam", retries=1).simulate_principal_policy(
            PolicySourceArn=arn, ActionNames=actions, ResourceArns=[objects]
        )
    return {
        item["EvalActionName"].removeprefix("s3:"): item["EvalDecision"] == "allowed"
        for item in answer["EvaluationResults"]
    }, "IAM's own simulation"


def _tried(aws: AwsSession, plan: Plan) -> dict[str, bool | None]:
    client = aws.client("s3", retries=2)
    name = hashlib.sha256(plan.name.encode()).hexdigest()[:16]
    where = {"Bucket": plan.target.bucket, "Key": f"{plan.prefix}.probe-{name}"}

    def put() -> None:
        upload = client.create_multipart_upload(**where, **encryption(plan.target))["UploadId"]
        client.abort_multipart_upload(**where, UploadId=upload)

    def delete() -> bool | None:
        # Only where nothing can come of it: in a versioned bucket even the deletion of nothing leaves a marker.
        versioning: dict[str, Any] = {}
        if not _may(lambda: versioning.update(client.get_bucket_versioning(Bucket=plan.target.bucket))):
            return None
        which = {"VersionId": "null"} if versioning.get("Status") else {}
        return _may(lambda: client.delete_object(**where, **which))

    return {
        "ListBucket": _may(lambda: client.list_objects_v2(Bucket=plan.target.bucket, Prefix=plan.prefix, MaxKeys=1)),
        "PutObject": _may(put),
        "GetObject": _may(lambda: client.get_object(**where)),
        "DeleteObject": delete(),
    }


def _may(call: Callable[[], Any]) -> bool:
    try:
        call()
    except Exception as error:
        trouble = translated(error, "try a right")
        if trouble.code == "denied":
            return False
        if trouble.code in ("unreachable", "credentials", "expired", "tls", "clock", "settings"):
            raise trouble from error
    return True


def _findings(plan: Plan, allowed: dict[str, bool | None], how: str) -> Iterator[Finding]:
    if not allowed.get("PutObject", True):
        yield Finding(
            Severity.ERROR,
            "role-may-not-write",
            "These credentials may not write backups",
            f"s3:PutObject on {plan.prefix} is denied ({how})",
            "Give them the policy of the role `backup`",
        )
    if allowed.get("ListBucket") is False:
        yield Finding(
            Severity.WARNING,
            "role-may-not-list",
            "These credentials may not list the backups",
            f"s3:ListBucket is denied ({how})",
            "Give them the policy of the role `backup`",
        )
    if allowed.get("DeleteObject"):
        yield Finding(
            Severity.WARNING,
            "role-may-delete",
            "These credentials may delete backups",
            f"Whoever steals them, or a mistake, can remove every backup ({how})",
            "Back up with the policy of the role `backup`; delete only as `admin`",
        )
    if allowed.get("DeleteObject", False) is None:
        yield Finding(
            Severity.INFO,
            "role-unknown",
            "Whether these credentials may delete backups is not known",
            "They may neither ask IAM nor see whether the bucket keeps versions, without which trying could leave a marker",
            "See that their policy has no s3:DeleteObject",
        )
    elif not allowed.get("DeleteObject") and allowed.get("PutObject", True):
        yield Finding(Severity.INFO, "role-fits", "These credentials may write and not delete", how)
