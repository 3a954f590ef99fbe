"""The plan's retention as one rule of the bucket's lifecycle; every other rule stays as it is."""

from __future__ import annotations

from typing import Any

from core.aws.faults import explained
from core.backups.plan import Plan
from core.backups.vault import Vault

_ABORT_DAYS = 3


def rule_id(plan: Plan) -> str:
    return f"opsdesk-{plan.name}"


def read_rules(vault: Vault) -> list[dict[str, Any]]:
    """The bucket's lifecycle rules; none where it has no lifecycle."""
    from botocore.exceptions import ClientError

    with explained(f"read the lifecycle of {vault.bucket}"):
        try:
            answer = vault.client.get_bucket_lifecycle_configuration(Bucket=vault.bucket)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "NoSuchLifecycleConfiguration":
                return []
            raise
    return list(answer.get("Rules", ()))


def expiry_days(plan: Plan, rules: list[dict[str, Any]]) -> int | None:
    """After how many days the first of the rules deletes this plan's backups; None where none does."""
    days = [
        int(rule["Expiration"]["Days"])
        for rule in rules
        if rule.get("Status") == "Enabled"
        and "Days" in rule.get("Expiration", {})
        and plan.prefix.startswith(_prefix(rule))
        and not _narrowed(rule)
    ]
    return min(days, default=None)


def plan_rule(plan: Plan, *, enabled: bool) -> dict[str, Any]:
    return {
        "ID": rule_id(plan),
        "Status": "Enabled" if enabled else "Disabled",
        "Filter": {"Prefix": plan.prefix},
        "Expiration": {"Days": plan.retention.days},
        "NoncurrentVersionExpiration": {"NoncurrentDays": plan.retention.days},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": _ABORT_DAYS},
    }


def write_rule(vault: Vault, plan: Plan, *, enabled: bool) -> None:
    """Merge our rule by its id. PutBucketLifecycleConfiguration replaces the whole document, so it is read first."""
    rules = [rule for rule in read_rules(vault) if rule.get("ID") != rule_id(plan)]
    with explained(f"write the lifecycle of {vault.bucket}"):
        vault.client.put_bucket_lifecycle_configuration(
            Bucket=vault.bucket, LifecycleConfiguration={"Rules": [*rules, plan_rule(plan, enabled=enabled)]}
        )


def _prefix(rule: dict[str, Any]) -> str:
    narrow = rule.get("Filter", {})
    return str(narrow.get("Prefix") or narrow.get("And", {}).get("Prefix") or rule.get("Prefix") or "")


def _narrowed(rule: dict[str, Any]) -> bool:
    """Whether the rule asks for more than a prefix (tags, sizes): backups carry no tags."""
    narrow = rule.get("Filter", {})
    return bool(narrow.get("Tag") or narrow.get("And", {}).get("Tags"))
