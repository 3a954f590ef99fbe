"""The order in which the core's tests are handed to the workers."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent

# Files that take long, the longest first: begun early, none of them keeps one worker busy after the others have ended.
LONG = [
    "sandbox_redshift/test_statements.py",
    "warehouse_feed/test_feed.py",
    "sandbox/test_demo.py",
    "backups/test_backup_faults.py",
    "digits/test_models.py",
    "streams/test_pipeline.py",
    "streams/test_loading.py",
    "backups/test_verify_faults.py",
    "sandbox/test_life.py",
    "warehouse_feed/test_pulling.py",
    "digits/test_training.py",
    "sandbox_redshift/test_data_api.py",
    "backups/test_killed.py",
    "warehouse/test_extract.py",
    "warehouse/test_verbs_warehouse.py",
    "warehouse/test_drivers.py",
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
    "digits/test_cluster.py",
    "sandbox/kinesis/test_control.py",
    "digits/test_estimators.py",
    "backups/test_backup_verbs.py",
    "sandbox/test_pulse.py",
]
RANK = {name: rank for rank, name in enumerate(LONG)}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(
        key=lambda item: (
            RANK.get(item.path.relative_to(HERE).as_posix(), len(RANK)) if item.path.is_relative_to(HERE) else len(RANK)
        )
    )  # a stable sort: within a file and among the short ones nothing changes
