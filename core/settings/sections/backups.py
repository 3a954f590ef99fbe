"""Settings of the Backups room."""

from __future__ import annotations

from dataclasses import dataclass

from core.settings.field import setting


@dataclass(frozen=True, slots=True)
class BackupsSettings:
    part_size: int = setting(16, "Size of an upload part", minimum=5, maximum=512, unit="MiB")
    parallel_parts: int = setting(3, "Parts in flight", minimum=1, maximum=16)
