"""The cheap ways of extraction give what the general ones give: committed patterns, times by their places, lines by their ends."""

from __future__ import annotations

from itertools import product
from random import Random

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core.base.errors import OpsError
from core.warehouse.extract import matching
from core.warehouse.extract.committed import committed
from core.warehouse.extract.matching import Matcher, engine_of, group_names, with_polars
from core.warehouse.extract.presets import PRESETS
from core.warehouse.extract.rows import _lines
from core.warehouse.extract.timestamps import layout, plain_times
from core.warehouse.extract.typing import TIME_FORMATS, as_time, parsed_time

_ATOMS = [
    "a",
    "b",
    " ",
    "-",
    '"',
    "1",
    ".",
    r"\d",
    r"\w",
    r"\s",
    r"\S",
    r"\W",
    r"\D",
    r"\[",
    r"\.",
    "[^ ]",
    "[a-b]",
    "[^a]",
    r"[\d.]",
]
_ATOMS += [r"[^\w]", '[^"]', "[-a]"]
_SIGNS = ["", "", "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{0,1}", "{2,}", "{1,3}?"]
_ATOM = st.builds(str.__add__, st.sampled_from(_ATOMS), st.sampled_from(_SIGNS))


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    branches = st.lists(inner, min_size=1, max_size=3).map("|".join)
    grouped = st.builds("({}{}){}".format, st.sampled_from(["", "?:"]), branches, st.sampled_from(_SIGNS))
    return st.lists(inner, min_size=1, max_size=4).map("".join) | grouped | inner.map("({})".format)


_PATTERNS = st.builds("{}{}".format, st.recursive(_ATOM, _larger, max_leaves=12), st.sampled_from(["", "", ".*"]))
_CHARACTERS = 'ab 1-".[x\u00e9\u00a0\u0663'
_CHANCES = st.integers(0, 2**32).map(Random)
"""Many values at once: drawn one by one they would cost more than what is tested."""


def frames(pattern: str, lines: list[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    names, series = group_names(pattern), pl.Series("line", lines, dtype=pl.String)
    return Matcher(pattern, names).groups(series), with_polars(series, pattern, names)


@settings(deadline=None, max_examples=100)
@given(_PATTERNS, _CHANCES)
def test_a_committed_pattern_finds_the_same_groups(pattern: str, chance: Random) -> None:
    lines = ["".join(chance.choices(_CHARACTERS, k=chance.randrange(10))) for _ in range(100)]
    lines += ["".join(chance.choices("ab 1", k=chance.randrange(7))) for _ in range(100)]
    try:
        assume(engine_of(pattern) == "polars")
    except OpsError:
        assume(False)
    ours, theirs = frames(pattern, lines)
    assert ours.equals(theirs), (pattern, committed(pattern))


@pytest.mark.parametrize(
    "pattern",
    [
        "(?:ab)*?(a.*)", "(?:ab)*(a.*)", "(?:ab)??(a.*)", "(?:ab)?(a.*)", "(?:(a)b|(ba?))*(b?)(.*)", "(?:a(b*))*(b?)", "(?:a+)*(a?b)",
        "(?:(a)|ab|b)+(.*)", "((?:ab|ba){2})(.*)", "(?:(a) |b ?)*(.*)", "(a?)(a?)(b?)(.*)", "(a{1,2})(a*?)(a+?)(b.*)?", "(|a|b)(.*)",
        "(a*|b)(b*)( ?)", "(?:a| (b))?(.*?)( *)",
    ],
)  # fmt: skip
def test_tricky_patterns_on_all_short_lines(pattern: str) -> None:
    lines = ["".join(letters) for length in range(8) for letters in product("ab ", repeat=length)]
    ours, theirs = frames(pattern, lines)
    assert ours.equals(theirs), committed(pattern)


@pytest.mark.parametrize(
    ("pattern", "line", "quick"),
    [
        (r"(\d+)(.*)", "12ab", True),
        (r"(\d+|-)(.*)", "-5", False),  # what may come behind it is estimated for all branches together
        (r"(?:\d+|-)(.*)", "12ab", True),
        (r"(a|ab)(c|bcd)", "abcd", True),
        (r"(a|ab)(c)", "abc", False),  # the preferred branch leads nowhere
        (r"(a*)(?:ab|b)", "aab", True),
        (r"(.*?) - (.*)", "a - b - c", True),
        (r"(.*?) - (.*)", "a b - c", False),
        (r"(\S+) x", "é x", False),  # \S takes but a part of what is not ASCII
        (r'"([^"]*)"', '"é"', True),
        (r"(\d)?(a)?", "", True),  # no group takes part, and it matches
    ],
)
def test_what_the_next_character_decides_is_quick(pattern: str, line: str, quick: bool) -> None:
    found = matching._quick_form(pattern)
    assert found
    groups = pl.Series([line]).str.extract_groups(found.passes[0])
    assert (groups.struct.field(found.sure)[0] is not None) is quick
    ours, theirs = frames(pattern, [line])
    assert ours.equals(theirs)
    assert ours["\0ok"][0]


@pytest.mark.parametrize(
    "pattern",
    [
        r"(?i)(a)",
        r"(a)\b",
        r"^a|(b)$",
        r"([a&&b])",
        r"([[:alpha:]])",
        r"(a**)",
        r"(é)",
        r"(\pL)",
        r"((?:a?)*)",
        r"(\x41)",
        "(a]",
        "(x)" + "a?b?c?" * 20,  # each way before it would take the rest for itself
    ],
)
def test_what_is_read_otherwise_elsewhere_has_no_quick_form(pattern: str) -> None:
    assert committed(pattern) is None


_LOGS = {
    "nginx": '10.0.0.7 - ann [22/Nov/2026:10:11:12 +0100] "GET /a?b=c HTTP/1.1" 200 512 "https://e.org/" "Mozilla/5.0 (X11)" "-"',
    "apache": '10.0.0.7 - ann [22/Nov/2026:10:11:12 +0100] "GET /a?b=c HTTP/1.1" 200 -',
    "elb": "2026-11-22T10:11:12.943958Z my-lb 192.0.2.1:2817 10.0.0.1:80 0.000073 0.001048 -1 200 200 0 29 "
    '"GET http://www.example.com:80/ HTTP/1.1" "curl/7.38.0" - -',
    "alb": "https 2026-11-22T10:11:12.123456Z app/web/50dc 192.0.2.1:2817 10.0.0.1:80 0.086 0.048 0.037 200 200 0 57 "
    '"GET https://www.example.com:443/ HTTP/1.1" "curl/7.46.0" ECDHE-RSA TLSv1.2 arn:aws:targetgroup/x "Root=1-5833" "-" "-" 1',
}


@pytest.mark.parametrize("name", _LOGS)
def test_each_preset_is_quick_on_its_own_logs(name: str) -> None:
    line = _LOGS[name]
    found = committed(PRESETS[name].pattern)
    assert found
    groups = pl.Series([line]).str.extract_groups(found.passes[0])
    assert groups.struct.field(found.sure)[0] is not None
    if name == "nginx":  # what a scanner sends, and the shorter format
        for other in (line.replace("GET /a?b=c HTTP/1.1", "\\x16\\x03"), line.partition(' "https')[0]):
            assert pl.Series([other]).str.extract_groups(found.passes[0]).struct.field(found.sure)[0] is not None


@pytest.mark.parametrize("name", _LOGS)
def test_presets_find_the_same_in_broken_logs(name: str) -> None:
    chance, lines = Random(name), []
    for _ in range(5_000):
        line = _LOGS[name]
        for _ in range(chance.randrange(5)):
            place, cut = chance.randrange(len(line) + 1), chance.randrange(4)
            line = line[:place] + chance.choice(['"', " ", "-", "é", "7", "[", "A", "", '" "']) + line[place + cut :]
        lines.append(line)
    ours, theirs = frames(PRESETS[name].pattern, lines)
    assert 1_000 < ours["\0ok"].sum() < 4_900
    assert ours.equals(theirs)


def test_a_quick_form_that_misses_most_lines_is_given_up() -> None:
    pattern, lines = r"(\S+) x", pl.Series(["é x"] * matching._TRIAL)
    matcher = Matcher(pattern, ["a"])
    for _ in range(2):
        assert matcher.groups(lines).equals(with_polars(lines, pattern, ["a"]))
        assert matcher._quick is None


@settings(deadline=None)
@given(
    st.binary(max_size=60) | st.lists(st.sampled_from([b"\n", b"\r", b"a", "é".encode(), b"\xff", b"\0"])).map(b"".join)
)
def test_lines_are_those_of_the_text(data: bytes) -> None:
    expected = data.decode("utf-8", "replace").split("\n")
    if not expected[-1]:
        expected.pop()
    assert _lines(data)[0].to_list() == [line.removesuffix("\r") for line in expected]


_DIGITS = [
    "00",
    "01",
    "02",
    "09",
    "10",
    "12",
    "23",
    "24",
    "28",
    "29",
    "30",
    "31",
    "32",
    "59",
    "60",
    "61",
    "99",
    "+1",
    "1",
    "x1",
    "١١",
]
_HOSTILE = {
    "%Y": ["2026", "2024", "1900", "2000", "1970", "0001", "0000", "9998", "-001", "26", "20x6"],
    "%b": ["nov", "NOV", "Nop", "Sept", "No"],
    "%z": ["+2400", "+0060", "Z", "+01:00", "0100", "+01", "+-100"],
    "%.f": [".1234567", ".123456789", ".", ".x", ",123", ".12 "],
    "%a": ["Mon", "x"],
}
_PLAIN = {
    "%Y": ["2026", "2024", "1900", "2000", "0001", "9998"],
    "%b": ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
    "%m": [f"{n:02}" for n in range(1, 13)],
    "%d": [f"{n:02}" for n in range(1, 32)],
    "%H": [f"{n:02}" for n in range(24)],
    "%M": [f"{n:02}" for n in range(60)],
    "%S": [f"{n:02}" for n in range(60)],
    "%z": ["+0000", "-0000", "+0530", "-0800", "+2359", "-2359"],
    "%.f": ["", ".123456", ".123456", ".5", ".000001"],
    "%a": ["Sun"],
}
_FORMS = [*TIME_FORMATS, "%d.%m.%Y %H:%M:%S", "%H:%M:%S%.f %z, %d-%b-%Y", "%Y%m%d%H%M%S", "%Y-%m-%d"]


@settings(deadline=None, max_examples=50)
@given(st.sampled_from(_FORMS), _CHANCES)
def test_times_by_their_places_are_those_of_the_parser(form: str, chance: Random) -> None:
    texts: list[str | None] = [None, "-", "", form]
    for _ in range(100):
        text = form
        for field, plain in _PLAIN.items():
            hostile = chance.random() < 0.05
            text = text.replace(field, chance.choice(_HOSTILE.get(field, _DIGITS) if hostile else plain))
        texts.append(text)
    chance.shuffle(texts)
    series = pl.Series("t", texts, dtype=pl.String)
    ours, theirs = as_time(series, form).cast(pl.Int64), parsed_time(series, form).cast(pl.Int64)
    assert ours.equals(theirs, null_equal=True), [*zip(series, ours, theirs, strict=True)]


def test_the_logs_own_formats_are_taken_by_places() -> None:
    assert [form for form in TIME_FORMATS if layout(form) is None] == ["%a %b %d %H:%M:%S %Y"]
    for text, form in (
        ("22/Nov/2026:10:11:12 +0100", "%d/%b/%Y:%H:%M:%S %z"),
        ("2026-11-22T10:11:12.943958Z", "%Y-%m-%dT%H:%M:%S%.fZ"),
    ):
        made = plain_times(pl.Series([text, None, "-"]), form)
        assert made is not None
        assert made.null_count() == 2
        assert made.equals(parsed_time(pl.Series([text, None, None], dtype=pl.String), form), null_equal=True)
