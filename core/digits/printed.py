"""Printed digits as models see them, from the fonts that come with the program: a photo of a label is a digit too."""

from __future__ import annotations

import numpy as np

from core.base.places import RESOURCES
from core.digits.augment import varied
from core.digits.patches import Floats
from core.digits.pictures import framed

FONTS = RESOURCES / "fonts"
_POINTS = 96  # large enough that scaling down to 20 pixels makes the greys


def printed(text: str, font: object) -> Floats:
    """One character of a Pillow font, cropped, scaled and centred; (28, 28) in 0..1."""
    from PIL import Image, ImageDraw

    canvas = Image.new("L", (3 * _POINTS, 3 * _POINTS))
    ImageDraw.Draw(canvas).text((_POINTS, _POINTS), text, fill=255, font=font)  # type: ignore[arg-type]
    return framed(np.divide(np.asarray(canvas), 255, dtype=np.float32))


def printed_digits(copies: int, rng: np.random.Generator) -> Floats:
    """Every digit of every font, and ``copies`` varied copies of each."""
    from PIL import ImageFont

    fonts = [ImageFont.truetype(path, _POINTS) for path in sorted(FONTS.iterdir()) if path.suffix in (".otf", ".ttf")]
    plain = np.stack([printed(str(digit), font) for font in fonts for digit in range(10)])
    return np.concatenate([plain, *(varied(plain, 0.7, rng) for _ in range(copies))])
