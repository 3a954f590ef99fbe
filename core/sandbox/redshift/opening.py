"""The warehouse, opened when it is first asked for something."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from core.sandbox.redshift.engine.outcome import SqlError

if TYPE_CHECKING:
    from core.sandbox.redshift.engine.session import EngineSession
    from core.sandbox.redshift.engine.warehouse import Warehouse


class Opening:
    """Most sandboxes run for their streams or objects: opening the warehouse was 0.7 s of the 1 s of CPU that this service took to start."""

    def __init__(self, folder: Path, s3_endpoint: str) -> None:
        self._folder, self._s3_endpoint = folder, s3_endpoint
        self._lock = threading.Lock()
        self._warehouse: Warehouse | None = None

    def session(self, database: str, user: str) -> EngineSession:
        """A session on the warehouse. Raises SqlError for another database, or if its file cannot be opened."""
        return self._opened().session(database, user)

    def _opened(self) -> Warehouse:
        with self._lock:
            if self._warehouse is None:
                import duckdb

                from core.sandbox.redshift.engine.warehouse import Warehouse

                try:
                    self._warehouse = Warehouse(self._folder, self._s3_endpoint)
                except (duckdb.Error, OSError) as error:
                    raise SqlError(f"FATAL: the warehouse in {self._folder} could not be opened: {error}") from error
            return self._warehouse

    def close(self) -> None:
        with self._lock:
            if self._warehouse is not None:
                self._warehouse.close()
