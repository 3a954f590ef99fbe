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
    "no circles": ("core/base/errors.py", "import core.base.files\n"),
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


@pytest.mark.parametrize("known", [False, True], ids=["the sandbox is not known", "the sandbox is known"])
def test_planted_violations_break_their_contracts(tree: Path, known: bool) -> None:
    """All at once, but for the one that breaks others together with its own."""
    alone = "the rooms do not know the sandbox"
    planted = {name: VIOLATIONS[name] for name in VIOLATIONS if (name == alone) == known}
    before = {
        tree / name: (tree / name).read_text() if (tree / name).exists() else None for name, _ in planted.values()
    }
    try:
        for name, line in planted.values():
            with (tree / name).open("a") as file:
                file.write(f"\n{line}")
        broken = {name for name, kept in lint(tree).items() if not kept}
    finally:
        for path, text in before.items():
            path.unlink() if text is None else path.write_text(text)
    assert broken == ({alone, "core floors", "no circles"} if known else set(planted))
