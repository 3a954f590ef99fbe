"""What numpy and zipfile raise when a file of arrays is damaged."""

from __future__ import annotations

import struct
import tokenize
import zipfile
import zlib

DAMAGED_ARRAYS = (
    ValueError, KeyError, TypeError, EOFError, NotImplementedError, OverflowError, struct.error, zlib.error, zipfile.BadZipFile,
    SyntaxError, tokenize.TokenError,  # numpy parses an array's header as Python literals
    RuntimeError,  # zipfile's word for an encrypted member
)  # fmt: skip
