"""Puts a pipeline together from what the profile knows: the warehouse's connection, the staging bucket, the lock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import IO

from core.aws.workplace import Workplace
from core.base.errors import OpsError, WrongUse
from core.base.locks import take
from core.jobs.lock import LOCKED
from core.settings.profiles import WarehouseConnection
from core.streams.checkpoints import Checkpoints
from core.streams.dispatch import dispatch_to
from core.streams.loading import Loader
from core.streams.pages import StreamSource
from core.streams.pipeline import Pipeline, PipelineOptions
from core.streams.staging import Staging
from core.streams.statements import Statements


@dataclass(frozen=True, slots=True)
class Carriage:
    """What a pipeline is asked to be. dispatch: ``local`` or ``gearman://host:port``. staging: s3://bucket/prefix/, under
    which the pipeline has a place of its own; "" for a bucket of the sandbox's. connection: name of a Data API connection of the profile, "" for the first."""

    stream: str
    table: str
    workers: int = 1
    dispatch: str = "local"
    staging: str = ""
    iam_role: str = "default"
    connection: str = ""


def pipeline(workplace: Workplace, wanted: Carriage, options: PipelineOptions | None = None) -> Pipeline:
    """Raises WrongUse or OpsError where something that is named is not there."""
    aws = workplace.aws
    staging = wanted.staging
    if not staging:
        if workplace.profile.environment != "sandbox":
            raise WrongUse(
                "No staging place is named",
                "Rows wait in S3 for the warehouse's COPY",
                "Name s3://your-bucket/prefix/ as staging: a bucket that the warehouse's IAM role may read",
            )
        staging = "s3://opsdesk-staging/"
    statements = Statements(aws, _connection(aws.target().warehouses, wanted.connection))
    # A place of its own: a pipeline that starts removes what an earlier run left in it.
    place = Staging(aws, f"{staging.rstrip('/')}/{wanted.stream}/{wanted.table.lower()}/")
    loader = Loader(statements, place, wanted.stream, wanted.table, wanted.iam_role)
    return Pipeline(StreamSource(aws, wanted.stream), loader, dispatch_to(wanted.dispatch, wanted.workers), options)


def checkpoints_of(workplace: Workplace, wanted: Carriage) -> Checkpoints:
    """Where the pipeline stands, as far as its warehouse knows."""
    aws = workplace.aws
    statements = Statements(aws, _connection(aws.target().warehouses, wanted.connection))
    return Checkpoints(statements, wanted.stream, wanted.table)


def _connection(connections: tuple[WarehouseConnection, ...], name: str) -> WarehouseConnection:
    usable = [entry for entry in connections if entry.kind == "data-api"]
    if name:
        usable = [entry for entry in usable if entry.name == name]
    if not usable:
        known = ", ".join(entry.name for entry in connections) or "none"
        raise WrongUse(
            f"The profile has no Data API connection{f' named {name}' if name else ''}",
            f"Its warehouse connections: {known}",
            "Add one to the profile; a pipeline loads through the Redshift Data API",
        )
    return usable[0]


@contextmanager
def only_one(workplace: Workplace, wanted: Carriage) -> Iterator[None]:
    """Hold the pipeline's lock; OpsError (exit status 3) where another run of it is at work on this computer."""
    with _lock_file(workplace, wanted) as file:
        if not take(file):
            raise OpsError(
                f"Another run carries {wanted.stream} into {wanted.table}",
                "Its lock is held by another process of this computer",
                "Wait until it has ended, or stop it; nothing was changed",
                code="locked",
                exit_status=LOCKED,
            )
        yield  # closing the file lets the lock go, as does the end of the process


def _lock_file(workplace: Workplace, wanted: Carriage) -> IO[str]:
    folder = workplace.places.state / "pipelines"
    whole = "\0".join((workplace.profile.name, wanted.stream, wanted.table.lower()))
    digest = sha256(whole.encode()).hexdigest()[:16]  # together the names may be longer than a file's
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return (folder / f"{wanted.stream[:60]}-{wanted.table.lower()[:60]}-{digest}.lock").open("a+")
    except OSError as error:
        raise OpsError(
            f"The lock of {wanted.stream} into {wanted.table} cannot be taken",
            f"{error.strerror or error} ({folder})",
            "Free some space, or make the folder writable again; nothing was changed",
            code="disk",
        ) from error
