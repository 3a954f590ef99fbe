"""Reading the members of a request, refused in the service's own words when they break its model."""

from __future__ import annotations

import re
from typing import Any

from core.sandbox.kinesis.errors import Refused, not_valid

Body = dict[str, Any]

_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,128}")


def _member(name: str) -> str:
    return name[0].lower() + name[1:]


def text(body: Body, name: str, *, longest: int = 2048) -> str:
    """A required text of 1..longest characters."""
    value = optional_text(body, name, longest=longest)
    if value is None:
        raise not_valid(None, _member(name), "Member must not be null")
    return value


def optional_text(body: Body, name: str, *, longest: int = 2048) -> str | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise Refused("SerializationException", f"{name} must be a text")
    if not 1 <= len(value) <= longest:
        raise not_valid(value[:64], _member(name), f"Member must have length between 1 and {longest}")
    return value


def integer(body: Body, name: str, least: int, most: int) -> int:
    """A required whole number within least..most."""
    value = optional_integer(body, name, least, most)
    if value is None:
        raise not_valid(None, _member(name), "Member must not be null")
    return value


def optional_integer(body: Body, name: str, least: int, most: int) -> int | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise Refused("SerializationException", f"{name} must be a whole number")
    if value < least:
        raise not_valid(value, _member(name), f"Member must have value greater than or equal to {least}")
    if value > most:
        raise not_valid(value, _member(name), f"Member must have value less than or equal to {most}")
    return value


def choice(body: Body, name: str, choices: tuple[str, ...]) -> str:
    value = text(body, name)
    if value not in choices:
        raise not_valid(value, _member(name), f"Member must satisfy enum value set: [{', '.join(choices)}]")
    return value


def milliseconds(body: Body, name: str) -> int | None:
    """A timestamp member (seconds since 1970, as the JSON protocol sends it) in milliseconds."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refused("SerializationException", f"{name} must be a number of seconds since 1970")
    return int(value * 1000)


def stream_name(body: Body) -> str:
    """The stream that a request names, by StreamName or by StreamARN."""
    name, arn = optional_text(body, "StreamName"), optional_text(body, "StreamARN")
    if arn is not None:
        tail = arn.rpartition(":stream/")[2]
        if not arn.startswith("arn:") or not _NAME.fullmatch(tail):
            raise not_valid(
                arn,
                "streamARN",
                r"Member must satisfy regular expression pattern: arn:aws.*:kinesis:.*:\d{12}:stream/\S+",
            )
        if name is not None and name != tail:
            raise Refused("InvalidArgumentException", "StreamName and StreamARN name different streams.")
        return tail
    if name is None:
        raise Refused("InvalidArgumentException", "Missing StreamName or StreamARN in the request.")
    if not _NAME.fullmatch(name):
        raise not_valid(name[:64], "streamName", "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+")
    return name


def tags(body: Body, name: str = "Tags", most: int = 200) -> dict[str, str]:
    value = body.get(name) or {}
    if not isinstance(value, dict) or not all(isinstance(k, str) and isinstance(v, str) for k, v in value.items()):
        raise Refused("SerializationException", f"{name} must map texts to texts")
    if len(value) > most:
        raise not_valid(f"{len(value)} tags", _member(name), f"Member must have length less than or equal to {most}")
    for key, tag in value.items():
        if not 1 <= len(key) <= 128 or len(tag) > 256:
            raise not_valid(key[:64], _member(name), "Map keys must have length 1 to 128, values at most 256")
    return value
