"""What every test is given: a home of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.base.places import Places

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """An empty OPSDESK_HOME."""
    monkeypatch.setenv("OPSDESK_HOME", str(tmp_path / "home"))
    return Places.here().made()
