"""Where the text comes from: files, folders, S3 objects; plain, gzip, bzip2 or zstd; read in blocks that end with a line."""

from __future__ import annotations

import bz2
import codecs
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.base.errors import OpsError

BLOCK = 4 << 20  # bytes of text handled at once: large enough for polars, small enough for 600 MB in all
LONGEST_LINE = 1 << 20  # a longer line is no log line; it is rejected without being held in memory
HEAD = 1000  # bytes of it that are shown among the rejects
_READ = 1 << 20
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Source:
    """where: a path, or an https URL that needs no further credentials (a presigned one). size: bytes as stored."""

    name: str
    where: str
    size: int
    ca_file: str = ""


class Damaged(Exception):
    """The file cannot be read to its end; the text says why."""


def local_sources(path: Path) -> list[Source]:
    """The file, or every file below the folder, hidden ones left out. Raises OpsError where there is none."""
    try:
        if path.is_file():
            return [Source(str(path), str(path), path.stat().st_size)]
        found = [
            file
            for file in sorted(path.rglob("*"))
            if file.is_file() and not any(part.startswith(".") for part in file.relative_to(path).parts)
        ]
    except OSError as error:
        raise OpsError(f"{path} cannot be read", error.strerror or str(error), "Check the path", code="disk") from error
    if not found:
        why = "The folder holds no files" if path.is_dir() else "There is no file and no folder of that name"
        raise OpsError(f"There is nothing to read at {path}", why, "Check the path", code="not-found")
    return [Source(str(file), str(file), file.stat().st_size) for file in found]


def raw_blocks(source: Source) -> Iterator[bytes]:
    """The content, decompressed, as it comes. Raises Damaged where it ends too early or is no valid archive."""
    stored = _remote(source) if source.where.startswith(("http://", "https://")) else _local(source)
    first = next(stored, b"")
    if first.startswith(b"\x1f\x8b"):
        yield from _gunzipped(_again(first, stored))
    elif first.startswith(b"\x28\xb5\x2f\xfd"):
        yield from _unzstd(_again(first, stored))
    elif first.startswith(b"BZh"):
        yield from _unbzip2(_again(first, stored))
    else:
        yield from _again(first, stored)


def line_blocks(source: Source) -> Iterator[tuple[bytes, list[bytes]]]:
    """Blocks of whole lines, and the heads of those before each that were too long to be kept."""
    rest, dropping, heads = b"", False, list[bytes]()
    for piece in _utf8_blocks(source):
        if dropping:
            end = piece.find(b"\n")
            if end < 0:
                continue
            piece, dropping = piece[end + 1 :], False
        data = rest + piece if rest else piece
        while len(data) >= BLOCK:
            end = data.rfind(b"\n", 0, BLOCK)
            if end < 0:
                end = data.find(b"\n", BLOCK)
                if end < 0:
                    break
            yield data[: end + 1], heads
            data, heads = data[end + 1 :], []
        rest = data
        if len(rest) > LONGEST_LINE and b"\n" not in rest[-LONGEST_LINE:]:
            end = rest.rfind(b"\n")
            if end >= 0:
                yield rest[: end + 1], heads
                heads = []
            heads.append(rest[end + 1 : end + 1 + HEAD])
            rest, dropping = b"", True
    if rest or heads:
        yield rest, heads


def _utf8_blocks(source: Source) -> Iterator[bytes]:
    """The content without its byte order mark; UTF-16, which one announces, as UTF-8."""
    blocks = raw_blocks(source)
    first = next(blocks, b"")
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        decoder = codecs.getincrementaldecoder("utf-16")("replace")
        for block in _again(first, blocks):
            yield decoder.decode(block).encode()
        yield decoder.decode(b"", True).encode()
        return
    yield from _again(first.removeprefix(codecs.BOM_UTF8), blocks)


def _again(first: bytes, others: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from others


def _local(source: Source) -> Iterator[bytes]:
    try:
        with open(source.where, "rb") as file:
            while piece := file.read(_READ):
                yield piece
    except OSError as error:
        raise Damaged(error.strerror or str(error)) from error


def _remote(source: Source) -> Iterator[bytes]:
    """A download that goes on where it broke off."""
    import ssl

    context = ssl.create_default_context(cafile=source.ca_file or None) if source.where.startswith("https") else None
    done, tries = 0, 0
    while True:
        request = urllib.request.Request(source.where, headers={"Range": f"bytes={done}-"} if done else {})
        try:
            with urllib.request.urlopen(request, timeout=60, context=context) as answer:
                while piece := answer.read(_READ):
                    done += len(piece)
                    yield piece
            if done >= source.size:
                return
            raise OSError(f"it ended after {done:,} of {source.size:,} bytes")
        except (OSError, urllib.error.URLError) as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            tries += 1
            if tries >= _TRIES or (isinstance(error, urllib.error.HTTPError) and error.code < 500):
                raise Damaged(str(error)) from error


def _gunzipped(stored: Iterator[bytes]) -> Iterator[bytes]:
    """All members of a gzip file, one after the other, as gzip itself reads them."""
    inflate, inside = zlib.decompressobj(31), False
    for piece in stored:
        while piece:
            inside = True
            try:
                text = inflate.decompress(piece, _READ * 4)
            except zlib.error as error:
                raise Damaged(f"the gzip file is damaged ({error})") from error
            if text:
                yield text
            if inflate.eof:  # zeros behind the last member are padding
                piece, inside = inflate.unused_data.lstrip(b"\0"), False
                inflate = zlib.decompressobj(31)
            else:
                piece = inflate.unconsumed_tail
    if inside:
        raise Damaged("the gzip file ends in the middle")


def _unzstd(stored: Iterator[bytes]) -> Iterator[bytes]:
    import zstandard

    inflate = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()
    finished = True
    for piece in stored:
        while piece:
            finished = False
            try:
                text = inflate.decompress(piece)
            except zstandard.ZstdError as error:
                raise Damaged(f"the zstd file is damaged ({error})") from error
            if text:
                yield text
            piece = b""
            if inflate.eof:
                finished, piece = True, inflate.unused_data
                inflate = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()
    if not finished:
        raise Damaged("the zstd file ends in the middle")


def _unbzip2(stored: Iterator[bytes]) -> Iterator[bytes]:
    """All streams of a bzip2 file, in pieces of some megabytes."""
    inflate, inside = bz2.BZ2Decompressor(), False
    for piece in stored:
        while piece or not inflate.needs_input:
            inside = True
            try:
                text = inflate.decompress(piece, _READ * 4)
            except OSError as error:
                raise Damaged(f"the bzip2 file is damaged ({error})") from error
            if text:
                yield text
            piece = b""
            if inflate.eof:
                piece, inside = inflate.unused_data, False
                inflate = bz2.BZ2Decompressor()
    if inside:
        raise Damaged("the bzip2 file ends in the middle")
