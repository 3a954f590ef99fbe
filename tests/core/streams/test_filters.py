"""The filter line finds what it says, and says what is wrong with it."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import WrongUse
from core.streams.decode import Record
from core.streams.filters import filter_of, json_path, unknown_fields, value_at


def record(data: object = None, *, key: str = "cust-44", shard: int = 3, size: int = 100) -> Record:
    body = data if isinstance(data, bytes) else orjson.dumps(data)
    codec = "json" if body[:1] in (b"{", b"[") else "text"
    return Record(1.0, f"shardId-{shard:012d}", key, "4967", 0, size, codec, body)


ORDER = record({"status": "paid", "total": 47.4, "gift": True, "items": [{"sku": "A-1"}], "odd name": 1, "none": None})


@pytest.mark.parametrize(
    "line",
    [
        "paid", "PAID", '"paid"', "cust-44", "key:CUST", 'key="cust-44"', "key != cust-45", "shard:3", "shard = 3",
        "shard:shardId-000000000003", "size > 99", "size<=100", "sequence:967", "codec:json", "key ~ ^cust-\\d+$",
        "$.status", '$.status = "paid"', "$.status=paid", "$.status != placed", "$.total > 47", "$.total <= 47.4",
        "$.gift = true", "$.none = null", "$.none", '$.items[0].sku = "A-1"', "$.items[0]['sku']:a-", '$["odd name"] = 1',
        '$.status ~ "^pa"', "not shipped", "paid and shard:3", "paid shard:3", "shipped or paid", "(shipped or paid) $.total > 1",
        "not (shipped or placed)", "$.absent = 1 or paid", "not $.absent", "$ ", "status",
    ],
)  # fmt: skip
def test_matches(line: str) -> None:
    wanted = filter_of(line)
    assert wanted is not None and wanted(ORDER)


@pytest.mark.parametrize(
    "line",
    [
        "shipped", "key:dog", "key=cust-4", "shard:4", "size > 100", "$.absent", "$.absent != 1", "$.status = placed",
        "$.gift = 1", "$.total > abc", '$.total = "47.4"', "$.items[1]", "$.status[0]", "$.items.sku", "not paid",
        "paid and shipped", "paid shipped", "$.none = false", "$.gift > 0",
    ],
)  # fmt: skip
def test_does_not_match(line: str) -> None:
    wanted = filter_of(line)
    assert wanted is not None and not wanted(ORDER)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('$.status = "paid', "quotation mark"),
        ("$.status =", "value is missing behind $.status ="),
        ("(paid", "A ) is missing"),
        ("paid)", "')' is not expected"),
        ("a and", "condition is missing"),
        ("or a", "'or'"),
        ("= 3", "'='"),
        ("size > many", "number of bytes"),
        ('key ~ "("', "regular expression"),
        ("$.a = )", "value is expected"),
        ("(" * 400 + "a" + ")" * 400, "too deeply"),
        ("not " * 400 + "a", "too deeply"),
    ],
)
def test_says_what_is_wrong(line: str, says: str) -> None:
    with pytest.raises(WrongUse) as caught:
        filter_of(line)
    assert says in caught.value.why
    assert "For example" in caught.value.remedy


@given(st.text(max_size=60))
def test_any_line_is_a_filter_or_a_clear_refusal(line: str) -> None:
    try:
        wanted = filter_of(line)
    except WrongUse:
        return
    assert wanted is None or wanted(ORDER) in (True, False)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20))
def test_quoted_text_is_found_in_any_case(word: str) -> None:
    quoted = '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
    wanted = filter_of(quoted)
    assert wanted is not None
    assert wanted(record(f"before {word} after".encode()))
    assert wanted(record(b"x", key=f"<{word}>"))


def test_empty_is_no_filter_and_bytes_are_no_json() -> None:
    assert filter_of("  ") is None
    path = filter_of("$.a = 1")
    assert path is not None and not path(Record(1.0, "s", "k", "1", 0, 2, "binary", b"\xff\x00"))


def test_paths() -> None:
    assert json_path('$.a[2]["b c"].d') == ("a", 2, "b c", "d")
    assert value_at({"a": [0, 1, {"b c": {"d": 5}}]}, ("a", 2, "b c", "d")) == 5
    with pytest.raises(WrongUse):
        json_path("a.b")
    with pytest.raises(KeyError):
        value_at({"a": []}, ("a", 0))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("$.path = 1 or not $.total", "The newest 1 records had no field path; they had status, total, gift, items, odd name, none"),
        ('$.path and $["a b"]', "no field path and no a b;"),
        ("$.items[3].sku", ""), ("$[0]", ""), ("path", ""), ("$", ""),
    ],
)  # fmt: skip
def test_a_field_that_no_record_has_is_named(line: str, told: str) -> None:
    wanted = filter_of(line)
    assert wanted is not None
    said = unknown_fields(wanted, [record(b"no json"), ORDER])
    assert told in said and bool(said) is bool(told)
    assert unknown_fields(wanted, [record(b"no json")]) == ""
