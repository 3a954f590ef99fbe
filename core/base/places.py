"""Where Opsdesk keeps things on this computer."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

RESOURCES = Path(__file__).resolve().parents[2] / "resources"
"""The read-only files that ship with the program: themes, icons, fonts, models."""


class Places(NamedTuple):
    """The folders of one installation; ``OPSDESK_HOME`` moves all of them under one folder."""

    config: Path
    state: Path
    cache: Path
    sandbox: Path

    @classmethod
    def here(cls) -> Places:
        """Read ``OPSDESK_HOME``, or take the platform's own places."""
        home = os.environ.get("OPSDESK_HOME")
        if home:
            root = Path(home).expanduser().resolve()
            return cls(root / "config", root / "state", root / "cache", root / "sandbox")
        import platformdirs

        dirs = platformdirs.PlatformDirs("opsdesk", appauthor=False)
        return cls(
            Path(dirs.user_config_dir),
            Path(dirs.user_state_dir),
            Path(dirs.user_cache_dir),
            Path(dirs.user_data_dir) / "sandbox",
        )

    def made(self) -> Places:
        """Create the folders, readable by this user only, and return self."""
        for folder in (self.config, self.state, self.cache, self.sandbox):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self
