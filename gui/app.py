"""The window's composition root: the only file that knows services, bridge, shell and pages alike."""

from __future__ import annotations

import argparse


def run_window(options: argparse.Namespace) -> int:
    """Open the window and stay until it is closed."""
    return 0
