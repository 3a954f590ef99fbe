"""Rules of the house that no linter knows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("sklearn", "scipy", "boto3", "botocore", "polars", "pyarrow", "duckdb", "sqlglot", "numpy")


def tracked(pattern: str) -> list[Path]:
    names = subprocess.run(
        ["git", "ls-files", pattern], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    return [ROOT / name for name in names if name]


def test_opening_the_window_imports_nothing_heavy(tmp_path: Path) -> None:
    script = """
import sys
from gui.app import Console, application
from PySide6.QtCore import QTimer
app = application()
console = Console("env")
console.window.show()
def look():
    assert not console.window.grab().isNull()
    print([name for name in HEAVY if name in sys.modules])
    console.close()
    app.quit()
QTimer.singleShot(0, look)
app.exec()
""".replace("HEAVY", repr(HEAVY[:8]))
    environment = {"QT_QPA_PLATFORM": "offscreen", "OPSDESK_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert answer.stdout.strip().splitlines()[-1] == "[]", answer.stdout + answer.stderr


def test_qt_survives_a_hundred_thousand_calls() -> None:
    """PySide6 6.12.0 loses a reference to None and True on every call under Python 3.11 and aborts after some thousands."""
    script = """
from PySide6.QtCore import QObject, Signal
class Thing(QObject):
    said = Signal(int)
thing = Thing()
heard = []
thing.said.connect(heard.append)
for n in range(100_000):
    thing.setObjectName("x")
    thing.said.emit(n)
assert len(heard) == 100_000
"""
    assert subprocess.run([sys.executable, "-c", script], timeout=120).returncode == 0


@pytest.mark.parametrize("fault", ['int("z")', "len(3)", '{}["x"]', "gone.objectName()"])
def test_a_fault_of_c_code_in_a_method_that_qt_calls_leaves_the_window_there(fault: str) -> None:
    """PySide6 6.10 and 6.11 crash under Python 3.11 where such an exception met no handler (``gui/__init__.py``)."""
    script = f"""
import sys
import gui
import shiboken6
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QWidget
app, told = QApplication([]), []
sys.excepthook = lambda kind, error, where: told.append(kind.__name__)
gone = QWidget()
shiboken6.delete(gone)
class Broken(QWidget):
    def resizeEvent(self, event):
        {fault}
broken = Broken()
QTimer.singleShot(0, broken.show)
QTimer.singleShot(100, app.quit)
app.exec()
print(*told)
"""
    environment = {"QT_QPA_PLATFORM": "offscreen", "PATH": "/usr/bin:/bin"}
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert answer.returncode == 0 and answer.stdout.split()[:1] != [], answer.stderr


def test_no_item_of_a_layout_is_asked_for() -> None:
    """PySide keeps what it knows of it when Qt deletes it with its widget; the next thing at that address is then freed
    twice, some time later. (``takeAt`` hands it over, and is safe.)"""
    item = re.compile(r"(?<!tree)\.itemAt\(")  # a tree's own is another thing
    asked = [
        str(path.relative_to(ROOT)) for path in tracked("gui/*.py") if item.search(path.read_text(encoding="utf-8"))
    ]
    assert asked == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [str(path.relative_to(ROOT)) for folder in ("core", "gui") for path in tracked(f"{folder}/*.py")
              if path.exists() and not path.read_text(encoding="utf-8").lstrip().startswith('"""')]  # fmt: skip
    assert silent == []


def test_colour_space_and_type_literals_live_in_style_only() -> None:
    hexes = re.compile(r"""["']#[0-9A-Fa-f]{6,8}["']|setPointSize|setPixelSize\(""")
    found = [f"{path.relative_to(ROOT)}: {match.group(0)}" for path in tracked("gui/*.py") if "gui/style" not in path.as_posix()
             and path.exists() for match in [hexes.search(path.read_text(encoding="utf-8"))] if match]  # fmt: skip
    assert found == []


def test_no_committed_file_names_a_registry_or_a_place_of_one_machine() -> None:
    place = re.compile(
        r"/(?:home|Users)/[a-z]\w+/|files\.pythonhosted\.org|registry\.npmjs\.org|pypi\.org/simple|deb\.debian\.org"
    )
    found = []
    for path in tracked("*"):
        if path.suffix in {".png", ".otf", ".ttf", ".npz", ".gz"} or path == Path(__file__) or not path.is_file():
            continue
        match = place.search(path.read_text(encoding="utf-8", errors="replace"))
        if match:
            found.append(f"{path.relative_to(ROOT)}: {match.group(0)}")
    assert found == []
    assert not (ROOT / "uv.lock").exists()


def test_verbs_import_no_qt() -> None:
    script = (
        "import sys, main; main.main(['profiles', 'list']); print([n for n in ('PySide6', 'gui') if n in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert answer.stdout.strip().splitlines()[-1] == "[]", answer.stdout + answer.stderr


_OUTLIVES = re.compile(r"(theme\(\)|settings|guard|jobs|commands|memory)\.\w+\.connect\(\s*(lambda|partial)")


def test_no_lambda_hangs_on_what_outlives_a_page() -> None:
    """Theme, settings, guard and jobs outlive every page: a bound method is let go with its widget, a lambda is called on a
    dead one (an exception at each change of the settings, after a change of the profile)."""
    assert _OUTLIVES.search("context.settings.changed.connect(lambda: view.show())")
    found = [path.relative_to(ROOT).as_posix() for path in tracked("gui/*.py")
             if path.exists() and "shell" not in path.parts and _OUTLIVES.search(path.read_text(encoding="utf-8"))]  # fmt: skip
    assert found == []
