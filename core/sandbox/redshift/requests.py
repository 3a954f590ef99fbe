"""Reading a request document: required members, choices, pages; what is wrong becomes a ValidationException."""

from __future__ import annotations

import base64
from typing import Any

from core.sandbox.redshift.faults import invalid

Document = dict[str, Any]


def page_of(request: Document, items: list[Any], name: str, most: int) -> Document:
    """One page of ``items`` by MaxResults and NextToken."""
    size = request.get("MaxResults") or most
    if not isinstance(size, int) or not 0 < size <= 1000:
        raise invalid("MaxResults must be 1 to 1000")
    size = min(size, most)
    start = 0
    if token := request.get("NextToken"):
        try:
            start = int(base64.urlsafe_b64decode(token.encode()))
        except ValueError:
            raise invalid("The NextToken is not valid") from None
    answer: Document = {name: items[start : start + size]}
    if start + size < len(items):
        answer["NextToken"] = base64.urlsafe_b64encode(str(start + size).encode()).decode()
    return answer


def required(request: Document, name: str) -> str:
    value = request.get(name)
    if not isinstance(value, str) or not value:
        raise invalid(f"{name} is required")
    return value


def choice(request: Document, name: str, known: tuple[str, ...], default: str) -> str:
    value = request.get(name) or default
    if value and value not in known:
        raise invalid(f"{name} must be one of {', '.join(known)}")
    return str(value)


def wait_seconds(request: Document) -> int:
    seconds = request.get("WaitTimeSeconds") or 0
    if not isinstance(seconds, int) or not 0 <= seconds <= 30:
        raise invalid("WaitTimeSeconds must be 1 to 30")
    return seconds
