"""Records of XML: each element of a name, as it closes, in flat memory; what declares entities is refused (defusedxml)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from core.base.errors import OpsError
from core.warehouse.extract.definition import Tally
from core.warehouse.extract.sources import Damaged, Source, raw_blocks


class _Stream:
    """The blocks of a source as a file for the parser."""

    def __init__(self, source: Source, tally: Tally) -> None:
        self._blocks, self._tally, self._rest = raw_blocks(source), tally, b""

    def read(self, size: int = -1) -> bytes:
        piece = self._rest or next(self._blocks, b"")
        taken, self._rest = (piece[:size], piece[size:]) if size >= 0 else (piece, b"")
        self._tally.bytes += len(taken)
        return taken


def xml_records(source: Source, record: str, tally: Tally) -> Iterator[Any]:
    """Each ``record`` element once it is closed; memory stays flat. Raises Damaged, after the records before the fault."""
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import ParseError, iterparse

    path: list[Any] = []
    try:
        for event, element in iterparse(_Stream(source, tally), events=("start", "end"), forbid_dtd=False):
            if event == "start":
                path.append(element)
                continue
            path.pop()
            if local_name(element.tag) == record:
                yield element
                element.clear()
                if path:  # the parent would keep a husk of every record
                    path[-1].remove(element)
    except DefusedXmlException as error:
        raise Damaged(f"it declares entities, which are refused ({type(error).__name__})") from error
    except ParseError as error:
        raise Damaged(f"it is not well-formed XML ({error})") from error


@lru_cache(4096)
def local_name(tag: str) -> str:
    return str(tag).rpartition("}")[2]


def xml_text(element: Any, path: str) -> str | None:
    """The value at a path inside a record; namespaces are ignored; None where there is none."""
    if path == ".":
        return (element.text or "").strip() or None
    here = element
    for step in path.split("/"):
        if step.startswith("@"):
            found = next((value for key, value in here.attrib.items() if local_name(key) == step[1:]), None)
            return None if found is None else str(found)
        here = next((child for child in here if local_name(child.tag) == step), None)
        if here is None:
            return None
    text = "".join(here.itertext()).strip()
    return text or None


def xml_shape(sources: Sequence[Source], record: str = "", most: int = 2_000_000) -> tuple[str, list[str]]:
    """The record element (the one named, or that which repeats most and holds something) and its fields, guessed."""
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import ParseError, iterparse

    seen: dict[str, int] = {}
    fields: dict[str, dict[str, None]] = {}
    for source in sources[:20]:
        tally = Tally()
        try:
            for _event, element in iterparse(_Stream(source, tally), events=("end",)):
                name = local_name(element.tag)
                inside = fields.setdefault(name, {})
                if not len(element) and not element.attrib:
                    continue
                seen[name] = seen.get(name, 0) + 1
                inside.update(dict.fromkeys(f"@{local_name(key)}" for key in element.attrib))
                inside.update(dict.fromkeys(local_name(child.tag) for child in element if not len(child)))
                if not len(element) and (element.text or "").strip():
                    inside["."] = None
                if tally.bytes > most:
                    break
        except (DefusedXmlException, ParseError, Damaged):
            continue  # reading it in earnest says why
    if not seen and not (record and record in fields):
        raise OpsError(
            "No record was found in the XML",
            "No element holds children or attributes",
            "Name the record element",
            code="xml",
        )
    if record and record not in fields:
        raise OpsError(
            f"There is no element {record} in the XML",
            f"Elements are {', '.join(sorted(fields)[:20])}",
            "Name one of them",
            code="xml",
        )
    record = record or max(seen, key=lambda name: (seen[name], len(fields[name])))
    return record, list(fields[record]) or ["."]
