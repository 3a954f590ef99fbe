"""scikit-learn and skops, imported without the work that both do at their import and that no model here needs.

Every process that trains or opens a model waits for it: 4.1 s of CPU in all, 1.5 s without that work.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any


def import_scikit_learn() -> None:
    """Without scipy's rewriting of the docstrings of its functions (0.6 s): it adds to each what else than numpy's
    arrays the function takes."""
    with _stands_in("scipy._lib._array_api", "xp_capabilities", lambda **_: lambda function: function):
        import_module("sklearn.utils")


def skops_io() -> Any:
    """skops.io without its walk through all modules of scikit-learn (2 s, and pytest and Dask where they are
    installed), which only lists what it trusts by itself: what may be trusted is ``stock.TYPES``, a shorter list."""
    import_scikit_learn()
    with _stands_in("sklearn.utils", "all_estimators", list):
        return import_module("skops.io")


@contextmanager
def _stands_in(module: str, name: str, substitute: Any) -> Iterator[None]:
    """In the block ``module.name`` is ``substitute``; where a release has no such thing, all is as it is."""
    try:
        holder = import_module(module)
        own = getattr(holder, name)
    except (ImportError, AttributeError):
        yield
        return
    setattr(holder, name, substitute)
    try:
        yield
    finally:
        setattr(holder, name, own)
