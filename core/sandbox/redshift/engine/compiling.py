"""What the parts of the compiler ask of each other."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlglot import exp

from core.sandbox.redshift.engine.catalog import Catalog
from core.sandbox.redshift.engine.outcome import SqlError
from core.sandbox.redshift.engine.types import SqlType
from core.sandbox.redshift.engine.value import Relation, Scope, Value


@dataclass(slots=True)
class Query:
    """A compiled query: DuckDB text and the columns it gives, by name and type."""

    sql: str
    columns: list[tuple[str, SqlType]]
    tables: list[str] = field(default_factory=list)
    """The source table of each column, empty where it is computed."""
    untyped: frozenset[int] = frozenset()
    """Columns that are a bare string or NULL, and so take the other side's type in a UNION."""


class Session(Protocol):
    """What the compiler may know of the session."""

    user: str
    pid: int
    settings: dict[str, str]
    last_query_id: int

    @property
    def search_path(self) -> list[str]: ...


class Compiler(Protocol):
    """What sources, expressions and functions ask of the compiler."""

    session: Session
    catalog: Catalog
    touched: set[tuple[str, str]]
    ctes: list[dict[str, tuple[str, list[tuple[str, SqlType]]]]]

    def name(self, prefix: str = "r") -> str: ...

    def relation(self, table: Any, alias: str | None = None) -> tuple[str, Relation]: ...

    def value(self, node: exp.Expression, scope: Scope) -> Value: ...

    def query(self, node: exp.Expression, parent: Scope | None) -> Query: ...

    def common_tables(self, with_: Any, parent: Scope | None) -> AbstractContextManager[str]: ...


@dataclass(slots=True)
class Call:
    """One function call to compile. ``over`` and ``only`` are DuckDB's OVER and FILTER text, to be put after an aggregate."""

    name: str
    nodes: list[exp.Expression]
    scope: Scope
    compiler: Compiler
    over: str = ""
    only: str = ""
    ignore_nulls: str = ""
    distinct: bool = False
    within: list[exp.Ordered] = field(default_factory=list)
    window: exp.Window | None = None

    def arg(self, position: int) -> Value:
        return self.compiler.value(self.nodes[position], self.scope)

    def args(self) -> list[Value]:
        return [self.compiler.value(node, self.scope) for node in self.nodes]

    def word(self, position: int) -> str:
        """An argument that is a keyword: bare (month) or as text ('month')."""
        node = self.nodes[position]
        if isinstance(node, exp.Column) and not node.args.get("table"):
            return node.name.lower()
        if isinstance(node, exp.Literal) and node.is_string:
            return str(node.this).strip().lower()
        if isinstance(node, exp.Var):
            return node.name.lower()
        raise SqlError(f"{self.name}: a keyword is expected as argument {position + 1}")

    def count(self, least: int, most: int | None = None) -> None:
        """Check the number of arguments."""
        if not least <= len(self.nodes) <= (least if most is None else most):
            raise self.unknown()

    def unknown(self) -> SqlError:
        kinds = []
        for node in self.nodes:
            kind = self.compiler.value(node, self.scope).type if not isinstance(node, exp.Star) else None
            kinds.append("*" if kind is None else '"unknown"' if kind.name == "unknown" else kind.sql.partition("(")[0])
        return SqlError(f"function {self.name}({', '.join(kinds)}) does not exist")
