"""The verbs of warehouse."""

from __future__ import annotations

from typing import Any


def register(groups: Any) -> None:
    pass
