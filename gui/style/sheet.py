"""The application's stylesheet: ``resources/styles/app.qss`` with the tokens filled in."""

from __future__ import annotations

import re
import tempfile
from functools import cache
from pathlib import Path

from gui.style.tokens import RESOURCES, Tokens

_TOKEN = re.compile(r"@(\w+)@")


@cache
def stylesheet(tokens: Tokens) -> str:
    """The sheet for one theme. An unknown token in the sheet is a KeyError: a typing mistake must not pass."""
    values = {name: value for name, value in tokens._asdict().items() if isinstance(value, str)}
    text = (RESOURCES / "styles" / "app.qss").read_text(encoding="utf-8")

    def fill(match: re.Match[str]) -> str:
        name = match.group(1)
        if name.startswith("icon_"):  # @icon_chevron-down__text2@ would not be a word: written icon_NAME__TOKEN
            icon, token = name.removeprefix("icon_").split("__")
            return _tinted(icon.replace("_", "-"), values[token])
        return values[name]

    return _TOKEN.sub(fill, text)


@cache
def _folder() -> Path:
    """Qt's stylesheets take images only from files, so the recoloured ones live as long as the program."""
    holder = tempfile.TemporaryDirectory(prefix="opsdesk-icons-", ignore_cleanup_errors=True)
    _held.append(holder)
    return Path(holder.name)


_held: list[tempfile.TemporaryDirectory[str]] = []


def _tinted(icon: str, colour: str) -> str:
    svg = (RESOURCES / "icons" / f"{icon}.svg").read_text(encoding="utf-8").replace("currentColor", colour)
    path = _folder() / f"{icon}-{colour[1:]}.svg"
    path.write_text(svg, encoding="utf-8")
    return path.as_posix()
