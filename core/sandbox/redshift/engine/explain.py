"""EXPLAIN: the local engine's plan in the shape of Redshift's, with estimated rows and a cost that only compares steps."""

from __future__ import annotations

import json
from typing import Any

_NAMES = {
    "HASH_JOIN": "XN Hash Join DS_DIST_NONE", "NESTED_LOOP_JOIN": "XN Nested Loop DS_BCAST_INNER", "CROSS_PRODUCT": "XN Nested Loop DS_BCAST_INNER",
    "PIECEWISE_MERGE_JOIN": "XN Merge Join DS_DIST_NONE", "HASH_GROUP_BY": "XN HashAggregate", "PERFECT_HASH_GROUP_BY": "XN HashAggregate",
    "UNGROUPED_AGGREGATE": "XN Aggregate", "ORDER_BY": "XN Sort", "TOP_N": "XN Limit", "LIMIT": "XN Limit", "STREAMING_LIMIT": "XN Limit",
    "WINDOW": "XN Window", "STREAMING_WINDOW": "XN Window", "UNION": "XN Append", "FILTER": "XN Subquery Scan", "DELIM_JOIN": "XN Hash Join DS_DIST_NONE",
    "LEFT_DELIM_JOIN": "XN Hash Join DS_DIST_NONE", "RIGHT_DELIM_JOIN": "XN Hash Join DS_DIST_NONE", "CTE": "XN Subquery Scan", "RECURSIVE_CTE": "XN Append",
}  # fmt: skip
_SILENT = ("PROJECTION", "RESULT_COLLECTOR", "EXPLAIN", "EMPTY_RESULT")
_RESULT = "XN Result  (cost=0.00..0.01 rows=1 width=0)"


def plan_lines(text: str) -> list[str]:
    """The lines of a plan from DuckDB's JSON."""
    root = json.loads(text)
    lines: list[str] = []
    for node in root if isinstance(root, list) else [root]:
        _walk(node, 0, lines)
    return lines or [_RESULT]


def _walk(node: dict[str, Any], depth: int, lines: list[str]) -> None:
    name = str(node.get("name", "")).strip()
    children = node.get("children") or []
    if name in _SILENT:
        for child in children:
            _walk(child, depth, lines)
        return
    indent = "" if not depth else " " * (6 * depth - 4) + "->  "
    if name == "DUMMY_SCAN":
        lines.append(f"{indent}{_RESULT}")
        return
    if name == "UNION":  # of three queries is one step, as the optimizer would have it
        while any(child.get("name") == "UNION" for child in children):
            children = [
                one for child in children for one in (child["children"] if child.get("name") == "UNION" else [child])
            ]
    info = node.get("extra_info") or {}
    rows = _rows(info) or max((_rows(child.get("extra_info") or {}) for child in children), default=1)
    cost = _cost(node)
    title = _NAMES.get(name, f"XN {name.replace('_', ' ').title()}")
    if name in ("SEQ_SCAN", "TABLE_SCAN", "SEQ_SCAN "):
        title = f"XN Seq Scan on {str(info.get('Table') or info.get('Text') or '').rpartition('.')[2].strip(chr(34))}"
    first = 0.0 if name.endswith("SCAN") else cost * 0.9
    lines.append(f"{indent}{title}  (cost={first:.2f}..{cost:.2f} rows={rows} width=0)")
    deeper = " " * (6 * depth + 2)
    for key, label in (
        ("Conditions", "Hash Cond"),
        ("Filters", "Filter"),
        ("Expression", "Filter"),
        ("Order By", "Merge Key"),
    ):
        value = info.get(key)
        if value:
            lines.append(f"{deeper}{label}: ({value if isinstance(value, str) else ', '.join(value)})")
    for child in children:
        _walk(child, depth + 1, lines)


def _rows(info: dict[str, Any]) -> int:
    try:
        return int(str(info.get("Estimated Cardinality", "0")).replace("~", "").split()[0])
    except (ValueError, IndexError):
        return 0


def _cost(node: dict[str, Any]) -> float:
    own = _rows(node.get("extra_info") or {}) * 0.01
    return own + sum(_cost(child) for child in node.get("children") or [])
