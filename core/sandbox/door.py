"""The way into the sandbox: join the one that runs, or start it; leave, and the last one out stops it."""

from __future__ import annotations

from core.aws.session import Target
from core.base.errors import OpsError
from core.base.places import Places
from core.settings.profiles import Profile


class Lease:
    """One user's hold on the running sandbox."""

    def target(self, profile: Profile) -> Target:
        """Where the sandbox's endpoints are now."""
        raise OpsError("The sandbox is not there yet")

    def close(self) -> None:
        """Leave."""


def join(places: Places) -> Lease:
    """Join the sandbox of this home, starting it if nobody has (some seconds)."""
    raise OpsError("The sandbox is not there yet", str(places.sandbox))
