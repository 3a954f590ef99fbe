"""The models kept on this computer: one file each, listed, renamed, exported, imported, deleted."""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.base.errors import OpsError
from core.base.files import atomic_file
from core.digits.card import ModelCard
from core.digits.model_file import SHIPPED, read_card, with_card

DEFAULT = "default"
"""The name of the model that ships with the program."""


@dataclass(frozen=True)
class Kept:
    """A model of the registry. id: its file's name without ending, or ``default`` for the one that ships."""

    id: str
    path: Path
    card: ModelCard
    size: int  # bytes

    @property
    def ships(self) -> bool:
        return self.id == DEFAULT


@dataclass(frozen=True)
class Broken:
    """A file in the registry's folder that is no usable model, and why."""

    path: Path
    trouble: OpsError


class Registry:
    def __init__(self, folder: Path, shipped: Path = SHIPPED) -> None:
        self._folder, self._shipped = folder, shipped

    def list(self) -> list[Kept | Broken]:
        """The shipped model first, then one's own, newest first; files that cannot be read stand among them."""
        found: list[Kept | Broken] = []
        if self._shipped.exists():
            found.append(self._kept(self._shipped, DEFAULT))
        own = [self._kept_or_broken(path) for path in self._files()]
        own.sort(key=lambda entry: entry.card.created if isinstance(entry, Kept) else "", reverse=True)
        return found + own

    def _files(self) -> Iterator[Path]:
        if self._folder.is_dir():
            yield from sorted(path for path in self._folder.iterdir() if path.suffix == ".model" and path.is_file())

    def _kept_or_broken(self, path: Path) -> Kept | Broken:
        try:
            return self._kept(path, path.stem)
        except OpsError as error:
            return Broken(path, error)

    def _kept(self, path: Path, identity: str) -> Kept:
        return Kept(identity, path, read_card(path), path.stat().st_size)

    def find(self, wanted: str) -> Path:
        """The file of a model by ``default``, id, name or path. Raises OpsError where there is none or several."""
        if wanted == DEFAULT:
            if not self._shipped.exists():
                raise OpsError(
                    "The model that ships with Opsdesk is missing",
                    f"There is no {self._shipped}",
                    "Install Opsdesk again",
                    code="model",
                )
            return self._shipped
        if Path(wanted).is_file():
            return Path(wanted)
        own = [entry for entry in self.list() if isinstance(entry, Kept)]
        named = [entry for entry in own if wanted in (entry.id, entry.card.name)]
        if len(named) > 1:
            raise OpsError(
                f"There are {len(named)} models named {wanted}",
                "A name may be given twice",
                f"Use one of the ids: {', '.join(entry.id for entry in named)}",
                code="model",
            )
        if not named:
            raise OpsError(
                f"There is no model {wanted}",
                "It is neither a file nor a name in the registry",
                "Use `default`, a file, or a name that the Models table shows",
                code="not-found",
            )
        return named[0].path

    def place_for(self, name: str) -> Path:
        """A new file's path for a model of that name."""
        word = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "model"
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder / f"{word}-{uuid.uuid4().hex[:8]}.model"

    def adopt(self, path: Path, name: str = "") -> Kept:
        """Copy a model file from elsewhere into the registry, after it was opened without fault by the caller."""
        card = read_card(path)
        place = self.place_for(name or card.name)
        with_card(path, card.renamed(name or card.name), place)
        return self._kept(place, place.stem)

    def rename(self, identity: str, name: str) -> Kept:
        path = self._own(identity)
        name = name.strip()
        if not name or len(name) > 80 or name == DEFAULT:
            raise OpsError(
                f"{name!r} is no name for a model",
                "It should have 1 to 80 letters and not be `default`",
                "Choose another name",
                code="wrong-use",
            )
        with_card(path, read_card(path).renamed(name), path)
        return self._kept(path, identity)

    def delete(self, identity: str) -> None:
        self._own(identity).unlink()

    def export(self, identity: str, target: Path) -> None:
        """Copy a model out of the registry, in one step."""
        source = self.find(identity)
        with source.open("rb") as reading, atomic_file(target, mode=0o644) as writing:
            shutil.copyfileobj(reading, writing)

    def _own(self, identity: str) -> Path:
        if identity == DEFAULT:
            raise OpsError(
                "The model that ships cannot be changed",
                "It is part of the program",
                "Train or import one of your own",
                code="wrong-use",
            )
        path = self._folder / f"{identity}.model"
        if path not in set(self._files()):
            raise OpsError("This model is gone", f"There is no {path.name}", "Refresh the list", code="not-found")
        return path
