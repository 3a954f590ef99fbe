"""Statements whose end nobody saw: what the servers say of them now."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from core.base.errors import OpsError
from core.jobs.job import Job
from core.settings.profiles import WarehouseConnection
from core.warehouse.drivers.driver import State
from core.warehouse.history import PastRun

if TYPE_CHECKING:
    from core.warehouse.service import WarehouseService

_MOST = 20  # asked about at a time; each costs one question to its server
_ENDED = {State.ABORTED: "cancelled", State.FAILED: "failed"}


def left_running(job: Job[Any], service: WarehouseService) -> list[PastRun]:
    """Those of the last 24 hours that can be taken up, newest first; ``state`` is ``running``, ``finished`` (the result
    waits), or ``left`` where the server could not be asked.

    One that the server stopped (the sandbox ends with the window) or has forgotten is noted as ended, and not told again.
    """
    left = service.history.unfinished()[:_MOST]
    if not left:
        return []
    try:
        known = {connection.name: connection for connection in service.connections(job)}
    except OpsError:
        return [replace(past, state="left") for past in left]
    asked = [(past, known[past.connection]) for past in left if past.connection in known]
    return [found for past, where in asked if (found := _now(job, service, past, where)) is not None]


def _now(job: Job[Any], service: WarehouseService, past: PastRun, connection: WarehouseConnection) -> PastRun | None:
    job.checkpoint()
    try:
        driver = service.driver(connection, past.database)
        if not driver.outlives:
            return None
        status = driver.status(past.statement)
    except OpsError as error:
        if error.code != "not-found":
            return replace(past, state="left")
        service.history.end(past.id, "failed", past.seconds, -1, "The server does not have this statement any more")
        return None
    if status.state in _ENDED:
        service.history.end(past.id, _ENDED[status.state], status.seconds or past.seconds, -1, status.error)
        return None
    return replace(past, state="finished" if status.state is State.FINISHED else "running")
