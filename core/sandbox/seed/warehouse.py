"""Fills the warehouse with a month of the shop: files to S3, then COPY through the Data API, as any client would."""

from __future__ import annotations

import csv
import gzip
import io
import time
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from core.base.errors import OpsError
from core.sandbox.seed.demo import Demo
from core.sandbox.seed.objects import BUCKET

TABLES = {
    "customers": """(
  customer_id INTEGER NOT NULL, name VARCHAR(480), country CHAR(2), created_at TIMESTAMP, newsletter BOOLEAN,
  PRIMARY KEY (customer_id)) DISTSTYLE ALL""",
    "products": """(
  product_id INTEGER NOT NULL, sku VARCHAR(9), name VARCHAR(480), category VARCHAR(16), price DECIMAL(10,2),
  PRIMARY KEY (product_id)) DISTSTYLE ALL""",
    "orders": """(
  order_id BIGINT NOT NULL, customer_id INTEGER, ordered_at TIMESTAMP, status VARCHAR(16), items INTEGER,
  total DECIMAL(12,2), currency CHAR(3), PRIMARY KEY (order_id)) DISTKEY (customer_id) SORTKEY (ordered_at)""",
    "page_views": """(
  view_id BIGINT NOT NULL, viewed_at TIMESTAMP, session_id VARCHAR(36), customer_id INTEGER, url VARCHAR(1024),
  path VARCHAR(1020), referrer VARCHAR(1020), device VARCHAR(16), country CHAR(2), status SMALLINT,
  duration_ms INTEGER) DISTKEY (customer_id) SORTKEY (viewed_at)""",
}


def fill(s3: Any, data: Any, demo: Demo) -> None:
    """Make the four tables anew."""
    for table, rows in _rows(demo):
        key = f"warehouse/{table}/part-0000.csv.gz"
        s3.put_object(Bucket=BUCKET, Key=key, Body=_packed(rows))
        _run(data, f"DROP TABLE IF EXISTS {table}")
        _run(data, f"CREATE TABLE {table} {TABLES[table]}")
        _run(
            data,
            f"COPY {table} FROM 's3://{BUCKET}/warehouse/{table}/' "
            "IAM_ROLE 'arn:aws:iam::000000000000:role/warehouse' FORMAT AS CSV GZIP TIMEFORMAT 'auto'",
        )


def _rows(demo: Demo) -> Iterable[tuple[str, Iterable[tuple[Any, ...]]]]:
    month = demo.until - timedelta(days=30)
    yield "customers", ((c.id, c.name, c.country, c.created, c.newsletter) for c in demo.customers)
    yield "products", ((p.id, p.sku, p.name, p.category, f"{p.cents / 100:.2f}") for p in demo.products)
    yield (
        "orders",
        (
            (o.id, o.customer, o.ordered, o.status, len(o.items), f"{o.cents / 100:.2f}", "EUR")
            for o in demo.orders()
            if o.ordered >= month
        ),
    )
    yield (
        "page_views",
        (
            (
                v.id,
                v.viewed,
                v.session,
                v.customer,
                v.url,
                v.path,
                v.referrer,
                v.device,
                v.country,
                v.status,
                v.milliseconds,
            )
            for v in demo.page_views()
        ),
    )


def _packed(rows: Iterable[tuple[Any, ...]]) -> bytes:
    out = io.BytesIO()
    with gzip.open(out, "wt", compresslevel=1, encoding="utf-8", newline="") as text:
        csv.writer(text).writerows(rows)
    return out.getvalue()


def _run(data: Any, sql: str) -> None:
    """Run to the end; OpsError with the engine's own words if it fails."""
    statement = data.execute_statement(ClusterIdentifier="sandbox", Database="dev", DbUser="admin", Sql=sql)["Id"]
    wait = 0.02
    while (state := data.describe_statement(Id=statement))["Status"] not in ("FINISHED", "FAILED", "ABORTED"):
        time.sleep(wait)
        wait = min(wait * 1.5, 0.5)
    if state["Status"] != "FINISHED":
        raise OpsError(f"The warehouse refused: {sql.split('(')[0].strip()}", state.get("Error", state["Status"]))
