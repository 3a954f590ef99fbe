"""Pictures of digits (a scan, a photo on paper, a screenshot) to the 28x28 a model expects."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.base.errors import OpsError
from core.digits.ink import BOX, centre_of_mass
from core.digits.patches import SIDE, Floats

_WORK_SIDE = 200  # larger pictures are averaged down to this: strokes stay several pixels wide
_MOST_PIXELS = 60_000_000  # a phone makes 50; more is a decompression bomb or a poster
_LEAST_CONTRAST = 24  # of 255: below it a picture is blank paper
_SPECK = 0.02  # parts with less than this share of the ink of the largest part are dirt


def read_picture(source: Path | bytes, name: str = "") -> NDArray[np.uint8]:
    """The picture in grey, (height, width) uint8, the right way up, transparent parts white.

    Raises OpsError (code ``picture``) for what is no picture, is damaged, or is larger than 60 million pixels.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    name = name or (source.name if isinstance(source, Path) else "the picture")
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as opened:
            if opened.width * opened.height > _MOST_PIXELS:
                raise _unreadable(name, f"It has {opened.width:,} x {opened.height:,} pixels", "Make it smaller")
            picture = ImageOps.exif_transpose(opened)
            if "A" in picture.getbands() or "transparency" in picture.info:
                picture = picture.convert("RGBA")
                picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
            if picture.mode.startswith(("I", "F")):
                return _to_eight_bits(np.asarray(picture, np.float64))
            return np.asarray(picture.convert("L"))
    except FileNotFoundError as error:
        raise _unreadable(name, "There is no such file", "Check the name") from error
    except UnidentifiedImageError as error:
        raise _unreadable(name, "It is no picture of a kind known here") from error
    except Image.DecompressionBombError as error:
        raise _unreadable(name, "It unpacks to far more pixels than a picture of a digit needs") from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:  # Pillow raises all of these for damaged files
        raise _unreadable(name, f"It is damaged: {error}") from error


def _unreadable(name: str, why: str, remedy: str = "Save it again as PNG or JPEG and try once more") -> OpsError:
    return OpsError(f"{name} could not be read as a picture", why, remedy, code="picture")


def _to_eight_bits(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    top = 65535.0 if values.max(initial=0) > 255 else 255.0
    return np.clip(values * (255.0 / top), 0, 255).astype(np.uint8)


def digit_from(grey: NDArray[np.uint8]) -> Floats:
    """(28, 28) float32 in 0..1 with ink = 1, from a grey picture; all zeros where the picture shows nothing.

    One that comes from a data set is taken as it is.
    """
    return np.divide(grey, 255, dtype=np.float32) if is_of_a_set(grey) else framed(found_ink(grey))


def is_of_a_set(grey: NDArray[np.uint8]) -> bool:
    """Whether it is exactly 28 x 28 on black, as the digits of data sets are."""
    return grey.shape == (SIDE, SIDE) and bool(np.median(_border(grey)) == 0)


def found_ink(grey: NDArray[np.uint8]) -> Floats:
    """The picture with the paper at 0 and the ink up to 1: evened light, Otsu's threshold, specks removed."""
    small = averaged(grey.astype(np.float32), _WORK_SIDE)
    if np.ptp(small) < _LEAST_CONTRAST:
        return np.zeros_like(small)
    if np.median(_border(small)) > (small.min() + small.max()) / 2:  # dark ink on bright paper
        small = 255 - small
    small = np.maximum(small - _paper(small), 0)
    level = otsu(small)
    if small.max() - level < _LEAST_CONTRAST / 2:
        return np.zeros_like(small)
    kept = largest_parts(small > level)
    # ink keeps its grey edge: what lies next to kept ink and is not paper belongs to the stroke
    near = kept.copy()
    near[1:] |= kept[:-1]
    near[:-1] |= kept[1:]
    near[:, 1:] |= kept[:, :-1]
    near[:, :-1] |= kept[:, 1:]
    full = np.percentile(small[kept], 75) if kept.any() else 1.0
    return np.where(near, np.clip(small / full, 0, 1), 0).astype(np.float32)


def framed(ink: Floats) -> Floats:
    """Crop to the ink, scale its longer side to 20 pixels, centre it by mass in 28 x 28."""
    rows, columns = np.flatnonzero(ink.max(1) > 0.3), np.flatnonzero(ink.max(0) > 0.3)
    picture = np.zeros((SIDE, SIDE), np.float32)
    if not len(rows) or not len(columns):
        return picture
    cropped = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    zoom = BOX / max(cropped.shape)
    height, width = (max(1, round(length * zoom)) for length in cropped.shape)
    scaled = _rescaled(_rescaled(cropped, height, 0), width, 1)
    scaled /= max(float(scaled.max()), 1e-6)
    x, y = centre_of_mass(scaled)
    top = int(np.clip(round((SIDE - 1) / 2 - y), 0, SIDE - height))
    left = int(np.clip(round((SIDE - 1) / 2 - x), 0, SIDE - width))
    picture[top : top + height, left : left + width] = scaled
    return picture


def averaged(picture: Floats, side: int) -> Floats:
    """The picture with its longer side at most ``side`` pixels, by area averaging."""
    zoom = side / max(picture.shape)
    if zoom >= 1:
        return picture
    height, width = (max(1, round(length * zoom)) for length in picture.shape)
    return _rescaled(_rescaled(picture, height, 0), width, 1)


def _rescaled(picture: Floats, length: int, axis: int) -> Floats:
    """One axis to ``length`` pixels by exact area averaging: differences of the running sum."""
    old = picture.shape[axis]
    running = np.concatenate([np.zeros_like(picture.take([0], axis)), picture.cumsum(axis, np.float64)], axis)
    edges = np.linspace(0, old, length + 1)
    below = np.minimum(edges.astype(int), old)
    above = np.minimum(below + 1, old)
    share = np.expand_dims(edges - below, 1 - axis)
    at_edges = running.take(below, axis) * (1 - share) + running.take(above, axis) * share
    result: Floats = (np.diff(at_edges, axis=axis) * (length / old)).astype(np.float32)
    return result


def _paper(picture: Floats) -> Floats:
    """The brightness of bright-on-dark paper around each pixel: shadows of a photo vanish with it.

    The 20th percentile of blocks much larger than a stroke: the slope of a lamp's light first, then what is left,
    spread smoothly.
    """
    blocks = 6
    rows = np.array_split(np.arange(picture.shape[0]), min(blocks, picture.shape[0]))
    columns = np.array_split(np.arange(picture.shape[1]), min(blocks, picture.shape[1]))
    levels = np.array([[np.percentile(picture[np.ix_(row, column)], 20) for column in columns] for row in rows])
    slope = _slope(levels)
    # a block full of ink has no paper: no block may be brighter than the paper of its neighbours by much
    padded = np.pad(levels - slope, 1, mode="edge")
    around = [padded[y : y + len(rows), x : x + len(columns)] for y in range(3) for x in range(3)]
    levels = np.min(around, axis=0) + slope
    y = np.interp(np.arange(picture.shape[0]), [row.mean() for row in rows], np.arange(len(rows)))
    x = np.interp(np.arange(picture.shape[1]), [column.mean() for column in columns], np.arange(len(columns)))
    across = np.array([np.interp(x, np.arange(len(columns)), line) for line in levels])
    full = np.array([np.interp(y, np.arange(len(rows)), column) for column in across.T]).T
    return full.astype(np.float32)


def _slope(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """The plane through most of the levels (rows, columns); blocks far above it hold ink and do not count."""
    y, x = np.indices(levels.shape)
    axes = np.column_stack([np.ones(levels.size), y.ravel(), x.ravel()])
    values, counted = levels.ravel(), np.ones(levels.size, bool)
    plane = np.zeros(levels.size)
    for _ in range(3):
        plane = axes @ np.linalg.lstsq(axes[counted], values[counted], rcond=None)[0]
        off = values - plane
        counted = off <= max(2 * float(np.median(np.abs(off))), _LEAST_CONTRAST / 4)
    return plane.reshape(levels.shape)


def otsu(picture: Floats) -> float:
    """The threshold that parts the values into two groups of least variance (Otsu 1979)."""
    counts, edges = np.histogram(picture, 256)
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * middles)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    between[~np.isfinite(between)] = -1
    best = np.flatnonzero(between == between.max())
    return float(middles[best].mean())  # a flat top (two clean levels): its middle, not its edge


def largest_parts(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask without specks: connected parts (8 neighbours) with under 2 % of the pixels of the largest."""
    labels = np.where(mask, np.arange(1, mask.size + 1).reshape(mask.shape), 0)
    while True:  # each pixel takes the highest number around it, rows and columns at once, until nothing changes
        spread = labels.copy()
        for axis in (0, 1):
            for flip in (False, True):
                view = np.flip(spread, axis) if flip else spread
                view = view if axis == 0 else view.T
                for line in range(1, len(view)):
                    above = np.pad(view[line - 1], 1)
                    best = np.maximum(np.maximum(above[:-2], above[1:-1]), above[2:])
                    np.maximum(view[line], best, out=view[line], where=view[line] > 0)
        if (spread == labels).all():
            break
        labels = spread
    counts = np.bincount(labels.ravel())
    counts[0] = 0
    return np.asarray(counts[labels] > _SPECK * counts.max(initial=0)) & mask


def _border(picture: NDArray[Any]) -> Floats:
    return np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]]).astype(np.float32)
