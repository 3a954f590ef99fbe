"""What CloudWatch would know of the streams: counts by minute, kept for an hour, and GetMetricData over them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from core.sandbox.kinesis.errors import Refused
from core.sandbox.kinesis.fields import Body

NAMESPACE = "AWS/Kinesis"
INCOMING_RECORDS, INCOMING_BYTES = "IncomingRecords", "IncomingBytes"
READS, READS_REFUSED, WRITES_REFUSED = (
    "GetRecords.Success",
    "ReadProvisionedThroughputExceeded",
    "WriteProvisionedThroughputExceeded",
)
_MINUTES = 60
_STATISTICS: dict[str, Callable[[float, int], float]] = {
    "Sum": lambda total, samples: total,
    "SampleCount": lambda total, samples: float(samples),
    "Average": lambda total, samples: total / samples,
}


class Metrics:
    """A sum and a number of samples for each stream, metric and minute."""

    def __init__(self) -> None:
        self._minutes: dict[int, dict[tuple[str, str], tuple[float, int]]] = {}

    def count(self, stream: str, metric: str, value: float, samples: int = 1) -> None:
        minute = int(time.time() // 60)
        counts = self._minutes.get(minute)
        if counts is None:
            counts = self._minutes[minute] = {}
            for old in [known for known in self._minutes if known <= minute - _MINUTES]:
                del self._minutes[old]
        total, seen = counts.get((stream, metric), (0.0, 0))
        counts[stream, metric] = (total + value, seen + samples)

    def answer(self, body: Body) -> Any:
        """GetMetricData for simple statistics; expressions are refused by name."""
        start, end = body.get("StartTime"), body.get("EndTime")
        queries = body.get("MetricDataQueries")
        if not isinstance(start, int | float) or not isinstance(end, int | float) or not isinstance(queries, list):
            raise Refused("ValidationException", "StartTime, EndTime and MetricDataQueries are required.")
        return {"MetricDataResults": [self._answered(query, start, end) for query in queries], "Messages": []}

    def _answered(self, query: Any, start: float, end: float) -> dict[str, Any]:
        try:
            wanted = query["MetricStat"]
            metric, period, statistic = wanted["Metric"], int(wanted["Period"]), _STATISTICS[wanted["Stat"]]
            name, dimensions = metric["MetricName"], {d["Name"]: d["Value"] for d in metric.get("Dimensions", ())}
            identifier = query["Id"]
        except (KeyError, TypeError, ValueError) as error:
            raise Refused(
                "ValidationException", f"The sandbox answers MetricStat with {', '.join(_STATISTICS)} only ({error})."
            ) from error
        if period < 60 or period % 60:
            raise Refused("ValidationException", "Period must be a multiple of 60.")
        bins: dict[int, tuple[float, int]] = {}
        if metric.get("Namespace") == NAMESPACE and set(dimensions) == {"StreamName"}:
            for minute, counts in self._minutes.items():
                if start <= minute * 60 < end and (found := counts.get((dimensions["StreamName"], name))):
                    at = minute * 60 // period * period
                    total, samples = bins.get(at, (0.0, 0))
                    bins[at] = (total + found[0], samples + found[1])
        newest_first = sorted(bins, reverse=True)
        return {
            "Id": identifier,
            "Label": query.get("Label", name),
            "Timestamps": newest_first,
            "Values": [statistic(*bins[at]) for at in newest_first],
            "StatusCode": "Complete",
        }
