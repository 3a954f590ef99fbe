"""Watches over one scratch server: when whoever started it goes away, in whatever manner, server and folder go too.

Run as a program of its own (``python -I guard.py``), with the standard library only, so that it lives on when its
parent is killed: the end of its stdin is the end of everything.

    guard.py FOLDER UID GID DISK_CAP_BYTES HOURS COMMAND...      UID -1: stay who we are
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

_KEEP_FREE = 256 << 20
_LOOK_EVERY = 2.0
_NOTICE_WITHIN = 0.2


def size_of(folder: Path) -> int:
    """Bytes on disk below ``folder`` (files that vanish meanwhile count nothing)."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_blocks * 512
    return total


def over_limit(folder: Path, cap: int, deadline: float) -> str:
    """Why the server has to end now, or nothing."""
    if time.monotonic() > deadline:
        return "the time for a rehearsal is over"
    if shutil.disk_usage(folder).free < _KEEP_FREE:
        return "the disk is nearly full"
    if size_of(folder) > cap:
        return f"it has written more than the {cap:,} bytes it was allowed"
    return ""


def main(arguments: list[str]) -> int:
    folder, uid, gid, cap, hours = (
        Path(arguments[0]),
        int(arguments[1]),
        int(arguments[2]),
        int(arguments[3]),
        float(arguments[4]),
    )
    deadline = time.monotonic() + hours * 3600
    other = {} if uid < 0 else {"user": uid, "group": gid, "extra_groups": []}
    os.umask(0o077)
    try:
        server = subprocess.Popen(
            arguments[5:],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "TMPDIR": str(folder), "LC_ALL": "C"},
            **other,  # type: ignore[call-overload]
        )
        try:
            looked = time.monotonic()
            while True:
                readable, _, _ = select.select([sys.stdin], [], [], _NOTICE_WITHIN)
                if readable and not os.read(0, 4096):
                    return 0
                ended = ""
                if server.poll() is not None:
                    ended = f"it ended by itself with status {server.returncode}"
                elif time.monotonic() - looked >= _LOOK_EVERY:
                    looked = time.monotonic()
                    ended = over_limit(folder, cap, deadline)
                if ended:
                    server.kill()
                    (folder / "ended").write_text(ended)
                    while os.read(0, 4096):  # the folder, with the log, stays until the parent has read it
                        pass
                    return 1
        finally:
            server.kill()
            server.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
