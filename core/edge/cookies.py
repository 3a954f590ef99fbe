"""The cookies of one check: what the site itself sets on the way is sent back, as a browser would; none is the user's own."""

from __future__ import annotations

from email.message import Message
from http.cookiejar import CookieJar
from urllib.request import Request

from core.edge.fetch import Answer


class _Headers:
    """What the jar asks of a response."""

    def __init__(self, answer: Answer) -> None:
        self._message = Message()
        for value in answer.all("set-cookie"):
            self._message["Set-Cookie"] = value

    def info(self) -> Message:
        return self._message


class Cookies:
    def __init__(self) -> None:
        self._jar = CookieJar()

    def keep(self, url: str, answer: Answer) -> None:
        self._jar.extract_cookies(_Headers(answer), Request(url))  # type: ignore[arg-type]

    def for_url(self, url: str) -> str:
        """The header Cookie for a request, "" for none."""
        request = Request(url)
        self._jar.add_cookie_header(request)
        return request.get_header("Cookie") or ""
