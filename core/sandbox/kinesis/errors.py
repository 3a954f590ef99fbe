"""What the data plane answers when it refuses: AWS's own error names."""

from __future__ import annotations

ACCOUNT = "000000000000"
REGION = "us-east-1"


class Refused(Exception):
    """One AWS-shaped error: ``kind`` is the name clients see, ``status`` the HTTP status."""

    def __init__(self, kind: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.kind, self.message, self.status = kind, message, status


def no_stream(name: str) -> Refused:
    return Refused("ResourceNotFoundException", f"Stream {name} under account {ACCOUNT} not found.")


def no_shard(shard: str, stream: str) -> Refused:
    return Refused(
        "ResourceNotFoundException",
        f"Could not find shard {shard} in stream {stream} under account {ACCOUNT}.",
    )


def in_use(what: str) -> Refused:
    return Refused("ResourceInUseException", what)


def invalid(message: str) -> Refused:
    return Refused("InvalidArgumentException", message)


def not_valid(value: object, member: str, constraint: str) -> Refused:
    """The service's wording for a value that breaks its model."""
    shown = "null" if value is None else f"'{value}'"
    return Refused(
        "ValidationException",
        f"1 validation error detected: Value {shown} at '{member}' failed to satisfy constraint: {constraint}",
    )
