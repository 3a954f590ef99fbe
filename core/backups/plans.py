"""The plans of one profile: one TOML file each, checked whole, written in one step."""

from __future__ import annotations

import tomllib
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from core.backups.outcomes import Finding, Severity
from core.backups.plan import NAME, Plan, Sentinel, Source, Target
from core.base.errors import OpsError, WrongUse
from core.base.files import write_atomic
from core.base.places import Places

DEMO_PLAN = "shop-nightly"


class PlanStore:
    """``<config>/plans/<profile>/<name>.toml``. A file that cannot be used is left as it is and told as a finding."""

    def __init__(self, places: Places, profile: str) -> None:
        self.folder = places.config / "plans" / profile
        self.profile = profile

    def names(self) -> list[str]:
        return sorted(path.stem for path in self.folder.glob("*.toml"))

    def all(self) -> tuple[list[Plan], list[Finding]]:
        """Every plan that can be used, and a finding for every file that cannot."""
        plans, troubles = [], []
        for name in self.names():
            try:
                plans.append(self.get(name))
            except OpsError as error:
                troubles.append(Finding(Severity.ERROR, "plan-file", error.title, error.why, error.remedy))
        return plans, troubles

    def get(self, name: str) -> Plan:
        """Raises WrongUse where there is no such plan or its file makes no sense."""
        path = self._path(name)
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            known = ", ".join(self.names()) or "none"
            raise WrongUse(
                f"There is no plan {name}",
                f"Known in the profile {self.profile}: {known}",
                "See `backup plans`, or add it with `backup add`",
            ) from None
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise WrongUse(
                f"The plan {name} cannot be read", str(error), f"Correct the file {path}", details={"file": str(path)}
            ) from error
        try:
            plan: Plan = _value(Plan, {**values, "name": name}, name)
            return plan.checked()
        except WrongUse as error:
            raise WrongUse(error.title, error.why, f"{error.remedy} in the file {path}") from error

    def check(self, plan: Plan, *, replace_old: bool) -> None:
        """Raises WrongUse where the name is taken (without ``replace_old``) or a value makes no sense."""
        plan.checked()
        if self._path(plan.name).exists() and not replace_old:
            raise WrongUse(
                f"There is a plan {plan.name}", "Names are used once", "Choose another name, or edit that plan"
            )

    def save(self, plan: Plan, *, replace_old: bool) -> None:
        """Check and write it."""
        self.check(plan, replace_old=replace_old)
        import tomlkit

        values = _plain(plan)
        values.pop("name")
        document = tomlkit.document()
        for key, value in values.items():
            document[key] = value
        write_atomic(self._path(plan.name), tomlkit.dumps(document))

    def written(self, name: str) -> datetime:
        """When its file was last written; raises WrongUse where there is none."""
        try:
            return datetime.fromtimestamp(self._path(name).stat().st_mtime, UTC)
        except FileNotFoundError:
            self.get(name)
            raise

    def remove(self, name: str) -> None:
        try:
            self._path(name).unlink()
        except FileNotFoundError:
            self.get(name)

    def _path(self, name: str) -> Path:
        if not NAME.match(name):  # also keeps "../" out of the path
            raise WrongUse(
                f"{name!r} is no name for a plan", "Small letters, digits, dash and underscore", "See `backup plans`"
            )
        return self.folder / f"{name}.toml"


def ensure_demo_plan(
    places: Places,
    *,
    profile: str = "sandbox",
    server: str = "shop",
    database: str = "shop",
    bucket: str = "opsdesk-backups",
) -> Plan:
    """Write the plan for the demo shop unless a plan of that name exists; return the one in force.

    ``server`` is the name of the MySQL source in the profile's target, ``bucket`` one that exists.
    """
    store = PlanStore(places, profile)
    plan = Plan(DEMO_PLAN, Source("mysql", server, (database,)), Target(bucket, "mysql"))
    plan = replace(plan, proof=replace(plan.proof, sentinels=(Sentinel("customers", "id = 1"),)))
    try:
        store.save(plan, replace_old=False)
    except WrongUse:
        return store.get(DEMO_PLAN)
    return plan


def _plain(value: Any) -> Any:
    """Tables, lists and scalars; what equals its default is left out, so that a file shows what was chosen."""
    if is_dataclass(value) and not isinstance(value, type):
        plain = {}
        for item in fields(value):
            current = getattr(value, item.name)
            if is_dataclass(current):
                nested = _plain(current)
                if nested:
                    plain[item.name] = nested
            elif current != item.default:
                plain[item.name] = _plain(current)
        return plain
    if isinstance(value, tuple):
        return [_plain(entry) for entry in value]
    return value


def _value(kind: Any, given: Any, where: str) -> Any:
    """``given`` as ``kind``; raises WrongUse naming the place of the first value of a wrong type or an unknown name."""
    if is_dataclass(kind):
        if not isinstance(given, dict):
            raise WrongUse(f"{where} is {given!r}", "It should be a table", "Correct it")
        hints = get_type_hints(kind)
        unknown = [key for key in given if key not in hints]
        if unknown:
            raise WrongUse(
                f"{where} has an unknown entry {unknown[0]!r}", f"Known are {', '.join(hints)}", "Correct or remove it"
            )
        make: Any = kind
        try:
            return make(**{key: _value(hints[key], value, f"{where}.{key}") for key, value in given.items()})
        except TypeError as error:
            raise WrongUse(f"{where} is not complete", str(error), "Add what is missing") from error
    if get_origin(kind) is tuple:
        if not isinstance(given, list):
            raise WrongUse(f"{where} is {given!r}", "It should be a list", "Correct it")
        inner = get_args(kind)[0]
        return tuple(_value(inner, entry, f"{where}[{number}]") for number, entry in enumerate(given, 1))
    if not isinstance(given, kind) or (kind is int and isinstance(given, bool)):
        raise WrongUse(f"{where} is {given!r}", f"It should be of the kind {kind.__name__}", "Correct it")
    return given
