"""The window: shell, pages and the one bridge to the jobs of the core."""

import sys
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from inspect import isfunction
from typing import Any

import shiboken6  # noqa: F401
from PySide6.QtCore import QObject


def _read_no_sources() -> None:
    """Spare every import the reading of its module's source.

    Once PySide is loaded it searches the source of each imported module for "PySide6", to know where ``from __feature__``
    may switch its names to another style (``shibokensupport.feature``). Nothing here uses that, and it is a tenth of
    the first picture's own share of CPU. A PySide that does this otherwise is left as it is.
    """
    try:
        feature = import_module("shibokensupport.feature")
    except ImportError:
        return
    if hasattr(feature, "_mod_uses_pyside"):
        vars(feature)["_mod_uses_pyside"] = lambda _module: False


def _handled(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def call(*arguments: Any, **named: Any) -> Any:
        try:
            return method(*arguments, **named)
        except BaseException:
            raise  # the handler is all it needs

    return call


def _survive_faults() -> None:
    """Let what C code raises (``int("z")``, a deleted object) leave a method that Qt calls, without ending the process.

    Until Python 3.12 such an exception is a bare message while no handler has seen it; PySide (6.10 and 6.11, in
    ``storePythonOverrideErrorOrPrint``) takes the message for the exception and writes into it, and the window is gone
    where the trouble panel should have opened. So every method of a Qt class's own that is made anew gets a handler.
    """

    def init_subclass(cls: type, /, **options: Any) -> None:
        super(QObject, cls).__init_subclass__(**options)  # type: ignore[misc]
        qt = next(base for base in cls.__mro__ if base.__module__.startswith("PySide6."))
        for name, member in list(vars(cls).items()):
            if isfunction(member) and not name.startswith("__") and hasattr(qt, name):
                setattr(cls, name, _handled(member))

    QObject.__init_subclass__ = classmethod(init_subclass)  # type: ignore[assignment, arg-type]


_read_no_sources()
if sys.version_info < (3, 12):
    _survive_faults()
