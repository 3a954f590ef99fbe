"""The Data API's limits, as settings: AWS's own pages disagree about some, and tests want small ones."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds. Source: Redshift management guide, "Considerations when calling the Data API"."""

    active_statements: int = 500
    active_sessions: int = 500
    active_waiters: int = 200
    statement_bytes: int = 100_000
    batch_statements: int = 40
    result_bytes: int = 500_000_000
    row_bytes: int = 64_000
    page_bytes: int = 1_000_000
    retention: float = 24 * 3600
    statement_seconds: float = 24 * 3600
    client_token_seconds: float = 8 * 3600
    workers: int = 8

    @classmethod
    def from_words(cls, words: list[str]) -> Limits:
        """Limits from ``name=value`` words; raises ValueError for an unknown name or a value that is no number."""
        kinds = {field.name: int if isinstance(field.default, int) else float for field in fields(cls)}
        values: dict[str, Any] = {}
        for word in words:
            name, _, value = word.partition("=")
            if name not in kinds:
                raise ValueError(f"there is no limit {name!r}; known are {', '.join(kinds)}")
            values[name] = kinds[name](value)
        return cls(**values)
