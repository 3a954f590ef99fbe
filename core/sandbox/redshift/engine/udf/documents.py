"""JSON functions on text, and the SUPER functions that walk whole documents."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any


class _Number(str):
    """A number as it was written, so that no digit is lost on the way."""


class _Twice(ValueError):
    """An attribute stands twice in one object."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        raise _Twice(next(name for name in names if names.count(name) > 1))
    return made


def _load(text: str, pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    def constant(name: str) -> Any:
        raise ValueError(name)

    return json.loads(
        text, parse_float=_Number, parse_int=_Number, parse_constant=constant, object_pairs_hook=pairs_hook
    )


def dump(value: Any) -> str:
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        return (
            "{" + ",".join(f"{json.dumps(key, ensure_ascii=False)}:{dump(item)}" for key, item in value.items()) + "}"
        )
    if isinstance(value, list):
        return "[" + ",".join(dump(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return dump(value)


def valid(text: str) -> bool:
    try:
        _load(text)
    except (ValueError, RecursionError):
        return False
    return True


def valid_document(text: str) -> bool:
    """IS_VALID_JSON says no to an array at the top: IS_VALID_JSON_ARRAY is for those (developer guide)."""
    return valid(text) and not valid_array(text)


def valid_array(text: str) -> bool:
    try:
        return isinstance(_load(text), list)
    except (ValueError, RecursionError):
        return False


def parse(text: str) -> str:
    """The document without insignificant blanks. Raises ValueError; a name twice in one object is an error, as on Redshift."""
    try:
        return dump(_load(text, _once))
    except _Twice as error:
        raise ValueError(f"Invalid JSON: duplicate attribute {str(error)!r} in an object") from None
    except (ValueError, RecursionError):
        raise ValueError(f"Invalid JSON: {text[:60]!r}") from None


def path_text(text: str, path: list[str | None], quiet: bool) -> str | None:
    """JSON_EXTRACT_PATH_TEXT: empty where the path leads nowhere; NULL for bad JSON if ``quiet``. Raises ValueError."""
    try:
        value = _load(text)
    except (ValueError, RecursionError):
        if quiet:
            return None
        raise ValueError(f"JSON parsing error: {text[:60]!r} is not valid JSON") from None
    for key in path:
        if key is None:
            return None
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            return ""
    return _text(value) if value is not None else None


def array_length(text: str, quiet: bool) -> int | None:
    try:
        value = _load(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, list):
        if quiet:
            return None
        raise ValueError(f"{text[:60]!r} is not a valid JSON array")
    return len(value)


def array_element(text: str, position: int, quiet: bool) -> str | None:
    """JSON_EXTRACT_ARRAY_ELEMENT_TEXT, from 0; empty outside. Raises ValueError."""
    try:
        value = _load(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, list):
        if quiet:
            return None
        raise ValueError(f"{text[:60]!r} is not a valid JSON array")
    if not 0 <= position < len(value):
        return ""
    return _text(value[position])


# -- SUPER ----------------------------------------------------------------------------
def _array(document: str) -> list[Any] | None:
    value = _load(document)
    return value if isinstance(value, list) else None


def array_concat(left: str, right: str) -> str | None:
    one, two = _array(left), _array(right)
    return None if one is None or two is None else dump(one + two)


def array_flatten(document: str) -> str | None:
    value = _array(document)
    if value is None:
        return None
    flat: list[Any] = []
    for item in value:
        flat.extend(item if isinstance(item, list) else [item])
    return dump(flat)


def subarray(document: str, start: int, length: int) -> str | None:
    value = _array(document)
    if value is None:
        return None
    first = start if start >= 0 else len(value) + start
    return dump(value[max(first, 0) : max(first, 0) + max(length, 0)])


def _key(value: Any) -> str:
    if isinstance(value, _Number):
        return f"n{Decimal(value).normalize()}"
    return dump(value)


def array_contains(document: str, item: str) -> bool | None:
    value = _array(document)
    return None if value is None else _key(_load(item)) in {_key(one) for one in value}


def array_position(document: str, item: str) -> int | None:
    """The 0-based place of an item, -1 where it is not."""
    value = _array(document)
    if value is None:
        return None
    wanted = _key(_load(item))
    return next((place for place, one in enumerate(value) if _key(one) == wanted), -1)


def array_positions(document: str, item: str) -> str | None:
    value = _array(document)
    if value is None:
        return None
    wanted = _key(_load(item))
    return dump([_Number(place) for place, one in enumerate(value) if _key(one) == wanted])


def array_to_string(document: str, separator: str) -> str | None:
    value = _array(document)
    return None if value is None else separator.join(_text(one) or "" for one in value if one is not None)


def array_distinct(document: str) -> str | None:
    value = _array(document)
    return None if value is None else dump(_distinct(value))


def _distinct(items: list[Any]) -> list[Any]:
    """Each item once, where it first stood."""
    found: dict[str, Any] = {}
    for one in items:
        found.setdefault(_key(one), one)
    return list(found.values())


def _rank(value: Any) -> tuple[Any, ...]:
    """Booleans before numbers, strings, arrays and objects (developer guide, ARRAY_SORT)."""
    if isinstance(value, bool):
        return 1, value
    if isinstance(value, _Number):
        return 2, Decimal(value)
    if isinstance(value, str):
        return 3, value
    if isinstance(value, list):
        return 4, [_rank(one) for one in value]
    return (0,) if value is None else (5, dump(value))


def array_sort(document: str, ascending: bool, nulls_first: bool) -> str | None:
    value = _array(document)
    if value is None:
        return None
    nulls = [one for one in value if one is None]
    rest = sorted((one for one in value if one is not None), key=_rank, reverse=not ascending)
    return dump(nulls + rest if nulls_first else rest + nulls)


def _steps(path: str) -> list[str]:
    return path[1:-1].split('"."')


def transform(document: str, keep: list[str], paths: list[str], values: list[str]) -> str:
    """OBJECT_TRANSFORM: the kept paths of an object, then the set ones; anything but an object stays as it is."""
    source = _load(document)
    if not isinstance(source, dict):
        return document
    made: dict[str, Any] = {}
    for path in keep:
        value: Any = source
        for step in _steps(path):
            if not isinstance(value, dict) or step not in value:
                break
            value = value[step]
        else:
            _put(made, _steps(path), value)
    for path, text in zip(paths, values, strict=True):
        _put(made, _steps(path), _load(text))
    return dump(made)


def _put(target: dict[str, Any], steps: list[str], value: Any) -> None:
    for step in steps[:-1]:
        if not isinstance(target.get(step), dict):
            target[step] = {}
        target = target[step]
    target[steps[-1]] = value


def array_set(left: str, right: str, how: str, distinct: bool) -> str | None:
    """Except, intersection and union of arrays; as bags unless ``distinct``."""
    one, two = _array(left), _array(right)
    if one is None or two is None:
        return None
    rest = [_key(item) for item in two]
    result: list[Any] = []
    if how == "union":
        result = one + two
    else:
        for item in one:
            if _key(item) in rest:
                if not distinct:
                    rest.remove(_key(item))
                if how == "intersection":
                    result.append(item)
            elif how == "except":
                result.append(item)
    if distinct:
        result = _distinct(result)
    return dump(result)


def arrays_overlap(left: str, right: str, skip_nulls: bool) -> bool | None:
    one, two = _array(left), _array(right)
    if one is None or two is None:
        return None
    return bool({_key(item) for item in one if not (skip_nulls and item is None)} & {_key(item) for item in two})


def attribute_case(document: str, upper: bool) -> str:
    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {(key.upper() if upper else key.lower()): walk(item) for key, item in value.items()}
        return [walk(item) for item in value] if isinstance(value, list) else value

    return dump(walk(_load(document)))


def make_object(pairs: list[list[str]]) -> str:
    return dump({_load(key): _load(value) for key, value in pairs})
