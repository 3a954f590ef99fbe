"""Importing this makes it an error to import Qt, or what makes classes of it, on any other thread than the main one.

PySide 6.11 on Python 3.11 looks up its types without a lock, so such an import crashes the window once in many starts;
a test must see it every time. The reason stands in ``gui/bridge/loading.py``.
"""

from __future__ import annotations

import importlib.abc
import sys
import threading
from collections.abc import Sequence
from types import ModuleType

_MAKE_TYPES = {"PySide6", "shiboken6", "pyqtgraph", "gui"}


class _OnOneThread(importlib.abc.MetaPathFinder):
    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if name.split(".")[0] in _MAKE_TYPES and threading.current_thread() is not threading.main_thread():
            raise ImportError(f"{name} is imported by {threading.current_thread().name}, not by the window's thread")


sys.meta_path.insert(0, _OnOneThread())
