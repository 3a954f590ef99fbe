"""Which warehouses a profile offers: those it names, and those the account has."""

from __future__ import annotations

from typing import Any

from core.aws.faults import explained
from core.aws.session import AwsSession
from core.base.errors import OpsError
from core.settings.profiles import WarehouseConnection

# Redshift Serverless calls its first workgroup so; an endpoint that stands in for AWS takes any name.
_DEFAULT = WarehouseConnection("default", workgroup="default", database="dev")


def connections(aws: AwsSession) -> list[WarehouseConnection]:
    """The profile's own connections; where it names none, those found in the account; never an empty list for a
    profile that leaves everything to the environment."""
    named = list(aws.target().warehouses)
    if named:
        return named
    try:
        found = discover(aws)
    except OpsError as error:
        if error.code in ("credentials", "expired", "settings") or aws.profile.kind != "env":
            raise
        found = []  # the endpoint in the environment serves the Data API but not the lists
    return found or ([_DEFAULT] if aws.profile.kind == "env" else [])


def discover(aws: AwsSession) -> list[WarehouseConnection]:
    """Clusters and serverless workgroups of the account and region, ready to connect by the caller's own identity."""
    found = []
    with explained("list the Redshift clusters"):
        for cluster in _all(
            aws.client("redshift", retries=1, read_timeout=15), "describe_clusters", "Clusters", "Marker"
        ):
            found.append(
                WarehouseConnection(
                    str(cluster["ClusterIdentifier"]),
                    cluster=str(cluster["ClusterIdentifier"]),
                    database=str(cluster.get("DBName") or "dev"),
                    db_user=str(cluster.get("MasterUsername") or ""),
                )
            )
    with explained("list the Redshift Serverless workgroups"):
        client = aws.client("redshift-serverless", retries=1, read_timeout=15)
        for workgroup in _all(client, "list_workgroups", "workgroups", "nextToken"):
            name = str(workgroup["workgroupName"])
            taken = any(one.name == name for one in found)  # a cluster may be called the same: both must be to be had
            found.append(WarehouseConnection(f"{name} (serverless)" if taken else name, workgroup=name, database="dev"))
    return found


def _all(client: Any, operation: str, key: str, token_name: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    token = ""
    while True:
        answer = getattr(client, operation)(**({token_name: token} if token else {}))
        items += answer.get(key, [])
        token = str(answer.get(token_name) or "")
        if not token:
            return items
