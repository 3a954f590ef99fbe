"""What a model said of labelled digits, kept beside it: its figures and pictures can be explored after a restart.

One NPZ of plain arrays for each model, the newest evaluation only. Bounded: every answer up to ``MOST_ANSWERS``,
pictures of all misread digits first and then of others up to ``MOST_PICTURES`` (about 3 MB on the disk).
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.base.files import atomic_file
from core.digits.damage import DAMAGED_ARRAYS
from core.digits.patches import SIDE
from core.digits.scores import Evaluation

MOST_PICTURES = 20_000
MOST_ANSWERS = 500_000
LEARNED = " (it learned from these)"
_ENDING = ".judged"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Judged:
    """An evaluation of a model and the digits it is of.

    rows: which digits of the evaluation ``images`` (n, 28, 28) shows, ascending; None: all of them, in order.
    """

    model: str
    data: str
    evaluation: Evaluation
    images: NDArray[np.uint8]
    rows: NDArray[np.intp] | None = None

    @property
    def learned(self) -> bool:
        """Whether the model was fitted on these very digits: then its figures say nothing of new ones."""
        return self.data.endswith(LEARNED)

    def picture(self, row: int) -> NDArray[np.uint8] | None:
        """The digit (28, 28) of one row of the evaluation; None where its picture was not kept."""
        if self.rows is not None:
            place = int(np.searchsorted(self.rows, row))
            if place == len(self.rows) or self.rows[place] != row:
                return None
            row = place
        found: NDArray[np.uint8] = self.images[row]
        return found


class Judgements:
    """stamp: when the model was made; what was kept of another model under the same name is not shown."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, judged: Judged, stamp: str) -> None:
        evaluation = judged.evaluation
        if evaluation.count > MOST_ANSWERS:
            return
        rows = np.arange(evaluation.count)
        images = judged.images
        if len(rows) > MOST_PICTURES:
            others = np.random.default_rng(0).permutation(np.flatnonzero(evaluation.right))
            rows = np.sort(np.concatenate([evaluation.misread, others])[:MOST_PICTURES])
            images = images[rows]
        about = {"data": judged.data, "stamp": stamp, "scores": evaluation.summary}
        arrays: dict[str, NDArray[Any]] = {
            "about": np.frombuffer(json.dumps(about).encode(), np.uint8),
            "truth": evaluation.truth,
            "probabilities": evaluation.probabilities,
            "rows": rows,
            "images": images,
        }
        if evaluation.digit is not None:
            arrays["digit"] = evaluation.digit
        self._folder.mkdir(parents=True, exist_ok=True)
        with atomic_file(self._place(judged.model)) as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]

    def find(self, model: str, stamp: str) -> Judged | None:
        """None where nothing was kept, or what was kept is damaged or of another model of that name."""
        try:
            with self._place(model).open("rb") as file, np.load(file, allow_pickle=False) as stored:
                about = json.loads(stored["about"].tobytes())
                if about["stamp"] != stamp:
                    return None
                evaluation = Evaluation(
                    stored["truth"], stored["probabilities"], stored["digit"] if "digit" in stored.files else None
                )
                judged = Judged(model, str(about["data"]), evaluation, stored["images"], stored["rows"])
        except FileNotFoundError:
            return None
        except (*DAMAGED_ARRAYS, OSError) as error:
            _log.warning("the evaluation kept with %s cannot be read: %s", model, error)
            return None
        return judged if _fits(judged) else None

    def scores(self, model: str, stamp: str) -> dict[str, float]:
        """The figures alone, without reading the pictures; empty where nothing was kept."""
        try:
            with self._place(model).open("rb") as file, np.load(file, allow_pickle=False) as stored:
                about = json.loads(stored["about"].tobytes())
                kept = {str(name): float(value) for name, value in about["scores"].items()}
                return kept if about["stamp"] == stamp else {}
        except FileNotFoundError:
            return {}
        except (*DAMAGED_ARRAYS, OSError, AttributeError) as error:
            _log.warning("the figures kept with %s cannot be read: %s", model, error)
            return {}

    def drop(self, model: str) -> None:
        self._place(model).unlink(missing_ok=True)

    def _place(self, model: str) -> Path:
        return self._folder / f"{model}{_ENDING}"


def _fits(judged: Judged) -> bool:
    truth, shares, rows = judged.evaluation.truth, judged.evaluation.probabilities, judged.rows
    return (
        truth.ndim == 1
        and truth.dtype == np.uint8
        and bool((truth < 10).all())
        and shares.shape == (len(truth), 10)
        and bool(np.isfinite(shares).all())
        and rows is not None
        and rows.shape == (len(judged.images),)
        and judged.images.shape[1:] == (SIDE, SIDE)
        and judged.images.dtype == np.uint8
        and bool((np.diff(rows) > 0).all())
        and (len(rows) == 0 or (rows[0] >= 0 and bool(rows[-1] < len(truth))))
    )
