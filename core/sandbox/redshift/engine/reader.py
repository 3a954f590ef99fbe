"""A cursor over tokens, for the statements that are read by hand: DDL, COPY, UNLOAD, SET and their kin."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from core.sandbox.redshift.engine.outcome import SqlError
from core.sandbox.redshift.engine.text import Token, literal, quoted


class Reader:
    def __init__(self, items: list[Token]) -> None:
        self.items, self.at = items, 0

    @property
    def done(self) -> bool:
        return self.at >= len(self.items)

    def peek(self, ahead: int = 0) -> Token | None:
        return self.items[self.at + ahead] if self.at + ahead < len(self.items) else None

    def sees(self, *words: str) -> bool:
        """Whether these keywords come next."""
        return all((one := self.peek(n)) is not None and one.is_(word) for n, word in enumerate(words))

    def take(self, *words: str) -> bool:
        """Step over these keywords if they come next."""
        if self.sees(*words):
            self.at += len(words)
            return True
        return False

    def need(self, *words: str) -> None:
        if not self.take(*words):
            raise self.trouble()

    def next(self) -> Token:
        token = self.peek()
        if token is None:
            raise SqlError("syntax error at end of input")
        self.at += 1
        return token

    def trouble(self) -> SqlError:
        token = self.peek()
        return SqlError(f'syntax error at or near "{token.text}"' if token else "syntax error at end of input")

    def name(self) -> str:
        """One identifier."""
        token = self.peek()
        if token is None or token.kind not in ("word", "quoted"):
            raise self.trouble()
        self.at += 1
        return token.value

    def path(self) -> tuple[str, str]:
        """``name``, ``schema.name`` or ``dev.schema.name`` as (schema or empty, name)."""
        parts = [self.name()]
        while self.take("."):
            parts.append(self.name())
        if len(parts) > 3 or (len(parts) == 3 and parts[0] != "dev"):
            raise SqlError(f"cross-database reference {'.'.join(parts)} is not supported by the local engine")
        return (parts[-2] if len(parts) > 1 else "", parts[-1])

    def names(self) -> list[str]:
        """A list of identifiers in parentheses."""
        self.need("(")
        found = [self.name()]
        while self.take(","):
            found.append(self.name())
        self.need(")")
        return found

    def string(self) -> str:
        token = self.next()
        if token.kind not in ("string", "dollar"):
            raise SqlError(f'syntax error at or near "{token.text}": a string is expected')
        return token.value

    def marker(self) -> str:
        """A string that stands for NULL in a file: \\N is kept as it is written, with one backslash or two."""
        token = self.peek()
        value = self.string()
        return "\\N" if token is not None and token.text[1:-1] in ("\\N", "\\\\N") else value

    def number(self) -> int:
        sign = -1 if self.take("-") else 1
        token = self.next()
        if token.kind != "number" or not token.value.isdigit():
            raise SqlError(f'syntax error at or near "{token.text}": a whole number is expected')
        return sign * int(token.value)

    def until(self, stops: Callable[[Token], bool]) -> list[Token]:
        """Tokens up to one that stops, outside parentheses."""
        found: list[Token] = []
        depth = 0
        while (token := self.peek()) is not None:
            if depth == 0 and stops(token):
                break
            depth += token.is_("(") - token.is_(")")
            if depth < 0:
                break
            found.append(token)
            self.at += 1
        return found

    def rest(self) -> list[Token]:
        found = self.items[self.at :]
        self.at = len(self.items)
        return found

    def end(self) -> None:
        if not self.done:
            raise self.trouble()


def spelled(items: list[Token]) -> str:
    """Tokens as one text again, every literal and name in the standard's quoting; for the expression parser."""
    out: list[str] = []
    last: Token | None = None
    _no_loose_comma(items)
    for token in _with_abs(_with_plain_arguments(items)):
        if last is not None and last.is_("approximate") and token.kind == "word":  # one function, not two words
            out[-1] = f"approximate_{token.text}"
            last = token
            continue
        if (last is not None and token.start > last.end) or (last is not None and last.kind == token.kind == "word"):
            out.append(" ")
        if token.is_("join") and not (last is not None and last.is_(*_JOIN_KINDS)):
            out.append("inner ")  # sqlglot takes a bare JOIN without ON for a comma
        if token.kind in ("string", "dollar"):
            out.append(literal(token.value).replace("\\", "\\\\"))
        elif token.kind == "quoted" or (token.kind == "word" and token.value.startswith("#")):
            out.append(quoted(token.value))
        else:
            out.append(token.text)
        last = token
    return "".join(out)


_JOIN_KINDS = ("inner", "left", "right", "full", "outer", "cross", "natural")


def _no_loose_comma(items: list[Token]) -> None:
    """A comma with nothing after it is a mistake that sqlglot forgives."""
    for token, after in itertools.zip_longest(items, items[1:]):
        if token.is_(",") and (after is None or after.is_("from", "where", "group", "order", "having", "limit", ")")):
            raise SqlError(f'syntax error at or near "{"end of input" if after is None else after.text}"')


def _with_plain_arguments(items: list[Token]) -> list[Token]:
    """OBJECT_TRANSFORM(input KEEP path SET path, value) with the two words as arguments of their own."""
    made: list[Token] = []
    inside: list[int] = []  # the depths at which such calls are open
    depth = 0
    for at, token in enumerate(items):
        depth += token.is_("(") - token.is_(")")
        if token.is_("(") and at and items[at - 1].is_("object_transform"):
            inside.append(depth)
        elif token.is_(")") and inside and depth < inside[-1]:
            inside.pop()
        if inside and inside[-1] == depth and token.is_("keep", "set"):
            made += [_op(",", token), Token("string", "", token.value, token.start, token.end), _op(",", token)]
        else:
            made.append(token)
    return made


def _with_abs(items: list[Token]) -> list[Token]:
    """``@ x`` as abs(x): sqlglot would read a parameter. The operand is a primary with its sign."""
    made: list[Token] = []
    at = 0
    while at < len(items):
        token = items[at]
        at += 1
        if not token.is_("@"):
            made.append(token)
            continue
        end = at
        while end < len(items) and items[end].is_("-", "+"):
            end += 1
        end += 1
        while end < len(items) and items[end].is_("."):
            end += 2
        if end - 1 < len(items) and (items[end - 1].is_("(") or (end < len(items) and items[end].is_("("))):
            end = _closing(items, end - 1 if items[end - 1].is_("(") else end)
        made += [
            Token("word", "abs", "abs", token.start, token.end),
            _op("(", token),
            *_with_abs(items[at:end]),
            _op(")", items[min(end, len(items)) - 1]),
        ]
        at = end
    return made


def _closing(items: list[Token], at: int) -> int:
    """The place after the parenthesis that closes the one at ``at``."""
    depth = 0
    for place in range(at, len(items)):
        depth += items[place].is_("(") - items[place].is_(")")
        if depth == 0:
            return place + 1
    return len(items)


def _op(text: str, beside: Token) -> Token:
    return Token("op", text, text, beside.end, beside.end)
