"""The log file: everything worth knowing afterwards, with secrets taken out before they are written."""

from __future__ import annotations

import logging
import re
import sys
from functools import cache
from pathlib import Path


@cache
def _secrets() -> tuple[tuple[re.Pattern[str], str], ...]:
    return (
        # AWS access keys, and anything that follows a word which names a secret.
        (re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{12,}\b"), r"\1***"),
        (re.compile(r"(?i)\b(x-amz-(?:signature|credential|security-token))=([^&\s\"']+)"), r"\1=***"),
        (
            re.compile(
                r"(?i)((?:pass(?:word|wd)?|secret(?:_access_key|accesskey)?|token|pwd)[\"']?\s*[=:]\s*[\"']?)([^\s\"',;&}]+)"
            ),
            r"\1***",
        ),
        # user:password@host in any URL or DSN
        # \b: without it every letter of a long word is tried as a beginning, 10 s for one of 60 KB
        (re.compile(r"\b(\w+://[^\s/:@]+):([^\s/@]+)@"), r"\1:***@"),
        (re.compile(r"AGE-SECRET-KEY-[0-9A-Z]+"), "AGE-SECRET-KEY-***"),
    )


def redact(text: str) -> str:
    """The text with keys, passwords, tokens and signatures replaced by ``***``."""
    for pattern, replacement in _secrets():
        text = pattern.sub(replacement, text)
    return text


class _RedactingFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def open_journal(folder: Path, *, verbose: bool = False, name: str = "opsdesk") -> Path:
    """Start the rotating log ``NAME.log`` (3 x 2 MB) in ``folder``; return its path. Safe to call twice."""
    from logging.handlers import RotatingFileHandler  # 10 ms that a window need not wait for

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.log"
    root = logging.getLogger()
    for handler in root.handlers:
        if isinstance(handler, RotatingFileHandler) and Path(handler.baseFilename) == path:
            return path

    class Journal(RotatingFileHandler):
        def handleError(self, record: logging.LogRecord) -> None:
            """A full disk is told by whoever needed it, not by a traceback for every line that is not logged."""
            if not isinstance(sys.exc_info()[1], OSError):
                super().handleError(record)

    handler = Journal(path, maxBytes=2_000_000, backupCount=2, encoding="utf-8", delay=True)
    handler.setFormatter(_RedactingFormatter("%(asctime)s %(levelname)-7s %(process)d %(name)s: %(message)s"))
    root.addHandler(handler)
    root.setLevel(logging.DEBUG if verbose else logging.INFO)
    # botocore at DEBUG writes request signatures; nothing of ours needs it.
    for noisy in ("botocore", "boto3", "urllib3", "s3transfer"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return path
