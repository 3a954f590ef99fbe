"""What a killed tap had written: brought in sight under a name of its own, for the stream may not have those records any more."""

from __future__ import annotations

import glob
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from core.base.locks import take

_BEGINNINGS = {".jsonl": b'{"arrived":', ".csv": b"arrived,shard,", ".parquet": b"PAR1"}
_JUST_BEGUN = 60.0
"""Seconds; a file without a byte may be one whose writer has not come to lock it."""
_BLOCK = 1 << 16


def recovered(path: Path) -> Iterator[str]:
    """Of every file that was to become ``path`` and is written by nobody any more, what became of it, in a sentence.

    JSON lines and CSV keep their whole lines, as ``NAME.unfinished-N``; Parquet without its end cannot be read, and goes.
    """
    for left in sorted(path.parent.glob(f".{glob.escape(path.name)}.????????")):
        try:
            with left.open("r+b") as file:
                if not take(file):  # type: ignore[arg-type]
                    continue
                empty = left.stat().st_size == 0
                start = file.read(len(_BEGINNINGS[path.suffix]))
                if time.time() - left.stat().st_mtime < _JUST_BEGUN if empty else start != _BEGINNINGS[path.suffix]:
                    continue
                kept = 0 if path.suffix == ".parquet" else _whole_lines(file, quoted=path.suffix == ".csv")
            if kept:
                place = _free(path)
                left.chmod(0o644)  # as it would have become
                left.rename(place)
                yield f"An earlier tap into {path.name} was killed: what it had written is in {place.name}."
            else:
                left.unlink()
                yield f"An earlier tap into {path.name} was killed before anything that can be read was written; its file is gone."
        except OSError:  # somebody else's, or it has gone meanwhile: nothing of ours to bring back
            continue


def _whole_lines(file: IO[bytes], *, quoted: bool) -> int:
    """Cuts off a line that has no end; returns what is left in bytes. quoted: CSV, where a line may end within a field."""
    file.seek(0)
    end = place = quotes = 0
    while block := file.read(_BLOCK):
        for line in block.splitlines(keepends=True):
            quotes += line.count(b'"') if quoted else 0
            place += len(line)
            if line.endswith(b"\n") and quotes % 2 == 0:
                end = place
    file.truncate(end)
    return end


def _free(path: Path) -> Path:
    number = 1
    while (place := path.with_name(f"{path.stem}.unfinished-{number}{path.suffix}")).exists():
        number += 1
    return place
