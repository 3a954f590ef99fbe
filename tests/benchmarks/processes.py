"""What processes cost while something runs: CPU seconds and memory by name, sampled every second."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def tree(process: int) -> list[int]:
    """The process and all its descendants."""
    found, wave = [process], [process]
    while wave:
        wave = [child for parent in wave for child in _children(parent)]
        found += wave
    return found


def _children(process: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{process}/task").iterdir():
            found += [int(word) for word in (thread / "children").read_text().split()]
    return found


class Watch:
    """Samples named processes with their children on a thread. ``memory``: name -> (seconds, MiB) samples."""

    def __init__(self, every: float = 1.0) -> None:
        self.memory: dict[str, list[tuple[float, float]]] = {}
        self._every, self._began = every, time.monotonic()
        self._roots: dict[str, tuple[int, bool]] = {}
        self._last: dict[tuple[str, int], float] = {}
        self._first: dict[tuple[str, int], float] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def add(self, name: str, process: int, *, alone: bool = False) -> None:
        """``alone``: without its children, which have names of their own."""
        self._roots[name] = (process, alone)

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def restart(self) -> None:
        """Count CPU and memory from now on: what starting cost does not matter."""
        self._sample()
        self._first = dict(self._last)
        self.memory = {}
        self._began = time.monotonic()

    def cpu(self) -> dict[str, float]:
        """Name -> cores used since ``restart``."""
        passed = time.monotonic() - self._began
        used = dict.fromkeys(self._roots, 0.0)
        for (name, process), seconds in self._last.items():
            used[name] += seconds - self._first.get((name, process), 0.0)
        return {name: seconds / passed for name, seconds in used.items()}

    def now(self) -> dict[str, float]:
        return {name: samples[-1][1] for name, samples in self.memory.items() if samples}

    def growth(self, name: str) -> tuple[float, float]:
        """(highest MiB of the second quarter of the time, highest of the last quarter)."""
        samples = self.memory.get(name, [])
        quarter = len(samples) // 4
        early = [size for _, size in samples[quarter : 2 * quarter]]
        late = [size for _, size in samples[len(samples) - quarter :]] if quarter else []
        return max(early, default=0.0), max(late, default=0.0)

    def _run(self) -> None:
        while not self._over.wait(self._every):
            self._sample()

    def _sample(self) -> None:
        at = time.monotonic() - self._began
        for name, (root, alone) in list(self._roots.items()):
            size = 0.0
            for process in [root] if alone else tree(root):
                with contextlib.suppress(OSError, ValueError, IndexError):
                    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
                    self._last[name, process] = (int(fields[11]) + int(fields[12])) / _TICKS
                    size += int(Path(f"/proc/{process}/statm").read_text().split()[1]) * _PAGE
            if size:
                self.memory.setdefault(name, []).append((at, size))
