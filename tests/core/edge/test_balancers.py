"""The ranges to trust are read from the load balancer's own subnets, over HTTP, as from AWS."""

from __future__ import annotations

from core.edge.balancers import balancers
from tests.sandboxed import Sandbox


def test_ranges_come_from_the_subnets_of_each_balancer(sandbox: Sandbox) -> None:
    ec2, elb = sandbox.client("ec2"), sandbox.client("elbv2")
    vpc = ec2.create_vpc(CidrBlock="10.40.0.0/16")["Vpc"]["VpcId"]
    inner = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=block)["Subnet"]["SubnetId"]
        for block in ("10.40.1.0/24", "10.40.2.0/24", "10.40.9.0/24")
    ]
    name = sandbox.name("edge")[:30]
    elb.create_load_balancer(Name=name, Subnets=inner[:2], Type="application")
    found = {balancer.name: balancer for balancer in balancers(sandbox.aws)}
    assert found[name].ranges == ("10.40.1.0/24", "10.40.2.0/24")
    assert found[name].kind == "application"
