"""The order in which the core's tests are handed to the workers."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent

# Files that take long, the longest first: begun early, none of them keeps one worker busy after the others have ended.
LONG = [
    "digits/test_training.py",
    "digits/test_service.py",
    "warehouse_feed/test_feed.py",
    "backups/test_verify_faults.py",
    "sandbox/test_life.py",
    "backups/test_backup_faults.py",
    "digits/test_models.py",
    "streams/test_pipeline.py",
    "sandbox_redshift/test_statements.py",
    "sandbox/test_demo.py",
    "digits/test_cluster.py",
    "streams/test_verbs.py",
    "sandbox_redshift/test_data_api.py",
    "warehouse_feed/test_pulling.py",
    "warehouse/test_verbs_warehouse.py",
    "backups/test_restore.py",
]
RANK = {name: rank for rank, name in enumerate(LONG)}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(
        key=lambda item: (
            RANK.get(item.path.relative_to(HERE).as_posix(), len(RANK)) if item.path.is_relative_to(HERE) else len(RANK)
        )
    )  # a stable sort: within a file and among the short ones nothing changes
