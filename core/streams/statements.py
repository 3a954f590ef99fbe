"""Statements through the Redshift Data API: run in one transaction, waited for, and cancelled with their job."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from core.aws.faults import explained
from core.aws.session import AwsSession
from core.base.errors import OpsError
from core.jobs.job import Job, JobCancelled
from core.settings.profiles import WarehouseConnection

_LONGEST_PAUSE = 0.5  # seconds between two questions whether a statement is done


class Statements:
    """The Redshift Data API of one connection."""

    def __init__(self, aws: AwsSession, connection: WarehouseConnection) -> None:
        self._aws = aws
        self.profile = aws.profile.name
        self._where = {
            name: value
            for name, value in (
                ("Database", connection.database),
                ("ClusterIdentifier", connection.cluster),
                ("WorkgroupName", connection.workgroup),
                ("DbUser", connection.db_user if connection.cluster else ""),
                ("SecretArn", connection.secret_arn),
            )
            if value
        }

    @property
    def _client(self) -> Any:
        return self._aws.client("redshift-data")

    def run(self, job: Job[Any], statements: Sequence[str], doing: str, token: str | None = None) -> str:
        """Run statements in one transaction; the id of the whole. ``token``: the same one never runs twice (8 h).
        A cancel of ``job`` cancels them in the warehouse."""
        with explained(doing):
            more = {"ClientToken": token} if token else {}
            if len(statements) == 1:
                answer = self._client.execute_statement(Sql=statements[0], **self._where, **more)
            else:
                answer = self._client.batch_execute_statement(Sqls=list(statements), **self._where, **more)
            return self._wait(job, answer["Id"], doing)

    def rows(self, job: Job[Any], statement: str, doing: str) -> list[list[Any]]:
        """All rows of a query, each value as the API tells it."""
        identifier = self.run(job, [statement], doing)
        with explained(doing):
            found: list[list[Any]] = []
            more: dict[str, str] = {}
            while True:
                page = self._client.get_statement_result(Id=identifier, **more)
                found += [[_value(field) for field in record] for record in page["Records"]]
                if not page.get("NextToken"):
                    return found
                more = {"NextToken": page["NextToken"]}

    def _wait(self, job: Job[Any], identifier: str, doing: str) -> str:
        pause = 0.01
        while True:
            answer = self._client.describe_statement(Id=identifier)
            if answer["Status"] == "FINISHED":
                return identifier
            if answer["Status"] in ("FAILED", "ABORTED"):
                raise OpsError(
                    f"Could not {doing}",
                    _cause(answer),
                    "Correct what the warehouse complains about; nothing of it was written",
                    details={"statement id": identifier},
                    code="sql",
                )
            try:
                job.sleep(pause)
            except JobCancelled:
                self._cancel(identifier)
                raise
            pause = min(_LONGEST_PAUSE, pause * 1.5)

    def _cancel(self, identifier: str) -> None:
        """Do not leave it waiting for a lock in the warehouse. What it had written anyway is whole, and found again."""
        try:
            with explained("cancel a statement"):
                self._client.cancel_statement(Id=identifier)
        except OpsError as trouble:
            logging.getLogger(__name__).warning("A statement that nobody waits for any more goes on: %s", trouble)


def _cause(answer: dict[str, Any]) -> str:
    """The first statement that failed says why; those after it only say that the transaction is over."""
    parts = answer.get("SubStatements") or ()
    first = next((part["Error"] for part in parts if part.get("Status") == "FAILED" and part.get("Error")), None)
    return str(first or answer.get("Error") or f"The statement was {answer['Status'].lower()}")


def _value(field: dict[str, Any]) -> Any:
    return None if field.get("isNull") else next(iter(field.values()))
