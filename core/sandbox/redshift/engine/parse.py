"""Redshift SQL to a syntax tree: sqlglot's parser with every function left as the user wrote it.

sqlglot would translate functions while parsing, and so decide what they mean; here the compiler's own tables decide,
and a function that no table knows is refused by name.
"""

from __future__ import annotations

import re
from typing import ClassVar, cast

from sqlglot import exp
from sqlglot.dialects.redshift import Redshift
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.parsers.redshift import RedshiftParser
from sqlglot.tokenizer_core import TokenType

from core.sandbox.redshift.engine.intervals import QUALIFIERS
from core.sandbox.redshift.engine.outcome import NeedsCluster, SqlError

_SPECIAL = ("CAST", "CONVERT", "EXTRACT", "TRIM", "TRY_CAST", "SUBSTRING", "POSITION")


class _Parser(RedshiftParser):
    FUNCTIONS = {}
    ARRAY_CONSTRUCTORS = {}  # list[1] is a step into a column called list
    FUNCTION_PARSERS = {name: parser for name, parser in RedshiftParser.FUNCTION_PARSERS.items() if name in _SPECIAL}
    NO_PAREN_FUNCTION_PARSERS = {
        name: parser
        for name, parser in RedshiftParser.NO_PAREN_FUNCTION_PARSERS.items()
        if name not in ("APPROXIMATE", "SYSDATE")
    }

    def _parse_interval(self, require_interval: bool = True, parse_function_unit: bool = True) -> exp.Interval | None:
        """INTERVAL 'text' [unit [TO unit]], the text as written: sqlglot would read '3 days 04:05' as three days."""
        start = self._index
        if not self._match(TokenType.INTERVAL) or not self._match(TokenType.STRING, advance=False):
            self._retreat(start)
            return None
        text, units = self._parse_primary(), []
        while self._curr is not None and self._curr.text.lower() in QUALIFIERS:
            units.append(self._curr.text)
            self._advance()
            if not self._match_text_seq("TO"):
                break
        if self._curr is not None and self._curr.text.lower().rstrip("s") in (*QUALIFIERS, "week", "quarter"):
            raise SqlError(f"{self._curr.text} is no qualifier of an interval: write it inside the quotes")
        return exp.Interval(this=text, unit=exp.Var(this=" to ".join(units)))


class _Tokenizer(Redshift.Tokenizer):
    VAR_SINGLE_TOKENS: ClassVar[set[str]] = set()  # #temporary comes quoted, so # is the operator XOR
    SINGLE_TOKENS = {**Redshift.Tokenizer.SINGLE_TOKENS, "#": TokenType.HASH}


class _Dialect(Redshift):
    Parser = _Parser
    Tokenizer = _Tokenizer


_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def parse_query(sql: str) -> exp.Expression:
    """The tree of one SELECT, VALUES or WITH. Raises SqlError with the place of the trouble."""
    try:
        trees = _Dialect().parse(sql)
    except ParseError as error:
        raise SqlError(_place(error)) from error
    except SqlglotError as error:
        raise SqlError(f"syntax error: {_ANSI.sub('', str(error))}") from error
    if len(trees) != 1 or trees[0] is None:
        raise SqlError("cannot insert multiple commands into a prepared statement")
    tree = cast(exp.Expression, trees[0])
    if "+" in sql and any(column.args.get("join_mark") for column in tree.find_all(exp.Column)):
        return _without_marks(tree)
    return tree


def _without_marks(tree: exp.Expression) -> exp.Expression:
    """Outer joins written with (+) as LEFT JOINs. Raises SqlError where they cannot be."""
    from sqlglot.transforms import eliminate_join_marks

    for query in list(tree.find_all(exp.Select)):
        _keep_order(query)
    try:
        made = cast(exp.Expression, eliminate_join_marks(tree))
    except (AssertionError, SqlglotError) as error:
        raise SqlError(f"syntax error at or near (+): {error}") from error
    if any(column.args.get("join_mark") for column in made.find_all(exp.Column)):
        raise SqlError("the outer join operator (+) is allowed only in the WHERE clause of the query that joins")
    for join in made.find_all(exp.Join):
        if join.args.get("kind") == "LEFT":  # sqlglot puts the side there
            join.set("side", "LEFT")
            join.set("kind", None)
    return made


def _keep_order(query: exp.Select) -> None:
    """Where (+) is used, a query that begins with a table that may be missing begins with another, and a ``*`` names
    the tables in the order that was written: sqlglot joins those with marks last, and takes the first one twice."""
    where, start, joins = query.args.get("where"), query.args.get("from_"), query.args.get("joins") or []
    marked = {one.table for one in where.find_all(exp.Column) if one.args.get("join_mark")} if where else set()
    if not marked or start is None:
        return
    if "" in marked and joins:
        raise NeedsCluster("(+) on a column without the name of its table")
    if any(join.args.get(word) for join in joins for word in ("on", "using", "side", "kind", "method")):
        raise SqlError("the outer join operator (+) is not allowed in a query that has a JOIN in its FROM clause")
    names = [start.alias_or_name, *(join.alias_or_name for join in joins)]
    stars = [exp.Column(this=exp.Star(), table=exp.to_identifier(name, quoted=True)) for name in names]
    query.set(
        "expressions",
        [
            new.copy()
            for one in query.expressions
            for new in (stars if isinstance(one, exp.Star) and not one.args.get("except_") else [one])
        ],
    )
    first = next((join for join in joins if join.alias_or_name not in marked), None)
    if names[0] in marked and first is not None:
        begun, other = start.this, first.this
        start.set("this", other)
        first.set("this", begun)


def _place(error: ParseError) -> str:
    for one in error.errors:
        near = one.get("highlight") or ""
        return f'syntax error at or near "{_ANSI.sub("", str(near))}" (line {one.get("line")}, column {one.get("col")})'
    return f"syntax error: {_ANSI.sub('', str(error))}"
