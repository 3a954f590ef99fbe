"""The order in which the core's tests are handed to the workers."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent

# Files that take long, the longest first: begun early, none of them keeps one worker busy after the others have ended.
LONG = [
    "warehouse_feed/test_feed.py",
    "sandbox_redshift/test_statements.py",
    "backups/test_backup_faults.py",
    "streams/test_pipeline.py",
    "backups/test_verify_faults.py",
    "digits/test_models.py",
    "digits/test_training.py",
    "sandbox/test_life.py",
    "warehouse_feed/test_pulling.py",
    "sandbox/test_demo.py",
    "backups/test_killed.py",
    "streams/test_tap.py",
    "backups/objects/test_transfers.py",
    "sandbox_redshift/test_data_api.py",
    "digits/test_estimators.py",
    "warehouse/test_verbs_warehouse.py",
    "digits/test_ink.py",
    "digits/test_service.py",
    "backups/test_restore.py",
    "backups/test_other_servers.py",
    "streams/test_verbs.py",
    "digits/test_cluster.py",
    "streams/test_collector.py",
    "streams/test_loading.py",
    "warehouse/test_drivers.py",
    "warehouse/test_extract.py",
]
RANK = {name: rank for rank, name in enumerate(LONG)}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(
        key=lambda item: (
            RANK.get(item.path.relative_to(HERE).as_posix(), len(RANK)) if item.path.is_relative_to(HERE) else len(RANK)
        )
    )  # a stable sort: within a file and among the short ones nothing changes
