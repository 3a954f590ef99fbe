"""Which of the core's tests go to one worker together, and in which order they are handed out."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

import tests.patient  # noqa: F401

HERE = Path(__file__).parent

# Folders whose tests stay in one worker: each further one would import scikit-learn and skops anew, in its children
# too, and train the models that the tests share (four seconds of CPU), or start a PostgreSQL of its own.
TOGETHER = ("digits", "warehouse")

# Files that take long, the longest first: begun early, none of them keeps one worker busy after the others have ended.
LONG = [
    "digits/test_models.py",
    "warehouse/test_extract.py",
    "sandbox_redshift/test_statements.py",
    "warehouse_feed/test_feed.py",
    "sandbox/test_demo.py",
    "backups/test_backup_faults.py",
    "backups/test_network_faults.py",
    "streams/test_pipeline.py",
    "streams/test_loading.py",
    "backups/test_verify_faults.py",
    "sandbox/test_life.py",
    "warehouse_feed/test_pulling.py",
    "sandbox_redshift/test_data_api.py",
    "backups/test_killed.py",
    "streams/test_tap.py",
    "streams/test_verbs.py",
    "backups/objects/test_transfers.py",
    "warehouse_feed/test_watermark.py",
    "streams/test_gearman.py",
    "backups/test_policies.py",
    "backups/test_other_servers.py",
    "backups/test_restore.py",
    "test_sign_in.py",
    "streams/test_collector.py",
    "backups/test_definers.py",
    "sandbox/kinesis/test_control.py",
    "backups/test_backup_verbs.py",
    "sandbox/test_pulse.py",
]
RANK = {name: rank for rank, name in enumerate(LONG)}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    @cache
    def rank(path: Path) -> int:
        name = path.relative_to(HERE).as_posix() if path.is_relative_to(HERE) else ""
        return RANK.get(name, len(RANK))

    items.sort(
        key=lambda item: rank(item.path)
    )  # a stable sort: within a file and among the short ones nothing changes


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """``--dist loadfile``, where a folder of TOGETHER counts as one file."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    folders = [f"{HERE.relative_to(config.rootpath).as_posix()}/{name}/" for name in TOGETHER]

    class Scheduling(LoadFileScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return next((folder for folder in folders if nodeid.startswith(folder)), super()._split_scope(nodeid))

    return Scheduling(config, log)
