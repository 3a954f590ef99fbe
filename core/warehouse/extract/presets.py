"""Ready definitions for the common logs: nginx, Apache, ELB, ALB, JSON lines, XML."""

from __future__ import annotations

from core.base.errors import WrongUse
from core.warehouse.extract.definition import JSON, XML, Definition, OutputColumn

_WEB_TIME = "%d/%b/%Y:%H:%M:%S %z"
_REQUEST = r'"(?:(?P<method>[A-Z]+) (?P<path>[^ "]*)(?: (?P<protocol>[^"]*))?|[^"]*)"'


def _columns(words: str, **kinds: str) -> tuple[OutputColumn, ...]:
    return tuple(
        OutputColumn(name, kinds.get(name, "text"), _WEB_TIME if kinds.get(name) == "time" else "")
        for name in words.split()
    )


NGINX = Definition(
    title="nginx and Apache, combined",
    pattern=r"(?P<client>\S+) \S+ (?P<remote_user>\S+) \[(?P<time>[^\]]+)\] "
    + _REQUEST
    + r' (?P<status>\d{3}|-) (?P<bytes>\d+|-)(?: "(?P<referrer>[^"]*)" "(?P<agent>[^"]*)")?.*',
    columns=_columns(
        "client remote_user time method path protocol status bytes referrer agent",
        time="time",
        status="whole",
        bytes="whole",
    ),
)
APACHE = Definition(
    title="Apache, common",
    pattern=r"(?P<client>\S+) (?P<identity>\S+) (?P<remote_user>\S+) \[(?P<time>[^\]]+)\] "
    + _REQUEST
    + r" (?P<status>\d{3}|-) (?P<bytes>\d+|-).*",
    columns=_columns(
        "client identity remote_user time method path protocol status bytes", time="time", status="whole", bytes="whole"
    ),
)
_ISO = "%Y-%m-%dT%H:%M:%S%.fZ"
ELB = Definition(
    title="Classic load balancer",
    pattern=r"(?P<time>\S+) (?P<balancer>\S+) (?P<client>[^: ]+):(?P<client_port>\d+) (?P<target>\S+) "
    r"(?P<request_seconds>-?[\d.]+) (?P<target_seconds>-?[\d.]+) (?P<response_seconds>-?[\d.]+) (?P<status>\d+|-) "
    r'(?P<target_status>\d+|-) (?P<received>\d+) (?P<sent>\d+) "(?P<method>\S+) (?P<url>\S+) (?P<protocol>[^"]*)"'
    r'(?: "(?P<agent>[^"]*)" (?P<cipher>\S+) (?P<tls>\S+))?.*',
    columns=tuple(
        OutputColumn(name, kind, _ISO if kind == "time" else "")
        for name, kind in (
            ("time", "time"), ("balancer", "text"), ("client", "text"), ("client_port", "whole"), ("target", "text"),
            ("request_seconds", "number"), ("target_seconds", "number"), ("response_seconds", "number"), ("status", "whole"),
            ("target_status", "whole"), ("received", "whole"), ("sent", "whole"), ("method", "text"), ("url", "text"),
            ("protocol", "text"), ("agent", "text"), ("cipher", "text"), ("tls", "text"),
        )
    ),
)  # fmt: skip
ALB = Definition(
    title="Application load balancer",
    pattern=r"(?P<type>\S+) (?P<time>\S+) (?P<balancer>\S+) (?P<client>[^: ]+):(?P<client_port>\d+) (?P<target>\S+) "
    r"(?P<request_seconds>-?[\d.]+) (?P<target_seconds>-?[\d.]+) (?P<response_seconds>-?[\d.]+) (?P<status>\d+|-) "
    r'(?P<target_status>\d+|-) (?P<received>\d+) (?P<sent>\d+) "(?P<method>\S+) (?P<url>\S+) (?P<protocol>[^"]*)" '
    r'"(?P<agent>[^"]*)" (?P<cipher>\S+) (?P<tls>\S+) (?P<target_group>\S+) "(?P<trace>[^"]*)".*',
    columns=tuple(
        OutputColumn(name, kind, _ISO if kind == "time" else "")
        for name, kind in (
            ("type", "text"), ("time", "time"), ("balancer", "text"), ("client", "text"), ("client_port", "whole"),
            ("target", "text"), ("request_seconds", "number"), ("target_seconds", "number"), ("response_seconds", "number"),
            ("status", "whole"), ("target_status", "whole"), ("received", "whole"), ("sent", "whole"), ("method", "text"),
            ("url", "text"), ("protocol", "text"), ("agent", "text"), ("cipher", "text"), ("tls", "text"),
            ("target_group", "text"), ("trace", "text"),
        )
    ),
)  # fmt: skip

PRESETS: dict[str, Definition] = {
    "nginx": NGINX,
    "apache": APACHE,
    "elb": ELB,
    "alb": ALB,
    "json": Definition(JSON, title="JSON, an object a line"),
    "xml": Definition(XML, title="XML documents"),
}


def preset(name: str) -> Definition:
    """Raises WrongUse for an unknown name."""
    try:
        return PRESETS[name]
    except KeyError:
        raise WrongUse(f"There is no preset {name}", f"Known are: {', '.join(PRESETS)}", "Choose one of them") from None
