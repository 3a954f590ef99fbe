"""The absolute addresses that a page writes, with their place, and where it leads by itself; bounded for pages of a
million links."""

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
_PIECE, _TAG_LIMIT = 65_536, 800_000
"""Characters; no tag that a browser shows is as long, a picture within its address apart. Newer Pythons look at a tag again
only when twice as much is there: half of the limit is what a tag may surely have."""
_LOADED = {
    "icon",
    "shortcut",
    "apple-touch-icon",
    "apple-touch-icon-precomposed",
    "mask-icon",
    "apple-touch-startup-image",
}
_ABSOLUTE = re.compile(r"\s*(?:https?:)?//", re.IGNORECASE)
_REFRESH = re.compile(
    r"\s*(\d{1,9})[\d.]*\s*[;,]?\s*(?:url\s*=\s*)?(['\"]?)(.{0,2000}?)\2\s*", re.IGNORECASE | re.DOTALL
)
_ASSIGNED = re.compile(
    r"(?<!const )(?<!let )(?<!var )\blocation(?:\.href)?\s*=\s*(['\"])([^'\"\s]{1,2000})\1|\blocation\.(?:replace|assign)\(\s*(['\"])([^'\"\s]{1,2000})\3"
)
_SCRIPT_LIMIT = 65_536
"""Characters of scripts that are looked at: what leads on at once is short."""


@dataclass(frozen=True, slots=True)
class Link:
    """kind: active (can run or restyle the page), form, passive (pictures, sound), anchor (also what a link only names),
    identity (canonical, og:url), base."""

    url: str
    kind: str
    tag: str
    line: int


@dataclass(frozen=True, slots=True)
class Onward:
    """Where a page sends its reader by itself, as it is written. how: what does it."""

    url: str
    how: str
    place: str


@dataclass(frozen=True, slots=True)
class Page:
    """cut: some links may be missing (more than LINK_LIMIT, or a tag that never ends)."""

    links: list[Link]
    cut: bool = False
    onward: Onward | None = None


def refreshed(content: str, how: str, place: str) -> Onward | None:
    """Of a ``Refresh`` header or its meta tag; None where the page only loads itself again."""
    found = _REFRESH.fullmatch(content.strip()[:2100])
    url = found[3].strip() if found else ""
    return Onward(url, f"{how}, after {int(found[1])} s", place) if found and url else None


class _Collector(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[Link] = []
        self.cut = False
        self.refresh: Onward | None = None
        self._script = ""
        self._in_script = self._has_ways = False
        self._lines_left = 0
        """Lines up to where it last gave up: the parser counts from there."""

    @property
    def onward(self) -> Onward | None:
        """A script counts only where the page has no link and no form: elsewhere it waits for a click as a rule."""
        if self.refresh or self._has_ways or not (found := _ASSIGNED.search(self._script)):
            return self.refresh
        return Onward(found[2] or found[4], "a script", "page")

    def handle_data(self, data: str) -> None:
        if self._in_script and len(self._script) < _SCRIPT_LIMIT:
            self._script += data[:_SCRIPT_LIMIT]

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._in_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._in_script = tag == "script"
        self._has_ways = self._has_ways or tag in ("a", "form")
        if tag == "meta" and given.get("property", "").lower() == "og:url":
            self._add(given.get("content", ""), "identity", "og:url")
        if tag == "meta" and given.get("http-equiv", "").lower() == "refresh":
            found = refreshed(given.get("content", ""), "meta refresh", f"line {self.line}, <meta>")
            self.refresh = self.refresh or found
            if found:
                self._add(found.url, "anchor", "meta refresh")
        for attribute in _ATTRIBUTES.get(tag, ()):
            if attribute in given:
                self._add(given[attribute], _kind(tag, attribute, given.get("rel", "").lower()), tag)

    @property
    def line(self) -> int:
        return self._lines_left + self.getpos()[0]

    def give_up(self, lines: int) -> None:
        """Forget what has no end (its time would grow with the square of its length); ``lines`` ended before what comes."""
        inside = self.cdata_elem
        self.reset()
        self._lines_left = lines
        if inside:  # the text of a long script; what follows is script as well
            self.set_cdata_mode(inside)
        else:
            self.cut = True

    def _add(self, url: str, kind: str, tag: str) -> None:
        if not _ABSOLUTE.match(url):
            return  # relative links cannot be wrong about scheme and port
        if len(self.links) >= LINK_LIMIT:
            self.cut = True
            return
        self.links.append(Link(url.strip(), kind, tag, self.line))


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


def read_page(body: bytes, content_type: str = "", checkpoint: Callable[[], None] = lambda: None) -> Page:
    """What a page writes. Never raises on damaged HTML; ``checkpoint`` is called every 64 kB."""
    collector = _Collector()
    text = body.decode(_encoding(body, content_type), errors="replace")
    parsed, place = 0, collector.getpos()
    for start in range(0, len(text), _PIECE):  # in pieces, so that the cut is cheap
        checkpoint()
        end = min(start + _PIECE, len(text))
        collector.feed(text[start:end])
        if (now := collector.getpos()) != place:
            parsed, place = start, now
        elif end - parsed > _TAG_LIMIT:
            collector.give_up(text.count("\n", 0, end))
            parsed, place = end, collector.getpos()
        if len(collector.links) >= LINK_LIMIT and collector.cut:
            break
    else:
        collector.close()
    return Page(collector.links, collector.cut, collector.onward)


def _encoding(body: bytes, content_type: str) -> str:
    """UTF-16 is told apart; all others of the web write addresses in ASCII."""
    wide = body[:2] in (b"\xff\xfe", b"\xfe\xff")
    named = re.search(r"charset\s*=\s*['\"]?(utf-16(?:le|be)?)", content_type, re.IGNORECASE)
    return "utf-16" if wide else named[1] if named else "utf-8"
