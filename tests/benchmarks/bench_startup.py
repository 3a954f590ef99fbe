"""Start of the program until its window is painted, against a bare PySide6 window: CPU seconds, in turn, the least of each."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 15

BARE = """
from PySide6.QtCore import QObject, QTimer, Qt, Signal
from PySide6.QtWidgets import QApplication, QLabel, QMainWindow
app = QApplication([])
app.setStyle("Fusion")
window = QMainWindow()
window.resize(1440, 900)
window.setCentralWidget(QLabel("Hello"))
window.show()
"""
OURS = """
import gc
gc.disable()
from gui.app import Console, application
from PySide6.QtCore import QTimer
app = application()
console = Console("env")
window = console.window
window.show()
"""
PAINTED = """
import os, time
def look():
    assert not window.grab().isNull()
    print(time.process_time(), flush=True)
    os._exit(0)
QTimer.singleShot(0, look)
app.exec()
"""


def seconds(script: str, home: str) -> float:
    """CPU seconds of a fresh process, from its first instruction until its window is painted."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "OPSDESK_HOME": home, "PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # the first run writes the bytecode that a user's second run finds
    answer = subprocess.run(
        [sys.executable, "-c", script + PAINTED], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return float(answer.stdout)


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        for script in (BARE, OURS):  # bytecode and the file cache
            seconds(script, home)
        turns = [(seconds(BARE, home), seconds(OURS, home)) for _ in range(ROUNDS)]
    bare, ours = (min(column) for column in zip(*turns, strict=True))
    print(f"bare window {bare * 1000:.0f} ms, Opsdesk {ours * 1000:.0f} ms: {ours / bare:.2f} times ({ROUNDS} turns)")


if __name__ == "__main__":
    main()
