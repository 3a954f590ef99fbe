"""What is asked before a statement is sent: whether it may write, and the values of its parameters."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QWidget

from core.settings.profiles import Profile
from core.warehouse.intent import Intent
from core.warehouse.statements import parameters
from gui.parts.dialogs import ConfirmDialog
from gui.tabs.warehouse.dialogs import ParameterDialog

_BECOME = {"DELETE": "deleted", "TRUNCATE": "deleted", "UPDATE": "changed", "INSERT": "added", "DROP": "lost"}
"""What a statement does to rows, by its first word."""


def question(intent: Intent, sql: str, rows: int | None, profile: Profile, parent: QWidget) -> ConfirmDialog:
    """Names the tables and ``rows``, how many would be touched; None where that cannot be known."""
    tables = ", ".join(intent.tables) or "the warehouse"
    verb = intent.verb.capitalize()
    among_rows = intent.verb in ("DELETE", "UPDATE", "INSERT")
    deed = f"{verb} in {tables}" if among_rows else f"{verb} {tables}"
    become = _BECOME.get(intent.verb.partition(" ")[0], "touched")
    counted = "" if rows is None else f"{rows:,} {'row' if rows == 1 else 'rows'}"
    consequence = f"{'All ' if intent.whole else ''}{counted} of {tables} {'is' if rows == 1 else 'are'} {become}."
    if not counted:
        consequence = f"{tables} is changed; how many rows cannot be known beforehand."
    hints = (
        "It has no WHERE." if intent.whole and among_rows else "",
        "It commits at once: no ROLLBACK brings them back." if intent.verb.startswith("TRUNCATE") else "",
        "This profile is read-only: this one statement is let through." if profile.read_only else "",
    )
    return ConfirmDialog(
        f"{deed}?",
        consequence,
        f"{verb} {counted}" if counted and among_rows else deed,
        parent,
        environment=profile.environment,
        hint=" ".join(filter(None, hints)),
        type_this=profile.name if profile.environment == "production" else "",
        command=" ".join(sql.split())[:300],
        command_title="The statement:",
    )


def with_values(
    parent: QWidget, known: dict[str, str | None], statements: list[str], escapes: bool, go: Callable[[], None]
) -> None:
    """Ask for the parameters of the statements first, where they have any, and keep them in ``known``; then ``go`` on."""
    names = list(dict.fromkeys(name for sql in statements for name in parameters(sql, escapes=escapes)))
    if not names:
        go()
        return

    def given(values: dict[str, str | None]) -> None:
        known.update(values)
        go()

    dialog = ParameterDialog(names, known, parent)
    dialog.given.connect(given)
    dialog.open()
