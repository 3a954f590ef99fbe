"""The absolute addresses that a page writes, with their place; bounded for pages of a million links."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser

LINK_LIMIT = 20_000

_ATTRIBUTES = {
    "a": ("href",), "area": ("href",), "form": ("action",), "script": ("src",), "img": ("src",), "iframe": ("src",), "link": ("href",),
    "source": ("src",), "video": ("src", "poster"), "audio": ("src",), "embed": ("src",), "object": ("data",), "input": ("formaction",),
    "button": ("formaction",), "base": ("href",),
}  # fmt: skip
_ACTIVE = {"script", "iframe", "object", "embed"}
_PIECE, _TAG_LIMIT = 65_536, 400_000
"""Characters; no tag that a browser shows is as long, a picture within its address apart."""
_LOADED = {
    "icon",
    "shortcut",
    "apple-touch-icon",
    "apple-touch-icon-precomposed",
    "mask-icon",
    "apple-touch-startup-image",
}
_ABSOLUTE = re.compile(r"\s*(?:https?:)?//", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Link:
    """kind: active (can run or restyle the page), form, passive (pictures, sound), anchor (also what a link only names),
    identity (canonical, og:url), base."""

    url: str
    kind: str
    tag: str
    line: int


class _Collector(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[Link] = []
        self.cut = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "meta" and given.get("property", "").lower() == "og:url":
            self._add(given.get("content", ""), "identity", "og:url")
        if (
            tag == "meta"
            and given.get("http-equiv", "").lower() == "refresh"
            and "url=" in given.get("content", "").lower()
        ):
            content = given["content"]
            self._add(content[content.lower().index("url=") + 4 :].strip(" '\""), "anchor", "meta refresh")
        for attribute in _ATTRIBUTES.get(tag, ()):
            if attribute in given:
                self._add(given[attribute], _kind(tag, attribute, given.get("rel", "").lower()), tag)

    def give_up(self) -> None:
        """Leave a tag that does not end, whose time would grow with the square of its length."""
        self.updatepos(0, len(self.rawdata))
        self.rawdata = ""
        self.cut = True

    def _add(self, url: str, kind: str, tag: str) -> None:
        if not _ABSOLUTE.match(url):
            return  # relative links cannot be wrong about scheme and port
        if len(self.links) >= LINK_LIMIT:
            self.cut = True
            return
        self.links.append(Link(url.strip(), kind, tag, self.getpos()[0]))


def _kind(tag: str, attribute: str, rel: str) -> str:
    if tag == "link":
        words = set(rel.split())
        if "canonical" in words:
            return "identity"
        if words & {"stylesheet", "preload", "modulepreload", "manifest"}:
            return "active"
        return "passive" if words & _LOADED else "anchor"  # profile, alternate, next: named, not loaded
    if tag == "form" or attribute == "formaction":
        return "form"
    if tag == "base":
        return "base"
    if tag in _ACTIVE:
        return "active"
    return "anchor" if tag in ("a", "area") else "passive"


def absolute_links(body: bytes, checkpoint: Callable[[], None] = lambda: None) -> tuple[list[Link], bool]:
    """The links, and whether some may be missing: more than LINK_LIMIT, or a tag that never ends. Never raises on damaged
    HTML; ``checkpoint`` is called every 64 kB."""
    collector = _Collector()
    text = body.decode("utf-8", errors="replace")
    for start in range(0, len(text), _PIECE):  # in pieces, so that the cut is cheap
        checkpoint()
        collector.feed(text[start : start + _PIECE])
        if len(collector.rawdata) > _TAG_LIMIT:
            collector.give_up()
        elif len(collector.links) >= LINK_LIMIT and collector.cut:
            break
    return collector.links, collector.cut
