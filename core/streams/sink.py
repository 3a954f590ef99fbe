"""PutRecords with what botocore spends on every record taken out of it: built and read by orjson, sent and signed by boto3."""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Sequence
from typing import Any

import orjson

from core.aws.faults import explained, translated
from core.aws.session import AwsSession
from core.base.errors import OpsError, WrongUse
from core.streams.clocks import clock_refused

BATCH_RECORDS = 500
BATCH_BYTES = 9 << 20  # the service takes 10 MiB with the keys; the rest is left for them
RECORD_BYTES = 1 << 20
"""What a record may have, its key counted; a stream can be set to take up to ten times as much."""
CONNECTIONS = 64

_AGAIN = {  # codes that a later attempt may not meet
    "ProvisionedThroughputExceededException",
    "LimitExceededException",
    "ThrottlingException",
    "KMSThrottlingException",
    "InternalFailure",
    "InternalFailureException",
    "InternalServerError",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "RequestTimeout",
}
_CONTENT = {"ValidationException", "InvalidArgumentException", "SerializationException", "RequestEntityTooLarge"}


class PutFailed(Exception):
    """The whole call failed. ``again``: a later one may succeed; ``unsure``: the records may be in all the same;
    ``content``: it was refused for what is in it, perhaps for one record only."""

    def __init__(self, trouble: OpsError, *, again: bool, unsure: bool, content: bool = False) -> None:
        super().__init__(trouble.title)
        self.trouble, self.again, self.unsure, self.content = trouble, again, unsure, content


class StreamSink:
    """One stream to put into, through one shared keep-alive client whose retries are off, so that they are counted.

    Certificates are always verified; a private endpoint's CA file is set in the profile.
    """

    record_bytes = RECORD_BYTES

    def __init__(self, aws: AwsSession, stream: str, *, read_timeout: float = 20) -> None:
        self.stream = stream
        self._aws, self._read_timeout = aws, read_timeout
        self._client: Any = None

    @property
    def client(self) -> Any:
        if self._client is None:
            client = self._aws.client(
                "kinesis", retries=1, read_timeout=self._read_timeout, pool=CONNECTIONS, validate=False
            )
            events = client.meta.events
            events.register("provide-client-params.kinesis.PutRecords", _set_aside, unique_id="opsdesk-put-aside")
            events.register("before-call.kinesis.PutRecords", _put_in, unique_id="opsdesk-put-in")
            events.register("before-parse.kinesis.PutRecords", _keep_raw, unique_id="opsdesk-put-raw")
            self._client = client
        return self._client

    def open(self) -> None:
        """Make the client ready, so that the first put is not timed with it. Raises OpsError."""
        _ = self.client

    def learn_size(self) -> None:
        """Ask how large a record of this stream may be; where that cannot be told it stays at 1 MiB. Raises OpsError
        ``not-found`` where there is no such stream."""
        try:
            with explained(f"put records into {self.stream}"):
                summary = self.client.describe_stream_summary(StreamName=self.stream)["StreamDescriptionSummary"]
        except OpsError as trouble:
            if trouble.code == "not-found":
                raise
            return
        self.record_bytes = (summary.get("MaxRecordSizeInKiB") or 0) << 10 or RECORD_BYTES

    def checked(self, data: bytes, key: str) -> tuple[bytes, str]:
        """The record, if the service could take it; WrongUse otherwise."""
        if not 1 <= len(key) <= 256:
            raise WrongUse(
                "A record cannot be sent",
                f"Its partition key has {len(key)} characters; 1 to 256 are allowed",
                "Correct the key",
            )
        if len(data) + 4 * len(key) > self.record_bytes and len(data) + len(key.encode()) > self.record_bytes:
            raise WrongUse(
                "A record cannot be sent",
                f"It has {len(data):,} bytes; the stream takes {self.record_bytes >> 10:,} KiB with the key",
                "Make it smaller, or store the payload in S3 and send its address",
            )
        return data, key

    def put(self, records: Sequence[tuple[bytes, str]]) -> list[str]:
        """Put (data, partition key) pairs; for each "" where it is in, else the code it failed with.

        Raises PutFailed where the call failed as a whole. The answer is believed only if it speaks of every record.
        """
        body = orjson.dumps(
            {
                "StreamName": self.stream,
                "Records": [
                    {"Data": b2a_base64(data, newline=False).decode(), "PartitionKey": key} for data, key in records
                ],
            }
        )
        try:
            answer = self.client.put_records(StreamName=self.stream, Records=[], OpsdeskBody=body)
            results = orjson.loads(answer["RawAnswer"])["Records"]
            codes = [
                result.get("ErrorCode") or ("" if result.get("SequenceNumber") else "NoAnswer") for result in results
            ]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._unreadable(f"{type(error).__name__}: {error}") from error
        except Exception as error:
            raise self._sorted(error) from error
        if len(codes) != len(records):
            raise self._unreadable(f"{len(codes)} results for {len(records)} records")
        return codes

    def _sorted(self, error: Exception) -> PutFailed:
        answer = getattr(error, "response", None) or {}  # a cut connection has the attribute, but no answer
        code = answer.get("Error", {}).get("Code", "")
        status = str(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", ""))
        trouble = translated(error, f"put records into {self.stream}")
        lost = trouble.code == "unreachable" and not _never_sent(error)
        failing = status.startswith("5") and code not in ("ServiceUnavailable", "ServiceUnavailableException")
        again = clock_refused(code, answer.get("Error", {}).get("Message", ""))
        again = again or trouble.code in ("unreachable", "throttled") or code in _AGAIN or status.startswith("5")
        return PutFailed(trouble, again=again, unsure=lost or failing, content=code in _CONTENT or status == "413")

    def _unreadable(self, why: str) -> PutFailed:
        trouble = OpsError(
            f"An answer to putting records into {self.stream} could not be read",
            f"It is not what PutRecords promises ({why})",
            "The records are sent again, so some may be in twice",
            code="unreadable",
        )
        return PutFailed(trouble, again=True, unsure=True)


def _never_sent(error: Exception) -> bool:
    from botocore import exceptions as boto

    return isinstance(error, boto.EndpointConnectionError | boto.ConnectTimeoutError)


# Three events carry the ready-made body around botocore's serializer and parser (14 -> 3 us of CPU a record).


def _set_aside(params: dict[str, Any], context: dict[str, Any], **_: Any) -> dict[str, Any]:
    context["opsdesk_body"] = params.get("OpsdeskBody")
    return {name: value for name, value in params.items() if name != "OpsdeskBody"}


def _put_in(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    if context.get("opsdesk_body") is not None:
        params["body"] = context["opsdesk_body"]


def _keep_raw(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    if response_dict["status_code"] == 200:
        customized_response_dict["RawAnswer"] = response_dict["body"]
        response_dict["body"] = b""
