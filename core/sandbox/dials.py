"""Turns the dials of a running Kinesis plane: latency, errors, throttles, short iterators, other limits."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable

from core.base.errors import OpsError
from core.sandbox.kinesis.faults import Faults, changed, spelled

_WITHIN = 10.0  # seconds


class KinesisDials:
    """Both verbs call the plane over HTTP: from jobs only. They raise OpsError when it does not answer."""

    def __init__(self, url: Callable[[], str]) -> None:
        self._url = url

    def read(self) -> Faults:
        return self._call("GetFaults", {})

    def turn(self, faults: Faults) -> Faults:
        """Set all dials; ``Faults()`` ends the hurting."""
        return self._call("SetFaults", spelled(faults))

    def _call(self, operation: str, body: dict[str, float]) -> Faults:
        request = urllib.request.Request(
            self._url(),
            json.dumps(body).encode(),
            {"X-Amz-Target": f"OpsdeskSandbox.{operation}", "Content-Type": "application/x-amz-json-1.1"},
        )
        try:
            with urllib.request.urlopen(request, timeout=_WITHIN) as answer:
                return changed(Faults(), json.load(answer))
        except (urllib.error.URLError, ValueError, TimeoutError) as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            raise OpsError(
                "The sandbox's dials could not be turned", str(error), "Start the sandbox again", code="unreachable"
            ) from error
