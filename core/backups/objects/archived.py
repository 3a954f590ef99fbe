"""Objects in archives (Glacier, and the archive tiers of Intelligent-Tiering): how they are told of, and brought back."""

from __future__ import annotations

from typing import Any

from core.aws.faults import explained
from core.aws.session import AwsSession
from core.base.errors import OpsError, WrongUse

TIERS = ("Standard", "Bulk", "Expedited")
"""How soon S3 brings an archived object back: 3 to 12 hours, 5 to 48 hours (the cheapest), minutes (not of DEEP_ARCHIVE)."""

REMEDY = "Bring it back first: the facts of the object offer that, and `s3 unarchive` does; then try again"


def told(error: OpsError, key: str) -> OpsError:
    """``error`` in other words, where it says that ``key`` has to come out of its archive before it can be read."""
    if error.details.get("code") not in ("InvalidObjectState", "ObjectNotInActiveTierError"):
        return error
    return OpsError(
        f"{key} is in an archive class",
        "S3 has to bring it back before it can be read, which takes minutes to two days",
        REMEDY,
        details=error.details,
        code="archived",
    )


def bring_back(
    aws: AwsSession, bucket: str, key: str, *, days: int = 7, tier: str = "Standard", version: str = ""
) -> str:
    """Ask S3 for a readable copy of an archived object, kept for ``days``; says in words what happens now. What
    Intelligent-Tiering has archived comes back to its frequent tier, and S3 refuses to be told for how long.

    Raises OpsError, also (``not-archived``) where it is in no archive and can be read as it is.
    """
    if not 1 <= days <= 365 or tier not in TIERS:
        raise WrongUse("That makes no sense", f"1 to 365 days, by {', '.join(TIERS)}", "Choose within")
    client, which = aws.client("s3"), {"Bucket": bucket, "Key": key, **({"VersionId": version} if version else {})}
    with explained(f"bring {key} back from the archive"):
        tiering = client.head_object(**which).get("StorageClass") == "INTELLIGENT_TIERING"
    wanted: dict[str, Any] = {"GlacierJobParameters": {"Tier": tier}, **({} if tiering else {"Days": days})}
    try:
        with explained(f"bring {key} back from the archive"):
            answer = client.restore_object(**which, RestoreRequest=wanted)
    except OpsError as error:
        code = error.details.get("code", "")
        if code == "RestoreAlreadyInProgress":
            return "It is being brought back already"
        if code == "InvalidObjectState":
            raise OpsError(
                f"{key} is in no archive", "It can be read as it is", "Download it", code="not-archived"
            ) from error
        raise
    stays = "it stays until it is unused for long" if tiering else f"it stays for {days} days"
    if answer["ResponseMetadata"]["HTTPStatusCode"] == 200:
        return f"It is back, and {stays.removeprefix('it ')} from now"
    return f"S3 is bringing it back; then {stays}"
