"""What the Data API refuses for its own limits, told as such and with a way round."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from core.aws.faults import explained
from core.base.errors import OpsError

_LONGEST = 102_400  # bytes; AWS says "100 KB", and the service itself has the last word on what that means
_TOO_LONG = re.compile(r"query string larger than|statement is longer than", re.I)
_SHORTER = "Shorten it: load long lists by COPY and join them, or use a connection by wire, which takes 16 MB"
_AT_ONCE = "Wait until some have ended, or cancel one of the running statements"


def refuse_too_long(sql: str) -> None:
    """Raises OpsError (code ``too-large``) for a statement that the Data API is known not to take."""
    size = len(sql) if len(sql) * 4 <= _LONGEST else len(sql.encode())
    if size > _LONGEST:
        raise _too_long(f"It has {size:,} bytes, and the Data API takes 100 KB")


@contextmanager
def told(doing: str, *, of_statement: bool = False) -> Iterator[None]:
    """As ``explained``. of_statement: what may be missing is the statement and its result, not the warehouse."""
    try:
        with explained(doing):
            yield
    except OpsError as error:
        raise _plainer(error, of_statement) from error.__cause__


def _plainer(error: OpsError, of_statement: bool) -> OpsError:
    code, message = error.details.get("code", ""), error.details.get("message", "")
    if code == "ResourceNotFoundException" and of_statement:
        return OpsError(
            "The server has this statement no longer",
            "The Data API keeps statements and their results for 24 hours",
            "Run it again",
            details=error.details,
            code="not-found",
        )
    if code == "ValidationException" and _TOO_LONG.search(message):
        return _too_long(message, error.details)
    if code == "ActiveStatementsExceededException":
        return OpsError(
            "The warehouse takes no more statements now",
            "As many as the Data API allows at once are active there",
            _AT_ONCE,
            details=error.details,
            code="throttled",
        )
    if code == "ActiveSessionsExceededException":
        return OpsError(
            "The warehouse opens no more sessions now",
            "As many as the Data API allows are open; an idle one ends after 15 minutes",
            "Wait, or close files whose temporary tables are not needed",
            details=error.details,
            code="throttled",
        )
    return error


def _too_long(why: str, details: Mapping[str, str] | None = None) -> OpsError:
    return OpsError("The statement is too long", why, _SHORTER, details=details, code="too-large")
