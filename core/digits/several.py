"""Several digits side by side, in one drawing or picture: the pieces that paper parts from each other, left to right,
and where none does, the two places at which two digits may touch.

Measured with the shipped model: of MNIST's 60,000 training digits (which it knows) 164 have so wide a gap inside, and 3 are
read as two; were the model to refuse all of those first, it would be 35. Of 400 pairs of them, 3 pixels apart, 384 are read right.
Of touching digits docs/digits.md has the figures.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.digits.ink import Drawing
from core.digits.patches import Floats

MOST = 4
"""More pieces than these are no number that somebody wrote by hand onto the pad."""
_GAP = 0.12
"""Of the height of all ink: a narrower gap is a digit's own, a stroke that does not quite touch."""
_INK = 0.3
_CUTS = 2
"""Places to try: the model judges each, and a third hardly ever is the right one."""
_COVERED = 0.5
"""Of the narrower one's width: strokes that lie closer above each other belong to one digit (the stem of a 4, the bar of a 7)."""
_THIN = 0.1
"""Of the height: no more ink than this is cut in a picture. 0.16 parts more that touch (79 for 63 %), and three times as many
single digits."""


def drawn_apart(drawing: Drawing) -> list[Drawing]:
    """The strokes of each digit; the whole drawing where nothing parts it."""
    strokes = [stroke for stroke in drawing if len(stroke.points)]
    low = np.array([stroke.points.min(0) - stroke.width / 2 for stroke in strokes])
    high = np.array([stroke.points.max(0) + stroke.width / 2 for stroke in strokes])
    gap = _GAP * float(high[:, 1].max() - low[:, 1].min())
    groups: list[list[int]] = []
    reach = -np.inf
    for index in np.argsort(low[:, 0]).tolist():
        if low[index, 0] - reach >= gap:
            groups.append([])
        groups[-1].append(index)
        reach = max(reach, high[index, 0])
    return [[strokes[index] for index in sorted(group)] for group in groups]


def ink_apart(ink: Floats) -> list[Floats]:
    """The picture of each digit, of one with ink in 0..1 (rows, columns); the whole one where nothing parts it."""
    rows, columns = np.flatnonzero((ink > _INK).any(1)), np.flatnonzero((ink > _INK).any(0))
    if not len(columns):
        return [ink]
    wide = np.flatnonzero(np.diff(columns) - 1 >= _GAP * (rows[-1] - rows[0] + 1))
    cuts: Sequence[int] = ((columns[wide] + columns[wide + 1] + 1) // 2).tolist()
    return np.split(ink, cuts, axis=1)


def drawn_together(drawing: Drawing) -> list[tuple[Drawing, Drawing]]:
    """Left and right digit of a drawing that no gap parts, at most two ways: each stroke is of one digit."""
    strokes = [stroke for stroke in drawing if len(stroke.points)]
    low = np.array([stroke.points[:, 0].min() - stroke.width / 2 for stroke in strokes])
    high = np.array([stroke.points[:, 0].max() + stroke.width / 2 for stroke in strokes])
    order = np.argsort(low + high, kind="stable").tolist()
    ways: list[tuple[float, Drawing, Drawing]] = []
    for place in range(1, len(order)):
        left, right = order[:place], order[place:]
        narrower = min(high[left].max() - low[left].min(), high[right].max() - low[right].min())
        covered = float((high[left].max() - low[right].min()) / narrower)
        if covered < _COVERED:
            ways.append((covered, [strokes[i] for i in sorted(left)], [strokes[i] for i in sorted(right)]))
    ways.sort(key=lambda way: way[0])
    return [(left, right) for _, left, right in ways[:_CUTS]]


def ink_together(ink: Floats) -> list[tuple[Floats, Floats]]:
    """The same of a picture: cut where the least ink is, in the middle half of its width."""
    rows, columns = np.flatnonzero((ink > _INK).any(1)), np.flatnonzero((ink > _INK).any(0))
    if not len(columns):
        return []
    height, width = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    middle = np.arange(columns[0] + width // 4, columns[0] + -(-3 * width // 4))
    cost = ink[:, middle].sum(0)
    cuts: list[int] = []
    for index in np.argsort(cost, kind="stable").tolist():
        if cost[index] > _THIN * height or len(cuts) == _CUTS:
            break
        if all(abs(int(middle[index]) - other) >= 0.1 * height for other in cuts):
            cuts.append(int(middle[index]))
    return [(ink[:, :cut], ink[:, cut:]) for cut in cuts]
