"""What boto3 raises, in plain words: translated once, here, with the request id kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from traceback import walk_tb
from typing import Any
from urllib.parse import urlsplit

from core.base.errors import OpsError

_REMEDY_CREDENTIALS = (
    "Sign in again (in the menu of profiles, or by `profiles sign-in NAME`), or choose another profile"
)

_KNOWN: dict[str, tuple[str, str, str]] = {
    # AWS code -> (our code, why, remedy)
    "AccessDenied": (
        "denied",
        "This identity has no permission for it",
        "Ask for the permission named in the details, or choose another profile",
    ),
    "AccessDeniedException": (
        "denied",
        "This identity has no permission for it",
        "Ask for the permission named in the details, or choose another profile",
    ),
    "UnauthorizedOperation": (
        "denied",
        "This identity has no permission for it",
        "Ask for the permission named in the details, or choose another profile",
    ),
    "InvalidAccessKeyId": ("credentials", "AWS does not know this access key", _REMEDY_CREDENTIALS),
    "InvalidClientTokenId": ("credentials", "AWS does not know this access key", _REMEDY_CREDENTIALS),
    "UnrecognizedClientException": ("credentials", "AWS does not know this access key", _REMEDY_CREDENTIALS),
    "SignatureDoesNotMatch": ("credentials", "The secret key does not fit the access key", _REMEDY_CREDENTIALS),
    "AuthFailure": ("credentials", "The credentials were refused", _REMEDY_CREDENTIALS),
    "ExpiredToken": ("expired", "The login has expired", _REMEDY_CREDENTIALS),
    "ExpiredTokenException": ("expired", "The login has expired", _REMEDY_CREDENTIALS),
    "RequestExpired": ("expired", "The request is older than AWS accepts", "Set this computer's clock right"),
    "RequestTimeTooSkewed": ("clock", "This computer's clock is wrong", "Set the clock right"),
    "NoSuchBucket": ("not-found", "There is no bucket of that name", "Check the name, or make the bucket"),
    "NoSuchKey": ("not-found", "There is no object of that name", "Refresh the list"),
    "404": ("not-found", "It is not there", "Check the name and refresh the list"),
    "403": (
        "denied",
        "This identity has no permission for it",
        "Ask for the permission named in the details, or choose another profile",
    ),
    "ResourceNotFoundException": (
        "not-found",
        "It does not exist in this account and region",
        "Check the name and the region",
    ),
    "BucketAlreadyExists": ("exists", "The name is taken by somebody else", "Choose another name"),
    "BucketAlreadyOwnedByYou": ("exists", "You have a bucket of that name", "Use it, or choose another name"),
    "BucketNotEmpty": ("conflict", "The bucket still holds objects or versions", "Delete its objects first"),
    "PreconditionFailed": (
        "exists",
        "An object of that name is already there",
        "Choose another name; nothing was overwritten",
    ),
    "ResourceInUseException": (
        "conflict",
        "It is being changed at the moment, or the name is taken",
        "Wait until it is ACTIVE and try again",
    ),
    "LimitExceededException": ("limit", "A limit of the account is reached", "Wait, or ask AWS to raise the limit"),
    "ProvisionedThroughputExceededException": (
        "throttled",
        "The shard's throughput is used up",
        "Slow down, or add shards",
    ),
    "EntityTooLarge": ("limit", "It is larger than the service accepts", "Send it in parts"),
    "RequestTimeout": ("unreachable", "The connection stood still for too long", "Check the network and try again"),
    **dict.fromkeys(
        (
            "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException",
            "TooManyRequestsException", "RequestLimitExceeded", "BandwidthLimitExceeded", "SlowDown", "ServiceUnavailable",
        ),
        ("throttled", "Too many requests, or the service is busy", "Wait a moment and try again"),
    ),
}  # fmt: skip
_INTERNAL = ("server", "The service had a fault of its own", "Try again in a while")
"""Any other answer of 500 and above: a matter of time, but for 501, which an endpoint gives for what it does not have."""


def translated(error: BaseException, doing: str) -> OpsError:
    """``doing`` is what was tried, ready for "could not": ``list the buckets``."""
    if isinstance(error, OpsError):
        return error
    from botocore import exceptions as boto
    from botocore.parsers import ResponseParserError

    title = f"Could not {doing}"
    if isinstance(error, boto.ClientError):
        return _from_client_error(error, title)
    text = str(error).strip() or type(error).__name__
    if isinstance(error, boto.NoCredentialsError | boto.PartialCredentialsError | boto.CredentialRetrievalError):
        return OpsError(
            title, f"No usable AWS credentials were found ({text})", _REMEDY_CREDENTIALS, code="credentials"
        )
    if isinstance(error, boto.TokenRetrievalError | boto.SSOTokenLoadError | boto.UnauthorizedSSOTokenError):
        return OpsError(title, "The login has expired", _REMEDY_CREDENTIALS, details={"error": text}, code="expired")
    if isinstance(error, boto.NoRegionError):
        return OpsError(title, "No region is set", "Set a region in the profile, or AWS_REGION", code="settings")
    if isinstance(error, boto.ProfileNotFound):
        return OpsError(title, text, "Correct the AWS profile's name in the profile", code="settings")
    where, told = _server(error), {"error": text}
    if isinstance(error, boto.SSLError):
        return OpsError(
            title,
            f"The certificate of {where} was not accepted",
            "Choose the right CA file in the profile",
            details=told,
            code="tls",
        )
    if isinstance(error, boto.ConnectionError | boto.HTTPClientError):
        return OpsError(
            title,
            f"{where} {_silence(error)}",
            "Check the network and the endpoint of the profile, then try again",
            details=told,
            code="unreachable",
        )
    if isinstance(error, boto.ParamValidationError):
        return OpsError(title, text, "Correct the value and try again", code="invalid")
    if isinstance(error, ResponseParserError) or _while_reading(error):
        return OpsError(
            title,
            "The endpoint answered in a form this service does not use",
            "Check that the profile's endpoint is of this service",
            details={"error": f"{type(error).__name__}: {text}"[:1000]},
            code="unreachable",
        )
    if isinstance(error, boto.BotoCoreError):
        return OpsError(title, text, "", code="aws")
    raise error


def _while_reading(error: BaseException) -> bool:
    """Whether botocore fell over an answer: it expects AWS behind every endpoint, not a proxy's page or half a document."""
    places = {frame.f_code.co_name for frame, _ in walk_tb(error.__traceback__)}
    return bool(places & {"_do_get_response", "redirect_from_error"})


def refuse_empty(http_response: Any, parsed: dict[str, Any], model: Any, **_: Any) -> None:
    """After a call: a success that has nothing of what its operation always returns comes from something that is not AWS.

    Raises: botocore's ResponseParserError.
    """
    shape = model.output_shape
    if http_response.status_code >= 300 or shape is None or model.metadata.get("protocol") == "rest-xml":
        return
    if shape.required_members and not parsed.keys() - {"ResponseMetadata"}:
        from botocore.parsers import ResponseParserError

        raise ResponseParserError(f"the answer to {model.name} has none of {', '.join(shape.required_members)}")


def _server(error: BaseException) -> str:
    """Scheme, host and port that were asked, as far as botocore says."""
    parts = urlsplit(str(getattr(error, "kwargs", {}).get("endpoint_url", "")))
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else "The endpoint"


def _silence(error: BaseException) -> str:
    from botocore import exceptions as boto

    cause = str(getattr(error, "kwargs", {}).get("error", error))
    if any(sign in cause for sign in ("Failed to resolve", "Name or service not known", "getaddrinfo failed")):
        return "is a name that this network does not know"
    if isinstance(error, boto.ProxyConnectionError):
        return "cannot be reached through the proxy"
    if isinstance(error, boto.ConnectionClosedError):
        return "closed the connection before it answered"
    if isinstance(error, boto.ReadTimeoutError):
        return "took the request and did not answer in time"
    return "does not answer"


def _from_client_error(error: Any, title: str) -> OpsError:
    answer = error.response.get("Error", {})
    metadata = error.response.get("ResponseMetadata", {})
    aws_code, message = str(answer.get("Code", "")), str(answer.get("Message", "")).strip()
    status = int(metadata.get("HTTPStatusCode", 0))
    other = (
        _INTERNAL
        if status >= 500 and status != 501
        else ("aws", message or aws_code, "See the details, then try again")
    )
    code, why, remedy = _KNOWN.get(aws_code, other)
    if not message and aws_code in ("", "Unknown"):
        why, remedy = (
            f"The endpoint answered {status or 'an error'} and gave no reason",
            "Check that the profile's endpoint is of this service",
        )
    details = {
        "code": aws_code,
        "message": message,
        "operation": error.operation_name,
        "request id": str(metadata.get("RequestId", "")),
        "status": str(metadata.get("HTTPStatusCode", "")),
    }
    if message and message not in why and code not in ("credentials", "expired"):
        why = f"{why} ({message})"
    return OpsError(title, why, remedy, details={key: value for key, value in details.items() if value}, code=code)


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Inside, what boto3 raises becomes an OpsError titled "Could not <doing>"; bugs pass through unchanged."""
    try:
        yield
    except OpsError:
        raise
    except Exception as error:
        raise translated(error, doing) from error
