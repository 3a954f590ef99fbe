"""The front door: no verb opens the window, a verb does its work without a screen."""

from __future__ import annotations

import sys


def main(arguments: list[str]) -> int:
    from core.cli.arguments import parse

    options = parse(arguments)
    if options.verb is None:
        import core.desk  # before Qt: once it is loaded, Qt reads the source of every module that is imported
        import core.jobs.runner  # noqa: F401
        from gui.app import run_window

        return run_window(options)
    from core.cli.run import run_verb

    return run_verb(options)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
