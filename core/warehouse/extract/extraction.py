"""The whole input into one Parquet file, streamed, in a process of its own; rejects kept beside it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from core.base.errors import OpsError
from core.jobs.child import run_in_child
from core.jobs.job import Job
from core.warehouse.extract.definition import DOCUMENT, MOST_REJECTS, PATTERN, XML, Definition, Tally
from core.warehouse.extract.matching import engine_of
from core.warehouse.extract.rows import Rejects, typed_rows
from core.warehouse.extract.sources import Source
from core.warehouse.scratch import scratch

if TYPE_CHECKING:
    import polars as pl

_GROUP_ROWS = 250_000  # rows of a Parquet row group; held in memory until written
_WORTH_SHARING = 32_000_000  # bytes; below, starting a process a core costs more than it saves


def extract(
    job: Job[Any], definition: Definition, sources: Sequence[Source], output: Path, rejects: Path | None = None
) -> Tally:
    """Write ``output`` (Parquet, zstd) and ``rejects`` (JSON lines); both whole or not at all. What a killed one left unfinished
    in their folders goes.

    Raises OpsError for a bad or runaway pattern, a full disk, and where nothing at all matched.
    """
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(scratch("extract", beside=output))
            unfinished, left = folder / "rows.parquet", None
            if rejects:
                aside = folder
                if rejects.parent != output.parent:  # it may be another disk: a file moves into place on its own only
                    aside = stack.enter_context(scratch("extract", beside=rejects))
                left = aside / "rejects.jsonl"
            arguments = {
                "definition": definition,
                "sources": list(sources),
                "output": str(unfinished),
                "rejects": str(left) if left else "",
            }
            tally: Tally = run_in_child(job, "core.warehouse.extract.extraction:extract_in_child", arguments, threads=2)
            if not tally.rows and not tally.problems:
                raise OpsError(
                    "No line matched",
                    f"{tally.lines:,} lines were read; {', '.join(f'{n:,} {why}' for why, n in tally.reasons.items()) or 'the input is empty'}",
                    "Look at the preview: the pattern must match the whole line",
                    code="no-match",
                )
            job.checkpoint()
            unfinished.replace(output)
            if rejects and left and left.exists():
                left.replace(rejects)
            return tally
    except OSError as error:
        raise OpsError(
            f"{output.name} could not be written", error.strerror or str(error), "Choose another place", code="disk"
        ) from error


def extract_in_child(
    report: Any, definition: Definition, sources: Sequence[Source], output: str, rejects: str
) -> Tally:
    """The child's side: read, match, type, write. Much that Python itself must match or parse is shared between processes,
    file by file."""
    slow = definition.kind in (DOCUMENT, XML) or (
        definition.kind == PATTERN and engine_of(definition.pattern) == "python"
    )
    workers = min(os.cpu_count() or 1, len(sources))
    if slow and workers > 1 and sum(source.size for source in sources) >= _WORTH_SHARING:
        return shared_out(report, definition, sources, output, rejects, workers)
    return extract_here(report, definition, sources, output, rejects)


def extract_here(report: Any, definition: Definition, sources: Sequence[Source], output: str, rejects: str) -> Tally:
    """Read, match, type and write in this process."""
    import pyarrow.parquet as pq

    tally = Tally()
    total = sum(source.size for source in sources)
    done = 0
    waiting: list[pl.DataFrame] = []
    held = 0
    writer: pq.ParquetWriter | None = None
    with contextlib.ExitStack() as stack:
        book = _RejectBook(stack.enter_context(open(rejects, "wb"))) if rejects else None
        try:
            before, last = 0, 0
            for number, frame, refused in typed_rows(definition, sources, tally):
                if number != last:
                    done += sum(source.size for source in sources[last:number])
                    before, last = tally.bytes, number
                if book is not None and refused:
                    book.write(refused)
                if frame is not None:
                    if frame.height:
                        waiting.append(frame)
                        held += frame.height
                    if held >= _GROUP_ROWS:
                        writer, held = _write(waiting, writer, output), 0
                # What is compressed is smaller on disk than what was read from it: never past its share.
                report(
                    done + min(sources[number].size, tally.bytes - before),
                    total,
                    f"{tally.rows:,} rows, {tally.rejected:,} rejected",
                )
            if waiting or writer is None:
                writer = _write(waiting or [_empty(definition)], writer, output)
        except OSError as error:
            raise OpsError(
                "The table could not be written", error.strerror or str(error), "Free some space", code="disk"
            ) from error
        finally:
            if writer is not None:
                writer.close()
    return tally


def shared_out(
    report: Any, definition: Definition, sources: Sequence[Source], output: str, rejects: str, workers: int
) -> Tally:
    """The sources in shares of about the same size, a process each at a time; then the parts as one file, in the sources' order."""
    shares = _shares(sources, workers * 4)
    total = sum(source.size for source in sources)
    tallies: dict[int, Tally] = {}
    with (
        scratch("parts", beside=Path(output)) as folder,
        ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool,
    ):
        parts = [(folder / f"{n}.parquet", folder / f"{n}.rejects") for n in range(len(shares))]
        running = {
            pool.submit(_share, definition, share, str(part), str(refused) if rejects else ""): number
            for number, (share, (part, refused)) in enumerate(zip(shares, parts, strict=True))
        }
        done = 0
        try:
            for future in as_completed(running):
                number = running[future]
                tallies[number] = future.result()
                done += sum(source.size for source in shares[number])
                rows = sum(one.rows for one in tallies.values())
                report(done, total, f"{rows:,} rows, {sum(one.rejected for one in tallies.values()):,} rejected")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        _joined([part for part, _ in parts], output)
        if rejects:
            with open(rejects, "wb") as book:
                for _, refused in parts:
                    with refused.open("rb") as file:
                        shutil.copyfileobj(file, book)
    whole = Tally()
    for number in range(len(shares)):
        whole.add(tallies[number])
    return whole


def _share(definition: Definition, sources: Sequence[Source], output: str, rejects: str) -> Tally:
    return extract_here(lambda *_: None, definition, sources, output, rejects)


def _shares(sources: Sequence[Source], count: int) -> list[list[Source]]:
    """Consecutive runs of sources, each of about the same size."""
    each = max(1, sum(source.size for source in sources)) / count
    shares: list[list[Source]] = [[]]
    size = 0
    for source in sources:
        if shares[-1] and size + source.size > each:
            shares.append([])
            size = 0
        shares[-1].append(source)
        size += source.size
    return shares


def _joined(parts: Sequence[Path], output: str) -> None:
    """Row group after row group, so that no more than one is held."""
    import pyarrow.parquet as pq

    with pq.ParquetWriter(output, pq.read_schema(parts[0]), compression="zstd") as writer:
        for part in parts:
            with pq.ParquetFile(part) as file:
                for group in range(file.num_row_groups):
                    writer.write_table(file.read_row_group(group))


def _write(waiting: list[pl.DataFrame], writer: Any, output: str) -> Any:
    import polars as pl
    import pyarrow.parquet as pq

    table = pl.concat(waiting).to_arrow()
    waiting.clear()
    table = _plain_strings(table)
    if writer is None:
        writer = pq.ParquetWriter(output, table.schema, compression="zstd")
    writer.write_table(table)
    return writer


def _plain_strings(table: Any) -> Any:
    """Old readers know string, not polars' large_string or string_view."""
    import pyarrow as pa

    kinds = [
        pa.string() if pa.types.is_large_string(field.type) or pa.types.is_string_view(field.type) else field.type
        for field in table.schema
    ]
    return table.cast(pa.schema(list(zip(table.column_names, kinds, strict=True))))


def _empty(definition: Definition) -> pl.DataFrame:
    import polars as pl

    kinds: dict[str, Any] = {
        "text": pl.String,
        "whole": pl.Int64,
        "number": pl.Float64,
        "boolean": pl.Boolean,
        "date": pl.Date,
    }
    return pl.DataFrame(schema={c.name: kinds.get(c.kind, pl.Datetime("us")) for c in definition.columns})


class _RejectBook:
    """Rejected texts as JSON lines: source, reason, text."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._kept = file, 0

    def write(self, refused: Rejects) -> None:
        import orjson

        for source, reason, text in refused[: max(0, MOST_REJECTS - self._kept)]:
            self._file.write(orjson.dumps({"source": source, "reason": reason, "text": text}) + b"\n")
        self._kept += len(refused)
