"""The design tokens: colours of a theme, spaces, radii and type sizes (pixels)."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import NamedTuple

RESOURCES = Path(__file__).resolve().parents[2] / "resources"


class Tokens(NamedTuple):  # a dataclass of this size takes five times as long to make at the window's start
    """The colours of one theme, ``#RRGGBB``. ``chart`` holds eight colours for series."""

    name: str
    bg: str
    surface: str
    sunken: str
    raised: str
    hover: str
    border: str
    border_strong: str
    text: str
    text2: str
    text3: str
    accent: str
    accent_hover: str
    accent_press: str
    accent_soft: str
    on_accent: str
    focus: str
    success: str
    success_soft: str
    warning: str
    warning_soft: str
    danger: str
    danger_hover: str
    danger_soft: str
    info: str
    info_soft: str
    disabled_text: str
    disabled_bg: str
    prod: str
    staging: str
    sandbox: str
    rail: str
    grid: str
    seq0: str
    seq1: str
    chart: tuple[str, ...]


class Space:
    """Distances in pixels."""

    XS, S, M, L, XL, XXL, HUGE = 4, 8, 12, 16, 24, 32, 48


class Radius:
    SMALL, CONTROL, CARD, PILL = 6, 8, 12, 999


class Size:
    """Fixed measures in pixels."""

    CONTROL, CONTROL_SMALL, NAV, ROW, RAIL, HEADER, DRAWER, STATUS = 32, 26, 36, 32, 208, 60, 312, 28
    GUTTER = 20
    """Of a page's right margin, what its scroll bar stands in."""


TYPE: dict[str, tuple[str, int, int]] = {
    # role -> (family, pixels, weight)
    "hero": ("Inter", 84, 600),
    "display": ("Inter", 28, 600),
    "stat": ("Inter", 24, 600),
    "h1": ("Inter", 20, 600),
    "h2": ("Inter", 15, 600),
    "body": ("Inter", 13, 400),
    "strong": ("Inter", 13, 600),
    "small": ("Inter", 12, 400),
    "caption": ("Inter", 11, 500),
    "mono": ("JetBrains Mono", 12, 400),
}


@cache
def load(name: str) -> Tokens:
    """The tokens of ``light`` or ``dark``."""
    values = tomllib.loads((RESOURCES / "themes" / f"{name}.toml").read_text(encoding="utf-8"))
    values["chart"] = tuple(values["chart"])
    return Tokens(**{name: values[name] for name in Tokens._fields})
