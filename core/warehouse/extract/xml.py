"""Records of XML: each element of a name, as it closes, in flat memory; what declares entities is refused.

defusedxml parses in Python, some three times slower than the standard library in C. It is given what stands before the root
element, where alone entities can be declared; nothing reaches the parser in C that it has not passed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from core.base.errors import OpsError
from core.warehouse.extract.definition import Tally
from core.warehouse.extract.sources import Damaged, Source, raw_blocks

_SLICE = 64
"""Bytes that are looked at in one go, until the root element begins."""
_LONGEST_PROLOG = 1 << 20
"""Bytes before the root element, which are held until they have been looked at."""


class _Root:
    """A parser's target that waits for the root element."""

    begun = False

    def start(self, _tag: str, _attributes: dict[str, str]) -> None:
        self.begun = True

    def close(self) -> None:
        """Nothing was built."""


class _Stream:
    """The blocks of a source as a file for the parser. Reading raises DefusedXmlException where entities are declared."""

    def __init__(self, source: Source, tally: Tally) -> None:
        from defusedxml.ElementTree import XMLParser

        self._blocks, self._tally = raw_blocks(source), tally
        self._rest = memoryview(b"")
        self._root = _Root()
        self._judge = XMLParser(target=self._root)
        self._judged = False

    def read(self, size: int = -1) -> bytes:
        if not self._rest:
            self._rest = memoryview(next(self._blocks, b"") if self._judged else self._prolog())
        size = size if size >= 0 else len(self._rest)
        taken, self._rest = bytes(self._rest[:size]), self._rest[size:]
        self._tally.bytes += len(taken)
        return taken

    def _prolog(self) -> bytes:
        """All up to the block in which the root element begins, once the judge has come that far; it may lag behind what it is given."""
        held = bytearray()
        while not self._root.begun and (block := next(self._blocks, b"")):
            for place in range(0, len(block), _SLICE):
                self._judge.feed(block[place : place + _SLICE])
                if self._root.begun:
                    break
            held += block
            if len(held) > _LONGEST_PROLOG and not self._root.begun:
                raise Damaged(f"its root element does not begin within {_LONGEST_PROLOG >> 20} MB")
        if not self._root.begun:
            self._judge.close()
        self._judged = True
        return bytes(held)


def xml_records(source: Source, record: str, tally: Tally) -> Iterator[Any]:
    """Each ``record`` element once it is closed; memory stays flat. Raises Damaged, after the records before the fault."""
    from xml.etree.ElementTree import ParseError, iterparse

    from defusedxml.common import DefusedXmlException

    path: list[Any] = []
    try:
        for event, element in iterparse(_Stream(source, tally), events=("start", "end")):
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
            name = step[1:]
            for key, value in here.items():
                if key == name or local_name(key) == name:
                    return str(value)
            return None
        for child in here:
            if child.tag == step or local_name(child.tag) == step:
                here = child
                break
        else:
            return None
    text = ("".join(here.itertext()) if len(here) else here.text or "").strip()
    return text or None


def xml_shape(sources: Sequence[Source], record: str = "", most: int = 2_000_000) -> tuple[str, list[str]]:
    """The record element (the one named, or that which repeats most and holds something) and its fields, guessed."""
    from xml.etree.ElementTree import ParseError, iterparse

    from defusedxml.common import DefusedXmlException

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
