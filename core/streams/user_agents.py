"""Browser, system and kind of device from a User-Agent header: the large families only, by their own marks."""

from __future__ import annotations

from functools import lru_cache

_BROWSERS = (
    # the first mark that is there decides: newer browsers also carry the marks of those they descend from
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("MSIE ", "Internet Explorer"),
    ("Trident/", "Internet Explorer"),
)
_SYSTEMS = (
    ("Windows", "Windows"),
    ("iPhone", "iOS"),
    ("iPad", "iPadOS"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)
_ROBOTS = ("bot", "crawl", "spider", "slurp", "curl/", "wget/", "python-", "headless", "monitor")


@lru_cache(maxsize=4096)
def described(agent: str | None) -> tuple[str | None, str | None, str | None]:
    """(browser, system, device); device is desktop, mobile, tablet or bot. None where nothing is known."""
    if not agent:
        return None, None, None
    browser = next((name for mark, name in _BROWSERS if mark in agent), None)
    system = next((name for mark, name in _SYSTEMS if mark in agent), None)
    low = agent.lower()
    if any(mark in low for mark in _ROBOTS):
        return browser, system, "bot"
    if "iPad" in agent or "Tablet" in agent or ("Android" in agent and "Mobile" not in agent):
        return browser, system, "tablet"
    if "Mobi" in agent:
        return browser, system, "mobile"
    return browser, system, "desktop" if system else None
