"""Where the local engine may differ from a real cluster: what the page's badge lists."""

from __future__ import annotations

DIFFERENCES: tuple[str, ...] = (
    "Plans, timings and costs are those of the local engine: EXPLAIN shows its plan, not a cluster's.",
)
