"""Records to send: page views, orders, or the lines of a file, at a rate that a dial sets."""

from __future__ import annotations

import itertools
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import orjson

from core.base.errors import OpsError, WrongUse
from core.streams.producer import Producer

TEMPLATES = ("pageview", "order")
Make = Callable[[], tuple[bytes, str]]
"""Makes the next record: (data, partition key)."""

_PATHS = ("/", "/products/{n}", "/products/{n}", "/search?q=chair+{n}", "/cart", "/checkout", "/about")
_AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Mobile Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
)
_REFERRERS = (None, None, "https://search.example/", "https://news.example/front", "https://mail.example/")
_COUNTRIES = ("DE", "FR", "GB", "NL", "PL", "SE", "US")
_LONGEST_STEP = 0.05  # seconds between two portions of a feed
_PORTION, _PORTION_BYTES = 500, 4 << 20  # what is made before it is handed over
_LONGEST_LINE = 10 << 20  # the most that a stream can be set to take


def template(name: str, seed: int | None = None) -> Make:
    """The maker of a template, or of the lines of a file (``name`` is its path). Raises WrongUse where it is neither."""
    if name == "pageview":
        return page_views(seed)
    if name == "order":
        return orders(seed)
    path = Path(name).expanduser()
    if path.is_file():
        return file_lines(path)
    raise WrongUse(
        f"{name!r} is no template", f"There are {', '.join(TEMPLATES)}, or the path of a file", "Choose one of these"
    )


def page_views(seed: int | None = None) -> Make:
    """Page views as a web front end sends them, of some 10,000 sessions; the partition key is the session."""
    chance = random.Random(seed)
    sessions = [
        (f"{chance.getrandbits(64):016x}", chance.choice(_AGENTS), chance.choice(_COUNTRIES), chance.randrange(12_000))
        for _ in range(10_000)
    ]

    def make() -> tuple[bytes, str]:
        session, agent, country, customer = sessions[int(chance.random() * 10_000)]
        path = _PATHS[int(chance.random() * len(_PATHS))].replace("{n}", str(1 + int(1_200 * chance.random() ** 3)))
        event = {
            "event_id": str(uuid.UUID(int=chance.getrandbits(128), version=4))
            if seed is not None
            else str(uuid.uuid4()),
            "viewed_at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "session_id": session,
            "customer_id": customer or None,
            "url": f"https://shop.example{path}",
            "referrer": _REFERRERS[int(chance.random() * len(_REFERRERS))],
            "user_agent": agent,
            "country": country,
            "status": 200 if chance.random() < 0.97 else 404,
            "duration_ms": int(chance.lognormvariate(4.6, 0.7)),
        }
        return orjson.dumps(event), session

    return make


def orders(seed: int | None = None) -> Make:
    """Orders of the shop; the partition key is the customer."""
    chance, numbers = random.Random(seed), itertools.count(1)

    def make() -> tuple[bytes, str]:
        customer = 1 + int(12_000 * chance.random() ** 2)
        items = [
            {"product_id": 1 + int(1_200 * chance.random() ** 3), "quantity": 1 + int(chance.expovariate(1.5))}
            for _ in range(1 + int(chance.expovariate(0.8)))
        ]
        order = {
            "event_id": str(uuid.uuid4()),
            "order_number": next(numbers),
            "ordered_at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "customer_id": customer,
            "items": items,
            "total": round(chance.lognormvariate(4, 0.8), 2),
            "currency": "EUR",
        }
        return orjson.dumps(order), str(customer)

    return make


def file_lines(path: Path) -> Make:
    """The lines of a file, over and over, read as they are sent; the key of a line is its number, so that lines spread
    over the shards. Raises WrongUse or OpsError where there is none, or it cannot be read."""
    lines = _lines(path)
    return itertools.chain(
        [next(lines)], lines
    ).__next__  # the first one now: what is wrong with the file is told at once


def _lines(path: Path) -> Iterator[tuple[bytes, str]]:
    try:
        with path.open("rb") as file:
            while True:
                file.seek(0)
                count = 0
                for number in itertools.count(1):
                    line = file.readline(_LONGEST_LINE + 1)
                    if len(line) > _LONGEST_LINE:
                        raise WrongUse(
                            f"Line {number} of {path.name} is too long",
                            f"It has more than {_LONGEST_LINE >> 20} MiB; no stream takes that as a record",
                            "Choose a file with one record a line",
                        )
                    if not line:
                        break
                    if line.strip():
                        count += 1
                        yield line.rstrip(b"\r\n"), str(count)
                if not count:
                    raise WrongUse(f"{path.name} holds no lines", str(path), "Choose a file with one record a line")
    except OSError as error:
        raise OpsError(
            f"{path.name} could not be read", error.strerror or str(error), "Choose another file", code="file"
        ) from error


class Feed:
    """Sends records of a template into a producer at ``rate`` a second, until stopped or for ``seconds``.

    ``rate`` may be turned while it runs; 0 holds. ``made`` counts the records offered, ``dropped`` those of them that
    the producer had no room for. A computer too slow for the rate falls behind by a second at most and then makes less.
    """

    def __init__(self, producer: Producer, make: Make, rate: float, seconds: float | None = None) -> None:
        self.producer, self.rate, self.seconds = producer, rate, seconds
        self.made = self.dropped = 0
        self.error: BaseException | None = None
        self._make = make
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def start(self) -> Feed:
        self._thread.start()
        return self

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the end of a feed of limited time; whether it has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._feed()
        except BaseException as error:  # shown by whoever looks at `error`
            self.error = error

    def _feed(self) -> None:
        began = last = time.monotonic()
        owed = 0.0
        while not self._stop.is_set():
            now = time.monotonic()
            if self.seconds is not None:
                now = min(now, began + self.seconds)
            owed = min(owed + (now - last) * self.rate, max(1.0, self.rate))  # at most one second is made up for
            last = now
            count = int(owed)
            owed -= count
            while count and not self._stop.is_set():
                portion, size = [self._make()], 0
                while len(portion) < count and size < _PORTION_BYTES and len(portion) < _PORTION:
                    portion.append(self._make())
                    size += len(portion[-1][0])
                taken = self.producer.offer_all(portion)
                self.made += len(portion)
                self.dropped += len(portion) - taken
                count -= len(portion)
            if self.seconds is not None and now >= began + self.seconds:
                return
            self._stop.wait(min(_LONGEST_STEP, max(0.001, 1 / self.rate if self.rate else _LONGEST_STEP)))


def json_lines(lines: Iterator[bytes], key_field: str | None) -> Iterator[tuple[bytes, str]]:
    """(data, key) of JSON lines; the key is the named field, or random. Raises WrongUse naming the bad line."""
    for number, line in enumerate(lines, 1):
        if not (line := line.strip()):
            continue
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise WrongUse(
                f"Line {number} is not JSON", str(error), "Correct the line; the lines before it were sent"
            ) from error
        key = value.get(key_field) if key_field and isinstance(value, dict) else None
        yield line, str(key) if key not in (None, "") else uuid.uuid4().hex
