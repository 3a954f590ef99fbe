"""Counts that tell the truth, views by filter and sort, profiles, charts, exports that are whole or not there."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.aws.session import AwsSession, Target
from core.base.errors import OpsError, WrongUse
from core.jobs.job import JobCancelled, headless_job
from core.settings.profiles import Profile, WarehouseConnection
from core.warehouse.charts import picture, suggestion
from core.warehouse.drivers.columns import unified, unique_names
from core.warehouse.drivers.data_api import DataApiDriver
from core.warehouse.drivers.driver import Column, Page
from core.warehouse.export import export, format_of
from core.warehouse.results import Result
from core.warehouse.service import WarehouseService
from core.warehouse.views import Sort, order, profile


def page(*values: int, total: int | None) -> Page:
    return Page((Column("n", "int4"),), pa.table({"n": pa.array(values, pa.int32())}), total)


@pytest.mark.parametrize(
    ("limit", "pages", "words", "cut"),
    [
        (10, [page(1, 2, total=3), page(3, total=3)], "3 rows", False),
        (10, [page(1, total=1)], "1 row", False),
        (2, [page(1, 2, 3, total=3)], "2 of 3 rows, cut by the limit", True),
        (2, [page(1, 2, total=None), page(3, total=3)], "2 of 3 rows, cut by the limit", True),
        (2, [page(1, 2, total=None), page(total=2)], "2 rows", False),
        (
            2,
            [page(1, total=None), page(2, 3, total=None), page(4, total=4)],
            "the first 2 rows, cut by the limit; how many there are is not known",
            True,
        ),
        (3, [page(1, 2, total=3), page(3, total=3)], "3 rows", False),
        (5, [page(total=0)], "0 rows", False),
    ],
)
def test_a_count_never_lies(limit: int, pages: list[Page], words: str, cut: bool) -> None:
    result = Result(limit)
    for part in pages:
        assert "so far" in result.count.words()
        if not result.add(part):
            break
    result.end()
    assert (result.count.words(), result.count.cut) == (words, cut)
    assert result.table().num_rows == result.count.shown


def test_pages_that_disagree_on_a_type_take_the_wider_one() -> None:
    narrow = pa.table({"d": pa.array([Decimal("1.5")])})
    wide = pa.table({"d": pa.array([Decimal("100.25")])})
    text = pa.table({"d": pa.array(["NaN"])})
    assert unified([narrow, wide])["d"].to_pylist() == [Decimal("1.50"), Decimal("100.25")]
    assert unified([narrow, text])["d"].to_pylist() == ["1.5", "NaN"]


@given(st.lists(st.sampled_from(["a", "b", "", "a (2)", "column 1"]), max_size=8))
def test_column_names_become_unique(names: list[str]) -> None:
    made = unique_names(names)
    assert len(set(made)) == len(made) == len(names)
    assert all(made)


FRAME = pl.DataFrame(
    {
        "n": [3, None, 1, 2],
        "s": ["Banana", "apple", None, "cherry"],
        "t": [datetime(2026, 1, 1), datetime(2026, 2, 1), None, datetime(2026, 3, 1)],
        "d": pl.Series([Decimal("1.10"), Decimal("2.20"), Decimal("3.30"), None], dtype=pl.Decimal(10, 2)),
        "b": [True, False, None, True],
    }
)


@pytest.mark.parametrize(
    ("filters", "sorts", "rows"),
    [
        ({"s": "AN"}, [], [0]),
        ({"n": "> 1"}, [], [0, 3]),
        ({"n": "!=2"}, [], [0, 2]),
        ({"n": "null"}, [], [1]),
        ({"s": "!null", "n": "<=2"}, [], [3]),
        ({"s": "/^(b|c)/"}, [], [0, 3]),
        ({"t": ">= 2026-02-01"}, [], [1, 3]),
        ({"d": "> 1.1"}, [], [1, 2]),
        ({"b": "= true"}, [], [0, 3]),
        ({}, [Sort("n")], [2, 3, 0, 1]),
        ({}, [Sort("n", True)], [0, 3, 2, 1]),
        ({}, [Sort("b"), Sort("n", True)], [1, 0, 3, 2]),
    ],
)
def test_filter_and_sort(filters: dict[str, str], sorts: list[Sort], rows: list[int]) -> None:
    found = order(FRAME, filters, sorts)
    assert found is not None
    assert found.to_list() == rows


def test_no_filter_is_no_order_and_a_wrong_one_is_told() -> None:
    assert order(FRAME, {"n": "  "}, []) is None
    for column, text in (("n", "> x"), ("s", "/(/"), ("b", "= maybe"), ("t", "> yesterday")):
        with pytest.raises(OpsError) as caught:
            order(FRAME, {column: text}, [])
        assert caught.value.code == "filter"
    for text in ("> NaN", "< -Infinity"):
        with pytest.raises(OpsError, match="no value of a decimal column"):
            order(pl.DataFrame({"d": [Decimal("1.5")]}), {"d": text}, [])


def test_a_profile_counts_what_is_there() -> None:
    found = profile(FRAME, "n")
    assert (found.rows, found.nulls, found.distinct) == (4, 1, 3)
    assert dict(found.facts)["least"] == "1"
    assert sum(rows for _, _, rows in found.histogram) == 3
    assert profile(FRAME, "s").top[0][1] == 1
    assert profile(pl.DataFrame({"x": pl.Series([None, None], dtype=pl.Int64)}), "x").nulls == 2


def test_charts_choose_and_say_what_they_leave_out() -> None:
    assert suggestion(FRAME)[0] == "line"
    bars = picture(pl.DataFrame({"k": ["a", "b", "a"], "v": [1, 2, 3]}), "bar", "k", "v")
    assert (bars.labels, bars.series[0].y) == (("a", "b"), [4.0, 2.0])
    assert "added up" in bars.note
    many = pl.DataFrame({"x": list(range(50_000)), "y": [1.0] * 50_000})
    assert len(picture(many, "line", "x", "y").series[0].x) <= 4_000
    assert "50,000" in picture(many, "line", "x", "y").note
    with pytest.raises(OpsError):
        picture(FRAME, "scatter", "s", "n")


TABLE = pa.table(
    {
        "n": pa.array([1, None, 12345678901234567], pa.int64()),
        "s": ["=1+1", "", None],
        "d": pa.array([Decimal("0.10"), Decimal("12345678901234567890.10"), None], pa.decimal128(30, 2)),
        "t": pa.array([datetime(2026, 1, 2, 3, 4, 5), None, datetime(2026, 1, 2)], pa.timestamp("us")),
    }
)


def test_csv_keeps_null_and_the_empty_text_apart(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    assert export(headless_job(), [TABLE, TABLE.slice(0, 1)], path, "csv") == 4
    lines = path.read_text().splitlines()
    assert lines[0].replace('"', "") == "n,s,d,t"
    assert lines[2].split(",")[:2] == ["", '""']
    assert lines[3].split(",")[1] == ""
    assert lines[1].startswith('1,"=1+1",0.10,2026-01-02 03:04:05')


def test_json_keeps_every_digit(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    export(headless_job(), [TABLE], path, "json")
    rows = json.loads(path.read_text(), parse_float=Decimal)
    assert rows[0] == {"n": 1, "s": "=1+1", "d": Decimal("0.10"), "t": "2026-01-02T03:04:05"}
    assert rows[1]["d"] == Decimal("12345678901234567890.10")
    export(headless_job(), [TABLE.slice(0, 0)], path, "json")
    assert json.loads(path.read_text()) == []


def test_parquet_and_xlsx(tmp_path: Path) -> None:
    export(headless_job(), [TABLE], tmp_path / "x.parquet", "parquet")
    assert pl.read_parquet(tmp_path / "x.parquet").height == 3
    export(headless_job(), [TABLE], tmp_path / "x.xlsx", "xlsx")
    import zipfile

    with zipfile.ZipFile(tmp_path / "x.xlsx") as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet  # =1+1 is data
    assert "12345678901234567" in sheet  # as text: a spreadsheet would round it


def _sheet(path: Path) -> str:
    import zipfile

    with zipfile.ZipFile(path) as book:
        return book.read("xl/worksheets/sheet1.xml").decode()


def test_infinities_are_not_null_and_short_numbers_stay_short(tmp_path: Path) -> None:
    table = pa.table(
        {
            "f": pa.array([float("inf"), float("-inf"), float("nan"), None, 0.1]),
            "r": pa.array([0.1, None, 1e38, 2, -0.5], pa.float32()),
        }
    )
    export(headless_job(), [table], tmp_path / "x.json", "json")
    text = (tmp_path / "x.json").read_text()
    assert [row["f"] for row in json.loads(text)] == ["Infinity", "-Infinity", "NaN", None, 0.1]
    assert '"r":0.1}' in text
    export(headless_job(), [table], tmp_path / "x.xlsx", "xlsx")
    sheet = _sheet(tmp_path / "x.xlsx")
    assert all(f"<t>{word}</t>" in sheet for word in ("Infinity", "-Infinity", "NaN"))
    assert "<v>0.1</v>" in sheet


def test_a_sheet_shows_every_date_and_refuses_what_it_would_cut(tmp_path: Path) -> None:
    days = [date(1, 1, 1), date(1899, 12, 31), date(2024, 2, 29), date(9999, 12, 31)]
    export(headless_job(), [pa.table({"d": days})], tmp_path / "x.xlsx", "xlsx")
    sheet = _sheet(tmp_path / "x.xlsx")
    assert all(piece in sheet for piece in ("<t>0001-01-01</t>", "<t>1899-12-31</t>", "<v>45351</v>", "<v>2958465</v>"))
    for table in (pa.table({"note": ["x" * 32_767, "x" * 32_768]}), pa.table({f"c{n}": [1] for n in range(16_385)})):
        with pytest.raises(OpsError, match="does not fit into a sheet"):
            export(headless_job(), [table], tmp_path / "y.xlsx", "xlsx")
    assert not (tmp_path / "y.xlsx").exists()


def test_a_cancelled_export_leaves_nothing(tmp_path: Path) -> None:
    job = headless_job()

    def pages():
        yield TABLE
        job.cancel()
        yield TABLE

    with pytest.raises(JobCancelled):
        export(job, pages(), tmp_path / "x.csv", "csv")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(WrongUse):
        format_of(tmp_path / "x.doc")


def test_an_export_has_all_rows_even_those_the_grid_does_not_hold(service: WarehouseService, tmp_path: Path) -> None:
    job = headless_job()
    tens = " UNION ALL ".join(f"SELECT {n} AS n" for n in range(10))
    sql = f"WITH d AS ({tens}) SELECT a.n + 10*b.n + 100*c.n AS n FROM d a, d b, d c"
    run = service.execute(job, service.prepare(service.connection(job), sql, limit=100))
    assert run.result.count.cut
    assert service.export(job, run, tmp_path / "all.parquet", "parquet") == 1000
    assert sorted(pl.read_parquet(tmp_path / "all.parquet")["n"].to_list()) == list(range(1000))


def test_unload_is_written_with_its_quotes_doubled() -> None:
    sql = WarehouseService.unload_statement("SELECT 'a' AS b", "s3://bucket/p/", role="arn:aws:iam::1:role/x")
    assert sql.startswith("UNLOAD ('SELECT ''a'' AS b')")
    with pytest.raises(WrongUse):
        WarehouseService.unload_statement("SELECT 1", "bucket/p")


@pytest.mark.parametrize("lie", ["the last page is withheld", "the count is too high"])
def test_a_result_that_does_not_arrive_whole_is_no_result(data_api_url: str, lie: str) -> None:
    """Fewer rows than TotalNumRows: told as a fault, never shown as all."""
    target = Target(Profile("test"), "eu-west-1", "", {"redshift-data": data_api_url}, "x", "x")
    driver = DataApiDriver(AwsSession(target.profile, lambda: target), WarehouseConnection("w", workgroup="default"))
    tens = " UNION ALL ".join(f"SELECT {n} AS n" for n in range(10))
    product = ", ".join(f"d {name}" for name in "abcde")
    driver.status(driver.submit(f"CREATE TEMP TABLE d AS {tens}", {}, session="s"), 30)
    statement = driver.submit(f"SELECT a.n, 'x{'y' * 60}' AS words FROM {product}", {}, session="s")
    assert driver.status(statement, 60).has_result
    pages = sum(1 for _ in driver.pages(statement))
    assert pages > 2, "the test needs a result of several pages"

    def spoil(parsed: dict[str, Any], **_rest: object) -> None:
        if lie == "the count is too high":
            parsed["TotalNumRows"] = parsed.get("TotalNumRows", 0) + 1
        else:
            parsed.pop("NextToken", None)

    driver._client().meta.events.register("after-call.redshift-data.GetStatementResultV2", spoil)
    with pytest.raises(OpsError) as caught:
        list(driver.pages(statement))
    assert caught.value.code == "incomplete" and "announced" in caught.value.why


def test_a_result_whose_fetching_broke_off_is_not_all() -> None:
    for total, words in ((None, "2 rows, the rest was not fetched"), (3, "2 of 3 rows, the rest was not fetched")):
        result = Result(10)
        result.add(page(1, 2, total=total))
        result.stop()
        assert (result.count.words(), result.count.cut) == (words, True)
    result = Result(10)
    result.add(page(1, 2, total=2))
    result.stop()  # after the last row there was nothing more to fetch
    assert (result.count.words(), result.count.cut) == ("2 rows", False)
