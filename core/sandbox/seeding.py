"""The supervisor's side of filling a fresh sandbox: runs the seeding child, shows how far it is, tries again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

from core.base.errors import OpsError
from core.base.files import write_atomic
from core.base.places import Places
from core.sandbox.contract import places_as_json
from core.sandbox.layout import Layout
from core.sandbox.status import SeedStatus

SIZE = "OPSDESK_SANDBOX_SEED"
"""``full`` (the default), ``small`` (a fiftieth) or ``off``; what the first start of a data folder says holds for it."""
MISSING = 3
"""Exit status of the child: all is done that could be done without the services that are missing."""
WAITS = (5.0, 30.0)

_log = logging.getLogger(__name__)


class Seeding:
    def __init__(self, places: Places, running: Callable[[], frozenset[str]], changed: Callable[[], None]) -> None:
        """``running`` names the services that run now."""
        self._places, self._layout = places, Layout.of(places)
        self._running, self._changed = running, changed
        self._process: asyncio.subprocess.Process | None = None
        self.status = SeedStatus()

    @property
    def busy(self) -> bool:
        return self._process is not None

    async def run(self) -> None:
        """Until everything is there, or it failed for good."""
        try:
            await self._until_done(self._size())
        except (OSError, OpsError) as error:
            self._show(SeedStatus("failed", note=str(error)))

    async def _until_done(self, size: str) -> None:
        if size in ("off", "complete"):
            self._show(SeedStatus("off" if size == "off" else "done"))
            return
        failures = 0
        while True:
            before = self._running()
            status, words = await self._once(size)
            if status == 0:
                self._show(SeedStatus("done", self.status.total, self.status.total))
                return
            if status == MISSING:
                self._show(SeedStatus("waiting", self.status.done, self.status.total, self.status.note))
                while self._running() <= before:
                    await asyncio.sleep(2)
                continue
            _log.warning("seeding ended with status %d: %s", status, words)
            if failures == len(WAITS):
                note = f"{words} The next start of the sandbox tries again."
                self._show(SeedStatus("failed", self.status.done, self.status.total, note))
                return
            self._show(SeedStatus("waiting", self.status.done, self.status.total, words))
            await asyncio.sleep(WAITS[failures])
            failures += 1

    def _size(self) -> str:
        with contextlib.suppress(OSError, ValueError, AttributeError):
            marker = json.loads(self._layout.seed_marker.read_text(encoding="utf-8"))
            if marker.get("size") == "off":
                return "off"
            if marker.get("complete"):
                return "complete"
        size = os.environ.get(SIZE, "full")
        if size == "off":
            write_atomic(self._layout.seed_marker, json.dumps({"size": "off"}))
        return size if size in ("off", "small") else "full"

    async def _once(self, size: str) -> tuple[int, str]:
        """The child's exit status and its last words."""
        places = places_as_json(self._places)
        process = self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "core.sandbox.seed", "--places", places, "--size", size),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=Path(__file__).resolve().parents[2],
        )
        assert process.stdout and process.stderr
        words = ""
        try:
            errors = asyncio.create_task(process.stderr.read())
            while line := await process.stdout.readline():
                with contextlib.suppress(ValueError, TypeError):
                    self._show(SeedStatus("running", **json.loads(line)))
            said = (await errors).decode(errors="replace").strip()
            if said:
                _log.warning("seeding: %s", said[-4000:])
            words = said.partition("\n")[0][:300]
            return await process.wait(), words
        finally:
            if process.returncode is None:  # the sandbox stops
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
            self._process = None

    def _show(self, status: SeedStatus) -> None:
        self.status = status
        self._changed()
