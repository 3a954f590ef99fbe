"""One's own labelled drawings: "that was a 7". Strokes and picture are kept, to look at, delete, export, train with."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.base.errors import OpsError
from core.base.sqlite import Database
from core.digits.datasets import Dataset
from core.digits.ink import Stroke
from core.digits.patches import SIDE

_TABLE = (
    "CREATE TABLE IF NOT EXISTS sample (id INTEGER PRIMARY KEY, label INTEGER NOT NULL, answered INTEGER,"
    " created TEXT NOT NULL, image BLOB NOT NULL, strokes TEXT NOT NULL)"
)


@dataclass(frozen=True)
class Sample:
    """image (28, 28) uint8 as the model saw it; answered: what the model had said; strokes empty for a picture."""

    id: int
    label: int
    answered: int | None
    created: datetime
    image: NDArray[np.uint8]
    strokes: tuple[Stroke, ...]


class Samples:
    """Kept in SQLite; every change is on disk when the call returns. Safe from any thread.

    A file that is no database is renamed aside (``trouble`` says so) and never overwritten.
    """

    def __init__(self, path: Path) -> None:
        self._database = Database(path, _TABLE, "Your samples cannot be used", code="samples")

    @property
    def trouble(self) -> OpsError | None:
        """That the file was damaged when it was opened, which this does."""
        with self._asked("Your samples could not be read"):
            aside = self._database.aside
        if aside is None:
            return None
        return OpsError(
            "Your samples could not be read",
            f"The file was damaged; it was kept as {aside.name}",
            "Restore it from a backup, or go on with an empty collection",
            code="samples",
        )

    def add(
        self, label: int, image: NDArray[np.uint8], strokes: Sequence[Stroke] = (), answered: int | None = None
    ) -> Sample:
        if not 0 <= label <= 9 or image.shape != (SIDE, SIDE):
            raise ValueError("a sample is a 28 x 28 picture and a digit")
        created = datetime.now(UTC)
        with self._asked("The sample could not be kept") as database:
            cursor = database.execute(
                "INSERT INTO sample (label, answered, created, image, strokes) VALUES (?, ?, ?, ?, ?)",
                (label, answered, created.isoformat(), image.astype(np.uint8).tobytes(), _as_text(strokes)),
            )
        return Sample(int(cursor.lastrowid or 0), label, answered, created, image, tuple(strokes))

    def list(self) -> list[Sample]:
        """Newest first."""
        with self._asked("Your samples could not be read") as database:
            rows = database.execute(
                "SELECT id, label, answered, created, image, strokes FROM sample ORDER BY id DESC"
            ).fetchall()
            return [
                Sample(number, label, answered, datetime.fromisoformat(created), _image(image), _from_text(strokes))
                for number, label, answered, created, image, strokes in rows
            ]

    def count(self) -> int:
        with self._asked("Your samples could not be counted") as database:
            return int(database.execute("SELECT count(*) FROM sample").fetchone()[0])

    def delete(self, numbers: Sequence[int]) -> None:
        """All of them or none."""
        with self._asked("The samples could not be deleted") as database, database:
            database.execute("BEGIN")
            database.executemany("DELETE FROM sample WHERE id = ?", [(number,) for number in numbers])

    def as_dataset(self) -> Dataset:
        """All samples, oldest first. Raises OpsError where there are none."""
        samples = self.list()[::-1]
        if not samples:
            raise OpsError(
                "You have no samples yet",
                "Samples are drawings that you named with “That was a …”",
                "Draw a digit and name it",
                code="data",
            )
        labels = np.array([sample.label for sample in samples], np.uint8)
        return Dataset("my samples", np.stack([sample.image for sample in samples]), labels)

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def _asked(self, fault: str) -> Iterator[sqlite3.Connection]:
        """The database for one question; a row that makes no sense becomes an OpsError as well."""
        with self._database.use(fault) as database:
            try:
                yield database
            except (ValueError, KeyError, TypeError) as error:
                raise OpsError(
                    fault,
                    f"The database of samples answers: {error}",
                    "Restore samples.sqlite from a backup",
                    code="samples",
                ) from error


def _image(content: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(content, np.uint8).reshape(SIDE, SIDE)


def _as_text(strokes: Sequence[Stroke]) -> str:
    return json.dumps([{"width": stroke.width, "points": np.round(stroke.points, 2).tolist()} for stroke in strokes])


def _from_text(text: str) -> tuple[Stroke, ...]:
    return tuple(Stroke.of(entry["points"], float(entry["width"])) for entry in json.loads(text))
