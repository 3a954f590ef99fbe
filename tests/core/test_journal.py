"""The journal never holds a secret."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from core.base.journal import open_journal, redact


@pytest.mark.parametrize(
    "text",
    [
        "password=hunter2-xyz",
        "MYSQL_PWD: hunter2-xyz",
        'aws_secret_access_key = "hunter2-xyz"',
        "https://b.s3.amazonaws.com/k?X-Amz-Signature=hunter2-xyz&X-Amz-Date=1",
        "mysql://root:hunter2-xyz@127.0.0.1/shop",
        "X-Amz-Security-Token=hunter2-xyz",
        '{"SessionToken": "hunter2-xyz"}',
    ],
)
def test_secrets_are_taken_out(text: str) -> None:
    assert "hunter2-xyz" not in redact(f"before {text} after")
    assert redact(f"before {text} after").startswith("before")


def test_keys_are_taken_out_and_words_stay() -> None:
    assert redact("key AKIAIOSFODNN7EXAMPLE used") == "key AKIA*** used"
    assert redact("listing s3://bucket/key took 3 s") == "listing s3://bucket/key took 3 s"


def test_the_file_is_redacted_too(tmp_path: Path) -> None:
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    path = open_journal(tmp_path)
    assert open_journal(tmp_path) == path
    try:
        logging.getLogger("test").warning("login with password=%s failed", "hunter2")
        added = [handler for handler in root.handlers if handler not in handlers]
        assert len(added) == 1
        added[0].flush()
        assert "password=***" in path.read_text()
        assert "hunter2" not in path.read_text()
    finally:
        for handler in [handler for handler in root.handlers if handler not in handlers]:
            root.removeHandler(handler)
            handler.close()
        root.setLevel(level)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's device that is always full")
def test_a_full_disk_does_not_fill_the_screen(tmp_path: Path) -> None:
    (tmp_path / "opsdesk.log").symlink_to("/dev/full")
    script = (
        "import logging, pathlib, sys; from core.base.journal import open_journal;"
        "open_journal(pathlib.Path(sys.argv[1])); logging.warning('words')"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0
    assert "Logging error" not in done.stderr and "Traceback" not in done.stderr
