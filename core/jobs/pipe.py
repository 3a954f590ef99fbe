"""Python values over a pipe to a child process of ours: a length of eight bytes, then the value, pickled."""

from __future__ import annotations

import pickle
import struct
from typing import IO, Any


def packed(value: Any) -> bytes:
    content = pickle.dumps(value, protocol=5)
    return struct.pack("<Q", len(content)) + content


def receive(pipe: IO[bytes]) -> Any:
    """The next value, or None where the other end closed before it was whole. Only for a process of our own making."""
    head = pipe.read(8)
    if len(head) < 8:
        return None
    (size,) = struct.unpack("<Q", head)
    content = pipe.read(size)
    return pickle.loads(content) if len(content) == size else None
