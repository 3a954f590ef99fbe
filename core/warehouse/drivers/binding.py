"""Values for ``:name`` parameters: which a statement uses, and how they become SQL text where no server binds them."""

from __future__ import annotations

from core.base.errors import OpsError
from core.warehouse.drivers.driver import Values
from core.warehouse.statements import literal, parameters, with_parameters


def used_values(sql: str, values: Values, *, escapes: bool) -> dict[str, str | None]:
    """The values the statement uses. Raises OpsError (code ``parameters``) where one has no value."""
    used = parameters(sql, escapes=escapes)
    for name in used:
        if name not in values:
            raise OpsError(
                f"The parameter :{name} has no value",
                "The statement uses it",
                "Give it a value (NULL is possible) and run again",
                code="parameters",
            )
    return {name: values[name] for name in used}


def as_text(sql: str, values: Values, *, escapes: bool) -> str:
    """The statement with its parameters as quoted literals."""
    texts = {name: literal(value, escapes=escapes) for name, value in used_values(sql, values, escapes=escapes).items()}
    return with_parameters(sql, texts, escapes=escapes)
