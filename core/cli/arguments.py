"""The command line as a whole: global options, then one verb group per room."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module

GROUPS = ("sandbox", "profiles", "digits", "streams", "warehouse", "s3", "backup", "edge")
"""Each is a module of this package with ``register(groups)``; see ``core.cli.group``."""


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The parsed line; ``verb`` is None when the window is wanted. Wrong use leaves with status 2 (argparse's own)."""
    parser = argparse.ArgumentParser(
        prog="opsdesk",
        description="Operations console for AWS. Without a verb the window opens.",
        epilog="Exit status: 0 done, 1 failed, 2 wrong use or settings, 3 locked by another run, 4 stale, missed or never verified.",
    )
    add_global_options(parser, default=True)
    groups = parser.add_subparsers(dest="verb", metavar="VERB")
    named = set(arguments).intersection(GROUPS)  # often one; two where a profile or a file is called like a group
    for name in GROUPS:
        if name in named or not named:  # the named group's module is enough to run its verb
            import_module(f"core.cli.{name}").register(groups)
    return parser.parse_args(arguments)


def add_global_options(parser: argparse.ArgumentParser, *, default: bool = False) -> None:
    """The options every verb takes; they may stand before or after the verb."""

    def fallback(value: object) -> object:
        return value if default else argparse.SUPPRESS

    parser.add_argument(
        "--profile",
        default=fallback(None),
        metavar="NAME",
        help="profile to work on (default: the last used, else sandbox)",
    )
    parser.add_argument(
        "--home",
        default=fallback(None),
        metavar="FOLDER",
        help="where settings, state, cache and sandbox are (default: OPSDESK_HOME, else the platform's own places)",
    )
    parser.add_argument(
        "--json", action="store_true", default=fallback(False), help="one JSON document, or JSON lines where a stream"
    )
    parser.add_argument("--quiet", action="store_true", default=fallback(False), help="no progress and messages")
    parser.add_argument(
        "--verbose",
        action="store_true",
        default=fallback(False),
        help="more in the journal, technical details with errors",
    )
