"""The text of EXPLAIN as a tree, with the steps that cost most marked and the dear kinds of step named."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_COST = re.compile(r"\s*\(cost=([\d.]+)\.\.([\d.]+) rows=(\d+) width=(\d+)\)")
_ACTUAL = re.compile(r"\(actual time=[\d.]+\.\.([\d.]+) rows=([\d.]+) loops=(\d+)\)")
_COSTLY_SHARE = 0.25
_WARNINGS = (
    ("DS_BCAST_INNER", "The whole inner table is sent to every node: give both tables the join column as DISTKEY"),
    ("DS_DIST_ALL_INNER", "The inner table is sent to one node"),
    ("DS_DIST_BOTH", "Both tables are redistributed: neither is distributed on the join column"),
    ("DS_DIST_INNER", "The inner table is redistributed"),
    ("DS_DIST_OUTER", "The outer table is redistributed"),
    ("Nested Loop", "Every row is compared with every row: is a join condition missing?"),
    ("Cartesian", "Every row is compared with every row: is a join condition missing?"),
)


@dataclass(slots=True)
class Step:
    """One step of the plan. cost: of this step alone, without those below it; share: of the whole plan, 0..1.
    ``cost`` and ``rows`` are the planner's estimates, None where it gave none."""

    text: str
    cost: float | None = None
    total_cost: float | None = None
    rows: int | None = None
    width: int | None = None
    share: float = 0.0
    costly: bool = False
    warning: str = ""
    details: list[str] = field(default_factory=list)
    children: list[Step] = field(default_factory=list)


def parse_plan(text: str) -> list[Step]:
    """The roots of the plan (one, but for sub-plans). Lines that are no step become details of the step above."""
    roots: list[Step] = []
    stack: list[tuple[int, Step]] = []
    for line in text.split("\n"):
        if not line.strip():
            continue
        indent = len(line) - len(line.lstrip())
        content = line.strip()
        arrow = content.startswith("->")
        match = _COST.search(content)
        if not arrow and (stack or not match) and not (match and indent == 0):
            if stack:
                stack[-1][1].details.append(content)
            elif not roots:
                step = Step(content)
                roots.append(step)
                stack.append((indent, step))
            continue
        step = _step(content.removeprefix("->").strip())
        while stack and stack[-1][0] >= indent:
            stack.pop()
        (stack[-1][1].children if stack else roots).append(step)
        stack.append((indent, step))
    whole = sum(root.total_cost or 0.0 for root in roots)
    for root in roots:
        _weigh(root, whole)
    return roots


def _step(content: str) -> Step:
    match = _COST.search(content)
    actual = _ACTUAL.search(content)
    text = content[: match.start()] if match else content
    step = Step(text.strip())
    if match:
        step.total_cost, step.rows, step.width = float(match[2]), int(match[3]), int(match[4])
    if actual:
        step.details.append(f"actual: {actual[1]} ms, {actual[2]} rows, {actual[3]} loops")
    step.warning = next((words for mark, words in _WARNINGS if mark in text), "")
    return step


def _weigh(step: Step, whole: float) -> None:
    for child in step.children:
        _weigh(child, whole)
    if step.total_cost is not None:
        step.cost = max(0.0, step.total_cost - sum(child.total_cost or 0.0 for child in step.children))
        step.share = step.cost / whole if whole else 0.0
        step.costly = step.share >= _COSTLY_SHARE
