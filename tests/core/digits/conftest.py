"""A home with the digits service open on it; a small set, and two models of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.base.places import Places
from core.desk import Desk
from core.digits.datasets import save_npz
from core.digits.service import DigitsService
from core.digits.training import TrainingOrder, train
from core.settings.profiles import Profiles
from core.settings.store import SettingsStore
from tests.core.digits.small_data import SMALL, digits, quiet


@pytest.fixture
def desk(home: Places) -> Any:
    profiles = Profiles(home.config / "profiles.toml")
    made = Desk(home, SettingsStore(home.config / "settings.toml"), profiles, profiles.get("env"))
    yield made
    made.close()


@pytest.fixture
def service(desk: Desk) -> DigitsService:
    return desk.digits


@pytest.fixture(scope="session")
def small_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("digits") / "small.npz"
    save_npz(digits(400), path)
    return path


@pytest.fixture(scope="session")
def logistic(small_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "logistic.model"
    train(quiet, TrainingOrder(small_set, "logistic", SMALL["logistic"]), path)
    return path


@pytest.fixture(scope="session")
def patch_svc(small_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 100 digits."""
    path = tmp_path_factory.mktemp("model") / "patch-svc.model"
    train(quiet, TrainingOrder(small_set, "patch-svc", SMALL["patch-svc"], limit=100), path)
    return path
