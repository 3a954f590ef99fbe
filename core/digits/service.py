"""The verbs of the digits room, with typed values in and out; the window and the command line both call these."""

from __future__ import annotations

from core.aws.workplace import Workplace


class DigitsService:
    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace
