"""What every room's service is given: the opened profile, the places, the settings, the secrets, the clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from core.aws.session import AwsSession
from core.base.clock import Clock, SystemClock
from core.base.places import Places
from core.settings.model import Settings
from core.settings.profiles import Profile
from core.settings.secrets import Secrets


@dataclass(frozen=True)
class Workplace:
    aws: AwsSession
    places: Places
    settings: Callable[[], Settings]
    secrets: Secrets = field(default_factory=Secrets)
    clock: Clock = field(default_factory=SystemClock)

    @property
    def profile(self) -> Profile:
        return self.aws.profile
