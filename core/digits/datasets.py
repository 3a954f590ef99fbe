"""Opens sets of digits: Kaggle CSV, IDX (gzip), NPZ, a folder of pictures by label."""

from __future__ import annotations

import gzip
import hashlib
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.base.errors import OpsError
from core.base.files import atomic_file
from core.digits.damage import DAMAGED_ARRAYS
from core.digits.layout import BRIGHT, SUBTRACT, mostly_bright
from core.digits.patches import SIDE, Floats
from core.digits.pixel_csv import bad_data, read_rows, tables_in

Progress = Callable[[int, int], None]
_MOST_ROWS = 5_000_000  # 3.9 GB of pixels: beyond it a header lies or the machine would not stand it
_CACHED_SETS = 6


@dataclass(frozen=True)
class Dataset:
    """images (n, 28, 28) uint8 with ink = 255; labels (n,) uint8 0..9, or None for a set to predict."""

    name: str
    images: NDArray[np.uint8]
    labels: NDArray[np.uint8] | None
    source: str = ""

    def __len__(self) -> int:
        return len(self.images)

    @property
    def pixels(self) -> Floats:
        """(n, 28, 28) float32 in 0..1: four times the memory of ``images``."""
        return np.divide(self.images, 255, dtype=np.float32)

    @property
    def class_counts(self) -> list[int]:
        return [] if self.labels is None else np.bincount(self.labels, minlength=10).tolist()

    @property
    def digest(self) -> str:
        """A short hash of the very pixels and labels, for the model's card."""
        hashed = hashlib.sha256(np.ascontiguousarray(self.images).data)
        hashed.update(b"" if self.labels is None else np.ascontiguousarray(self.labels).data)
        return hashed.hexdigest()[:16]

    def chosen(self, rows: NDArray[Any]) -> Dataset:
        return replace(self, images=self.images[rows], labels=None if self.labels is None else self.labels[rows])

    def labelled(self) -> NDArray[np.uint8]:
        """The labels, of a set to learn from or to judge by. Raises OpsError where it has none or its ink is no ink."""
        if self.labels is None:
            raise OpsError(
                f"{self.name} has no labels",
                "Training and evaluation need to know which digit each picture shows",
                "Open a set with labels, or use Predict file for this one",
                code="data",
            )
        if mostly_bright(self.images):
            raise OpsError(f"{self.name} has its light and dark exchanged", BRIGHT, SUBTRACT, code="data")
        return self.labels


def open_dataset(path: Path, *, cache: Path | None = None, on_progress: Progress = lambda done, total: None) -> Dataset:
    """Read the set at ``path``, whole or not at all. A CSV is parsed once and then kept as NPZ in ``cache``.

    Raises OpsError (code ``data``) that names what is wrong and where.
    """
    be_there(path)
    if path.is_dir():
        return _from_folder(path, on_progress)
    try:
        kind = _kind_of(path)
        if kind == "npz":
            return _from_npz(path)
        return _from_idx(path) if kind == "idx" else _from_csv(path, cache, on_progress)
    except OSError as error:
        raise OpsError(
            f"{path.name} could not be read", error.strerror or str(error), "Check its permissions", code="data"
        ) from error


def be_there(path: Path) -> None:
    """Raises OpsError (code ``data``) where there is no such file or folder, or nobody can say."""
    why = "There is no such file or folder"
    try:
        there = path.exists()
    except OSError as error:  # no name at all (a paragraph that was pasted), or a folder that may not be entered
        there, why = False, error.strerror or str(error)
    if not there:
        raise OpsError(f"There is no {str(path)[:200]}", why, "Check the name", code="data")


def is_csv(path: Path) -> bool:
    """Whether the file can be read row by row. Raises OpsError (code ``data``) for a damaged gzip file."""
    return path.is_file() and _kind_of(path) == "csv"


def _kind_of(path: Path) -> str:
    """npz, idx or csv, told from the first bytes, whatever the name says."""
    with path.open("rb") as file:
        start = file.read(4)
    if start[:2] == b"PK":
        return "csv" if tables_in(path) else "npz"
    if start[:2] == b"\x1f\x8b":
        start = _zipped_start(path)
    return "idx" if start[:3] == b"\x00\x00\x08" else "csv"


# -- CSV ----------------------------------------------------------------------
def _from_csv(path: Path, cache: Path | None, on_progress: Progress) -> Dataset:
    kept = cache / f"{_fingerprint(path)}.npz" if cache else None
    if kept and kept.exists():
        try:
            return replace(_from_npz(kept), name=path.name, source=str(path))
        except OpsError:
            kept.unlink()  # a damaged cache is only a reason to parse again
    # bytearrays grow in place: a list of blocks, joined at the end, would hold everything twice
    pixels, answers = bytearray(), bytearray()
    for block in read_rows(path, on_progress=on_progress):
        pixels += block.pixels.data
        if block.labels is not None:
            answers += block.labels.data
    if not pixels:
        raise bad_data(path, "The file has a header and no rows")
    images = np.frombuffer(pixels, np.uint8).reshape(-1, SIDE, SIDE)
    labels = np.frombuffer(answers, np.uint8)
    found = Dataset(path.name, images, labels if len(labels) else None, str(path))
    if kept:
        _keep(found, kept)
    return found


def _fingerprint(path: Path) -> str:
    stat = path.stat()
    return hashlib.sha256(f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}".encode()).hexdigest()[:24]


def _keep(dataset: Dataset, place: Path) -> None:
    save_npz(dataset, place)
    newest_last = sorted(place.parent.glob("*.npz"), key=lambda file: file.stat().st_mtime)
    for old in newest_last[:-_CACHED_SETS]:
        old.unlink(missing_ok=True)


def save_npz(dataset: Dataset, place: Path) -> None:
    """Write ``images`` and ``labels`` as NPZ, in one step."""
    arrays = {"images": dataset.images} | ({} if dataset.labels is None else {"labels": dataset.labels})
    with atomic_file(place) as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def save_csv(dataset: Dataset, place: Path) -> None:
    """Write Kaggle's train.csv shape: label,pixel0 .. pixel783."""
    names = ",".join(f"pixel{index}" for index in range(SIDE * SIDE))
    table = dataset.images.reshape(len(dataset), -1)
    head = names
    if dataset.labels is not None:
        table, head = np.column_stack([dataset.labels, table]), f"label,{names}"
    with atomic_file(place) as file:
        np.savetxt(file, table, fmt="%d", delimiter=",", header=head, comments="")


# -- NPZ ----------------------------------------------------------------------
def _from_npz(path: Path) -> Dataset:
    try:
        _refuse_bomb(path)
        with np.load(path, allow_pickle=False) as stored:
            names = {name.lower(): name for name in stored.files}
            image_key = next((names[key] for key in ("images", "x", "data", "x_train") if key in names), None)
            label_key = next((names[key] for key in ("labels", "y", "y_train") if key in names), None)
            if image_key is None:
                raise bad_data(path, f"It holds {', '.join(stored.files) or 'nothing'}; expected images and labels")
            images, labels = stored[image_key], stored[label_key] if label_key else None
    except DAMAGED_ARRAYS as error:
        raise bad_data(path, f"It is no NPZ file of plain arrays: {error}") from error
    return Dataset(path.name, _checked_images(path, images), _checked_labels(path, labels, len(images)), str(path))


def _refuse_bomb(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    if size > _MOST_ROWS * SIDE * SIDE:
        raise bad_data(path, f"It unpacks to {size / 1e9:.1f} GB")


def _checked_images(path: Path, images: NDArray[Any]) -> NDArray[np.uint8]:
    count = images.shape[0] if images.ndim else 0
    if count == 0 or images.size != count * SIDE * SIDE:
        raise bad_data(path, f"Its images have the shape {images.shape}; expected (n, 28, 28) or (n, 784) with n > 0")
    images = images.reshape(count, SIDE, SIDE)
    if images.dtype == np.uint8 and images.max() > 1:
        return images
    if images.dtype.kind not in "iufb":
        raise bad_data(path, f"Its images are of the kind {images.dtype}; expected numbers")
    low, high = float(images.min()), float(images.max())
    if not (np.isfinite([low, high]).all() and low >= 0 and high <= 255):
        raise bad_data(path, f"Its pixels go from {low:g} to {high:g}; expected 0..255 or 0..1")
    scale = 255 if high <= 1 else 1  # no digit has so little ink
    return np.rint(images * np.float32(scale)).astype(np.uint8)


def _checked_labels(path: Path, labels: NDArray[Any] | None, count: int) -> NDArray[np.uint8] | None:
    if labels is None:
        return None
    if labels.shape not in ((count,), (count, 1)):
        raise bad_data(path, f"It has {count:,} images and labels of the shape {labels.shape}")
    labels = labels.reshape(-1)
    if labels.dtype.kind not in "iuf" or not np.isin(labels, np.arange(10)).all():
        raise bad_data(path, "Its labels are not all whole numbers from 0 to 9")
    return labels.astype(np.uint8)


# -- IDX ----------------------------------------------------------------------
def _from_idx(path: Path) -> Dataset:
    images_path, labels_path = _idx_pair(path)
    images = _idx_array(images_path)
    if images.ndim != 3 or images.shape[1:] != (SIDE, SIDE):
        raise bad_data(images_path, f"It holds an array of the shape {images.shape}; expected images of 28 x 28")
    labels = None
    if labels_path:
        labels = _idx_array(labels_path)
        if labels.ndim != 1 or len(labels) != len(images):
            raise bad_data(labels_path, f"It has {labels.size:,} labels for {len(images):,} images")
    return Dataset(
        images_path.name, _checked_images(images_path, images), _checked_labels(path, labels, len(images)), str(path)
    )


def _idx_pair(path: Path) -> tuple[Path, Path | None]:
    """The images file and the labels file beside it, whichever of the two was named."""
    for images_word, labels_word in (
        ("images-idx3", "labels-idx1"),
        ("images.idx3", "labels.idx1"),
        ("images", "labels"),
    ):
        for old, new in ((images_word, labels_word), (labels_word, images_word)):
            if old not in path.name:
                continue
            base = path.with_name(path.name.replace(old, new))
            other = next((place for place in (base, base.with_suffix(""), Path(f"{base}.gz")) if place.is_file()), None)
            if old == labels_word:
                if other is None:
                    raise bad_data(path, f"These are labels, and the images ({base.name}) are not beside them")
                return other, path
            return path, other
    return path, None


def _zipped_start(path: Path) -> bytes:
    try:
        with gzip.open(path) as file:
            return file.read(4)
    except (OSError, EOFError, zlib.error) as error:
        raise bad_data(path, f"The gzip file is damaged: {error}") from error


def _idx_array(path: Path) -> NDArray[np.uint8]:
    try:
        with path.open("rb") as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else path.open("rb") as file:
            head = file.read(4)
            if len(head) < 4 or head[:3] != b"\x00\x00\x08" or not 1 <= head[3] <= 3:
                raise bad_data(path, "It does not begin as an IDX file of bytes does")
            shape = struct.unpack(f">{head[3]}I", file.read(4 * head[3]))
            size = int(np.prod(shape, dtype=np.float64))
            if size > _MOST_ROWS * SIDE * SIDE:
                raise bad_data(path, f"Its header asks for {size / 1e9:.1f} GB")
            content = file.read(size + 1)
    except (OSError, EOFError, zlib.error, struct.error) as error:
        raise bad_data(path, f"The file breaks off or is damaged: {error}") from error
    if len(content) != size:
        more = "more" if len(content) > size else f"only {len(content):,}"
        raise bad_data(path, f"Its header announces {size:,} bytes and there are {more}")
    return np.frombuffer(content, np.uint8).reshape(shape)


# -- a folder -----------------------------------------------------------------
_PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"}


def _from_folder(path: Path, on_progress: Progress) -> Dataset:
    """Folders named 0 .. 9 with pictures in them; a folder of pictures alone is a set without labels."""
    from core.digits.pictures import digit_from, read_picture

    labelled = [(file, digit) for digit in range(10) for file in _pictures_in(path / str(digit))]
    found = labelled or [(file, -1) for file in _pictures_in(path)]
    if not found:
        raise OpsError(
            f"The folder {path.name} holds no digits",
            "Expected folders named 0 to 9 with pictures in them, or pictures",
            "Choose another folder",
            code="data",
        )
    images = np.empty((len(found), SIDE, SIDE), np.uint8)
    for index, (file, _) in enumerate(found):
        images[index] = np.rint(digit_from(read_picture(file, f"{file.parent.name}/{file.name}")) * 255)
        on_progress(index + 1, len(found))
    labels = np.array([digit for _, digit in found], np.uint8) if labelled else None
    return Dataset(path.name, images, labels, str(path))


def _pictures_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in _PICTURES)
