"""Pages are loaded while the window lives: their needs by a worker, what makes types of Qt on the window's thread."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType

import pytest
from PySide6.QtCore import QObject

from core.base.errors import OpsError
from gui.app import TABS
from gui.bridge.job_bridge import JobBridge
from gui.bridge.loading import Modules, load

_REPOSITORY = Path(__file__).parents[2]
_TOLD = """
import sys
import gui.app
from importlib import import_module
qt = {name for name in sys.modules if name.startswith(("PySide6.", "pyqtgraph", "gui."))}
for name in %r:
    import_module(name)
more = {name for name in sys.modules if name.startswith(("PySide6.", "pyqtgraph", "gui."))} - qt
assert not more, f"the needs import {sorted(more)}"
before = set(sys.modules)
import_module(%r)
print([name for name in sys.modules if name.startswith(("core.", "numpy")) and name not in before])
"""


@pytest.mark.parametrize("tab", TABS, ids=lambda tab: tab.id)
def test_the_worker_imports_all_that_takes_time_and_no_qt(tab) -> None:
    code = _TOLD % (tab.modules.all_needs, tab.modules.name)
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=_REPOSITORY, capture_output=True, text=True, check=False, timeout=120
    )
    assert told.returncode == 0, told.stderr
    assert told.stdout.strip() == "[]", "these are left to the window's thread"


def test_no_source_is_read_to_import_a_module() -> None:
    code = "import gui.app, linecache; print([name for name in linecache.cache if '/gui/' in name or '/core/' in name])"
    told = subprocess.run([sys.executable, "-c", code], cwd=_REPOSITORY, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_a_module_is_made_on_the_windows_thread(jobs: JobBridge, qtbot, tmp_path: Path, monkeypatch) -> None:
    tmp_path.joinpath("need_of_it.py").write_text("import threading\nthread = threading.current_thread()\n")
    tmp_path.joinpath("with_types.py").write_text("import threading\nthread = threading.current_thread()\n")
    monkeypatch.syspath_prepend(tmp_path)
    owner, got = QObject(), list[ModuleType]()
    load(owner, jobs, "Load it", Modules("with_types", ("need_of_it",), charts=True), done=got.append)
    qtbot.waitUntil(lambda: bool(got))
    assert got[0].thread is threading.main_thread()
    assert sys.modules["need_of_it"].thread is not threading.main_thread()
    assert "pyqtgraph" in sys.modules


@pytest.mark.parametrize("modules", [Modules("nowhere_at_all", ()), Modules("json", ("nowhere_at_all",))])
def test_what_cannot_be_imported_is_told(jobs: JobBridge, qtbot, modules: Modules) -> None:
    owner, faults, trouble = QObject(), list[OpsError](), list[object]()
    jobs.trouble.connect(trouble.append)
    load(owner, jobs, "Open it", modules, failed=faults.append)
    qtbot.waitUntil(lambda: bool(faults))
    assert "nowhere_at_all" in faults[0].why and faults[0].title == "Open it stopped unexpectedly"
    assert len(trouble) == 1


def test_qt_is_not_imported_by_a_worker_unseen(jobs: JobBridge, qtbot) -> None:
    """The guard of these tests works: a page loaded as it must not be fails here, though it would seldom crash."""
    owner, faults = QObject(), list[OpsError]()
    load(owner, jobs, "Open it", Modules("json", ("PySide6.QtSpatialAudio",)), failed=faults.append)
    qtbot.waitUntil(lambda: bool(faults))
    assert "not by the window's thread" in faults[0].why
