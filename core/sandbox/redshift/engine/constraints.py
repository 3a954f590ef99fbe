"""PRIMARY KEY, UNIQUE and FOREIGN KEY: checked where they are declared, remembered and shown, never enforced (as on Redshift)."""

from __future__ import annotations

from collections import Counter

from core.sandbox.redshift.engine.context import Context
from core.sandbox.redshift.engine.declarations import Constraint, TableSpec
from core.sandbox.redshift.engine.outcome import SqlError
from core.sandbox.redshift.engine.reader import Reader


def begins(reader: Reader) -> bool:
    """Whether a constraint of the table stands here, not a column."""
    return (
        reader.sees("constraint")
        or reader.sees("primary", "key")
        or reader.sees("unique")
        or reader.sees("foreign", "key")
    )


def read(session: Context, reader: Reader, spec: TableSpec) -> None:
    """One constraint of the table."""
    name = reader.name() if reader.take("constraint") else ""
    if reader.take("primary", "key"):
        spec.constraints.append(Constraint(name, "p", reader.names()))
    elif reader.take("unique"):
        spec.constraints.append(Constraint(name, "u", reader.names()))
    else:
        reader.need("foreign", "key")
        columns = reader.names()
        reader.need("references")
        spec.constraints.append(_foreign(session, reader, spec, name, columns))


def read_of_column(session: Context, reader: Reader, spec: TableSpec, column: str) -> bool:
    """One that stands at its column; False where none does."""
    if reader.take("primary", "key"):
        spec.constraints.append(Constraint("", "p", [column]))
    elif reader.take("unique"):
        spec.constraints.append(Constraint("", "u", [column]))
    elif reader.take("references"):
        spec.constraints.append(_foreign(session, reader, spec, "", [column]))
    else:
        return False
    return True


def _foreign(session: Context, reader: Reader, spec: TableSpec, name: str, columns: list[str]) -> Constraint:
    schema, table = reader.path()
    others = reader.names() if reader.sees("(") else []
    if table == spec.name and (schema or spec.schema) == spec.schema:
        return Constraint(name, "f", columns, spec.schema, table, others)
    target = session.catalog.table(schema, table)
    return Constraint(name, "f", columns, target.schema, table, others)


def settle(session: Context, spec: TableSpec) -> None:
    """Name what was declared without a name, and check all: the table's columns are known by now. Raises SqlError."""
    if sum(one.kind == "p" for one in spec.constraints) > 1:
        raise SqlError(f'multiple primary keys for table "{spec.name}" are not allowed')
    for one in spec.constraints:
        for name, times in Counter(one.columns).items():
            column = spec.column(name)
            if times > 1:
                raise SqlError(f'column "{name}" appears twice in a constraint')
            column.not_null = column.not_null or one.kind == "p"
    taken = [one.name for one in spec.constraints if one.name]
    for name in taken:
        if taken.count(name) > 1:
            raise SqlError(f'constraint "{name}" for relation "{spec.name}" already exists')
    for one in spec.constraints:
        if one.kind == "f":
            _settle_target(session, spec, one)
        if not one.name:
            one.name = _free_name(spec, one, taken)
            taken.append(one.name)


def _settle_target(session: Context, spec: TableSpec, one: Constraint) -> None:
    itself = (one.schema, one.table) == (spec.schema, spec.name)
    target = spec if itself else session.catalog.table(one.schema, one.table)
    if not one.others:
        one.others = list(target.primary_key)
        if not one.others:
            raise SqlError(f'there is no primary key for referenced table "{one.table}"')
    for name in one.others:
        target.column(name)
    if len(one.others) != len(one.columns):
        raise SqlError("number of referencing and referenced columns for foreign key disagree")
    if needed(one, target) is None:
        raise SqlError(f'there is no unique constraint matching given keys for referenced table "{one.table}"')


def needed(one: Constraint, target: TableSpec) -> Constraint | None:
    """The key of the other table that a foreign key refers to."""
    others = sorted(one.others)
    return next((key for key in target.constraints if key.kind != "f" and sorted(key.columns) == others), None)


def _free_name(spec: TableSpec, one: Constraint, taken: list[str]) -> str:
    """As PostgreSQL 8, of which Redshift is made, names them: after the table and the first column."""
    plain = f"{spec.name}_pkey"
    if one.kind != "p":
        plain = f"{spec.name}_{one.columns[0]}_{'key' if one.kind == 'u' else 'fkey'}"
    name, n = plain, 0
    while name in taken:
        n += 1
        name = f"{plain}{n}"
    return name


def drop(session: Context, spec: TableSpec, name: str, cascade: bool) -> None:
    """ALTER TABLE DROP CONSTRAINT. Raises SqlError where there is none, or where a foreign key needs it."""
    found = next((one for one in spec.constraints if one.name == name), None)
    if found is None:
        raise SqlError(f'constraint "{name}" of relation "{spec.name}" does not exist')
    _let_go(session, spec, [found], f"constraint {name} on table {spec.name}", cascade)
    session.catalog.save(spec)


def drop_of_column(session: Context, spec: TableSpec, column: str, cascade: bool) -> None:
    """The constraints that a column takes with it; the caller saves. Raises SqlError where a foreign key needs one."""
    found = [one for one in spec.constraints if column in one.columns]
    _let_go(session, spec, found, f"table {spec.name} column {column}", cascade)


def drop_of_table(session: Context, spec: TableSpec, cascade: bool) -> None:
    """Foreign keys of other tables that refer to a table which goes. Raises SqlError for one without CASCADE."""
    _let_go(session, spec, spec.constraints, f"table {spec.name}", cascade)


def _let_go(session: Context, spec: TableSpec, going: list[Constraint], what: str, cascade: bool) -> None:
    going = list(going)
    keys = [sorted(one.columns) for one in going if one.kind != "f"]
    for other in [spec, *_others(session, spec)]:
        needing = [
            one
            for one in other.constraints
            if one.kind == "f" and (one.schema, one.table) == (spec.schema, spec.name) and sorted(one.others) in keys
        ]
        for one in needing:
            if other is spec and one in going:
                continue
            if not cascade:
                raise SqlError(
                    f"cannot drop {what} because other objects depend on it (constraint {one.name} on table"
                    f" {other.schema}.{other.name}); use DROP ... CASCADE"
                )
            other.constraints.remove(one)
            if other is not spec:
                session.catalog.save(other)
    spec.constraints = [one for one in spec.constraints if one not in going]


def referring(session: Context, spec: TableSpec) -> list[TableSpec]:
    """Tables with a foreign key to this one, which may be among them; to be changed and saved or not."""
    return [session.catalog.table(*place) for place in session.catalog.referring(spec.schema, spec.name)]


def _others(session: Context, spec: TableSpec) -> list[TableSpec]:
    return [one for one in referring(session, spec) if (one.schema, one.name) != (spec.schema, spec.name)]


def follow_column(session: Context, spec: TableSpec, old: str, new: str) -> None:
    """A column has another name; the caller saves its own table."""
    for other in [spec, *_others(session, spec)]:
        for one in other.constraints:
            if other is spec:
                one.columns = [new if name == old else name for name in one.columns]
            if (one.schema, one.table) == (spec.schema, spec.name):
                one.others = [new if name == old else name for name in one.others]
        if other is not spec:
            session.catalog.save(other)


def follow_table(session: Context, spec: TableSpec, new: str) -> None:
    """Before a table takes another name: foreign keys to it follow."""
    for other in [spec, *_others(session, spec)]:
        for one in other.constraints:
            if (one.schema, one.table) == (spec.schema, spec.name):
                one.table = new
        session.catalog.save(other)


def lines(spec: TableSpec) -> list[str]:
    """The constraints as SHOW TABLE prints them."""
    return [text(one) for one in sorted(spec.constraints, key=lambda one: "puf".index(one.kind))]


def text(one: Constraint) -> str:
    """A constraint's definition, as PG_GET_CONSTRAINTDEF gives it."""
    columns = ", ".join(one.columns)
    if one.kind == "f":
        return f"FOREIGN KEY ({columns}) REFERENCES {one.schema}.{one.table}({', '.join(one.others)})"
    return f"{'PRIMARY KEY' if one.kind == 'p' else 'UNIQUE'} ({columns})"
