"""The dials that make the sandbox hurt: latency, errors, throttles, short iterators, scaled limits."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass, fields
from typing import Any

from core.sandbox.kinesis.errors import Refused


@dataclass(frozen=True, slots=True)
class Faults:
    """All off by default.

    latency_ms: added to every answer. error_share: of all calls answered with a 500 before anything is done.
    lost_answer_share: of put calls that are carried out and then answered with a 500, as a cut connection would.
    throttle_share: of calls (of records, within PutRecords) refused as ProvisionedThroughputExceeded.
    iterator_seconds: life of a shard iterator. limit_scale: multiplies the shard limits; 0 switches them off.
    """

    latency_ms: float = 0.0
    error_share: float = 0.0
    lost_answer_share: float = 0.0
    throttle_share: float = 0.0
    iterator_seconds: float = 300.0
    limit_scale: float = 1.0


def spelled(faults: Faults) -> dict[str, float]:
    """As the control operation answers: ``LatencyMs`` and so on."""
    return {_camel(name): value for name, value in asdict(faults).items()}


def changed(faults: Faults, body: dict[str, Any]) -> Faults:
    """``faults`` with the dials of ``body`` turned; dials not named stay."""
    known = {_camel(field.name): field.name for field in fields(Faults)}
    values = asdict(faults)
    for name, value in body.items():
        if name not in known:
            raise Refused("ValidationException", f"There is no dial {name}; there are {', '.join(known)}.")
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise Refused("ValidationException", f"{name} must be a number of at least 0.")
        if name.endswith("Share") and value > 1:
            raise Refused("ValidationException", f"{name} is a share between 0 and 1.")
        values[known[name]] = float(value)
    return Faults(**values)


def hit(share: float) -> bool:
    return share > 0 and random.random() < share


def _camel(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))
