"""The ``Forwarded`` header of RFC 7239: elements by comma, pairs by semicolon, values as tokens or quoted strings."""

from __future__ import annotations


def elements(header: str) -> list[dict[str, str]]:
    """Each element as name (lower case) -> value, quotes and escapes taken off. What is not a pair keeps the value ""."""
    found: list[dict[str, str]] = []
    for element in _split(header, ","):
        pairs: dict[str, str] = {}
        for pair in _split(element, ";"):
            name, sign, value = _partition(pair)
            if name:
                pairs[name.lower()] = _unquoted(value) if sign else ""
        if pairs:
            found.append(pairs)
    return found


def values(header: str, name: str) -> list[str]:
    """The values of one parameter, element by element, where it is given."""
    return [pairs[name] for pairs in elements(header) if name in pairs]


def _split(text: str, separator: str) -> list[str]:
    """Split outside quoted strings."""
    parts, start, quoted, index = [], 0, False, 0
    while index < len(text):
        character = text[index]
        if quoted and character == "\\":
            index += 1
        elif character == '"':
            quoted = not quoted
        elif character == separator and not quoted:
            parts.append(text[start:index].strip())
            start = index + 1
        index += 1
    parts.append(text[start:].strip())
    return [part for part in parts if part]


def _partition(pair: str) -> tuple[str, str, str]:
    name, sign, value = pair.partition("=")
    return name.strip(), sign, value.strip()


def _unquoted(value: str) -> str:
    made, index = [], 0
    while index < len(value):
        if value[index] == "\\" and index + 1 < len(value):
            index += 1
            made.append(value[index])
        elif value[index] != '"':
            made.append(value[index])
        index += 1
    return "".join(made)
