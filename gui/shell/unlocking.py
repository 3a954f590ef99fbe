"""The question before a guarded profile may be written to."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from gui.bridge.guard import Guard
from gui.parts.dialogs import ConfirmDialog


def ask_to_unlock(window: QWidget, guard: Guard) -> None:
    profile = guard.profile
    dialog = ConfirmDialog(
        "Allow writes for 15 minutes?",
        f"Changes in {profile.name} will take effect on real data.",
        "Unlock writes",
        window,
        environment=profile.environment,
        hint="The window locks itself again after 15 minutes, and when it is closed.",
        type_this=profile.name if profile.environment == "production" else "",
    )
    dialog.confirmed.connect(guard.unlock)
    dialog.open()
