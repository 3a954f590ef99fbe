"""Settings of the Streams room."""

from __future__ import annotations

from dataclasses import dataclass

from core.settings.field import setting


@dataclass(frozen=True)
class StreamsSettings:
    reads_per_second: float = setting(
        1.0,
        "Reads a second and shard",
        "A shard serves 5 a second to all its readers together",
        minimum=0.1,
        maximum=5.0,
    )
    kept_records: int = setting(20_000, "Records kept in the window", minimum=1_000, maximum=1_000_000)
    unseen_minutes: int = setting(15, "Stop a tap nobody looks at after", minimum=1, maximum=1_440, unit="min")
