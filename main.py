"""The front door: no verb opens the window, a verb does its work without a screen."""

from __future__ import annotations

import gc
import os
import sys


def main(arguments: list[str]) -> int:
    profile, verbose = None, False
    if arguments:  # the usual start has none, and its window need not wait for the parser
        from core.cli.arguments import parse

        options = parse(arguments)
        if options.home:
            os.environ["OPSDESK_HOME"] = options.home  # the children's home too
        if options.verb is not None:
            from core.cli.run import run_verb

            return run_verb(options)
        profile, verbose = options.profile, options.verbose
    gc.disable()  # gui.bridge.garbage collects, on one thread only; nothing is garbage before it does
    from gui.app import run_window

    return run_window(profile, verbose=verbose)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except ModuleNotFoundError as missing:
        if sys.prefix != sys.base_prefix:
            raise
        sys.exit(
            f"This Python has no {missing.name}. Run `make run` once; then `.venv/bin/opsdesk` is the command line."
        )
