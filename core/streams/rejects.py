"""Records that are no page views, kept in S3 as JSON lines: each once, however often it is read again."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import orjson

from core.streams.staging import Staging

_DIGITS = 56  # of a sequence number: names of equal length sort as their numbers do


class Rejects:
    """A file a shard and commit, named after its last and its first record.

    A shard is read in order and what is kept of it holds all rejects between the two: a record that lies within the
    range of a file was kept by a run that was killed before it committed, or before the pipeline was set back.
    """

    def __init__(self, staging: Staging) -> None:
        self._staging = staging
        self._kept: dict[str, list[tuple[int, int]]] = {}  # folder -> (first, last) of the files of earlier runs

    def keep(self, born: str, rejects: Sequence[dict[str, Any]], after: dict[str, str]) -> str:
        """Store those that are not stored yet; the folder. ``born``: which stream of the name. ``after``: shard -> up to
        which number an earlier run has committed: what it kept before is not read again."""
        of_shard: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for reject in rejects:
            of_shard[reject["shard"]].append(reject)
        for shard, found in of_shard.items():
            folder = f"rejects/{born}{shard}/"
            if folder not in self._kept:
                self._kept[folder] = self._ranges(folder, after.get(shard, ""))
            fresh = [reject for reject in found if not _within(self._kept[folder], int(reject["sequence"]))]
            if fresh:
                first, last = fresh[0]["sequence"], fresh[-1]["sequence"]
                lines = b"\n".join([orjson.dumps(reject) for reject in fresh])
                self._staging.put(f"{folder}{last:0>{_DIGITS}}-from-{first}.jsonl", lines + b"\n")
        return self._staging.address("rejects/")

    def _ranges(self, folder: str, after: str) -> list[tuple[int, int]]:
        """What the files that are there reach over, as far as they go beyond ``after``."""
        found: list[tuple[int, int]] = []
        for name in self._staging.names(folder, f"{after:0>{_DIGITS}}" if after else ""):
            last, _, first = name.removesuffix(".jsonl").partition("-from-")
            if last.isdecimal() and first.isdecimal():  # else it is somebody else's
                found.append((int(first), int(last)))
        joined: list[tuple[int, int]] = []
        for first_of, last_of in sorted(found):
            if joined and first_of <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(joined[-1][1], last_of))
            else:
                joined.append((first_of, last_of))
        return joined


def _within(ranges: Sequence[tuple[int, int]], number: int) -> bool:
    place = bisect_right(ranges, (number, float("inf"))) - 1
    return place >= 0 and number <= ranges[place][1]
