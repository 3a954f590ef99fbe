"""Turning the data plane's dials from outside: latency, errors, throttles, short iterators, scaled limits."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from core.base.errors import OpsError

DIALS = {
    # name: (what it does, least, most, neutral)
    "LatencyMs": ("Milliseconds added to every answer", 0.0, 10_000.0, 0.0),
    "ErrorShare": ("Share of calls answered with an error, nothing done", 0.0, 1.0, 0.0),
    "LostAnswerShare": ("Share of puts that are carried out but answered with an error", 0.0, 1.0, 0.0),
    "ThrottleShare": ("Share of calls, or of records within PutRecords, that are throttled", 0.0, 1.0, 0.0),
    "IteratorSeconds": ("Life of a shard iterator", 0.05, 300.0, 300.0),
    "LimitScale": ("Multiplies the shards' limits; 0 switches them off", 0.0, 100.0, 1.0),
}


def read(url: str) -> dict[str, float]:
    """How the dials of the data plane at ``url`` stand."""
    return _call(url, "GetFaults", {})


def turn(url: str, **dials: float) -> dict[str, float]:
    """Turn the named dials (see DIALS) and return how all stand. Raises OpsError for a value that makes no sense."""
    return _call(url, "SetFaults", dials)


def neutral(url: str) -> dict[str, float]:
    """All dials as at the start."""
    return turn(url, **{name: facts[3] for name, facts in DIALS.items()})


def _call(url: str, operation: str, body: dict[str, Any]) -> dict[str, float]:
    headers = {"X-Amz-Target": f"OpsdeskSandbox.{operation}", "Content-Type": "application/x-amz-json-1.1"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            found: dict[str, float] = json.load(answer)
            return found
    except urllib.error.HTTPError as error:
        why = str(json.loads(error.read() or b"{}").get("message", error))
        raise OpsError("The sandbox's dials could not be turned", why, "Correct the value", code="invalid") from error
    except (OSError, ValueError) as error:
        raise OpsError(
            "The sandbox's Kinesis does not answer", str(error), "Start the sandbox and try again", code="unreachable"
        ) from error
