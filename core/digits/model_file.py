"""Model files: one zip with ``card.json`` and either plain arrays (npz), a skops archive, or an ONNX graph.

Nothing in it is code: arrays are read without pickle, skops only with types on our list. A pickle or joblib file
is refused whatever its name says.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.base.errors import OpsError
from core.base.files import atomic_file
from core.base.places import RESOURCES
from core.digits.card import ModelCard
from core.digits.damage import DAMAGED_ARRAYS
from core.digits.patch_model import PatchModel

SHIPPED = RESOURCES / "models" / "patch-svc.npz"
"""The model that comes with the program; its card stands beside it as JSON too."""

_LARGEST = 1 << 30  # bytes unpacked: a k-nearest model of 60,000 raw images takes 190 MB
_LARGEST_CARD = 4 << 20
_ARRAYS_END = ".npy"
_BLOBS = {"sklearn": "model.skops", "onnx": "model.onnx"}


def write_arrays(path: Path, card: ModelCard, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a model of plain arrays; numpy can open the file as NPZ."""
    with atomic_file(path, mode=0o644) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "card.json", card.as_json().encode())
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, np.ascontiguousarray(array), allow_pickle=False)
            _add(archive, name + _ARRAYS_END, content.getvalue())


def write_blob(path: Path, card: ModelCard, content: bytes) -> None:
    """Write a model that is one skops or ONNX document."""
    with atomic_file(path, mode=0o644) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "card.json", card.as_json().encode())
        _add(archive, _BLOBS[card.kind], content)


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    # a fixed date: the same model is the same file, byte for byte
    archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)


def read_card(path: Path) -> ModelCard:
    """The card alone: quick, and safe for any file. Raises OpsError (code ``model``)."""
    with _Opened(path) as archive:
        return _card(archive)


def read_patch_model(path: Path) -> tuple[PatchModel, ModelCard]:
    """A model of plain arrays, ready to answer. Raises OpsError (code ``model``) for anything else or damaged."""
    with _Opened(path) as archive:
        card = _card(archive)
        if card.kind != "patch-svc":
            raise OpsError(f"{path.name} is no patch-svc model", f"It is of the kind {card.kind}", code="model")
        arrays = {}
        for entry in archive.infolist():
            if entry.filename.endswith(_ARRAYS_END):
                with archive.open(entry) as file:
                    arrays[entry.filename.removesuffix(_ARRAYS_END)] = np.lib.format.read_array(
                        file, allow_pickle=False
                    )
        return PatchModel.restored(arrays, card.numbers), card


def read_blob(path: Path) -> tuple[bytes, ModelCard]:
    """The skops or ONNX document of a model, unopened."""
    with _Opened(path) as archive:
        card = _card(archive)
        if card.kind not in _BLOBS:
            raise OpsError(f"{path.name} holds plain arrays", f"It is of the kind {card.kind}", code="model")
        return archive.read(_BLOBS[card.kind]), card


def with_card(path: Path, card: ModelCard, target: Path) -> None:
    """Copy the model at ``path`` to ``target`` (may be the same file) under another card."""
    with _Opened(path) as archive:
        contents = [
            (entry.filename, archive.read(entry)) for entry in archive.infolist() if entry.filename != "card.json"
        ]
    with atomic_file(target, mode=0o644) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as fresh:
        _add(fresh, "card.json", card.as_json().encode())
        for name, content in contents:
            _add(fresh, name, content)


def _card(archive: zipfile.ZipFile) -> ModelCard:
    if archive.getinfo("card.json").file_size > _LARGEST_CARD:
        raise ValueError("its card is too large")
    return ModelCard.from_json(archive.read("card.json"))


class _Opened:
    """Opens a model file for reading; whatever is wrong inside the block becomes one OpsError."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> zipfile.ZipFile:
        try:
            self._archive = zipfile.ZipFile(self._path)
        except FileNotFoundError as error:
            raise OpsError(
                f"There is no model {self._path}", "The file does not exist", "Check the name", code="model"
            ) from error
        except (OSError, zipfile.BadZipFile) as error:
            raise self._refused(_what_it_looks_like(self._path) or str(error)) from error
        if sum(entry.file_size for entry in self._archive.infolist()) > _LARGEST:
            self._archive.close()
            raise self._refused(f"It would unpack to more than {_LARGEST >> 30} GB")
        return self._archive

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        self._archive.close()
        expected = (*DAMAGED_ARRAYS, IndexError, AttributeError, OSError, MemoryError, RecursionError)
        if isinstance(error, expected):
            raise self._refused(
                f"{error}" if not isinstance(error, KeyError) else f"{error.args[0]} is missing"
            ) from error

    def _refused(self, why: str) -> OpsError:
        return OpsError(
            f"{self._path.name} cannot be used as a model",
            why,
            "Export it again from Opsdesk (npz, skops), or import an ONNX model; nothing was run",
            code="model",
        )


def _what_it_looks_like(path: Path) -> str:
    try:
        with path.open("rb") as file:
            start = file.read(2)
    except OSError:
        return ""
    if start[:1] == b"\x80" or start in (b"\x1f\x8b", b"BZ", b"x\x9c", b"\xfd7"):
        return (
            "It looks like a pickle or joblib file: loading one can run any program hidden in it, so it is never opened"
        )
    return "It is no model file of Opsdesk"
