"""Training on a real Dask cluster (a scheduler and a worker in processes of their own)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.base.errors import OpsError, WrongUse
from core.digits.cluster import fit_on_cluster
from core.digits.datasets import save_npz
from core.digits.training import TrainingOrder
from tests.core.digits.small_data import digits

pytest.importorskip("distributed", reason="the optional extra dask is not installed")

_CLUSTER = """
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None, host="127.0.0.1") as cluster:
        print(cluster.scheduler_address, flush=True)
        import sys
        sys.stdin.read()
"""


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    script = tmp_path_factory.mktemp("dask") / "cluster.py"
    script.write_text(_CLUSTER)
    root = Path(__file__).resolve().parents[3]
    process = subprocess.Popen(
        [sys.executable, str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=root,
    )
    assert process.stdout and process.stdin
    address = process.stdout.readline().strip()
    yield address.replace("tcp://", "dask://")
    process.stdin.close()
    process.wait(30)
    process.stdout.close()


@pytest.mark.parametrize("algorithm", ["random-forest", "knn"])
def test_a_fit_on_a_local_cluster(scheduler: str, tmp_path: Path, algorithm: str) -> None:
    save_npz(digits(200), tmp_path / "set.npz")
    code = (
        "from pathlib import Path\nfrom core.digits.training import TrainingOrder, train\n"
        f"order = TrainingOrder(Path({str(tmp_path / 'set.npz')!r}), {algorithm!r}, backend={scheduler!r})\n"
        f"done = train(lambda *a, **k: None, order, Path({str(tmp_path / 'out.model')!r}))\n"
        "print(done.evaluation.accuracy)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    assert float(done.stdout.split()[-1]) > 0.9


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
