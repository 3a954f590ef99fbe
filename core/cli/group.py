"""How a room declares its verbs."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from core.cli.arguments import add_global_options

if TYPE_CHECKING:
    from core.cli.console import Console

Run = Callable[[argparse.Namespace, "Console"], int | None]
"""Does the verb; None and 0 mean done. Trouble is raised as OpsError."""


class Group:
    """A verb group: ``opsdesk NAME ACTION ...``."""

    def __init__(self, groups: Any, name: str, help_text: str) -> None:
        parser = groups.add_parser(name, help=help_text, description=help_text)
        self._actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    def action(self, name: str, run: Run, help_text: str, *others: str) -> argparse.ArgumentParser:
        """Declare an action and return its parser for more options. others: what the tools that people come from call it."""
        parser: argparse.ArgumentParser = self._actions.add_parser(
            name, help=help_text, description=help_text, aliases=others
        )
        add_global_options(parser)
        parser.set_defaults(run=run)
        return parser
