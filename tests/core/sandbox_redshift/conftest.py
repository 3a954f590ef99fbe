"""A warehouse of the local engine in a folder of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.sandbox.redshift.engine.outcome import Column
from core.sandbox.redshift.engine.session import EngineSession
from core.sandbox.redshift.engine.warehouse import Warehouse


class Engine:
    """One session, with rows as lists."""

    def __init__(self, session: EngineSession) -> None:
        self.session = session

    def __call__(self, sql: str, **parameters: str) -> list[list[Any]]:
        return self.answer(sql, **parameters)[0]

    def answer(self, sql: str, **parameters: str) -> tuple[list[list[Any]], list[Column]]:
        outcome = self.session.run(sql, parameters, 1)
        rows = [
            list(row)
            for batch in outcome.batches(10**9)
            for row in zip(*(c.to_pylist() for c in batch.columns), strict=True)
        ]
        return rows, outcome.columns or []

    def labels(self, sql: str) -> list[str]:
        return [column.label for column in self.session.run(sql, {}, 1).columns or []]

    def types(self, sql: str) -> list[str]:
        return [column.type.sql for column in self.session.run(sql, {}, 1).columns or []]


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new warehouse's folder; a copy of it opens at once, its definitions being there already."""
    folder: Path = tmp_path_factory.mktemp("empty")
    Warehouse(folder, "").close()
    return folder


def made_of(empty: Path, folder: Path) -> Path:
    return Path(shutil.copytree(empty, folder / "warehouse"))


@pytest.fixture(scope="module")
def warehouse(empty: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    opened = Warehouse(made_of(empty, tmp_path_factory.mktemp("module")), "http://127.0.0.1:1")
    yield opened
    opened.close()


@pytest.fixture
def engine(warehouse: Warehouse) -> Iterator[Engine]:
    session = warehouse.session("dev", "awsuser")
    yield Engine(session)
    session.close()
