"""Loads modules of the window while it lives: what knows no Qt by a worker, what makes types of Qt on the window's thread.

PySide looks up its types without a lock while Qt paints; a class made by another thread at that moment crashes the window
(PySide6 6.11 on Python 3.11, within seconds when provoked). ``tests/qt_on_one_thread.py`` holds every test to it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import NamedTuple

from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import QObject, QTimer

from core.base.errors import OpsError
from gui.bridge.job_bridge import JobBridge

_CHARTS_NEED = ("numpy", "pydoc", "xml.dom.minidom")
"""The larger ones among what pyqtgraph imports."""
_TURN = 0.008  # seconds of loading between two looks at the window's events


class Modules(NamedTuple):
    """A module of the window. needs: what it imports that takes time and knows no Qt, the core's services above all.
    charts: whether it imports pyqtgraph."""

    name: str
    needs: tuple[str, ...]
    charts: bool = False

    @property
    def loaded(self) -> bool:
        return self.name in sys.modules

    @property
    def all_needs(self) -> tuple[str, ...]:
        return (*self.needs, *(_CHARTS_NEED if self.charts else ()))

    def turns(self) -> Iterator[None]:
        """Import it step by step, each a few milliseconds but for pyqtgraph, which takes 0.1 s at once."""
        if self.charts:
            yield from _every_type()
            import_module("pyqtgraph")
            yield
        import_module(self.name)


def load(
    owner: QObject,
    jobs: JobBridge,
    title: str,
    modules: Modules,
    *,
    lane: str | None = None,
    done: Callable[[ModuleType], None] | None = None,
    failed: Callable[[OpsError], None] | None = None,
) -> None:
    """Load ``modules`` and hand over the module itself, as long as ``owner`` lives."""

    def prepare(_job: object) -> None:
        for name in modules.all_needs:
            import_module(name)

    def turn(turns: Iterator[None]) -> None:
        end = time.perf_counter() + _TURN
        try:
            for _ in turns:
                if time.perf_counter() > end:
                    QTimer.singleShot(0, owner, partial(turn, turns))
                    return
        except Exception as error:  # a module that cannot be imported must not leave the busy sign standing
            fault = jobs.fault(title, error)
            if failed is not None:
                failed(fault)
            return
        if done is not None:
            done(sys.modules[modules.name])

    jobs.start(
        owner, title, prepare, lane=lane, quiet=True, on_success=lambda _: turn(modules.turns()), on_failure=failed
    )


def _every_type() -> Iterator[None]:
    """pyqtgraph asks for every type of these modules when it is imported, and PySide makes each when it is first asked for."""
    for module in (QtCore, QtGui, QtWidgets):
        for name in dir(module):
            getattr(module, name)
            yield
