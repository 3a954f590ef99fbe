"""The question before what is still being written is stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtWidgets import QWidget

from gui.parts.dialogs import ConfirmDialog


def ask_to_stop(
    window: QWidget, writing: Sequence[str], title: str, verb: str, go_on: Callable[[], None], *, environment: str
) -> None:
    """writing: the titles of the jobs that ``go_on`` will stop."""
    dialog = ConfirmDialog(
        title,
        f"Still at work: {', '.join(writing)}.",
        verb,
        window,
        environment=environment,
        hint="What is stopped now leaves nothing half written, but it is not done.",
    )
    dialog.confirmed.connect(go_on)
    dialog.open()
