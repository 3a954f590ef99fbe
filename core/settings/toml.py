"""Changing a TOML document of tomlkit's without losing what its owner wrote beside the values."""

from __future__ import annotations

from typing import Any


def merge(document: Any, values: dict[str, Any], *, prune: bool = False) -> None:
    """Set what differs in ``document``; comments and the order of the rest stay. ``prune``: what ``values`` lacks goes."""
    for name in [name for name in document if prune and name not in values]:
        del document[name]
    for name, value in values.items():
        plain = list(value) if isinstance(value, tuple) else value
        if isinstance(plain, dict):
            if not isinstance(document.get(name), dict):
                document[name] = {}
            merge(document[name], plain, prune=prune)
        elif name not in document or _plain(document[name]) != plain:
            document[name] = plain


def _plain(item: Any) -> Any:
    return item.unwrap() if hasattr(item, "unwrap") else item
