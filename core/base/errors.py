"""Expected trouble, told in three sentences: what happened, why, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping


class OpsError(Exception):
    """Trouble a user can act on; anything else that is raised is a bug of ours.

    title:    what failed, one sentence without a full stop ("The bucket demo does not exist").
    why:      the cause, as far as it is known.
    remedy:   the next step for the user.
    details:  technical facts for "Copy details" (request id, status, endpoint); never a secret.
    code:     a short stable word for programs and tests ("not-found", "throttled", "locked", ...).
    exit_status: what a head-less verb answers (1 failed, 2 wrong use, 3 locked, 4 stale).
    """

    def __init__(
        self,
        title: str,
        why: str = "",
        remedy: str = "",
        *,
        details: Mapping[str, str] | None = None,
        code: str = "failed",
        exit_status: int = 1,
    ) -> None:
        super().__init__(title)
        self.title = title
        self.why = why
        self.remedy = remedy
        self.details = dict(details or {})
        self.code = code
        self.exit_status = exit_status

    def __str__(self) -> str:
        return " ".join(f"{part.rstrip('.')}." for part in (self.title, self.why, self.remedy) if part)

    def __reduce__(self) -> tuple[object, ...]:  # errors cross process borders by pickle
        return (_rebuild, (self.title, self.why, self.remedy, self.details, self.code, self.exit_status))


class WrongUse(OpsError):
    """The caller asked for something that makes no sense: bad options, bad settings (exit status 2)."""

    def __init__(
        self, title: str, why: str = "", remedy: str = "", *, details: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(title, why, remedy, details=details, code="wrong-use", exit_status=2)

    def __reduce__(self) -> tuple[object, ...]:
        return (WrongUse, (self.title, self.why, self.remedy))


def _rebuild(title: str, why: str, remedy: str, details: dict[str, str], code: str, exit_status: int) -> OpsError:
    return OpsError(title, why, remedy, details=details, code=code, exit_status=exit_status)
