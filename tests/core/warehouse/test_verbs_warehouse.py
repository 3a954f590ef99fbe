"""The warehouse verbs as a script uses them: stdout, formats, parameters, exit status; on the local Data API."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from core.base.places import Places
from core.settings.profiles import Profile, Profiles, WarehouseConnection
from main import main

Verb = Callable[..., tuple[int, str, str]]


@pytest.fixture
def verb(
    data_api_url: str, home: Places, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> Verb:
    for name, value in (
        ("AWS_ENDPOINT_URL", data_api_url),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_DEFAULT_REGION", "eu-west-1"),
    ):
        monkeypatch.setenv(name, value)

    lab = Profile(
        "lab",
        region="eu-west-1",
        endpoints={"default": data_api_url},
        environment="sandbox",
        warehouses=(WarehouseConnection("lab", workgroup="lab", database="dev"),),
    )
    Profiles(home.config / "profiles.toml").add(lab)

    def run(*words: str, profile: str = "lab") -> tuple[int, str, str]:
        status = main(["--profile", profile, "warehouse", *words])
        out, err = capfdbinary.readouterr()
        return status, out.decode("utf-8", "replace"), err.decode()

    return run


def test_query_prints_a_table_csv_and_json(verb: Verb) -> None:
    sql = "SELECT 1 AS n, 'a,b' AS s, 12.50::numeric(6,2) AS d, NULL::varchar AS x"
    status, out, err = verb("query", sql)
    assert status == 0
    assert out.splitlines()[0].split() == ["n", "s", "d", "x"]
    assert "NULL" in out
    assert "(1 row," in err
    _, out, _ = verb("query", sql, "--format", "csv")
    assert out.splitlines()[1] == '1,"a,b",12.50,'
    _, out, _ = verb("query", sql, "--json")
    assert json.loads(out) == [{"n": 1, "s": "a,b", "d": 12.5, "x": None}]
    assert '"d":12.50' in out


def test_query_writes_files(verb: Verb, tmp_path: Path) -> None:
    for form in ("csv", "json", "parquet", "xlsx"):
        status, out, _ = verb("query", "SELECT 1 AS n UNION ALL SELECT 2", "--output", str(tmp_path / f"x.{form}"))
        assert (status, out) == (0, "")
    assert pl.read_parquet(tmp_path / "x.parquet")["n"].sum() == 3
    assert len(json.loads((tmp_path / "x.json").read_text())) == 2


def test_parameters_files_and_scripts(verb: Verb, tmp_path: Path) -> None:
    script = tmp_path / "x.sql"
    script.write_text(
        "\ufeffCREATE TEMP TABLE kept (a varchar(40)); INSERT INTO kept VALUES (:a); SELECT a, :b::int AS b FROM kept;"
    )
    status, out, _ = verb("query", "--file", str(script), "--param", "a=it's; here", "--null", "b", "--json")
    assert (status, json.loads(out)) == (0, [{"a": "it's; here", "b": None}])


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("query", "SELEC 1"), 1, "SELEC"),
        (("query", "SELECT * FROM nothing_here"), 1, "nothing_here"),
        (("query",), 2, "--file"),
        (("query", "-- only a comment"), 2, "no SQL"),
        (("query", "SELECT :a"), 1, ":a"),
        (("query", "SELECT 1", "--param", "a=1"), 2, ":a"),
        (("query", "SELECT 1", "--file", "x.sql"), 2, "--file"),
        (("query", "SELECT 1", "--output", "x.doc"), 2, "x.doc"),
        (("query", "SELECT 1", "--connection", "other"), 2, "other"),
        (("tables", "no_such_schema"), 1, "no_such_schema"),
        (("describe", "no_such_table"), 1, "no_such_table"),
        (("extract", "--input", "/no/such/place", "--preset", "nginx"), 1, "/no/such/place"),
    ],
)
def test_wrong_use_and_failures_are_told_in_a_sentence(
    verb: Verb, words: tuple[str, ...], status: int, said: str
) -> None:
    got, out, err = verb(*words)
    assert got == status
    assert said in err
    assert "Traceback" not in err
    assert out == ""


def test_catalogue_history_and_attach(verb: Verb) -> None:
    verb(
        "query",
        "DROP TABLE IF EXISTS verbs_t; CREATE TABLE verbs_t (id bigint NOT NULL, v varchar(9)) DISTKEY (id) SORTKEY (id)",
    )
    verb("query", "INSERT INTO verbs_t VALUES (1, 'x'), (2, 'y')")
    _, out, _ = verb("tables", "public", "--json")
    (table,) = [row for row in json.loads(out) if row["name"] == "verbs_t"]
    assert (table["rows"], table["dist_key"], table["sort_key"]) == (2, "id", "id")
    _, out, _ = verb("describe", "verbs_t", "--json")
    assert [column["name"] for column in json.loads(out)["columns"]] == ["id", "v"]
    verb("query", "DROP VIEW IF EXISTS verbs_v; CREATE VIEW verbs_v AS SELECT id FROM verbs_t")
    for name, begins in (("verbs_t", "CREATE TABLE public.verbs_t ("), ("verbs_v", "CREATE VIEW public.verbs_v AS\n")):
        _, out, _ = verb("describe", name, "--create")
        assert out.startswith(begins) and out.count(";") == 1
        again = out.replace("public.verbs_", "public.again_")
        assert verb("query", again)[0] == 0, again
    verb("query", "DROP VIEW again_v; DROP TABLE again_t; DROP VIEW verbs_v")
    _, out, _ = verb("schemas", "--json")
    assert "public" in [row["schema"] for row in json.loads(out)]
    verb("query", "SELECT v FROM verbs_t ORDER BY v")
    _, out, _ = verb("history", "--search", "order by v", "--json")
    (past,) = json.loads(out)
    assert (past["state"], past["rows"]) == ("finished", 2)
    status, out, _ = verb("attach", past["id"], "--json")
    assert (status, json.loads(out)) == (0, [{"v": "x"}, {"v": "y"}])
    _, out, _ = verb("connections", "--json")
    assert json.loads(out)[0]["kind"] == "data-api"
    _, out, _ = verb("running", "--json")
    assert json.loads(out) == []


def test_a_write_on_a_guarded_profile_needs_a_word(verb: Verb, home: Places, data_api_url: str) -> None:
    Profiles(home.config / "profiles.toml").add(
        Profile("prod", environment="production", region="eu-west-1", endpoints={"default": data_api_url})
    )
    verb("query", "DROP TABLE IF EXISTS guarded; CREATE TABLE guarded (a int)")
    profiles = home.config / "profiles.toml"
    profiles.write_text(profiles.read_text() + '\n[[prod.warehouses]]\nname = "w"\nworkgroup = "default"\n')
    status, _, err = verb("query", "DELETE FROM guarded", profile="prod")
    assert status == 2
    assert "guarded" in err
    assert "--yes" in err
    assert verb("query", "DELETE FROM guarded", "--yes", profile="prod")[0] == 0
    assert verb("query", "SELECT count(*) FROM guarded", profile="prod")[0] == 0


def test_extract_by_verb(verb: Verb, tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("k=1\nk=2\nbad\n")
    out_file, rejects = tmp_path / "o.parquet", tmp_path / "r.jsonl"
    status, out, _ = verb(
        "extract",
        "--input",
        str(log),
        "--pattern",
        r"k=(?P<k>\d+)",
        "--output",
        str(out_file),
        "--rejects",
        str(rejects),
        "--json",
    )
    answer = json.loads(out)
    assert (status, answer["rows"], answer["rejected"], answer["reasons"]) == (0, 2, 1, {"no match": 1})
    assert answer["columns"] == [{"name": "k", "type": "whole"}]
    assert pl.read_parquet(out_file)["k"].to_list() == [1, 2]
    status, out, _ = verb(
        "extract", "--input", str(log), "--pattern", r"k=(?P<k>\d+)", "--emit", "hive", "--table", "t"
    )
    assert status == 0
    assert r"k=(?<k>\\d+)" in out


def test_a_saved_pull_is_scheduled_and_only_run_when_due(verb: Verb, home: Places) -> None:
    from core.jobs.calendar import Schedule
    from core.warehouse.feed.plan import FeedPlan, PlanSource, save_plan

    source = PlanSource("mysql://ops@127.0.0.1:1/shop", "shop", "shop")
    save_plan(home.config / "feeds", FeedPlan("nightly", (source,), schedule=Schedule(("02:30",), ("mon",))))
    save_plan(home.config / "feeds", FeedPlan("by-hand", (source,)))
    status, out, _ = verb("pulls", "--json")
    plans = {one["plan"]: one for one in json.loads(out)}
    assert status == 0 and (plans["nightly"]["due"], plans["by-hand"]["due"], plans["by-hand"]["next"]) == (
        True,
        False,
        None,
    )
    status, out, _ = verb("pull-schedule", "nightly", "--json")
    files = {one["kind"]: "".join(one["files"].values()) for one in json.loads(out)}
    assert status == 0 and "OnCalendar=Mon *-*-* 02:30:00" in files["systemd"]
    assert "warehouse pull nightly --if-due" in files["cron"]
    assert (
        verb("pull", "by-hand", "--if-due")[0] == 0
    )  # never scheduled, so nothing is asked of the source that is not there
    status, _, err = verb("pull-schedule", "by-hand")
    assert status == 2 and "no schedule" in err
    status, _, err = verb(
        "pull", "--source", "mysql://ops@127.0.0.1:1/shop", "--tables", "a", "--save", "x", "--at", "25:00"
    )
    assert status == 2 and "no time of day" in err


def test_sources_are_added_to_a_plan_by_verb_and_it_is_forgotten(verb: Verb, home: Places) -> None:
    """The plan is kept before anything is asked of its sources (which are not there), and without the password."""
    from core.warehouse.feed.plan import load_plan

    where = ["pull", "--save", "whole", "--union", "all_shops", "--add", "--source"]
    for shop in ("north", "south", "north"):
        assert verb(*where, f"mysql://ann:secret@127.0.0.1:1/{shop}")[0] == 1
    plan = load_plan(home.config / "feeds", "whole")
    assert [one.database for one in plan.sources] == ["south", "north"] and plan.union == "all_shops"
    assert "secret" not in (home.config / "feeds" / "whole.json").read_text()
    assert verb("pull", "--union", "x", "--source", "mysql://ann@127.0.0.1:1/north")[0] == 2
    status, out, _ = verb("pulls", "--forget", "whole", "--json")
    assert (status, json.loads(out)) == (0, {"forgotten": "whole", "timers": []})
    assert verb("pulls", "--forget", "whole")[0] == 2


def test_connections_are_filled_from_the_account(verb: Verb) -> None:
    """The endpoint in the environment lists a cluster and a workgroup; both are called the same and can be told apart."""
    status, out, _ = verb("connections", "--json", profile="env")
    found = {one["name"]: one for one in json.loads(out)}
    assert status == 0 and set(found) == {"sandbox", "sandbox (serverless)"}
    for name in found:
        status, out, _ = verb("query", "SELECT 1 AS n", "--connection", name, "--json", profile="env")
        assert (status, json.loads(out)) == (0, [{"n": 1}])
