"""Stand-ins for schedulers of other systems: programs that keep a table, and refuse what the real ones refuse."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

# A label that is loaded is refused (5); one that is not cannot be put out (3); it is gone a while after ``bootout``.
LAUNCHCTL = """
import os, plistlib, sys, time
table = sys.argv[1]
verb, target, *paths = sys.argv[2:]
def names():
    found = {}
    for name in os.listdir(table):
        ends = float(open(os.path.join(table, name)).read() or "inf")
        if ends > time.time(): found[name] = ends
        else: os.unlink(os.path.join(table, name))
    return found
if verb == "bootstrap":
    label = plistlib.load(open(paths[0], "rb"))["Label"]
    if label in names():
        sys.exit(print("Bootstrap failed: 5: Input/output error", file=sys.stderr) or 5)
    open(os.path.join(table, label), "w").close()
elif (label := target.rsplit("/", 1)[1]) not in names():
    sys.exit(print("Could not find service", file=sys.stderr) or {"bootout": 3, "print": 113}[verb])
elif verb == "bootout":
    open(os.path.join(table, label), "w").write(str(time.time() + 0.5))
"""
# Keeps the tasks' definitions; a text that does not say what it is written in is taken for the computer's code page.
SCHTASKS = r"""
import os, sys
table = sys.argv[1]
words = sys.argv[2:]
name = os.path.join(table, words[words.index("/TN") + 1].replace("\\", "+"))
if words[0] == "/Create":
    content = open(words[words.index("/XML") + 1], "rb").read()
    text = content.decode("utf-16" if content[:2] == b"\xff\xfe" else "cp1252")
    open(name, "w", encoding="utf-8").write(text)
elif not os.path.exists(name):
    sys.exit(print("ERROR: The system cannot find the file specified.", file=sys.stderr) or 1)
elif words[0] == "/Delete":
    os.unlink(name)
"""


def put_on_path(name: str, program: str, folder: Path, patch: pytest.MonkeyPatch) -> Path:
    """Make ``program`` what ``name`` starts; returns the folder that is its table."""
    table = folder / "table"
    table.mkdir(parents=True)
    (folder / "program.py").write_text(program)
    (folder / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "{folder}/program.py" "{table}" "$@"\n')
    (folder / name).chmod(0o755)
    patch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return table
