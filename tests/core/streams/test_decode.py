"""Whatever a producer sends, decoding never fails, never grows without bound, and never loses a byte."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Callable

import orjson
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from core.streams.aggregation import MAGIC, UserRecord, user_records
from core.streams.decode import LARGEST_UNPACKED, Decoder, Record
from core.streams.pages import Page, Passing, RawRecord, Shard, parsed_page
from core.streams.positions import Checkpoint
from tests.fakes.kpl import aggregated

WHOLE = Shard("shardId-000000000000", 0, 2**128 - 1)
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "zstd of unknown size": zstandard.ZstdCompressor(write_content_size=False).compress,
    "base64": base64.b64encode,
}

user_record = st.builds(
    UserRecord,
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.none() | st.integers(0, 2**128 - 1).map(str),
    st.binary(max_size=200),
)


def decode(*payloads: bytes, shard: Shard = WHOLE, after: Checkpoint | None = None) -> tuple[list[Record], Decoder]:
    decoder = Decoder()
    raw = [RawRecord(1_700_000_000.123, "k", str(10 + number), data) for number, data in enumerate(payloads)]
    return decoder.page(Page(shard, raw, after=after)), decoder


@given(st.lists(user_record, max_size=20))
def test_aggregates_come_apart_as_they_went_in(records: list[UserRecord]) -> None:
    assert user_records(aggregated(records)) == records


@given(st.lists(user_record, min_size=1, max_size=5), st.data())
def test_cut_or_altered_aggregates_are_plain_data(records: list[UserRecord], data: st.DataObject) -> None:
    whole = aggregated(records)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    place = data.draw(st.integers(4, len(whole) - 1))
    altered = whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]
    assert user_records(cut) is None
    assert user_records(altered) is None
    made, decoder = decode(altered)
    assert (len(made), decoder.counts.broken, decoder.counts.aggregates) == (1, 1, 0)
    assert made[0].data == altered


@given(st.binary(max_size=300))
def test_a_right_digest_around_nonsense_is_plain_data(message: bytes) -> None:
    from hashlib import md5

    found = user_records(MAGIC + message + md5(message).digest())
    assert found is None or all(isinstance(record, UserRecord) for record in found)


@given(st.binary(max_size=2_000))
def test_any_bytes_decode_and_nothing_is_lost(data: bytes) -> None:
    (record,), decoder = decode(data)
    if record.codec == "binary":
        assert record.data == data
        assert base64.b64decode(record.row()["data_base64"]) == data
        assert decoder.counts.binary == 1
    elif record.codec in ("text", "json"):
        assert record.data in (data, data[3:])
        assert record.row()["data"] == record.data.decode()


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1), st.sampled_from(["utf-16-le", "utf-16-be"]))
def test_marked_utf16_is_read(text: str, encoding: str) -> None:
    mark = b"\xff\xfe" if encoding.endswith("le") else b"\xfe\xff"
    (record,), _ = decode(mark + text.encode(encoding))
    assert record.text == text
    assert record.codec.startswith("utf-16+")


json_value = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcdef", max_size=5), inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=40)
@given(
    st.dictionaries(st.text("abc", min_size=1, max_size=5), json_value, min_size=1),
    st.permutations(["gzip", "zstd", "base64"]),
)
def test_wrapped_json_is_unwrapped_whatever_the_order(value: dict[str, object], order: list[str]) -> None:
    inner = data = orjson.dumps(value)
    for name in order:
        data = PACKERS[name](data)
    (record,), _ = decode(data)
    assert record.json() == value
    assert record.data == inner
    assert record.codec == "+".join([*reversed(order), "json"])


@pytest.mark.parametrize(
    "text", ["abcdefghijklmnop", "AAAABBBBCCCCDDDD" * 5, "user-4410-session-x", "plain words here", ""]
)
def test_plain_words_are_not_taken_for_base64(text: str) -> None:
    (record,), _ = decode(text.encode())
    assert (record.codec, record.text) == ("text", text)


def test_unmarked_utf16_json_is_read() -> None:
    (little,), _ = decode('{"a":"b","n":12}'.encode("utf-16-le"))
    (big,), _ = decode('{"a":"b","n":12}'.encode("utf-16-be"))
    assert little.json() == big.json() == {"a": "b", "n": 12}


def test_bombs_stay_packed_and_are_counted() -> None:
    gzip_bomb = gzip.compress(b"\0" * (LARGEST_UNPACKED + 1))
    many_members = gzip.compress(b"") * 5_000
    sized = zstandard.ZstdCompressor().compress(b"\0" * (LARGEST_UNPACKED + 1))
    unsized = zstandard.ZstdCompressor(write_content_size=False).compress(b"\0" * (LARGEST_UNPACKED + 1))
    records, decoder = decode(gzip_bomb, many_members, sized, unsized)
    assert [record.codec for record in records] == ["binary"] * 4
    assert [record.data for record in records] == [gzip_bomb, many_members, sized, unsized]
    assert decoder.counts.too_large == 4


def test_a_page_of_bombs_is_bounded_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.streams.decode._PAGE_BUDGET", 2 * LARGEST_UNPACKED)
    almost = gzip.compress(b" " * (LARGEST_UNPACKED - 1))
    records, decoder = decode(*[almost] * 30)
    assert sum(len(record.data) for record in records) < 3 * LARGEST_UNPACKED
    assert decoder.counts.too_large >= 20


@pytest.mark.parametrize("name", ["gzip", "zstd", "zstd of unknown size"])
def test_cut_or_altered_packing_shows_as_bytes(name: str) -> None:
    whole = PACKERS[name](orjson.dumps({"n": list(range(500))}))
    records, decoder = decode(whole[:-5], whole[: len(whole) // 2], whole + b"tail")
    assert [record.codec for record in records] == ["binary"] * 3
    assert decoder.counts.broken == 3


def test_two_gzip_members_are_one_text() -> None:
    (record,), _ = decode(gzip.compress(b"one ") + gzip.compress(b"two"))
    assert record.text == "one two"


def test_resumes_inside_an_aggregate() -> None:
    packed = aggregated([UserRecord(f"k{n}", None, b"%d" % n) for n in range(5)])
    records, _ = decode(packed, b"next", after=Checkpoint("10", 2))
    assert [(record.sequence, record.sub_sequence) for record in records] == [("10", 3), ("10", 4), ("11", 0)]
    records, _ = decode(packed, b"next", after=Checkpoint("10"))
    assert [record.sequence for record in records] == ["11"]


def test_user_records_outside_the_shard_are_counted_not_hidden() -> None:
    lower = Shard("shardId-000000000000", 0, 2**127 - 1)
    packed = aggregated([UserRecord("a", "5", b"in"), UserRecord("a", str(2**127), b"out")])
    records, decoder = decode(packed, shard=lower)
    assert len(records) == 2
    assert decoder.counts.astray == 1


@given(st.binary(max_size=200))
def test_an_answer_that_is_no_page_is_asked_for_again(body: bytes) -> None:
    with pytest.raises(Passing):
        parsed_page(WHOLE, body)


def test_a_page_is_read() -> None:
    body = orjson.dumps(
        {
            "Records": [
                {
                    "ApproximateArrivalTimestamp": 1.5,
                    "PartitionKey": "k",
                    "SequenceNumber": "49",
                    "Data": base64.b64encode(b"hello").decode(),
                }
            ],
            "MillisBehindLatest": 7,
            "ChildShards": [
                {
                    "ShardId": "shardId-000000000001",
                    "ParentShards": ["shardId-000000000000"],
                    "HashKeyRange": {"StartingHashKey": "0", "EndingHashKey": "9"},
                }
            ],
        }
    )
    page = parsed_page(WHOLE, body)
    assert page.records == [RawRecord(1.5, "k", "49", b"hello")]
    assert (page.closed, page.behind, page.size) == (True, 7.0, 5)
    assert page.children == (Shard("shardId-000000000001", 0, 9, ("shardId-000000000000",)),)
