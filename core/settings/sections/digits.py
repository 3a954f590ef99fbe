"""Settings of the Digits room."""

from __future__ import annotations

from dataclasses import dataclass

from core.settings.field import setting


@dataclass(frozen=True)
class DigitsSettings:
    pen_width: int = setting(22, "Pen width", "Of the 280-pixel pad", minimum=4, maximum=60, unit="px")
    normalise: bool = setting(
        True, "Normalise drawings", "Centre and rescale the strokes as the training pictures were"
    )
    sure_from: int = setting(
        90, "Sure from", "Below this confidence an answer is called not sure", minimum=50, maximum=99, unit="%"
    )
