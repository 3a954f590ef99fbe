"""Every import contract is seen to break: a contract that names a folder that has moved would hold for ever."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

VIOLATIONS = {
    "core never sees Qt or the window": ("core/digits/planted.py", "import PySide6.QtCore\n"),
    "core floors": ("core/streams/planted.py", "import core.warehouse.service\n"),
    "the rooms do not know the sandbox": ("core/aws/planted.py", "import core.sandbox.door\n"),
    "gui floors": ("gui/tabs/digits/planted.py", "import gui.tabs.streams.tab\n"),
    "a view shows, it never works": ("gui/tabs/digits/view.py", "import core.digits.service\n"),
    "parts know nothing of the core": ("gui/parts/planted.py", "import core.base.errors\n"),
    "AWS stays out of the quiet rooms": ("core/digits/planted.py", "import boto3\n"),
    "no circles": ("core/base/clock.py", "import core.base.files\n"),
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("tree")
    for name in ("core", "gui"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def lint(tree: Path) -> dict[str, bool]:
    """Contract name -> kept."""
    script = "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    answer = subprocess.run([sys.executable, "-c", script], cwd=tree, capture_output=True, text=True)
    kept = {}
    for line in answer.stdout.splitlines():
        for word in ("KEPT", "BROKEN"):
            if line.rstrip().endswith(word):
                kept[line.rstrip().removesuffix(word).strip()] = word == "KEPT"
    assert kept, answer.stdout + answer.stderr
    return kept


def test_the_tree_keeps_every_contract_and_each_one_is_planted(tree: Path) -> None:
    kept = lint(tree)
    assert set(kept) == set(VIOLATIONS)
    assert all(kept.values()), kept


@pytest.mark.parametrize("contract", VIOLATIONS)
def test_a_planted_violation_breaks_its_contract(tree: Path, contract: str) -> None:
    name, line = VIOLATIONS[contract]
    path = tree / name
    before = path.read_text() if path.exists() else None
    # a circle needs both directions
    other = tree / "core/base/files.py"
    other_before = other.read_text()
    try:
        path.write_text((before or "") + "\n" + line)
        if contract == "no circles":
            other.write_text(other_before + "\nimport core.base.clock\n")
        assert lint(tree)[contract] is False
    finally:
        other.write_text(other_before)
        if before is None:
            path.unlink()
        else:
            path.write_text(before)
