"""``tarfile`` with its extraction filters, which Python has from 3.11.4 on; Debian 12's own Python is 3.11.2."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

if not TYPE_CHECKING and not hasattr(tarfile, "data_filter"):
    from backports import tarfile

__all__ = ["tarfile"]
