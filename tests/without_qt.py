"""A pytest plugin that makes Qt and the window impossible to import, as on a server."""

from __future__ import annotations

import importlib.abc
import os
import sys
from collections.abc import Sequence
from types import ModuleType

_ABSENT = {"PySide6", "shiboken6", "pyqtgraph", "gui"}


class _NoQt(importlib.abc.MetaPathFinder):
    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if name.split(".")[0] in _ABSENT:
            raise ModuleNotFoundError(f"{name} is kept away from the core's tests", name=name)


sys.meta_path.insert(0, _NoQt())
# Numbers are compared and CPU seconds measured: one BLAS thread, as in the product's children.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
