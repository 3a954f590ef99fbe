"""The filter line: text, key, shard and JSON paths, combined; what is wrong with one is said in words.

paid                       text anywhere in the data or the partition key, in any case
"two words"                the same, with spaces
key:cust-44   key="c-4"    partition key holds / is; also shard, sequence, codec
size > 1000                bytes as sent
$.status = "paid"          a JSON value: = != < <= > >=, ~ for a regular expression; $.status alone: is there
$.items[0].sku  $["a b"]   paths
a b   a and b   a or b   not a   ( ... )
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from core.base.errors import WrongUse
from core.streams.decode import Record
from core.streams.positions import shard_id

Keep = Callable[[Record], bool]
_Value = str | int | float | bool | None

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<path>\$(?:\.[A-Za-z_@][\w@-]*|\[\d+\]|\["[^"]*"\]|\['[^']*'\])*)
      | (?P<open>\()
      | (?P<close>\))
      | (?P<operator>!=|<=|>=|=|<|>|~)
      | (?P<field>(?:key|shard|sequence|codec|size)(?=\s*(?:[:=~<>]|!=)))
      | (?P<colon>:)
      | (?P<word>[^\s()"'=<>~!:]+(?::[^\s()"'=<>~!]+)*)
    )""",
    re.VERBOSE,
)
_STEP = re.compile(r"""\.([A-Za-z_@][\w@-]*)|\[(\d+)\]|\["([^"]*)"\]|\['([^']*)'\]""")
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_FIELDS: dict[str, Callable[[Record], str]] = {
    "key": lambda record: record.partition_key,
    "shard": lambda record: record.shard,
    "sequence": lambda record: record.sequence,
    "codec": lambda record: record.codec,
}
_DEEPEST = 50
_LOOKED_AT, _NAMED = 200, 10  # newest records that are asked for their fields, and names that are told


@dataclass(frozen=True, slots=True)
class Filter:
    """A checked filter line; call it with a record. fields: the JSON fields at the top that it asks for."""

    text: str
    keep: Keep
    fields: tuple[str, ...] = ()

    def __call__(self, record: Record) -> bool:
        return self.keep(record)


def filter_of(text: str) -> Filter | None:
    """Read a filter line; None for an empty one. Raises WrongUse that quotes the place and says what would do."""
    if not text.strip():
        return None
    reader = _Reader(text)
    return Filter(text.strip(), reader.whole(), reader.fields())


def unknown_fields(wanted: Filter, records: Sequence[Record]) -> str:
    """Which of the fields that a filter asks for none of these records has, in a sentence, and which they have; "" where there is
    nothing to say."""
    values = [value for record in records[-_LOOKED_AT:] if isinstance(value := record.json(), dict)]
    known = {name: None for value in values for name in value}
    missing = [name for name in wanted.fields if name not in known]
    if not values or not missing:
        return ""
    names = list(known)
    some = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
    return f"The newest {len(values):,} records had no field {' and no '.join(missing)}; they had {some or 'none'}"


def json_path(path: str) -> tuple[str | int, ...]:
    """The steps of ``$.a[0]["b c"]``. Raises WrongUse for anything else."""
    found = _TOKEN.fullmatch(path.strip())
    if found is None or found.lastgroup != "path":
        raise WrongUse(f"{path!r} is no JSON path", "A path starts with $", 'For example $.status or $.items[0]["sku"]')
    return tuple(int(i) if i else (a or b or c) for a, i, b, c in _STEP.findall(path))


def value_at(value: Any, steps: tuple[str | int, ...]) -> Any:
    """Follow the steps; raises KeyError where they lead nowhere."""
    for step in steps:
        if isinstance(step, int):
            if not isinstance(value, list) or step >= len(value):
                raise KeyError(step)
            value = value[step]
        else:
            if not isinstance(value, dict) or step not in value:
                raise KeyError(step)
            value = value[step]
    return value


class _Reader:
    """Recursive descent over the tokens; ``or`` binds weaker than ``and``, which may be left out."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[str, str, int]] = []
        self._next = 0
        self._depth = 0
        at = 0
        text = text.rstrip()
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                start = at + len(text[at:]) - len(text[at:].lstrip())
                if text[start] in "\"'":
                    raise self._wrong("A quotation mark is not closed", start)
                raise self._wrong(f"{text[start]!r} makes no sense here", start)
            kind = str(found.lastgroup)
            self._tokens.append((kind, found[kind], found.start(kind)))
            at = found.end()

    def whole(self) -> Keep:
        keep = self._either()
        if self._next < len(self._tokens):
            _, word, at = self._tokens[self._next]
            raise self._wrong(f"{word!r} is not expected", at)
        return keep

    def fields(self) -> tuple[str, ...]:
        """The first steps of all paths, each once."""
        firsts = (json_path(word)[:1] for kind, word, _ in self._tokens if kind == "path")
        return tuple(dict.fromkeys(step for first in firsts for step in first if isinstance(step, str)))

    def _either(self) -> Keep:
        parts = [self._all()]
        while self._is_word("or"):
            self._next += 1
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else lambda record: any(part(record) for part in parts)

    def _all(self) -> Keep:
        parts = [self._one()]
        while self._next < len(self._tokens) and not self._is_word("or") and self._kind() != "close":
            if self._is_word("and"):
                self._next += 1
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda record: all(part(record) for part in parts)

    def _one(self) -> Keep:
        kind, word, at = self._take("A condition is missing")
        if kind == "word" and word.lower() == "not":
            self._deeper(at)
            part = self._one()
            self._depth -= 1
            return lambda record: not part(record)
        if kind == "open":
            self._deeper(at)
            part = self._either()
            self._depth -= 1
            if self._take("A ) is missing")[0] != "close":
                raise self._wrong("A ) is missing", at)
            return part
        if kind == "path":
            return self._path(word)
        if kind == "field":
            return self._field(word)
        if kind == "string" or (kind == "word" and word.lower() not in ("and", "or")):
            return _text(_unquoted(kind, word))
        raise self._wrong(f"{word!r} makes no sense here", at)

    def _field(self, name: str) -> Keep:
        _, sign, at = self._take("")
        kind, word, _ = self._take(f"A value is missing behind {name}{sign}")
        wanted = self._value(kind, word, at)
        if name == "size":
            if not isinstance(wanted, int | float) or isinstance(wanted, bool):
                raise self._wrong("size is compared with a number of bytes", at)
            return _compared(lambda record: record.size, "=" if sign == ":" else sign, wanted)
        value = shard_id(_unquoted(kind, word)) if name == "shard" else _unquoted(kind, word)
        read = _FIELDS[name]
        if sign == ":":
            if name == "shard":
                return lambda record: record.shard == value
            part = value.casefold()
            return lambda record: part in read(record).casefold()
        if sign == "~":
            pattern = self._pattern(value, at)
            return lambda record: pattern.search(read(record)) is not None
        return _compared(read, sign, value)

    def _path(self, path: str) -> Keep:
        steps = json_path(path)

        def present(record: Record) -> bool:
            try:
                value_at(record.json(), steps)
            except KeyError:
                return False
            return True

        if self._kind() not in ("operator", "colon"):
            return present
        _, sign, at = self._take("")
        kind, word, _ = self._take(f"A value is missing behind {path} {sign}")
        wanted = self._value(kind, word, at)
        if sign == "~":
            pattern = self._pattern(_unquoted(kind, word), at)
            return lambda record: (
                isinstance(value := _value_or_none(record, steps), str) and bool(pattern.search(value))
            )
        if sign == ":":
            part = _unquoted(kind, word).casefold()
            return lambda record: present(record) and part in str(_value_or_none(record, steps)).casefold()
        compared = _compared(lambda record: _value_or_none(record, steps), sign, wanted)
        return lambda record: present(record) and compared(record)

    # -- tokens -----------------------------------------------------------------
    def _kind(self) -> str:
        return self._tokens[self._next][0] if self._next < len(self._tokens) else ""

    def _is_word(self, word: str) -> bool:
        return self._kind() == "word" and self._tokens[self._next][1].lower() == word

    def _take(self, missing: str) -> tuple[str, str, int]:
        if self._next == len(self._tokens):
            raise self._wrong(missing, len(self._text.rstrip()))
        self._next += 1
        return self._tokens[self._next - 1]

    def _deeper(self, at: int) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._wrong("The filter is nested too deeply", at)

    def _value(self, kind: str, word: str, at: int) -> _Value:
        if kind == "string":
            return _unquoted(kind, word)
        if kind != "word":
            raise self._wrong(f"A value is expected, not {word!r}", at)
        if word in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}[word]
        for number in (int, float):
            try:
                return number(word)
            except ValueError:
                continue
        return word

    def _pattern(self, text: str, at: int) -> re.Pattern[str]:
        try:
            return re.compile(text)
        except re.error as error:
            raise self._wrong(f"{text!r} is no regular expression ({error})", at) from None

    def _wrong(self, what: str, at: int) -> WrongUse:
        return WrongUse(
            f"The filter cannot be read at character {at + 1}",
            what,
            'For example: paid, key:cust-44, shard:3, size > 1000, $.status = "paid" and not $.total < 20',
        )


def _text(needle: str) -> Keep:
    """In the key or the data, in any case; the bytes are searched where that gives the same answer faster."""
    folded = needle.casefold()
    if needle.isascii():
        pattern = re.compile(re.escape(needle.encode()), re.IGNORECASE)
        return lambda record: pattern.search(record.data) is not None or folded in record.partition_key.casefold()
    return lambda record: folded in (record.text or "").casefold() or folded in record.partition_key.casefold()


def _compared(read: Callable[[Record], Any], sign: str, wanted: _Value) -> Keep:
    if sign == "=":
        return lambda record: _same(read(record), wanted)
    if sign == "!=":
        return lambda record: not _same(read(record), wanted)
    order = _ORDER[sign]
    numbers = isinstance(wanted, int | float) and not isinstance(wanted, bool)

    def ordered(record: Record) -> bool:
        value = read(record)
        if numbers:
            return isinstance(value, int | float) and not isinstance(value, bool) and order(value, wanted)
        return isinstance(value, str) and isinstance(wanted, str) and order(value, wanted)

    return ordered


def _same(value: Any, wanted: _Value) -> bool:
    """JSON's equality: 1 is 1.0, but true is not 1."""
    return isinstance(value, bool) == isinstance(wanted, bool) and bool(value == wanted)


def _value_or_none(record: Record, steps: tuple[str | int, ...]) -> Any:
    try:
        return value_at(record.json(), steps)
    except KeyError:
        return None


def _unquoted(kind: str, word: str) -> str:
    return re.sub(r"\\(.)", r"\1", word[1:-1]) if kind == "string" else word
