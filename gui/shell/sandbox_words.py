"""The sandbox's state in the few words that fit the status bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gui.parts.words import number

if TYPE_CHECKING:
    from core.sandbox.status import SandboxStatus

NAMES = {"s3": "S3", "kinesis": "Kinesis", "redshift-data": "Redshift", "mysql": "MySQL"}


def sandbox_words(status: SandboxStatus | None) -> tuple[str, str, str]:
    """What to say (empty: all is well), its tone, and the tooltip: the worst comes first."""
    if status is None:
        return "", "", ""
    if not status.running or status.stopping:
        return "Sandbox stopped", "danger", "It was stopped, or its process ended. The next use starts it again."
    down = [service for service in status.services if service.state == "restarting"]
    if down:
        names = ", ".join(NAMES.get(service.name, service.name) for service in down)
        return f"{names}: restarting", "danger", "\n".join(f"{s.name}: {s.last_exit}. {s.note}" for s in down)
    missing = [service for service in status.services if service.state == "missing"]
    seed = status.seed
    if seed.state == "running":
        return f"Demo data: {number(seed.done)} of {number(seed.total)}", "muted", f"Being made: {seed.note}"
    if seed.state == "failed":
        return "Demo data are not complete", "warning", seed.note
    if missing:
        names = ", ".join(NAMES.get(service.name, service.name) for service in missing)
        return f"Sandbox without {names}", "warning", "\n".join(service.note for service in missing)
    crashed = [service for service in status.services if service.restarts]
    if crashed:
        names = ", ".join(f"{NAMES.get(s.name, s.name)} {number(s.restarts)}×" for s in crashed)
        return (
            f"Restarted: {names}",
            "muted",
            "\n".join(f"{s.name}: {s.last_exit}, back since {s.since}" for s in crashed),
        )
    return "", "", ""
