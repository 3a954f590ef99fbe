"""The application's stylesheet: ``resources/styles/app.qss`` with the tokens filled in."""

from __future__ import annotations

import re
from functools import cache, partial
from pathlib import Path
from zlib import crc32

from gui.style.kept import keep
from gui.style.tokens import RESOURCES, Tokens

_TOKEN = re.compile(r"@(\w+)@")


@cache
def stylesheet(tokens: Tokens, icons: Path) -> str:
    """The sheet for one theme; its recoloured icons are kept in the folder ``icons``.

    An unknown token in the sheet is a KeyError: a typing mistake must not pass.
    """
    values = {name: value for name, value in tokens._asdict().items() if isinstance(value, str)}
    text = (RESOURCES / "styles" / "app.qss").read_text(encoding="utf-8")

    def fill(match: re.Match[str]) -> str:
        name = match.group(1)
        if name.startswith("icon_"):  # @icon_chevron-down__text2@ would not be a word: written icon_NAME__TOKEN
            icon, token = name.removeprefix("icon_").split("__")
            return _tinted(icon.replace("_", "-"), values[token], icons)
        return values[name]

    return _TOKEN.sub(fill, text)


def _tinted(icon: str, colour: str, folder: Path) -> str:
    """Qt's stylesheets take images only from files: the recoloured ones are kept, named by the sum of their content."""
    source = RESOURCES / "icons" / f"{icon}.svg"
    svg = source.read_text(encoding="utf-8").replace("currentColor", colour)
    path = folder / f"{icon}-{crc32(svg.encode()):08x}.svg"
    if not path.exists() and not keep(path, partial(Path.write_text, data=svg, encoding="utf-8")):
        return source.as_posix()  # black arrows are better than no window
    return path.as_posix()
