"""Beginning a pipeline anew: what it says before, and that the next run begins there."""

from __future__ import annotations

import shutil
import time

import orjson
import pytest

from core.aws.session import AwsSession
from core.aws.workplace import Workplace
from core.base.errors import OpsError, WrongUse
from core.base.places import Places
from core.jobs.job import Job, headless_job
from core.settings.model import Settings
from core.streams.carrying import Carriage, only_one
from core.streams.positions import LATEST, TRIM_HORIZON, Start
from core.streams.resetting import thought_through
from core.streams.service import StreamsService
from core.streams.statements import Statements
from tests.core.sandbox.kinesis.plane import Plane
from tests.core.streams.conftest import session
from tests.core.streams.loading_child import CONNECTION
from tests.core.streams.test_loading import carry, ids

JOB: Job[None] = headless_job()
SHARD = "shardId-000000000000"


@pytest.fixture
def service(aws: AwsSession, home: Places) -> StreamsService:
    return StreamsService(Workplace(aws, home, Settings))


def fill(plane: Plane, stream: str, *names: str) -> list[str]:
    """Put events; their sequence numbers."""
    return [
        plane.client.put_record(StreamName=stream, Data=orjson.dumps({"event_id": name}), PartitionKey="k")[
            "SequenceNumber"
        ]
        for name in names
    ]


def test_a_dropped_table_is_told_and_filled_again_from_the_oldest(
    aws: AwsSession, plane: Plane, service: StreamsService, home: Places
) -> None:
    plane.create("reset", 1)
    wanted = Carriage("reset", "reset_views")
    with pytest.raises(OpsError, match="nothing to set back") as told:
        service.plan_reset(JOB, wanted, TRIM_HORIZON)
    assert f"opsdesk --profile {aws.profile.name} streams pipeline reset --table reset_views" in told.value.remedy
    assert told.value.why.startswith("Its warehouse has no ")  # table of checkpoints, or no checkpoint of this one
    numbers = fill(plane, "reset", "a", "b", "c")
    carry(aws, "reset", "reset_views")

    plan = service.plan_reset(JOB, wanted, Start("sequence", shard=SHARD, sequence=numbers[1]))
    assert plan.held is not None and (plan.held.rows, plan.held.since) == (3, 2)
    assert "2 of the 3 rows" in " ".join(plan.sentences) and plan.command.endswith(f"--from 0:{numbers[1]}")
    assert service.plan_reset(JOB, wanted, TRIM_HORIZON).standing.checkpoints == plan.standing.checkpoints, (
        "only a look"
    )
    with pytest.raises(WrongUse, match="cannot be read from 7"):
        service.plan_reset(JOB, wanted, Start("sequence", shard=SHARD, sequence="7"))

    with only_one(Workplace(aws, home, Settings), wanted), pytest.raises(OpsError) as locked:
        service.reset(JOB, wanted, TRIM_HORIZON)
    assert locked.value.exit_status == 3
    service.reset(JOB, wanted, Start("sequence", shard=SHARD, sequence=numbers[1]))
    assert carry(aws, "reset", "reset_views").read == 2 and ids(aws, "reset_views") == ["a", "b", "c"]

    Statements(aws, CONNECTION).run(JOB, ["DROP TABLE reset_views"], "drop it")
    assert "not known" in " ".join(service.plan_reset(JOB, wanted, TRIM_HORIZON).sentences)
    (note,) = carry(aws, "reset", "reset_views").notes
    assert f"opsdesk --profile {aws.profile.name} streams reset reset --table reset_views --from trim_horizon" in note
    service.reset(JOB, wanted, TRIM_HORIZON)
    again = carry(aws, "reset", "reset_views")
    assert (again.read, again.notes) == (3, ()) and ids(aws, "reset_views") == ["a", "b", "c"]


def test_checkpoints_that_may_not_be_read_are_not_taken_for_none() -> None:
    """ "Nothing to set back" would let its owner begin a second time what runs already."""

    class Denied:
        def standing(self, job: Job[None], born: float) -> None:
            why = "ERROR: permission denied for relation opsdesk_stream_checkpoints"
            raise OpsError("The statement failed", why, "Grant it", code="sql")

    class Born:
        def birth(self) -> tuple[float, float]:
            return 0.0, 86_400.0

    with pytest.raises(OpsError, match="permission denied") as told:
        thought_through(JOB, Born(), Denied(), TRIM_HORIZON)  # type: ignore[arg-type]
    assert "nothing to set back" not in told.value.title


def test_what_is_passed_over_is_said(aws: AwsSession, plane: Plane, service: StreamsService) -> None:
    plane.create("passing", 2)
    wanted = Carriage("passing", "passing")
    fill(plane, "passing", "old")
    carry(aws, "passing", "passing")
    fill(plane, "passing", "passed over")
    time.sleep(2.1)  # the newest row's age is told in whole seconds
    plan = service.reset(JOB, wanted, LATEST)
    assert plan.passed_over is not None and "Passed over" in " ".join(plan.sentences)
    time.sleep(1.1)  # timestamps travel in whole seconds
    fill(plane, "passing", "new")
    carry(aws, "passing", "passing")
    assert ids(aws, "passing") == ["new", "old"]


def test_the_lock_takes_the_longest_names_and_tells_a_disk_that_does_not(home: Places) -> None:
    workplace = Workplace(session("http://127.0.0.1:1"), home, Settings)
    longest = Carriage("s" * 128, f"{'a' * 127}.{'b' * 127}")
    with only_one(workplace, longest), only_one(workplace, Carriage("s" * 128, f"{'a' * 127}.{'c' * 127}")):
        pass
    folder = home.state / "pipelines"
    shutil.rmtree(folder)
    folder.write_text("in the way")
    with pytest.raises(OpsError) as told, only_one(workplace, longest):
        pass
    assert told.value.code == "disk" and str(folder) in told.value.why
