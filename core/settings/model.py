"""All settings as one immutable value; a change is a new value, checked whole."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, get_type_hints

from core.base.errors import WrongUse
from core.settings.sections.appearance import Appearance
from core.settings.sections.backups import BackupsSettings
from core.settings.sections.digits import DigitsSettings
from core.settings.sections.edge import EdgeSettings
from core.settings.sections.streams import StreamsSettings
from core.settings.sections.warehouse import WarehouseSettings


@dataclass(frozen=True)
class Settings:
    profile: str = "sandbox"
    appearance: Appearance = field(default_factory=Appearance)
    digits: DigitsSettings = field(default_factory=DigitsSettings)
    streams: StreamsSettings = field(default_factory=StreamsSettings)
    warehouse: WarehouseSettings = field(default_factory=WarehouseSettings)
    backups: BackupsSettings = field(default_factory=BackupsSettings)
    edge: EdgeSettings = field(default_factory=EdgeSettings)


SECTIONS = tuple(item.name for item in fields(Settings) if item.name != "profile")


def section_from(kind: type[Any], name: str, values: dict[str, Any]) -> Any:
    """Build one section from plain values; unknown names are ignored (a newer version wrote them).

    Raises WrongUse naming the first value of a wrong type or outside its limits.
    """
    hints = get_type_hints(kind)
    known = {}
    for item in fields(kind):
        if item.name in values:
            known[item.name] = _checked(f"{name}.{item.name}", values[item.name], hints[item.name], item.metadata)
    return kind(**known)


def _checked(where: str, value: Any, kind: type[Any], metadata: Any) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        raise WrongUse(
            f"The setting {where} is {value!r}",
            f"It should be of the kind {kind.__name__}",
            "Correct it or remove the line",
        )
    choices = [choice for choice, _ in metadata["choices"]]
    if choices and value not in choices:
        raise WrongUse(
            f"The setting {where} is {value!r}",
            f"It can be {', '.join(map(repr, choices))}",
            "Correct it or remove the line",
        )
    low, high = metadata["minimum"], metadata["maximum"]
    if (low is not None and value < low) or (high is not None and value > high):
        raise WrongUse(
            f"The setting {where} is {value}", f"It can be from {low:g} to {high:g}", "Correct it or remove the line"
        )
    return value
