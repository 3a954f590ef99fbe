"""Training on a real Dask cluster."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from core.base.errors import OpsError, WrongUse
from core.base.places import Places
from core.cli.arguments import parse
from core.cli.run import run_verb
from core.digits.cluster import fit_on_cluster
from core.digits.datasets import save_npz
from core.digits.opened import open_model
from core.digits.training import TrainingOrder
from tests.core.digits.small_data import digits

# not imported here: every worker collects this file, one of them runs it
pytestmark = pytest.mark.skipif(find_spec("distributed") is None, reason="the optional extra dask is not installed")


class Cluster:
    """A scheduler and a worker, reached over TCP like those on other computers."""

    def __init__(self, cluster: Any) -> None:
        self._cluster = cluster
        self.address = cluster.scheduler_address.replace("tcp://", "dask://")

    def send_the_workers_home(self) -> None:
        self._cluster.scale(0)
        self._cluster.sync(self._cluster._correct_state)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=1,
        threads_per_worker=2,
        processes=False,
        protocol="tcp",
        dashboard_address="127.0.0.1:0",
        host="127.0.0.1",
    ) as made:
        yield Cluster(made)


def work_done(address: str) -> int:
    """How many steps the scheduler's tasks have made since it began."""
    from distributed import Client

    with Client(address.replace("dask://", "tcp://"), timeout=10, set_as_default=False) as client:
        return int(client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.transition_counter))


@pytest.mark.parametrize("algorithm", ["random-forest", "knn"])
def test_the_verb_fits_on_a_local_cluster(cluster: Cluster, tmp_path: Path, home: Places, algorithm: str) -> None:
    """A forest's trees and a search over neighbours, by the command line; the cluster did the work, not this process."""
    save_npz(digits(200), tmp_path / "set.npz")
    before = work_done(cluster.address)
    words = (
        "digits", "train", "--data", tmp_path / "set.npz", "--algorithm", algorithm, "--backend", cluster.address,
        "--output", tmp_path / "out.model",
    )  # fmt: skip
    assert run_verb(parse([str(word) for word in words])) == 0
    assert work_done(cluster.address) > before + 10
    model, card = open_model(tmp_path / "out.model")
    assert card.scores["accuracy"] > 0.9
    assert (model.answer(digits(50, seed=3).pixels).labels == digits(50, seed=3).labels).mean() > 0.9


def test_a_cluster_without_workers_is_refused_and_nothing_is_fitted_here(cluster: Cluster) -> None:
    cluster.send_the_workers_home()
    data = digits(50)
    with pytest.raises(OpsError, match="has 0 worker threads"):
        fit_on_cluster(cluster.address, "knn", data.pixels.reshape(50, -1), data.labelled(), {"k": 1}, 0)


def test_no_cluster_and_no_address() -> None:
    data = digits(50)
    rows = data.pixels.reshape(50, -1)
    with pytest.raises(WrongUse, match="is no cluster"):
        fit_on_cluster("http://x", "knn", rows, data.labelled(), {}, 0)
    with pytest.raises(WrongUse, match="cannot be fitted"):
        TrainingOrder(Path("x"), "logistic", backend="dask://127.0.0.1:1").checked()


def test_a_scheduler_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    import core.digits.cluster as cluster

    monkeypatch.setattr(cluster, "_PATIENCE", 1)
    data = digits(50)
    with pytest.raises(OpsError, match="does not answer"):
        fit_on_cluster("dask://127.0.0.1:9", "knn", data.pixels.reshape(50, -1), data.labelled(), {}, 0)
