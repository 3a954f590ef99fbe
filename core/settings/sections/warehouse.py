"""Settings of the Warehouse room."""

from __future__ import annotations

from dataclasses import dataclass

from core.settings.field import setting


@dataclass(frozen=True)
class WarehouseSettings:
    row_limit: int = setting(
        1_000_000,
        "Rows fetched into the grid at most",
        "The page says when a result was cut",
        minimum=100,
        maximum=5_000_000,
        unit="rows",
    )
