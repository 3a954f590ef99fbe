"""The kinds of sum that S3 keeps of an object or a part, each made as hashlib's are: ``update``, then ``digest``.

Not here: XXHASH64, XXHASH3 and XXHASH128, which no client takes unasked.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import zlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crcmod import Crc


class _Crc32:
    """zlib's: 6 times as fast as crcmod's."""

    def __init__(self) -> None:
        self._sum = 0

    def update(self, content: Any) -> None:
        self._sum = zlib.crc32(content, self._sum)

    def digest(self) -> bytes:
        return self._sum.to_bytes(4, "big")


@functools.cache
def _table(polynomial: int, ones: int) -> Crc:
    from crcmod import Crc

    return Crc(polynomial, initCrc=0, rev=True, xorOut=ones)


def _crc32c() -> Any:
    return _table(0x1_1EDC6F41, (1 << 32) - 1).new()


def _crc64nvme() -> Any:
    return _table(0x1_AD93D235_94C93659, (1 << 64) - 1).new()


SUMS: Mapping[str, tuple[str, Callable[[], Any]]] = {
    "SHA512": ("SHA-512", hashlib.sha512),
    "SHA256": ("SHA-256", hashlib.sha256),
    "SHA1": ("SHA-1", hashlib.sha1),
    "CRC32": ("CRC-32", _Crc32),
    "MD5": ("MD5", functools.partial(hashlib.md5, usedforsecurity=False)),
    "CRC64NVME": ("CRC-64/NVME", _crc64nvme),
    "CRC32C": ("CRC-32C", _crc32c),
}
"""S3's word for each, ours, and its maker; the last two take twice the CPU of MD5."""


def sum_of(kind: str, content: bytes) -> str:
    """As S3 writes it."""
    found = SUMS[kind][1]()
    found.update(content)
    return base64.b64encode(found.digest()).decode()


def told(answer: Mapping[str, Any]) -> dict[str, str]:
    """The sums in S3's answer, by S3's word for their kind."""
    return {
        name.removeprefix("Checksum"): value
        for name, value in answer.items()
        if name.startswith("Checksum") and name not in ("ChecksumType", "ChecksumAlgorithm")
    }
