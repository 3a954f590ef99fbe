"""Clocks: one that nobody sets, and what a service says when this computer's own one is wrong."""

from __future__ import annotations

import sys
import time

_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC if sys.platform == "darwin" else None)


def steady() -> float:
    """Seconds by a clock that is never set and goes on while the computer sleeps, which ``time.monotonic`` does not
    everywhere."""
    return time.monotonic() if _STEADY is None else time.clock_gettime(_STEADY)


def clock_refused(code: str, message: str) -> bool:
    """Whether AWS refused a request because its signature is too old or too new: for a clock that was set, or a computer
    that has just woken, it passes as soon as the clock is right. A wrong secret has the same code and other words."""
    if code == "InvalidSignatureException":
        return "Signature expired" in message or "Signature not yet current" in message
    return code in ("RequestExpired", "RequestTimeTooSkewed")
