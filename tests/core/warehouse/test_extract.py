"""Text to tables: presets, types, rejects, archives, damage, runaway patterns, the emitted DDL."""

from __future__ import annotations

import bz2
import gzip
import json
import re
import tracemalloc
from pathlib import Path

import polars as pl
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from core.base.errors import OpsError
from core.jobs.job import headless_job
from core.warehouse.extract import extraction
from core.warehouse.extract import sources as reading
from core.warehouse.extract.advise import HIVE, LOCAL, REDSHIFT, already_columns, which_tool
from core.warehouse.extract.definition import Definition, OutputColumn, Tally
from core.warehouse.extract.emit import hive_ddl, table_ddl
from core.warehouse.extract.extraction import extract, extract_in_child
from core.warehouse.extract.matching import engine_of, group_names, with_python
from core.warehouse.extract.presets import PRESETS, preset
from core.warehouse.extract.sources import Source, line_blocks, local_sources
from tests.core.warehouse.extracting import file, look, rows

NGINX = '10.0.0.7 - ann [22/Nov/2026:10:11:12 +0100] "GET /a?b=c HTTP/1.1" 200 512 "https://e.org/" "Mozilla/5.0 (X11)"'
ALB = (
    "https 2026-11-22T10:11:12.123456Z app/web/50dc 192.0.2.1:2817 10.0.0.1:80 0.086 0.048 0.037 200 200 0 57 "
    '"GET https://www.example.com:443/ HTTP/1.1" "curl/7.46.0" ECDHE-RSA TLSv1.2 arn:aws:targetgroup/x "Root=1-5833" "-" "-" 1'
)
ELB = (
    "2026-11-22T10:11:12.943958Z my-lb 192.0.2.1:2817 10.0.0.1:80 0.000073 0.001048 0.000057 200 200 0 29 "
    '"GET http://www.example.com:80/ HTTP/1.1" "curl/7.38.0" - -'
)


@pytest.mark.parametrize(
    ("name", "line", "expected"),
    [
        (
            "nginx",
            NGINX,
            {
                "client": "10.0.0.7",
                "remote_user": "ann",
                "method": "GET",
                "path": "/a?b=c",
                "status": 200,
                "bytes": 512,
            },
        ),
        (
            "nginx",
            NGINX.replace('"GET /a?b=c HTTP/1.1"', '"\\x16\\x03"'),
            {"method": None, "path": None, "status": 200},
        ),
        (
            "apache",
            NGINX.partition(' "https')[0].replace("512", "-"),
            {"client": "10.0.0.7", "status": 200, "bytes": None},
        ),
        (
            "alb",
            ALB,
            {
                "client": "192.0.2.1",
                "client_port": 2817,
                "status": 200,
                "url": "https://www.example.com:443/",
                "agent": "curl/7.46.0",
            },
        ),
        ("elb", ELB, {"balancer": "my-lb", "target_seconds": 0.001048, "status": 200, "tls": None}),
    ],
)
def test_presets_read_their_logs(tmp_path: Path, name: str, line: str, expected: dict) -> None:
    frame, tally, _ = rows(preset(name), file(tmp_path, line + "\n"))
    (row,) = frame.to_dicts()
    assert {key: row[key] for key in expected} == expected
    assert row["time"] is not None
    assert (tally.rows, tally.rejected) == (1, 0)


def test_zones_become_utc(tmp_path: Path) -> None:
    frame, _, _ = rows(preset("nginx"), file(tmp_path, NGINX))
    assert str(frame["time"][0]) == "2026-11-22 09:11:12"


def test_rejects_are_kept_with_their_reason(tmp_path: Path) -> None:
    bad_time = NGINX.replace("22/Nov", "99/Nov")
    _, tally, refused = rows(preset("nginx"), file(tmp_path, f"{NGINX}\nnonsense\n{bad_time}\n"))
    assert refused == [("no match", "nonsense"), ("time is not a time", bad_time)]
    assert (tally.lines, tally.rows, tally.rejected) == (3, 1, 2)


def test_types_are_guessed_from_the_sample(tmp_path: Path) -> None:
    path = file(tmp_path, "1|2.5|2026-01-02|true|007|a\n22|-3e4|2026-12-31|false|012|b\n-|.5|-|TRUE|100|-\n")
    pattern = r"(?P<n>[^|]*)\|(?P<f>[^|]*)\|(?P<d>[^|]*)\|(?P<b>[^|]*)\|(?P<zip>[^|]*)\|([^|]*)"
    found = look(Definition(pattern=pattern), path)
    kinds = {column.name: column.kind for column in found.definition.columns}
    assert kinds == {"n": "whole", "f": "number", "d": "date", "b": "boolean", "zip": "text", "column_6": "text"}
    frame, tally, _ = rows(found.definition, path)
    assert frame["n"].to_list() == [1, 22, None]
    assert frame["zip"].to_list() == ["007", "012", "100"]
    assert tally.rejected == 0


def test_the_preview_shows_where_the_groups_stand(tmp_path: Path) -> None:
    found = look(Definition(pattern=r"(\w+)=(\d+)"), file(tmp_path, "ab=12\nnope\n"))
    assert [(line.text, line.matched, line.spans) for line in found.lines] == [
        ("ab=12", True, ((0, 2, 0), (3, 5, 1))),
        ("nope", False, ()),
    ]
    assert (found.sampled, found.rejected) == (2, 1)


_LINES = st.lists(
    st.text(st.characters(blacklist_characters="\n\r", blacklist_categories=("Cs",)), max_size=60), max_size=40
)


@settings(deadline=None, max_examples=60)
@given(_LINES, st.integers(1, 200), st.sampled_from(["plain", "gz", "zst", "two members"]))
def test_blocks_lose_no_line(tmp_path_factory: pytest.TempPathFactory, lines: list[str], block: int, form: str) -> None:
    text = "".join(f"{line}\n" for line in lines).encode()
    stored = {
        "plain": lambda: text,
        "gz": lambda: gzip.compress(text),
        "zst": lambda: zstandard.compress(text),
        "two members": lambda: gzip.compress(text[: len(text) // 2]) + gzip.compress(text[len(text) // 2 :]),
    }[form]()
    path = file(tmp_path_factory.mktemp("blocks"), stored)
    before, reading.BLOCK = reading.BLOCK, block
    try:
        joined = b"".join(data for data, _ in line_blocks(Source("x", str(path), len(stored))))
    finally:
        reading.BLOCK = before
    assert joined == text


LETTER = Definition(pattern=r"n=(?P<n>.)", columns=(OutputColumn("n"),))


@pytest.mark.parametrize(
    ("data", "values", "misread"),
    [
        (b"\xef\xbb\xbfn=1\r\nn=\xc3\xa9", ["1", "é"], 0),
        ("\ufeffn=1\nn=é\n".encode("utf-16-le"), ["1", "é"], 0),
        ("\ufeffn=1\nn=é\n".encode("utf-16-be"), ["1", "é"], 0),
        (b"n=1\nn=\xe9\nn=\xef\xbf\xbd\n", ["1", "\ufffd", "\ufffd"], 1),
        (bz2.compress(b"n=1\n") + bz2.compress(b"n=2\n"), ["1", "2"], 0),
    ],
)
def test_encodings_are_told_apart_and_what_is_lost_is_counted(
    tmp_path: Path, data: bytes, values: list[str], misread: int
) -> None:
    frame, tally, _ = rows(LETTER, file(tmp_path, data))
    assert frame["n"].to_list() == values
    assert (tally.misread, bool(tally.remark)) == (misread, bool(misread))


def test_a_bzip2_file_that_ends_in_the_middle_is_named(tmp_path: Path) -> None:
    stored = bz2.compress(b"n=1\n" * 60_000 + b"n=2\n" * 60_000, 1)  # several blocks of 100 KB
    _, tally, _ = rows(LETTER, file(tmp_path, stored[: len(stored) * 2 // 3]))
    assert [why for _, why in tally.problems] == ["the bzip2 file ends in the middle"]


def test_a_document_is_read_as_its_declaration_says(tmp_path: Path) -> None:
    definition = Definition("document", pattern=r"<n>(?P<n>.*?)</n>", columns=(OutputColumn("n"),))
    for encoding in ("iso-8859-1", "utf-16", "utf-8"):
        text = f'<?xml version="1.0" encoding="{encoding}"?><a><n>é</n></a>'
        frame, _, _ = rows(definition, file(tmp_path, text.encode(encoding)))
        assert frame["n"].to_list() == ["é"], encoding


def test_long_numbers_keep_their_digits(tmp_path: Path) -> None:
    path = file(tmp_path, '{"id": 12345678901234567890, "in": {"x": 0.12345678901234567890}, "ok": 1.5}\n')
    found = look(Definition("json"), path)
    assert [column.kind for column in found.definition.columns] == ["text", "text", "number"]
    frame, _, _ = rows(found.definition, path)
    assert frame.row(0) == ("12345678901234567890", '{"x":0.12345678901234567890}', 1.5)


@pytest.mark.parametrize("form", ["gz cut", "gz flipped", "zst cut"])
def test_a_damaged_archive_is_named_and_keeps_what_came_before(tmp_path: Path, form: str) -> None:
    text = "".join(f"line {n}\n" for n in range(300_000)).encode()
    stored = bytearray(zstandard.compress(text) if form == "zst cut" else gzip.compress(text))
    if form == "gz flipped":
        for place in range(len(stored) - 2_000, len(stored) - 1_900):
            stored[place] ^= 0xFF
    else:
        del stored[len(stored) * 2 // 3 :]
    good = file(tmp_path, "line 1\n", "good.log")
    definition = Definition(pattern=r"line (?P<n>\d+)", columns=(OutputColumn("n", "whole"),))
    frame, tally, _ = rows(definition, file(tmp_path, bytes(stored), "bad.log"), good)
    assert [name for name, _ in tally.problems] == [str(tmp_path / "bad.log")]
    assert frame.height == tally.rows >= 1
    assert frame["n"][-1] == 1  # the file after it was read


def test_a_line_of_any_length_is_rejected_without_being_held(tmp_path: Path) -> None:
    path = tmp_path / "long.log"
    with path.open("wb") as out:
        out.write(b"n=1\n")
        out.seek(100_000_000, 1)  # a hole, which takes no disk
        out.write(b"\nn=2\n")
    definition = Definition(pattern=r"n=(?P<n>\d)", columns=(OutputColumn("n", "whole"),))
    tracemalloc.start()
    try:
        frame, tally, refused = rows(definition, path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert frame["n"].to_list() == [1, 2]
    assert tally.reasons == {"longer than 1 MB": 1}
    assert [(reason, len(text)) for reason, text in refused] == [("longer than 1 MB", 1000)]
    assert peak < 20_000_000


@pytest.mark.parametrize(
    ("pattern", "engine"),
    [
        (r"(\d+)", "polars"),
        (r"(?<a>x)", "polars"),
        (r"(?!#)(.*)", "python"),
        (r"(\w+) \1", "python"),
        (r"(?<=a)(b)", "python"),
    ],
)
def test_patterns_that_look_around_go_to_python(pattern: str, engine: str) -> None:
    assert engine_of(pattern) == engine


@pytest.mark.parametrize("pattern", ["(", "no group", "(?P<a>x)(?P<a>y)", "[z-a]()"])
def test_a_bad_pattern_is_told(pattern: str) -> None:
    with pytest.raises(OpsError) as caught:
        engine_of(pattern)
    assert caught.value.code == "pattern"


@given(st.text("abc", max_size=4), st.just("") | st.text("0123456789", min_size=1, max_size=3).map(" ".__add__))
def test_both_engines_agree(letters: str, number: str) -> None:
    from core.warehouse.extract.matching import with_polars

    line = letters + number
    pattern = r"([a-c]*)(?: (?P<n>\d+))?"
    names = group_names(pattern)
    ours = with_polars(pl.Series([line]), pattern, names).to_dicts()[0]
    theirs = {key: value[0] for key, value in with_python([line], pattern, names).items()}
    assert ours == theirs


def test_a_runaway_pattern_is_stopped_and_named() -> None:
    with pytest.raises(OpsError) as caught:
        with_python(["fine", "a" * 40 + "!"], r"(a+)+(?=b)", ["x"], seconds=0.3)
    assert caught.value.code == "slow-pattern"
    assert "aaaa" in caught.value.why


@pytest.mark.parametrize("pattern", [r"(?=.)(?P<n>\d+)-(?P<t>\w)", r"(?P<n>\d+)-(?P<t>\w)"])
def test_many_files_give_what_one_gives(tmp_path: Path, pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look-around is matched by processes side by side: rows, rejects and their order are those of one process."""
    monkeypatch.setattr(extraction, "_WORTH_SHARING", 0)
    folder = tmp_path / "in"
    folder.mkdir()
    for n in range(9):
        file(folder, "".join(f"{n * 100 + k}-{'abc'[k % 3]}\n" for k in range(100)) + f"bad {n}\n", f"{n}.log")
    definition = Definition(pattern=pattern, columns=(OutputColumn("n", "whole"), OutputColumn("t")))
    out, rejects = tmp_path / "t.parquet", tmp_path / "r.jsonl"
    tally = extract_in_child(lambda *_: None, definition, local_sources(folder), str(out), str(rejects))
    assert (tally.rows, tally.lines, tally.files, tally.rejected) == (900, 909, 9, 9)
    assert pl.read_parquet(out)["n"].to_list() == list(range(900))
    assert [json.loads(one)["text"] for one in rejects.read_text().splitlines()] == [f"bad {n}" for n in range(9)]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_fault_in_one_of_the_processes_ends_the_extraction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extraction, "_WORTH_SHARING", 0)
    for n in range(3):
        file(tmp_path, "1-a\n", f"{n}.log")
    one_column = Definition(pattern=r"(?=.)(\d+)-(\w)", columns=(OutputColumn("n"),))
    with pytest.raises(OpsError) as caught:
        extract_in_child(lambda *_: None, one_column, local_sources(tmp_path), str(tmp_path / "out.parquet"), "")
    assert caught.value.code == "pattern"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.log", "1.log", "2.log"]


def test_extract_writes_whole_files_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = file(tmp_path, "".join(f"n={n}\n" for n in range(1000)) + "bad\n")
    definition = Definition(pattern=r"n=(?P<n>\d+)", columns=(OutputColumn("n", "whole"),))
    out, rejects = tmp_path / "out" / "t.parquet", tmp_path / "rejects.jsonl"
    tally = extract(headless_job(), definition, local_sources(source), out, rejects)
    assert (tally.rows, tally.rejected) == (1000, 1)
    assert pl.read_parquet(out)["n"].sum() == 499_500
    assert json.loads(rejects.read_text()) == {"source": str(source), "reason": "no match", "text": "bad"}

    monkeypatch.setattr(  # one process of its own is enough to see that it works there
        extraction, "run_in_child", lambda _job, _target, arguments, **_: extract_in_child(lambda *_: None, **arguments)
    )
    nothing = tmp_path / "none.parquet"
    with pytest.raises(OpsError) as caught:
        extract(
            headless_job(), Definition(pattern="(zzz)", columns=(OutputColumn("a"),)), local_sources(source), nothing
        )
    assert caught.value.code == "no-match"
    wild = Definition(pattern=r"(n+)+(?=!)(.*)", columns=(OutputColumn("a"), OutputColumn("b")))
    with pytest.raises(OpsError):
        extract(headless_job(), wild, local_sources(source), nothing)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "rejects.jsonl", "x.log"]


def test_the_ddl_doubles_backslashes_and_names_groups_as_java_does() -> None:
    ddl = hive_ddl(preset("nginx"), "logs", "s3://b/p/")
    assert r"(?<client>\\S+)" in ddl
    assert "remote_user>" not in ddl  # Java knows no underscore in a group's name
    assert ddl.count("string") >= 10
    regex = re.search(r"'input.regex' = '(.*)'\n", ddl)
    assert regex
    back = regex[1].replace("\\\\", "\\").replace("\\'", "'")
    match = re.fullmatch(re.sub(r"\(\?<(\w+)>", r"(?P<\1>", back), NGINX)
    assert match
    assert match["client"] == "10.0.0.7"
    assert "openx" in hive_ddl(Definition("json", columns=(OutputColumn("a"),)), "t", "s3://b/", athena=True)


def test_the_ddl_holds_where_dialects_differ() -> None:
    """Quotes are escaped differently, keys are no column names, and Athena's CAST ends a query where Hive's gives NULL."""
    pattern = r"(?P<a>it\'s 'x' \\'?)"
    definition = Definition(pattern=pattern, columns=(OutputColumn("a", "whole"),), null=("-",))
    for athena in (False, True):
        regex = re.search(r"'input.regex' = '(.*)'\n", hive_ddl(definition, "t", "s3://b/p/", athena=athena))
        assert regex and "'" not in regex[1]
        assert re.fullmatch(regex[1].replace("\\\\", "\\").replace("?<a>", "?P<a>"), "it's 'x' \\'")
    assert "TRY_CAST(NULLIF" in hive_ddl(definition, "t", "", athena=True)
    time = Definition(pattern="(?P<t>.)", columns=(OutputColumn("t", "time"),), null=("-",))
    assert "TRY(from_iso8601_timestamp(NULLIF(\"t\", '-')))" in hive_ddl(time, "t", "", athena=True)
    keyed = Definition("json", columns=(OutputColumn("user_id", path="user-id"), OutputColumn("a", path="A")))
    assert "('mapping.user_id' = 'user-id')" in hive_ddl(keyed, "t", "s3://b/", athena=True)
    with pytest.raises(OpsError, match="user-id"):
        hive_ddl(keyed, "t", "s3://b/")


def test_the_table_is_as_wide_as_its_values() -> None:
    definition = Definition(columns=(OutputColumn("a"), OutputColumn("n", "whole"), OutputColumn("Odd Name")))
    ddl = table_ddl(definition, "s.t", Tally(longest={"a": 30, "Odd Name": 40_000}))
    assert "a VARCHAR(64)" in ddl
    assert "n BIGINT" in ddl
    assert '"Odd Name" VARCHAR(65535)' in ddl


def test_advice_names_the_tool_and_the_reason() -> None:
    assert which_tool(5_000_000).tool == LOCAL
    assert which_tool(10**12).tool == HIVE
    assert which_tool(10**9, relational=True).tool == REDSHIFT
    assert which_tool(10**9, often=True).tool == REDSHIFT
    assert which_tool(50 * 10**9).tool == LOCAL  # of log lines; the same as XML by path would take hours
    assert which_tool(50 * 10**9, kind="xml").tool == HIVE


@pytest.mark.parametrize(
    ("lines", "columns"),
    [
        (["a,b,c", '1,"x, y",3'], True),
        (["a\tb\tc", "1\t2\t3"], True),
        (["a,b,c", "1,2"], False),
        ([NGINX.replace("X11", "X11, like"), NGINX.replace("X11", "X12, like")], False),
        (['{"a": 1, "b": 2, "c": 3}'] * 3, False),
        ([], False),
    ],
)
def test_columns_are_told_from_text(lines: list[str], columns: bool) -> None:
    assert already_columns(lines) is columns


def test_every_preset_can_be_compiled() -> None:
    for definition in PRESETS.values():
        if definition.pattern:
            assert [column.name for column in definition.columns] == group_names(definition.pattern)


@pytest.mark.parametrize(
    ("lines", "preset"),
    [
        ('<?xml version="1.0"?>\n<a>\n<b/>\n</a>\n', "xml"),
        ('{"a": 1}\n{"a": 2}\n', "json"),
        ('10.0.0.1 - - [29/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "x"\n', "nginx"),
        ("free text\n", ""),
    ],
)
def test_a_pattern_that_fits_nothing_is_told_what_would(tmp_path: Path, lines: str, preset: str) -> None:
    assert look(Definition(pattern=r"(\d+)"), file(tmp_path, lines)).fits == preset
