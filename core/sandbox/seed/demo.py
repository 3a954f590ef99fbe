"""Makes the rows of the demo shop: the same ones for the same size, seed and end of time, wherever they go."""

from __future__ import annotations

import json
import random
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import accumulate

COUNTRIES = ("DE", "FR", "GB", "NL", "PL", "ES", "IT", "SE", "US", "JP")
CATEGORIES = ("books", "kitchen", "garden", "games", "audio", "bicycle", "lighting", "stationery")
TAGS = ("new", "sale", "fragile", "bulky", "gift")
STATUSES = ("new", "paid", "shipped", "delivered", "returned", "cancelled")
_STATUS_WEIGHTS = (2, 6, 10, 74, 5, 3)
_FIRST = (
    "Anna", "Ben", "Chloé", "David", "Elżbieta", "François", "Greta", "Håkan", "Inés", "Jürgen", "Katarzyna",
    "Łukasz", "María", "Nils", "Olivia", "Paul", "Quentin", "Renée", "Søren", "Thomas", "Ülkü", "Věra", "Zoë", "花子",
)  # fmt: skip
_LAST = (
    "Andersson", "Bianchi", "Cruz", "Dubois", "Evans", "Fischer", "García", "Huber", "Ionescu", "Jansen", "Kowalski",
    "Lefèvre", "Müller", "Nowak", "O'Brien", "Peeters", "Rossi", "Schmidt", "Tanaka", "Visser", "Weiß", "山田",
)  # fmt: skip
_THINGS = ("lamp", "notebook", "kettle", "speaker", "saddle", "trowel", "puzzle", "teapot", "headset", "shelf", "pen")
_LOOKS = ("small", "oak", "blue", "folding", "classic", "brass", "wireless", "large", "linen", "matt")
_AGENTS = (
    ("desktop", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
    ("desktop", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36"),
    ("phone", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148"),
    ("phone", "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/130.0.0.0 Mobile Safari/537.36"),
    ("tablet", "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Safari/604.1"),
)
_REFERRERS = ("", "", "", "https://search.example/", "https://news.example/weekly", "https://mail.example/offer?id=7")
# How busy each hour of the day is; the shop's customers sleep at night and buy in the evening.
_HOURS = (3, 2, 1, 1, 1, 2, 4, 7, 10, 12, 13, 13, 14, 13, 12, 12, 13, 15, 18, 21, 22, 18, 11, 6)


@dataclass(frozen=True, slots=True)
class Customer:
    id: int
    email: str
    name: str
    country: str
    created: datetime
    newsletter: bool
    note: str | None


@dataclass(frozen=True, slots=True)
class Product:
    id: int
    sku: str
    name: str
    category: str
    cents: int
    tags: str
    attributes: str
    weight: float
    created: datetime


@dataclass(frozen=True, slots=True)
class Item:
    product: int
    quantity: int
    cents: int


@dataclass(frozen=True, slots=True)
class Order:
    id: int
    customer: int
    status: str
    ordered: datetime
    items: tuple[Item, ...]

    @property
    def cents(self) -> int:
        return sum(item.quantity * item.cents for item in self.items)


@dataclass(frozen=True, slots=True)
class PageView:
    id: int
    viewed: datetime
    session: str
    customer: int | None
    path: str
    query: str
    referrer: str
    agent: str
    device: str
    country: str
    status: int
    milliseconds: int

    @property
    def url(self) -> str:
        return f"https://shop.example{self.path}{'?' if self.query else ''}{self.query}"

    def event(self) -> dict[str, object]:
        """As the web front ends send it to the stream."""
        return {
            "event_id": self.id,
            "viewed_at": self.viewed.isoformat(timespec="milliseconds") + "Z",
            "session_id": self.session,
            "customer_id": self.customer,
            "url": self.url,
            "referrer": self.referrer or None,
            "user_agent": self.agent,
            "country": self.country,
            "status": self.status,
            "duration_ms": self.milliseconds,
        }


class Demo:
    """``share`` 1.0 makes about 200,000 rows: 12,000 customers, 1,200 products, 30,000 orders of a year with
    70,000 items, and 86,000 page views of the last 30 days. ``until`` is naive UTC."""

    def __init__(self, until: datetime, share: float = 1.0, seed: int = 20_000) -> None:
        self.until, self._seed = until, seed
        self._customers = max(20, int(12_000 * share))
        self._products = max(20, int(1_200 * share))
        self._orders = max(50, int(30_000 * share))
        self._views = max(200, int(86_000 * share))

    def _random(self, what: str) -> random.Random:
        return random.Random(f"{self._seed}/{what}")

    @cached_property
    def customers(self) -> list[Customer]:
        chance = self._random("customers")
        made = []
        for number in range(1, self._customers + 1):
            first, last = chance.choice(_FIRST), chance.choice(_LAST)
            made.append(
                Customer(
                    number,
                    f"customer{number}@{'shop' if number % 7 else 'büro'}.example",
                    f"{first} {last}",
                    chance.choice(COUNTRIES),
                    self.until - timedelta(days=400, minutes=-chance.randrange(34 * 1440)),
                    chance.random() < 0.3,
                    chance.choice(("call first 📞", "VIP ⭐", "line one\nline two", "tab\there", 'says "hello"'))
                    if number % 11 == 0
                    else None,
                )
            )
        return made

    @cached_property
    def products(self) -> list[Product]:
        chance = self._random("products")
        made = []
        for number in range(1, self._products + 1):
            category = chance.choice(CATEGORIES)
            look = chance.choice(_LOOKS)
            made.append(
                Product(
                    number,
                    f"{category[:3].upper()}-{number:05d}",
                    f"{look} {chance.choice(_THINGS)}",
                    category,
                    chance.randrange(199, 30_000),
                    ",".join(tag for tag in TAGS if chance.random() < 0.2),
                    json.dumps({"look": look, "sizes": sorted(chance.sample(range(1, 9), 3)), "eco": number % 5 == 0}),
                    round(chance.uniform(0.05, 12), 3),
                    self.until - timedelta(days=500 + chance.randrange(300)),
                )
            )
        return made

    def orders(self) -> Iterator[Order]:
        """In the order of time; the last year, growing towards its end."""
        chance = self._random("orders")
        year = 365 * 86_400.0
        ages = sorted((year * (1 - chance.random() ** 0.7) for _ in range(self._orders)), reverse=True)
        products = self.products
        for number, age in enumerate(ages, start=1):
            lines = min(8, 1 + int(chance.expovariate(0.55)))
            bought = chance.sample(range(len(products)), min(lines, len(products)))
            yield Order(
                number,
                1 + int(self._customers * chance.random() ** 2),  # some customers buy far more than others
                chance.choices(STATUSES, _STATUS_WEIGHTS)[0],
                self.until - timedelta(seconds=age),
                tuple(Item(products[i].id, 1 + int(chance.expovariate(1.5)), products[i].cents) for i in bought),
            )

    def page_views(self) -> Iterator[PageView]:
        """In the order of time; the last 30 days, busy in the evening."""
        chance = self._random("views")
        start = self.until - timedelta(days=30)
        busy = list(accumulate(_HOURS[(start.hour + hour) % 24] for hour in range(30 * 24)))
        times = []
        for _ in range(self._views):
            hour = bisect_right(busy, chance.random() * busy[-1])
            times.append(min(hour, len(busy) - 1) * 3_600_000 + chance.randrange(3_600_000))
        times.sort()
        sessions: list[tuple[str, int | None, str, str, str]] = []
        for number, at in enumerate(times, start=1):
            if len(sessions) < 40 or chance.random() < 0.25:
                device, agent = chance.choice(_AGENTS)
                customer = 1 + int(self._customers * chance.random() ** 2) if chance.random() < 0.4 else None
                visit = (f"{chance.getrandbits(64):016x}", customer, device, agent, chance.choice(COUNTRIES))
                if len(sessions) < 40:
                    sessions.append(visit)
                else:
                    sessions[chance.randrange(40)] = visit
            session, customer, device, agent, country = sessions[chance.randrange(len(sessions))]
            luck = chance.random()
            if luck < 0.5:
                path = f"/products/{1 + int(self._products * chance.random() ** 3)}"
            else:
                path = ("/", "/search", "/cart", "/checkout", "/account", "/über-uns")[int(luck * 12) % 6]
            yield PageView(
                number,
                start + timedelta(milliseconds=at),
                session,
                customer,
                path,
                "utm_source=mail&utm_campaign=autumn" if chance.random() < 0.08 else "",
                chance.choice(_REFERRERS),
                agent,
                device,
                country,
                200 if luck < 0.97 else chance.choice((301, 404, 404, 500)),
                int(chance.lognormvariate(4.6, 0.7)),
            )
