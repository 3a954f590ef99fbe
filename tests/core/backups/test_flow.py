"""Compression and encryption lose nothing, and a cut, flipped or hostile object is refused with its cause."""

from __future__ import annotations

import io
import itertools
import os
import random
import threading
import tracemalloc
from collections.abc import Iterator

import pyrage
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from core.backups.dump import PIECE, unhurried
from core.backups.flow import PieceReader, Unpacker, compressed, decrypt_into, encrypt_into, read_ahead
from core.backups.rewriting import Renamer
from core.base.errors import OpsError


def pack(pieces: list[bytes], method: str, recipients: tuple[str, ...] = ()) -> bytes:
    out = io.BytesIO()
    encrypt_into(compressed(pieces, method), recipients, out)
    return out.getvalue()


def unpack(data: bytes, method: str, identity: str = "", *, step: int = 1000, limit: int | None = None) -> bytes:
    out: list[bytes] = []
    unpacker = Unpacker(method, out.append, limit=limit)
    pieces = (data[start : start + step] for start in range(0, len(data), step))
    decrypt_into(PieceReader(pieces), identity, unpacker)
    unpacker.close()
    return b"".join(out)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.binary(max_size=3000), max_size=20),
    st.sampled_from(["zstd", "gzip"]),
    st.booleans(),
    st.integers(1, 5000),
)
def test_what_goes_in_comes_out(pieces: list[bytes], method: str, sealed: bool, step: int) -> None:
    key = pyrage.x25519.Identity.generate()
    packed = pack(pieces, method, (str(key.to_public()),) if sealed else ())
    assert unpack(packed, method, str(key) if sealed else "", step=step) == b"".join(pieces)


def test_a_secret_without_a_key_says_nothing_of_the_backup() -> None:
    """Only what refutes it may be called damaged."""
    packed = pack([b"x"], "zstd", (str(pyrage.x25519.Identity.generate().to_public()),))
    with pytest.raises(OpsError, match="identity cannot be used") as told:
        unpack(packed, "zstd", "# created: 2026-11-29T17:00:00Z")
    assert told.value.code != "damaged"


def test_several_jobs_of_the_compressor_are_one_frame_with_a_checksum() -> None:
    piece = random.Random(5).randbytes(1 << 18) * 4
    packed = pack([piece] * 11, "zstd")  # two whole jobs of 4 MiB and a rest
    assert zstandard.get_frame_parameters(packed).has_checksum
    whole = zstandard.ZstdDecompressor().decompressobj()  # stops at the end of the first frame
    assert whole.decompress(packed) == piece * 11
    assert whole.eof
    assert not whole.unused_data
    with pytest.raises(OpsError):
        unpack(packed[: len(packed) // 2], "zstd")


@given(st.lists(st.integers(1, 300_000), max_size=12))
@settings(deadline=None, max_examples=10)
def test_a_pipe_that_is_left_to_fill_brings_every_byte(sizes: list[int]) -> None:
    sent = [random.Random(size).randbytes(size) for size in sizes]
    end, start = os.pipe()

    def write() -> None:
        with open(start, "wb", buffering=0) as pipe:
            for data in sent:
                while data:  # a pipe may take less than it is given
                    data = data[pipe.write(data) :]

    writer = threading.Thread(target=write)
    writer.start()
    with open(end, "rb", buffering=0) as pipe:
        got = list(unhurried(pipe))
    writer.join()
    assert b"".join(got) == b"".join(sent)
    assert all(0 < len(piece) <= PIECE for piece in got)


@pytest.mark.parametrize("method", ["zstd", "gzip"])
@pytest.mark.parametrize("sealed", [False, True])
def test_every_cut_is_refused(method: str, sealed: bool) -> None:
    key = pyrage.x25519.Identity.generate()
    content = [bytes(range(256)) * 40]
    packed = pack(content, method, (str(key.to_public()),) if sealed else ())
    for end in (0, 1, len(packed) // 2, len(packed) - 1):
        with pytest.raises(OpsError) as caught:
            unpack(packed[:end], method, str(key) if sealed else "")
        assert caught.value.code == "damaged"


@pytest.mark.parametrize("sealed", [False, True])
def test_a_flipped_bit_is_refused(sealed: bool) -> None:
    key = pyrage.x25519.Identity.generate()
    packed = bytearray(pack([bytes(range(256)) * 40], "zstd", (str(key.to_public()),) if sealed else ()))
    packed[len(packed) // 2] ^= 1
    with pytest.raises(OpsError) as caught:
        unpack(bytes(packed), "zstd", str(key) if sealed else "")
    assert caught.value.code == "damaged"


def test_bytes_behind_the_end_are_refused() -> None:
    with pytest.raises(OpsError, match="behind the end"):
        unpack(pack([b"x" * 100], "zstd") + b"more", "zstd")


def test_a_bomb_stops_at_what_the_manifest_tells() -> None:
    bomb = zstandard.ZstdCompressor(level=1).compress(bytes(200 << 20))
    assert len(bomb) < 100_000
    tracemalloc.start()
    with pytest.raises(OpsError, match="unpacks to more"):
        unpack(bomb, "zstd", limit=1 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 128 << 20


def test_another_key_does_not_open_it() -> None:
    packed = pack([b"secret"], "zstd", (str(pyrage.x25519.Identity.generate().to_public()),))
    with pytest.raises(OpsError, match="another identity"):
        unpack(packed, "zstd", str(pyrage.x25519.Identity.generate()))


def test_read_ahead_hands_on_the_makers_error() -> None:
    def make() -> Iterator[bytes]:
        yield b"one"
        raise OpsError("broken")

    pieces = read_ahead(make(), lambda: None)
    assert next(pieces) == b"one"
    with pytest.raises(OpsError, match="broken"):
        next(pieces)


def test_closing_read_ahead_wakes_a_maker_that_waits() -> None:
    woken, closed = threading.Event(), threading.Event()

    def make() -> Iterator[bytes]:
        try:
            yield b"one"
            woken.wait(30)
            yield b"two"
        finally:
            closed.set()

    pieces = read_ahead(make(), woken.set)
    next(pieces)
    pieces.close()
    assert closed.wait(5)


RENAMED = b"-- dump\n--\n-- Current Database: `a`\nCREATE DATABASE /*!32312 IF NOT EXISTS*/ `a` /*!40100 X */;\n\nUSE `a`;\nINSERT INTO `t` VALUES\n('USE `a`;');\nUSE `xa`;\n"


@given(st.lists(st.integers(0, len(RENAMED)), max_size=10), st.integers(0, 3000))
def test_databases_are_renamed_once_in_their_own_lines(cuts: list[int], filling: int) -> None:
    text = RENAMED + b"x" * filling + RENAMED
    out = io.BytesIO()
    renamer = Renamer({"a": "xa", "xa": "xxa"}, out)
    places = [0, *sorted(cuts), len(text)]
    for start, end in itertools.pairwise(places):
        renamer.write(text[start:end])
    renamer.close()
    result = out.getvalue()
    assert result.count(b"\nUSE `xa`;\n") == 2
    assert result.count(b"\nUSE `xxa`;\n") == 2
    assert result.count(b"EXISTS*/ `xa` ") == 2
    assert result.count(b"('USE `a`;')") == 2
