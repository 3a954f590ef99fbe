"""What the tests of extraction make and look at."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from core.warehouse.extract.definition import Definition, Tally
from core.warehouse.extract.preview import preview_in_child
from core.warehouse.extract.rows import typed_rows
from core.warehouse.extract.sources import Source, local_sources


def rows(definition: Definition, *paths: Path) -> tuple[pl.DataFrame, Tally, list[tuple[str, str]]]:
    tally, frames, refused = Tally(), [], []
    sources = [Source(str(path), str(path), path.stat().st_size) for path in paths]
    for _, frame, rejects in typed_rows(definition, sources, tally):
        if frame is not None:
            frames.append(frame)
        refused += [(reason, text) for _, reason, text in rejects]
    return (pl.concat(frames) if frames else pl.DataFrame()), tally, refused


def file(folder: Path, text: str | bytes, name: str = "x.log") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def look(definition: Definition, path: Path):
    return preview_in_child(None, definition, local_sources(path))
