"""scikit-learn without the work at its import."""

from __future__ import annotations

import sys

from core.digits.scikit import _stands_in, skops_io

WORD = "own"


def test_nothing_is_left_behind() -> None:
    assert skops_io().dumps
    import scipy._lib._array_api as scipys
    import sklearn.utils

    assert scipys.xp_capabilities.__module__ == scipys.__name__
    assert sklearn.utils.all_estimators.__name__ == "all_estimators"


def test_where_a_release_has_no_such_thing_all_stays_as_it_is() -> None:
    before = dict(vars(sys.modules[__name__]))
    for module, name in (("no.such.module", "thing"), (__name__, "nothing")):
        with _stands_in(module, name, 1):
            assert dict(vars(sys.modules[__name__])) == before
    with _stands_in(__name__, "WORD", "other"):
        assert WORD == "other"
    assert dict(vars(sys.modules[__name__])) == before
