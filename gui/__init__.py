"""The window: shell, pages and the one bridge to the jobs of the core."""

from importlib import import_module

import shiboken6  # noqa: F401


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


_read_no_sources()
