"""The status crosses versions, and its document has the shape that people's scripts read."""

from __future__ import annotations

import json
from dataclasses import asdict

from hypothesis import given
from hypothesis import strategies as st

from core.sandbox.status import SandboxStatus, SeedStatus, ServiceStatus

services = st.builds(
    ServiceStatus,
    name=st.sampled_from(["s3", "kinesis", "redshift-data", "mysql"]),
    state=st.sampled_from(["starting", "running", "restarting", "missing", "stopped"]),
    port=st.integers(0, 65535),
    note=st.text(max_size=20),
)
statuses = st.builds(
    SandboxStatus,
    running=st.booleans(),
    data_dir=st.text(max_size=20),
    services=st.lists(services, max_size=4, unique_by=lambda service: service.name).map(tuple),
    seed=st.builds(SeedStatus, done=st.integers(0, 9)),
    mysql_password=st.text(max_size=9),
)


@given(statuses)
def test_it_survives_the_wire_between_versions(status: SandboxStatus) -> None:
    sent = json.loads(json.dumps(asdict(status)))
    assert SandboxStatus.read(sent) == status
    newer = {**sent, "future": 1, "seed": {**sent["seed"], "future": 2}}
    newer["services"] = [{**service, "future": 3} for service in sent["services"]]
    assert SandboxStatus.read(newer) == status


@given(statuses)
def test_the_document_keeps_its_shape(status: SandboxStatus) -> None:
    document = json.loads(json.dumps(status.plain()))
    assert set(document) >= {"running", "endpoints", "mysql", "data_dir"}
    assert set(document["endpoints"]) == {"s3", "kinesis", "cloudwatch", "redshift-data", "default"}
    assert document["endpoints"]["default"] == document["endpoints"]["s3"]
    assert document["endpoints"]["cloudwatch"] == document["endpoints"]["kinesis"]
    up = {service.name for service in status.services if service.port and service.state not in ("missing", "stopped")}
    for name in ("s3", "kinesis", "redshift-data"):
        assert (document["endpoints"][name] is not None) == (status.running and name in up)
    assert (document["mysql"] is not None) == (status.running and "mysql" in up)
    if document["mysql"]:
        assert set(document["mysql"]) >= {"host", "port", "user", "password", "database"}
