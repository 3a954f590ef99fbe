"""Makes the demo buckets: some objects to look at, and a place for backups."""

from __future__ import annotations

import csv
import gzip
import io
import json
from typing import Any

from core.sandbox.seed.demo import Demo

BUCKET, BACKUPS = "opsdesk-demo", "opsdesk-backups"

_README = """This bucket belongs to the local sandbox. Nothing in it leaves this computer.

reports/     orders of each of the last months as CSV
catalogue/   the products as JSON lines
logs/        an access log of the shop, compressed
warehouse/   what the demo tables of the warehouse were copied from
"""


def make_buckets(s3: Any) -> None:
    for bucket in (BUCKET, BACKUPS):
        s3.create_bucket(Bucket=bucket)  # in us-east-1 that succeeds for one's own bucket


def fill(s3: Any, demo: Demo) -> None:
    _put(s3, "README.txt", _README.encode(), "text/plain; charset=utf-8")
    lines = (
        json.dumps({"sku": p.sku, "name": p.name, "category": p.category, "price": p.cents / 100})
        for p in demo.products
    )
    _put(s3, "catalogue/products.jsonl", "\n".join(lines).encode(), "application/x-ndjson")
    months: dict[str, list[tuple[object, ...]]] = {}
    for order in demo.orders():
        row = (order.id, order.customer, order.status, order.ordered.isoformat(), order.cents / 100)
        months.setdefault(f"{order.ordered:%Y-%m}", []).append(row)
    for month in sorted(months)[-3:]:
        out = io.StringIO()
        csv.writer(out).writerows([("id", "customer", "status", "ordered_at", "total"), *months[month]])
        _put(s3, f"reports/orders-{month}.csv", out.getvalue().encode(), "text/csv")
    log = "".join(
        f"10.0.{v.id % 256}.{v.id // 256 % 256} - - [{v.viewed:%d/%b/%Y:%H:%M:%S} +0000] "
        f'"GET {v.path}{"?" if v.query else ""}{v.query} HTTP/1.1" {v.status} {v.milliseconds * 37} '
        f'"{v.referrer or "-"}" "{v.agent}"\n'
        for v in demo.page_views()
    )
    _put(s3, "logs/access.log.gz", gzip.compress(log.encode(), 6, mtime=0), "application/gzip")


def _put(s3: Any, key: str, body: bytes, kind: str) -> None:
    s3.put_object(Bucket=BUCKET, Key=key, Body=body, ContentType=kind)
