"""Documents to tables: JSON lines, XML by path and by pattern, hostile XML."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.warehouse.extract.definition import Definition, OutputColumn
from core.warehouse.extract.extraction import extract_in_child
from core.warehouse.extract.presets import preset
from core.warehouse.extract.sources import local_sources
from tests.core.warehouse.extracting import file, look, rows


def test_json_lines(tmp_path: Path) -> None:
    path = file(
        tmp_path,
        '{"id": 1, "t": "2026-01-02T03:04:05Z", "tags": ["a"], "who": null}\nnot json\n[1]\n{"id": 2, "who": "é"}\n',
    )
    found = look(preset("json"), path)
    assert {column.name: column.kind for column in found.definition.columns} == {
        "id": "whole",
        "t": "time",
        "tags": "text",
        "who": "text",
    }
    frame, tally, refused = rows(found.definition, path)
    assert frame["id"].to_list() == [1, 2]
    assert frame["tags"].to_list() == ['["a"]', None]
    assert refused == [("not a JSON object", "not json"), ("not a JSON object", "[1]")]
    assert tally.rejected == 2


XML = """<?xml version="1.0"?><shop xmlns="urn:x"><order id="1"><item sku="a"><price>1.50</price><name>A &amp; B</name></item>
<item sku="b"><price>2</price><name><![CDATA[<C>]]></name></item></order></shop>"""


def test_xml_records_are_found_and_typed(tmp_path: Path) -> None:
    path = file(tmp_path, XML, "x.xml")
    found = look(preset("xml"), path)
    assert found.definition.record == "item"
    frame, tally, _ = rows(found.definition, path)
    assert frame.to_dicts() == [{"sku": "a", "price": 1.5, "name": "A & B"}, {"sku": "b", "price": 2.0, "name": "<C>"}]
    assert tally.rows == 2


_ITEM = r'<item sku="(?P<sku>[^"]*)">\s*<price>(?P<price>[^<]*)</price>\s*<name>(?P<name>.*?)</name>'


def test_a_pattern_is_found_all_over_a_document(tmp_path: Path) -> None:
    """The Hive way of XML: each match is a row, over line ends too; entities stand for their characters."""
    path = file(tmp_path, XML.replace("<price>2", "\n <price>2"), "x.xml")
    found = look(Definition("document", pattern=_ITEM), path)
    assert {column.name: column.kind for column in found.definition.columns} == {
        "sku": "text",
        "price": "number",
        "name": "text",
    }
    frame, tally, _ = rows(found.definition, path)
    assert frame.to_dicts() == [
        {"sku": "a", "price": 1.5, "name": "A & B"},
        {"sku": "b", "price": 2.0, "name": "<C>"},
    ]
    first = found.lines[0]
    assert first.matched and [first.text[start:end] for start, end, _ in first.spans] == ["a", "1.50", "A &amp; B"]
    _, tally, _ = rows(found.definition, file(tmp_path, "<other/>", "y.xml"))
    assert tally.reasons == {"no match in the document": 1}


@pytest.mark.parametrize(
    ("text", "pattern", "expected"),
    [
        ("<a>x &amp; <![CDATA[y &amp; <z>]]> &lt;</a>", r"<a>(.*?)</a>", "x & y &amp; <z> <"),
        ("<a><![CDATA[1 &lt; 2]]></a>", r"<a><!\[CDATA\[(.*?)\]\]></a>", "1 &lt; 2"),
        ("<a>1 &lt; 2</a><b><![CDATA[]]></b>", r"<a>(.*?)</a>", "1 < 2"),
        ("<a><![CDATA[left open", r"<a>(.*)", "left open"),
    ],
)
def test_entities_and_cdata_are_what_they_stand_for(tmp_path: Path, text: str, pattern: str, expected: str) -> None:
    definition = Definition("document", pattern, (OutputColumn("a"),))
    assert rows(definition, file(tmp_path, text, "x.xml"))[0]["a"].to_list() == [expected]


@pytest.mark.parametrize(
    "definition",
    [
        Definition("document", r"<i>(?P<n>[^<]*)</i>", (OutputColumn("n", "whole"),)),
        Definition("xml", record="i", columns=(OutputColumn("n", "whole", path="."),)),
    ],
)
def test_a_reject_of_many_documents_names_its_own(tmp_path: Path, definition: Definition) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for n in range(30):
        file(folder, f"<x><i>{n}</i><i>{'bad' if n == 7 else n}</i></x>", f"{n:02}.xml")
    file(folder, "<x><j/></x>", "none.xml")
    rejects = tmp_path / "r.jsonl"
    tally = extract_in_child(
        lambda *_: None, definition, local_sources(folder), str(tmp_path / "t.parquet"), str(rejects)
    )
    assert (tally.rows, tally.files) == (59, 31)
    kept = [json.loads(line) for line in rejects.read_text().splitlines()]
    reasons = {Path(one["source"]).name: one["reason"] for one in kept}
    assert reasons.pop("07.xml") == "n is not a whole number"
    assert reasons == ({"none.xml": "no match in the document"} if definition.kind == "document" else {})
    assert tally.rejected == len(kept)


@pytest.mark.parametrize(
    "hostile",
    [
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><x><i k="1">&b;</i></x>',
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x><i k="1">&e;</i></x>',
        '<!--c--><!DOCTYPE x [<!ENTITY % p "<!ENTITY q \'z\'>">%p;]><x><i k="1">&q;</i></x>',
        '<!DOCTYPE x [<!ENTITY a "aaaa">]><x><i k="1">&a;</i></x>'.encode("utf-16"),
        '<?xml version="1.0"?>' + " " * 70_000 + '<!DOCTYPE x [<!ENTITY a "aaaa">]><x><i k="1">&a;</i></x>',
        '<!DOCTYPE x [<!ENTITY a "' + "a" * 8_200 + '">]><x><i k="1">&a;</i></x>' + " " * 7_000,
        " " * 3_000_000 + "<x/>",
        '<x><i k="1">cut off',
        "<!-- nothing -->",
        "",
    ],
)
def test_hostile_xml_is_refused_by_file(tmp_path: Path, hostile: str | bytes) -> None:
    definition = Definition("xml", record="i", columns=(OutputColumn("k", path="@k"), OutputColumn("text", path=".")))
    frame, tally, _ = rows(definition, file(tmp_path, hostile, "x.xml"))
    assert len(tally.problems) == 1
    assert "root:" not in str(frame)
