"""Whether what an application makes of a request is what its users see, and what to set where it is not. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from core.edge import rfc7239
from core.edge.request import FORWARDED, FORWARDED_PORT, FORWARDED_PROTO, Incoming, Resolution, default_port


@dataclass(frozen=True, slots=True)
class Verdict:
    """words: a few. good: nothing to set. cure: a sentence, "" where it is good."""

    words: str
    good: bool
    cure: str = ""


def judged(request: Incoming, answer: Resolution) -> Verdict:
    """The gravest first: refused, a port that does not go with the scheme, https that was lost, a port that nobody sees,
    a client that anybody can write."""
    if answer.refused:
        return Verdict("Refused", False, answer.refused)
    because = {step.what: step.because for step in answer.steps}
    trusted = next((step.value != "no" for step in answer.steps if step.what == "trust"), True)
    proto, port = _said(request)
    if (answer.scheme, answer.port) in (("https", 80), ("http", 443)):
        right = default_port(answer.scheme)
        if because.get("port", "").startswith("X-Forwarded-Port"):
            cure = f"Let the proxy send X-Forwarded-Port: {right}, the port its users see, or leave that header out of the trusted ones"
        else:
            cure = f"Let Host and X-Forwarded-Host carry no :{answer.port}"
        return Verdict("Wrong port for the scheme", False, cure)
    if proto == "https" and answer.scheme == "http":
        cure = (
            "Let the application read X-Forwarded-Proto"
            if trusted
            else f"Name {request.peer}, or the range it is in, among the trusted proxies"
        )
        return Verdict(
            "Not what its users see",
            False,
            f"Users came by https, and links say http; a redirect of its own to https would loop. {cure}",
        )
    shown = answer.port or default_port(answer.scheme)
    if port.isdigit() and trusted and int(port) != shown:
        return Verdict(
            "Not what its users see",
            False,
            f"Users came by port {port}, and links say {shown}. Let Host carry the port that users see, or trust X-Forwarded-Port",
        )
    if "spoofable" in because.get("client", ""):
        return Verdict(
            "The client can be forged",
            False,
            "Name the proxies instead of trusting everybody, and let nobody else reach the application",
        )
    return Verdict("Consistent", True)


def _said(request: Incoming) -> tuple[str, str]:
    """Scheme and port as the proxies tell them, "" where they do not."""
    proto = (request.header(FORWARDED_PROTO) or "").split(",")[0].strip().lower()
    if not proto and (forwarded := request.header(FORWARDED)):
        proto = next(iter(rfc7239.values(forwarded, "proto")), "").lower()
    return proto, (request.header(FORWARDED_PORT) or "").split(",")[0].strip()
