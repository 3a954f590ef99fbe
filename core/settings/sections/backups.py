"""Settings of the Backups room."""

from __future__ import annotations

from dataclasses import dataclass

from core.settings.field import setting


@dataclass(frozen=True)
class BackupsSettings:
    part_size: int = setting(
        8,
        "Size of an upload part",
        "Doubles every 1,000 parts, so that any size fits",
        minimum=5,
        maximum=512,
        unit="MiB",
    )
    parallel_parts: int = setting(3, "Parts in flight", minimum=1, maximum=16)
    scratch_folder: str = setting(
        "", "Folder for rehearsals", "Needs twice the size of the largest dump; empty: the system's temporary folder"
    )
    mariadb_folder: str = setting(
        "", "Folder of MariaDB", "The `usr` of an unpacked server, where it is not installed; empty: look on the PATH"
    )
    rehearsal_hours: int = setting(12, "End a rehearsal after", minimum=1, maximum=168, unit="h")
