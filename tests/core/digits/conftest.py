"""A home with the digits service open on it."""

from __future__ import annotations

from typing import Any

import pytest

from core.base.places import Places
from core.desk import Desk
from core.digits.service import DigitsService
from core.settings.profiles import Profiles
from core.settings.store import SettingsStore


@pytest.fixture
def desk(home: Places) -> Any:
    profiles = Profiles(home.config / "profiles.toml")
    made = Desk(home, SettingsStore(home.config / "settings.toml"), profiles, profiles.get("env"))
    yield made
    made.digits.live.close()
    made.close()


@pytest.fixture
def service(desk: Desk) -> DigitsService:
    return desk.digits
