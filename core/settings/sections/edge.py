"""Settings of the Edge room."""

from __future__ import annotations

from dataclasses import dataclass

from core.settings.field import setting


@dataclass(frozen=True)
class EdgeSettings:
    timeout: int = setting(10, "Give up on a server after", minimum=1, maximum=120, unit="s")
