"""From the bucket back to plain bytes: download, hash, decrypt, decompress, and say exactly where it went wrong."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.backups.flow import OTHER_IDENTITY, PieceReader, Tally, Unpacker, decrypt_into, each
from core.backups.manifest import Manifest
from core.backups.vault import Vault
from core.base.errors import OpsError
from core.jobs.job import Job


@dataclass(slots=True)
class Unpacked:
    """What was seen on the way; ``error``: the first trouble of the object itself, None where it came out whole."""

    stored_bytes: int
    stored_sha256: str
    plain_bytes: int
    plain_sha256: str
    tail: bytes
    seconds: float
    error: OpsError | None = None


def unpack(
    job: Job[Any], vault: Vault, manifest: Manifest, identity: str, take: Callable[[bytes], None], note: str
) -> Unpacked:
    """Hand the plain bytes to ``take``; never more of them than the manifest tells.

    Trouble of the object (cut, flipped, closed to this key) is in the answer; raised is what ``take`` raises, what the endpoint
    refuses, and a cancel.
    """
    if manifest.encrypted and not identity:
        raise OpsError(
            "The backup is encrypted and no identity is there to open it",
            "The plan names no secret with an age identity",
            "Set `identity` in the plan's [proof] to the name of the secret that holds it",
            code="identity",
        )
    stored = Tally()
    tail = b""

    def passing(plain: bytes) -> None:
        nonlocal tail
        tail = (tail + plain)[-400:]
        take(plain)

    started = time.monotonic()
    unpacker = Unpacker(manifest.compression, passing, limit=manifest.plain_bytes)
    pieces = vault.stream(job, manifest.key)
    error: OpsError | None = None
    try:
        reader = PieceReader(stored.over(each(job, pieces, manifest.stored_bytes, note)))
        decrypt_into(reader, identity if manifest.encrypted else "", unpacker)
        unpacker.close()
    except OpsError as trouble:
        job.checkpoint()
        if trouble.code not in ("damaged", OTHER_IDENTITY):
            raise
        error = trouble
        for piece in pieces:  # the hash of the whole object tells a damaged one from one that was packed wrongly
            job.checkpoint()
            stored.add(piece)
    finally:
        pieces.close()  # type: ignore[attr-defined]
    return Unpacked(
        stored.size, stored.sha256, unpacker.plain.size, unpacker.plain.sha256, tail, time.monotonic() - started, error
    )
