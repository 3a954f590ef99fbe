"""What decoding a full page costs: our reader against stock boto3, same page, same process, CPU seconds."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable

import orjson

from core.streams.decode import Decoder
from core.streams.pages import Page, Shard, parsed_page
from core.streams.window import Window

RECORDS = 10_000
SHARD = Shard("shardId-000000000000", 0, 2**128 - 1)


def page_body() -> bytes:
    """10,000 page views of some 200 bytes."""
    now = 1_763_800_000.0
    records = []
    for number in range(RECORDS):
        view = {
            "event_id": f"{number:032x}",
            "at": "2026-11-22T14:08:20.917Z",
            "url": f"https://shop.example/products/{number % 500}?ref=mail",
            "user_agent": "Mozilla/5.0 (X11; Linux x86_64)",
            "customer": number % 5_000,
        }
        records.append(
            {
                "SequenceNumber": f"4966{number:052d}",
                "ApproximateArrivalTimestamp": now + number / 1000,
                "Data": base64.b64encode(orjson.dumps(view)).decode(),
                "PartitionKey": f"cust-{number % 5_000}",
            }
        )
    return orjson.dumps({"Records": records, "NextShardIterator": "x", "MillisBehindLatest": 0})


def cpu(work: Callable[[], object], rounds: int) -> float:
    """Seconds of CPU for one round, the best of three."""
    best = float("inf")
    for _ in range(3):
        started = time.process_time()
        for _ in range(rounds):
            work()
        best = min(best, (time.process_time() - started) / rounds)
    return best


def stock() -> Callable[[bytes], object]:
    """What boto3 does with the answer of GetRecords."""
    import botocore.session
    from botocore.parsers import ResponseParserFactory

    shape = botocore.session.get_session().get_service_model("kinesis").operation_model("GetRecords").output_shape
    parser = ResponseParserFactory().create_parser("json")
    return lambda body: parser.parse({"status_code": 200, "headers": {}, "body": body}, shape)


def measure() -> dict[str, float]:
    """Records a second of one core."""
    body = page_body()
    parse_stock = stock()
    decoder, window = Decoder(), Window(20_000)

    def whole(page: Page) -> object:
        page.received = time.time()
        return window.add(page)

    return {
        "boto3": RECORDS / cpu(lambda: parse_stock(body), 2),
        "page": RECORDS / cpu(lambda: parsed_page(SHARD, body), 10),
        "page, unwrapped, JSON checked": RECORDS / cpu(lambda: decoder.page(parsed_page(SHARD, body)), 10),
        "the whole tap (window, charts, keys)": RECORDS / cpu(lambda: whole(parsed_page(SHARD, body)), 10),
    }


def main() -> None:
    found = measure()
    rival = found["boto3"]
    print(f"A page of {RECORDS:,} records, records/s of one core:")
    for name, rate in found.items():
        print(f"  {name:<38} {rate:>12,.0f}   {rate / rival:5.1f}x")


if __name__ == "__main__":
    main()
