"""What the page's banner says about a tap: the most pressing thing, why, and the next step."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.base.errors import OpsError
from core.streams.positions import short_shard
from core.streams.tap import SILENT, TapStatus


@dataclass(frozen=True, slots=True)
class Notice:
    """``kind`` tells one notice from another, so that a dismissed one stays away until something else happens;
    ``action`` is the words of the next step, ``step`` its name for the presenter."""

    kind: str
    tone: str
    title: str
    why: str
    action: str = ""
    step: str = ""
    details: dict[str, str] = field(default_factory=dict)


def notice_of(status: TapStatus) -> Notice | None:
    """The most pressing one, or None."""
    if status.failure is not None:
        return _failed(status.failure)
    if status.state == "unseen":
        return Notice(
            "unseen",
            "info",
            "The tap paused itself",
            "Nobody looked at it for a while, and it spends reads that your consumers need. Nothing is lost: it goes on "
            "where it stopped.",
            "Read on",
            "resume",
        )
    retrying = [shard for shard in status.shards if shard.trouble is not None]
    if retrying:
        trouble = retrying[0].trouble
        assert trouble is not None
        return Notice(
            f"retrying:{trouble.code}",
            "warning",
            f"{trouble.title}: trying again",
            f"{trouble.why.rstrip('.')}. Nothing is lost: reading goes on where it stopped.",
            details=trouble.details,
        )
    silent = [] if status.pushed else [shard for shard in status.shards if shard.silent > SILENT]
    if silent:
        return Notice(
            "silent",
            "warning",
            "The endpoint does not answer",
            f"{'A read' if len(silent) == 1 else f'{len(silent)} reads'} of this tap wait for their answers; after 30 s they "
            "are given up and made again. Nothing is lost: reading goes on where it stopped.",
        )
    throttled = [short_shard(shard.shard.id) for shard in status.shards if shard.throttles_per_minute]
    if throttled:
        who = f"Shard {throttled[0]} is" if len(throttled) == 1 else f"Shards {', '.join(throttled[:8])} are"
        return Notice(
            f"throttled:{','.join(throttled)}",
            "warning",
            f"{who} read-throttled",
            "Other consumers share the shard's five reads a second; this tap stepped back to one read in five seconds.",
            "Use enhanced fan-out",
            "fan-out",
        )
    if status.decode.astray:
        return Notice(
            "astray",
            "info",
            f"{status.decode.astray:,} aggregated records lie outside their shard's hash range",
            "The KCL drops such records, so other consumers may not see what you see here.",
        )
    return None


def _failed(fault: OpsError) -> Notice:
    if fault.code == "not-found":
        return Notice(
            "gone", "danger", "The stream is gone", "It was deleted while it was tapped. What was read is still here.",
            "Refresh", "refresh", {**fault.details},
        )  # fmt: skip
    text = " ".join(f"{part.rstrip('.')}." for part in (fault.why, fault.remedy) if part)
    return Notice(f"failed:{fault.code}", "danger", fault.title, text, "Try again", "resume", {**fault.details})
