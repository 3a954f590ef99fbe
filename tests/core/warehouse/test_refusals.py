"""What the Data API refuses for its limits is told as that, with a way round; on an endpoint with small limits."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from core.base.errors import OpsError
from core.jobs.job import headless_job
from core.warehouse.drivers.refusals import told
from core.warehouse.service import WarehouseService


def refused(code: str, message: str, **how: Any) -> OpsError:
    with pytest.raises(OpsError) as caught, told("try it", **how):
        raise ClientError({"Error": {"Code": code, "Message": message}}, "Any")
    return caught.value


def test_limits_are_told_with_a_way_round() -> None:
    for message in ("Cannot process query string larger than 100kB", "The SQL statement is longer than 100,000 bytes"):
        fault = refused("ValidationException", message)
        assert (fault.code, fault.title) == ("too-large", "The statement is too long") and "COPY" in fault.remedy
    for code in ("ActiveStatementsExceededException", "ActiveSessionsExceededException"):
        fault = refused(code, "x")
        assert fault.code == "throttled" and "no more" in fault.title and fault.remedy
    assert refused("ValidationException", "other").title == "Could not try it"
    gone = refused("ResourceNotFoundException", "Query does not exist.", of_statement=True)
    assert (gone.code, gone.remedy) == ("not-found", "Run it again") and "24 hours" in gone.why
    assert "24 hours" not in refused("ResourceNotFoundException", "No such cluster").why


def test_by_the_data_api_long_statements_are_refused_before_and_unknown_ones_are_gone(
    redshift_service: WarehouseService,
) -> None:
    job = headless_job()
    where = redshift_service.connection(job)
    with pytest.raises(OpsError, match="too long") as caught:
        redshift_service.execute(job, redshift_service.prepare(where, f"SELECT '{'é' * 60_000}'"))
    assert "120,009 bytes" in caught.value.why
    with pytest.raises(OpsError, match="no longer"):
        redshift_service.attach(job, "11111111-1111-1111-1111-111111111111", where)
