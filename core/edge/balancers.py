"""The ranges of a load balancer: an ELB's nodes live in its subnets, so their CIDR blocks are what to trust."""

from __future__ import annotations

from dataclasses import dataclass

from core.aws.faults import explained
from core.aws.session import AwsSession


@dataclass(frozen=True, slots=True)
class Balancer:
    name: str
    kind: str
    dns_name: str
    ranges: tuple[str, ...]


def balancers(aws: AwsSession) -> list[Balancer]:
    """All load balancers of the account and region with the CIDR blocks of their subnets. Raises OpsError."""
    with explained("read the load balancers"):
        found = [
            entry
            for page in aws.client("elbv2").get_paginator("describe_load_balancers").paginate()
            for entry in page["LoadBalancers"]
        ]
    subnets = sorted({zone["SubnetId"] for entry in found for zone in entry.get("AvailabilityZones", ())})
    blocks: dict[str, list[str]] = {}
    if subnets:
        with explained("read the subnets of the load balancers"):
            pages = aws.client("ec2").get_paginator("describe_subnets").paginate(SubnetIds=subnets)
            for subnet in (item for page in pages for item in page["Subnets"]):
                wide = [entry["Ipv6CidrBlock"] for entry in subnet.get("Ipv6CidrBlockAssociationSet", ())]
                blocks[subnet["SubnetId"]] = [subnet["CidrBlock"], *wide]
    return [
        Balancer(
            entry["LoadBalancerName"],
            entry.get("Type", "application"),
            entry.get("DNSName", ""),
            tuple(
                sorted(
                    {block for zone in entry.get("AvailabilityZones", ()) for block in blocks.get(zone["SubnetId"], ())}
                )
            ),
        )
        for entry in found
    ]
