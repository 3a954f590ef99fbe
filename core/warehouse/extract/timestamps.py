"""Times of one width, as logs write them, taken apart column of characters by column; what is not plainly one is left to the general parser."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

_WIDTHS = {"Y": 4, "m": 2, "d": 2, "b": 3, "H": 2, "M": 2, "S": 2, "z": 5}
_MONTHS = b"JanFebMarAprMayJunJulAugSepOctNovDec"
_MOST_FRACTION = 7  # a dot and microseconds; what is finer is rounded by the general parser


@dataclass(frozen=True, slots=True)
class Layout:
    """places: where the fields begin, from the line's start, or from its end where they stand behind the fraction.
    literals: the characters between them. width: of all but the fraction. fraction: whether and where one may stand."""

    places: dict[str, int]
    literals: tuple[tuple[int, int], ...]
    width: int
    fraction: int | None


@lru_cache(16)
def layout(form: str) -> Layout | None:
    """How a format lays a time out, or None where it is not of whole fields with signs between them."""
    places: dict[str, int] = {}
    literals: list[tuple[int, int]] = []
    width, fraction, number = 0, None, False
    parts: list[str] = re.findall(r"%\.f|%.|.", form, re.DOTALL)
    total = sum(_WIDTHS.get(part[1:], 0) if part[0] == "%" else 1 for part in parts)
    for before, part in zip(["", *parts], parts, strict=False):
        here = width - total if fraction is not None else width
        if part == "%.f":
            if before != "%S":
                return None
            fraction = width
        elif part[0] == "%":
            # Two numbers without a sign between them: where the first ends is for the general parser to say.
            if part[1:] not in _WIDTHS or part[1:] in places or (number and part != "%z"):
                return None
            places[part[1:]] = here
            width += _WIDTHS[part[1:]]
            number = part != "%b"
        elif not part.isascii() or part.isdigit():
            return None
        else:
            literals.append((here, ord(part)))
            width += 1
            number = False
    if not {"Y", "d", "H", "M", "S"} <= places.keys() or len({"m", "b"} & places.keys()) != 1:
        return None
    return Layout(places, tuple(literals), width, fraction)


def plain_times(series: pl.Series, form: str) -> pl.Series | None:
    """Moments in UTC (without a zone, microseconds) of the texts that are plainly such times; null for all others,
    which prove nothing. None: the format has no layout."""
    import numpy as np
    import polars as pl

    made = layout(form)
    if made is None:
        return None
    sizes = series.str.len_bytes()
    width = sizes.drop_nulls().first()
    if not isinstance(width, int) or not (
        width == made.width or (made.fraction is not None and 2 <= width - made.width <= _MOST_FRACTION)
    ):
        return pl.Series(series.name, [None], dtype=pl.Datetime("us")).new_from_index(0, len(series))
    fits = (sizes == width).fill_null(False)
    whole = bool(fits.all())
    stored = (series if whole else series.filter(fits)).to_arrow()
    count = len(stored)
    offsets = np.frombuffer(stored.buffers()[1], np.int64)[stored.offset :][: count + 1]
    text = np.frombuffer(stored.buffers()[2], np.uint8)[offsets[0] : offsets[-1]].reshape(count, width)
    moments, good = _moments(np.ascontiguousarray(text.T), made)
    if not whole:
        every, valid = np.zeros(len(series), np.int64), np.zeros(len(series), np.bool_)
        places = fits.to_numpy()
        every[places], valid[places] = moments, good
        moments, good = every, valid
    times = pl.Series(series.name, moments).cast(pl.Datetime("us"))
    return times if good.all() else times.set(pl.Series(~good), None)


def _moments(text: np.ndarray[Any, Any], made: Layout) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """text: a row of bytes for each place in the line. Microseconds since 1970, and which of them are valid."""
    import numpy as np

    width, count = text.shape
    good = np.ones(count, np.bool_)
    for place, sign in made.literals:
        good &= text[place] == sign

    def digits(place: int, length: int) -> np.ndarray[Any, Any]:
        """A number of up to six digits; meaningless where it is not ``good``."""
        figures = text[place : place + length] - np.uint8(48)  # what is below wraps around
        np.logical_and(good, (figures <= 9).all(axis=0), out=good)
        pairs = [figures[n] * np.uint8(10) + figures[n + 1] for n in range(0, length - 1, 2)]
        value: np.ndarray[Any, Any] = pairs[0] if pairs else figures[0]
        for pair in pairs[1:]:
            value = value.astype(np.int32) * np.int32(100) + pair
        if pairs and length % 2:
            value = value * np.int32(10) + figures[-1]
        return value

    def field(name: str, low: int, high: int) -> np.ndarray[Any, Any]:
        value = digits(made.places[name] % width, _WIDTHS[name])
        np.logical_and(good, (value >= low) & (value <= high), out=good)
        return value

    year = field("Y", 1, 9999)
    if "m" in made.places:
        month = field("m", 1, 12)
    else:
        place = made.places["b"] % width
        name = text[place].astype(np.int32) << 16 | text[place + 1].astype(np.int32) << 8 | text[place + 2]
        month = np.zeros(count, np.int32)
        for number in range(12):
            month[name == int.from_bytes(_MONTHS[number * 3 : number * 3 + 3])] = number + 1
        good &= month > 0
    starts = _month_starts()
    index = np.where(good, year * 12 + month - 13, 0)
    begun = starts[index]
    day = field("d", 1, 31)
    good &= day <= starts[index + 1] - begun
    seconds = ((field("H", 0, 23).astype(np.int32) * 60 + field("M", 0, 59)) * 60 + field("S", 0, 59)).astype(np.int64)
    if "z" in made.places:
        place = made.places["z"] % width
        sign = text[place]
        good &= (sign == ord("+")) | (sign == ord("-"))
        hours, minutes = digits(place + 1, 2), digits(place + 3, 2)
        good &= (hours <= 23) & (minutes <= 59)
        away = (hours.astype(np.int32) * 60 + minutes) * 60
        seconds -= np.where(sign == ord("-"), -away, away)
    moments = ((begun + day - 1) * 86_400 + seconds) * 1_000_000
    if width > made.width and made.fraction is not None:
        length = width - made.width - 1
        good &= text[made.fraction] == ord(".")
        moments += digits(made.fraction + 1, length).astype(np.int64) * 10 ** (6 - length)
    return moments, good


@lru_cache(1)
def _month_starts() -> np.ndarray[Any, Any]:
    """Days since 1970 at which the months of the years 1 to 9999 begin, and the one after."""
    import numpy as np

    return np.arange("0001-01", "10000-02", dtype="datetime64[M]").astype("datetime64[D]").astype(np.int64)
