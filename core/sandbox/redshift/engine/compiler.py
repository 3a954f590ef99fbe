"""The compiler: one statement's queries from Redshift's syntax tree to DuckDB text, every column with its Redshift type."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlglot import exp

from core.sandbox.redshift.engine import sources
from core.sandbox.redshift.engine.casts import common, converted
from core.sandbox.redshift.engine.catalog import Catalog
from core.sandbox.redshift.engine.compiling import Query, Session
from core.sandbox.redshift.engine.expression import compile_value, condition
from core.sandbox.redshift.engine.functions import aggregates, conditional, dates, json, numbers, strings, system  # noqa: F401 - they register
from core.sandbox.redshift.engine.ordering import direction, ordered
from core.sandbox.redshift.engine.outcome import NeedsCluster, SqlError
from core.sandbox.redshift.engine.types import SqlType
from core.sandbox.redshift.engine.value import Relation, Scope, Value
from core.sandbox.redshift.engine.windows import over

_REFUSED_CLAUSES = (
    ("laterals", "LATERAL"), ("cluster", "CLUSTER BY"), ("distribute", "DISTRIBUTE BY"), ("sort", "SORT BY"), ("match", "MATCH_RECOGNIZE"),
    ("locks", "FOR UPDATE"), ("hint", "A hint"), ("kind", "SELECT AS"),
)  # fmt: skip


class QueryCompiler:
    """Made new for each statement. ``touched`` collects the tables and views it read, as (schema, name)."""

    def __init__(self, catalog: Catalog, session: Session) -> None:
        self.catalog, self.session = catalog, session
        self.touched: set[tuple[str, str]] = set()
        self.ctes: list[dict[str, tuple[str, list[tuple[str, SqlType]]]]] = []
        self._numbers = itertools.count(1)

    def name(self, prefix: str = "r") -> str:
        """A fresh alias: what the user named can then never collide."""
        return f"{prefix}{next(self._numbers)}"

    def value(self, node: exp.Expression, scope: Scope) -> Value:
        return compile_value(self, node, scope)

    # -- queries --------------------------------------------------------------
    def query(self, node: exp.Expression, parent: Scope | None) -> Query:
        """Compile SELECT or a set operation; its columns are called c1, c2, ... in the text."""
        while isinstance(node, (exp.Subquery, exp.Paren)) and not _has_clauses(node):
            node = node.this
        with_ = node.args.get("with_")
        if with_ is None:
            return self._body(node, parent)
        with self.common_tables(with_, parent) as head:
            body = self._body(node, parent)
        return Query(f"{head} {body.sql}", body.columns, body.tables)

    @contextmanager
    def common_tables(self, with_: Any, parent: Scope | None) -> Iterator[str]:
        """The WITH clause as DuckDB text (empty for none); its names are known inside the block."""
        self.ctes.append({})
        try:
            yield self._with(with_, parent) if with_ is not None else ""
        finally:
            self.ctes.pop()

    def _body(self, node: Any, parent: Scope | None) -> Query:
        if isinstance(node, exp.Select):
            return self._select(node, parent)
        if isinstance(node, (exp.Union, exp.Except, exp.Intersect)):
            return self._set_operation(node, parent)
        if isinstance(node, exp.Subquery):
            inner = self.query(node.this, parent)
            return Query(f"SELECT * FROM ({inner.sql}) AS {self.name()}{self._tail(node, inner, None)}", inner.columns)
        raise NeedsCluster(f"{type(node).__name__.upper()} as a query")

    def _with(self, node: Any, parent: Scope | None) -> str:
        parts: list[str] = []
        recursive = bool(node.args.get("recursive"))
        for cte in node.expressions:
            name = cte.alias.lower()
            given = [column.name.lower() for column in (cte.args["alias"].args.get("columns") or [])]
            inner = self.name("w")
            if recursive and isinstance(cte.this, exp.Union) and _mentions(cte.this.expression, name):
                text, columns = self._recursive(cte.this, name, given, inner, parent)
            else:
                query = self.query(cte.this, parent)
                text, columns = query.sql, _renamed(query.columns, given, name)
            self.ctes[-1][name] = (inner, columns)
            names = ", ".join(f"c{n}" for n in range(1, len(columns) + 1))
            parts.append(f"{inner}({names}) AS ({text})")
        return ("WITH RECURSIVE " if recursive else "WITH ") + ", ".join(parts)

    def _recursive(
        self, node: Any, name: str, given: list[str], inner: str, parent: Scope | None
    ) -> tuple[str, list[tuple[str, SqlType]]]:
        if node.args.get("distinct"):
            raise SqlError("WITH RECURSIVE needs UNION ALL between its members")
        anchor = self.query(node.this, parent)
        columns = _renamed(anchor.columns, given, name)
        self.ctes[-1][name] = (inner, columns)
        step = self.query(node.expression, parent)
        if len(step.columns) != len(columns):
            raise SqlError("each UNION query must have the same number of columns")
        kinds = [common(list(sides), "UNION") for sides in zip(_sides(anchor), _sides(step), strict=True)]
        members = [self._retyped(anchor, kinds), self._retyped(step, kinds)]
        return f"{members[0]} UNION ALL {members[1]}", [
            (label, kind) for (label, _), kind in zip(columns, kinds, strict=True)
        ]

    def _retyped(self, query: Query, kinds: list[SqlType]) -> str:
        if all(own.duck == kind.duck for (_, own), kind in zip(query.columns, kinds, strict=True)):
            return f"SELECT * FROM ({query.sql}) AS {self.name()}"
        alias = self.name()
        items = [
            f"{converted(Value(f'{alias}.c{n}', own), kind)} AS c{n}"
            for n, ((_, own), kind) in enumerate(zip(query.columns, kinds, strict=True), 1)
        ]
        return f"SELECT {', '.join(items)} FROM ({query.sql}) AS {alias}"

    def _set_operation(self, node: Any, parent: Scope | None) -> Query:
        left, right = self.query(node.this, parent), self.query(node.expression, parent)
        word = {exp.Union: "UNION", exp.Except: "EXCEPT", exp.Intersect: "INTERSECT"}[type(node)]
        if len(left.columns) != len(right.columns):
            raise SqlError(f"each {word} query must have the same number of columns")
        if not node.args.get("distinct"):
            if word != "UNION":
                raise SqlError(f"{word} ALL is not supported")
            word = "UNION ALL"
        kinds = [common(list(sides), word) for sides in zip(_sides(left), _sides(right), strict=True)]
        columns = [(label, kind) for (label, _), kind in zip(left.columns, kinds, strict=True)]
        text = f"({self._retyped(left, kinds)}) {word} ({self._retyped(right, kinds)})"
        result = Query(text, columns)
        return Query(text + self._tail(node, result, None), columns)

    # -- SELECT ---------------------------------------------------------------
    def _select(self, node: exp.Select, parent: Scope | None) -> Query:
        for clause, name in _REFUSED_CLAUSES:
            if node.args.get(clause):
                raise NeedsCluster(name)
        if isinstance(node.args.get("limit"), exp.Fetch):
            raise SqlError('syntax error at or near "FETCH": write LIMIT')
        scope = Scope(parent=parent)
        source = sources.compile_from(self, node, scope)
        parts: list[str] = []
        where = node.args.get("where")
        if node.args.get("connect") is not None:
            source = sources.compile_connect(self, node.args["connect"], scope, source)
        if where is not None:
            scope.no_aggregates = "WHERE"
            parts.append(f"WHERE {condition(self.value(where.this, scope), 'WHERE')}")
            scope.no_aggregates = ""
        self._declare_windows(node, scope)
        items = self._items(node, scope)
        if (group := node.args.get("group")) is not None:
            parts.append(self._group(group, items, scope))
        if (having := node.args.get("having")) is not None:
            parts.append(f"HAVING {condition(self.value(having.this, scope), 'HAVING')}")
        parts += self._windows(node, scope)
        if (qualify := node.args.get("qualify")) is not None:
            parts.append(f"QUALIFY {condition(self.value(qualify.this, scope), 'QUALIFY')}")
        distinct = self._distinct(node)
        columns = [
            (label, SqlType("varchar", value.type.size) if value.is_untyped else value.type) for label, value in items
        ]
        listed = ", ".join(
            f"{'CAST(NULL AS VARCHAR)' if value.sql == 'NULL' else value.sql} AS c{n}"
            for n, (_, value) in enumerate(items, 1)
        )
        text = f"SELECT {distinct}{listed}{' FROM ' + source if source else ''} {' '.join(parts)}".rstrip()
        untyped = frozenset(n for n, (_, value) in enumerate(items) if value.is_untyped)
        result = Query(text, columns, [value.table for _, value in items], untyped)
        return Query(text + self._tail(node, result, (scope, items)), columns, result.tables, untyped)

    def _distinct(self, node: exp.Select) -> str:
        distinct = node.args.get("distinct")
        if distinct is None:
            return ""
        if distinct.args.get("on") is not None:
            raise SqlError("SELECT DISTINCT ON is not supported")
        return "DISTINCT "

    def _items(self, node: exp.Select, scope: Scope) -> list[tuple[str, Value]]:
        items: list[tuple[str, Value]] = []
        excluded = {column.name.lower() for column in (node.args.get("exclude") or [])}
        for item in node.expressions:
            if isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star)):
                star = item if isinstance(item, exp.Star) else item.this
                excluded |= {column.name.lower() for column in (star.args.get("except_") or [])}
                items += self._star(item, scope)
                continue
            alias = item.alias.lower() if isinstance(item, exp.Alias) else ""
            value = self.value(item.this if isinstance(item, exp.Alias) else item, scope)
            label = alias or value.label
            items.append((label, value))
            if alias:
                scope.aliases.setdefault(alias, value)
        if excluded:
            items = [(label, value) for label, value in items if label not in excluded]
        if not items:
            raise SqlError("SELECT needs at least one column")
        return items

    def _star(self, item: Any, scope: Scope) -> list[tuple[str, Value]]:
        if isinstance(item, exp.Column):
            name = item.table.lower()
            relation = scope.relation(name)
            if relation is None:
                raise SqlError(f'relation "{name}" does not exist')
            relations = [relation]
            hidden = False
        else:
            relations, hidden = scope.relations, True
            if not relations:
                raise SqlError("SELECT * with no tables specified is not valid")
        return [
            (
                field.name,
                Value(
                    field.sql,
                    field.type,
                    field.name,
                    table=f"{relation.schema}.{relation.table}" if relation.table else "",
                ),
            )
            for relation in relations
            for field in relation.fields
            if not (hidden and field.name in relation.merged)
        ]

    def _group(self, group: Any, items: list[tuple[str, Value]], scope: Scope) -> str:
        if group.args.get("all"):
            return "GROUP BY ALL"
        parts: list[str] = []
        for one in group.expressions:
            parts.append(self._group_item(one, items, scope))
        if not parts:
            raise SqlError("GROUP BY needs an expression")
        return "GROUP BY " + ", ".join(parts)

    def _group_item(self, node: Any, items: list[tuple[str, Value]], scope: Scope) -> str:
        if isinstance(node, (exp.Rollup, exp.Cube, exp.GroupingSets)):
            word = {exp.Rollup: "ROLLUP", exp.Cube: "CUBE", exp.GroupingSets: "GROUPING SETS"}[type(node)]
            return f"{word} ({', '.join(self._group_item(one, items, scope) for one in node.expressions)})"
        if isinstance(node, exp.Tuple):
            return f"({', '.join(self._group_item(one, items, scope) for one in node.expressions)})"
        if isinstance(node, exp.Paren):
            return f"({self._group_item(node.this, items, scope)})"
        if isinstance(node, exp.Literal) and not node.is_string:
            position = int(node.this)
            if not 1 <= position <= len(items):
                raise SqlError(f"GROUP BY position {position} is not in select list")
            return _no_position(items[position - 1][1].sql)
        scope.no_aggregates = "GROUP BY"
        value = self.value(node, scope)
        scope.no_aggregates = ""
        return _no_position(value.sql)

    def _declare_windows(self, node: exp.Select, scope: Scope) -> None:
        scope.windows = {window.name.lower() for window in node.args.get("windows") or []}

    def _windows(self, node: exp.Select, scope: Scope) -> list[str]:
        named = node.args.get("windows") or []
        if not named:
            return []
        return ["WINDOW " + ", ".join(f'"{window.name.lower()}" AS {over(self, window, scope)}' for window in named)]

    def _tail(self, node: Any, query: Query, inside: tuple[Scope, list[tuple[str, Value]]] | None) -> str:
        """ORDER BY, LIMIT, OFFSET of a query or set operation."""
        parts: list[str] = []
        if (order := node.args.get("order")) is not None:
            parts.append(
                "ORDER BY "
                + ", ".join(
                    self._order_item(one, query, inside, node.args.get("distinct") is not None)
                    for one in order.expressions
                )
            )
        for clause, word in (("limit", "LIMIT"), ("offset", "OFFSET")):
            if (limit := node.args.get(clause)) is not None:
                parts.append(f"{word} {_count(limit.expression, word)}")
        return (" " + " ".join(parts)) if parts else ""

    def _order_item(
        self, node: Any, query: Query, inside: tuple[Scope, list[tuple[str, Value]]] | None, distinct: bool = False
    ) -> str:
        key = node.this
        while isinstance(key, exp.Paren):
            key = key.this
        if isinstance(key, exp.Literal) and not key.is_string:
            position = int(key.this)
            if not 1 <= position <= len(query.columns):
                raise SqlError(f"ORDER BY position {position} is not in select list")
            if query.columns[position - 1][1].name == "super":
                return ordered(_column_value(query, inside, position), node)
            return f"{position}{direction(node)}"
        if isinstance(key, exp.Column) and not key.args.get("table"):
            places = [n for n, (label, _) in enumerate(query.columns, 1) if label == key.name.lower()]
            if len(places) == 1 or (
                places and inside is not None and len({inside[1][n - 1][1].sql for n in places}) == 1
            ):
                if query.columns[places[0] - 1][1].name == "super":
                    return ordered(_column_value(query, inside, places[0]), node)
                return f"{places[0]}{direction(node)}"
            if places:
                raise SqlError(f'ORDER BY "{key.name.lower()}" is ambiguous')
        if inside is None:
            raise SqlError("ORDER BY on a UNION, INTERSECT or EXCEPT result must be on one of the result columns")
        value = self.value(key, inside[0])
        if distinct and value.sql not in {one.sql for _, one in inside[1]}:
            raise SqlError("for SELECT DISTINCT, ORDER BY expressions must appear in select list")
        return ordered(value, node)

    # -- relations for other statements ------------------------------------------
    def relation(self, table: Any, alias: str | None = None) -> tuple[str, Relation]:
        """A table reference as FROM text and the names it brings."""
        return sources.table_relation(self, table, alias)


def _has_clauses(node: Any) -> bool:
    return any(node.args.get(name) for name in ("order", "limit", "offset", "with_"))


def _sides(query: Query) -> list[Value]:
    """The columns as values to find a common type for."""
    return [
        Value("", SqlType("unknown", kind.size) if n in query.untyped else kind)
        for n, (_, kind) in enumerate(query.columns)
    ]


def _mentions(node: exp.Expression, name: str) -> bool:
    return any(table.name.lower() == name and not table.args.get("db") for table in node.find_all(exp.Table))


def _renamed(columns: list[tuple[str, SqlType]], given: list[str], name: str) -> list[tuple[str, SqlType]]:
    if len(given) > len(columns):
        raise SqlError(f'"{name}" has {len(columns)} columns available but {len(given)} columns specified')
    return [(given[n] if n < len(given) else label, kind) for n, (label, kind) in enumerate(columns)]


def _no_position(sql: str) -> str:
    """A constant that DuckDB shall group by, not take for the place of a column."""
    return f"CAST({sql} AS BIGINT)" if sql.isdigit() else sql


def _count(node: Any, word: str) -> str:
    text = str(node.this) if isinstance(node, exp.Literal) else node.sql("redshift")
    if isinstance(node, exp.Null) or text.upper() in ("ALL", "NULL"):
        return "NULL" if word == "LIMIT" else "0"
    if not text.strip().isdigit():
        raise SqlError(f"argument of {word} must be a whole number of zero or more")
    return text.strip()


def _column_value(query: Query, inside: tuple[Scope, list[tuple[str, Value]]] | None, position: int) -> Value:
    """A result column to sort by: its expression, or its name in a set operation."""
    return inside[1][position - 1][1] if inside is not None else Value(f"c{position}", query.columns[position - 1][1])
