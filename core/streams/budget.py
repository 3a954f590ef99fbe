"""What a tap will find before it starts: how many of a shard's five reads a second others use, and who is refused.

The figures are CloudWatch's, by the minute and a minute or two late. Where it cannot be asked, that is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from core.aws.faults import explained
from core.aws.session import AwsSession
from core.base.errors import OpsError
from core.streams.reader import READS_A_SECOND

MINUTES = 15
_QUERIES = {
    # id: metric, statistic
    "reads": ("GetRecords.Success", "SampleCount"),
    "reads_refused": ("ReadProvisionedThroughputExceeded", "Sum"),
    "writes_refused": ("WriteProvisionedThroughputExceeded", "Sum"),
}


@dataclass(frozen=True, slots=True)
class ReadBudget:
    """The last ``minutes`` of a stream by CloudWatch.

    reads_per_second: GetRecords calls of all polling readers, refused ones too, for each open shard, in the busiest of
    these minutes; None: no reader, or not known. reads_refused, writes_refused: by ProvisionedThroughputExceeded, all
    shards. known: CloudWatch had figures. trouble: why it could not be asked.
    """

    stream: str
    minutes: int = MINUTES
    reads_per_second: float | None = None
    reads_refused: int = 0
    writes_refused: int = 0
    known: bool = False
    trouble: OpsError | None = None

    def room_for(self, reads_per_second: float) -> bool:
        """Whether a tap at this rate leaves the other readers what they use now."""
        return not self.reads_refused and (self.reads_per_second or 0.0) + reads_per_second <= READS_A_SECOND


def read_budget(aws: AwsSession, stream: str, open_shards: int, minutes: int = MINUTES) -> ReadBudget:
    """Asks CloudWatch (``cloudwatch:GetMetricData``); never raises for what may be missing there."""
    try:
        with explained(f"read CloudWatch's figures of {stream}"):
            series = _asked(aws, stream, minutes)
    except OpsError as trouble:
        return ReadBudget(stream, minutes, trouble=trouble)
    if not any(series.values()):
        return ReadBudget(stream, minutes)
    reads = series["reads"]
    return ReadBudget(
        stream,
        minutes,
        max(reads) / 60 / max(1, open_shards) if reads else None,
        round(sum(series["reads_refused"])),
        round(sum(series["writes_refused"])),
        known=True,
    )


def _asked(aws: AwsSession, stream: str, minutes: int) -> dict[str, list[float]]:
    client = aws.client("cloudwatch", retries=2, read_timeout=10)
    streams_at, figures_at = (
        urlsplit(entry.meta.endpoint_url).hostname or "" for entry in (aws.client("kinesis"), client)
    )
    if _is_aws(figures_at) and not _is_aws(streams_at):
        raise OpsError(
            f"Could not read CloudWatch's figures of {stream}",
            f"The stream is at {streams_at}, and for CloudWatch no endpoint is set",
            "Set AWS_ENDPOINT_URL_CLOUDWATCH if there is one",
            code="no-endpoint",
        )
    end = datetime.now(UTC)
    found: dict[str, list[float]] = {identifier: [] for identifier in _QUERIES}
    wanted: dict[str, Any] = {
        "StartTime": end.replace(second=0, microsecond=0) - timedelta(minutes=minutes),
        "EndTime": end,
        "MetricDataQueries": [
            {
                "Id": identifier,
                "MetricStat": {
                    "Metric": {
                        "Namespace": "AWS/Kinesis",
                        "MetricName": metric,
                        "Dimensions": [{"Name": "StreamName", "Value": stream}],
                    },
                    "Period": 60,
                    "Stat": statistic,
                },
            }
            for identifier, (metric, statistic) in _QUERIES.items()
        ],
    }
    while True:
        answer = client.get_metric_data(**wanted)
        for result in answer["MetricDataResults"]:
            found[result["Id"]] += result["Values"]
        if not answer.get("NextToken"):
            return found
        wanted["NextToken"] = answer["NextToken"]


def _is_aws(host: str) -> bool:
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws"))
