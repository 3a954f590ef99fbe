"""The sum that S3 keeps of an object, made again from its bytes as they arrive: whole, or of parts as they were uploaded."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from core.backups.objects.parts import layouts
from core.backups.objects.sums import SUMS, told
from core.base.errors import OpsError

_MD5 = re.compile(r"([0-9a-f]{32})(-\d+)?$")
NOTHING_TO_COMPARE = "This endpoint keeps no sum of the object that could be compared; its size is right"
UNEVEN = (
    "Its parts are of several sizes, which showed only when all of it was out: nothing was compared; its size is right"
)


class Fingerprint:
    """``update`` with the bytes in their order, then ``compare``. ``words``: what can be compared, "" where nothing can."""

    def __init__(
        self,
        client: Any,
        which: dict[str, str],
        head: dict[str, Any],
        checkpoint: Callable[[], None] = lambda: None,
    ) -> None:
        """head: HeadObject's answer with ``ChecksumMode``. Raises OpsError where the parts could not be asked for."""
        size, self._etag = int(head["ContentLength"]), head.get("ETag", "").strip('"')
        self.words = self._theirs = ""
        self._layouts: Iterator[list[int]] = iter(())
        for name, make, theirs in self._kept(head):
            count = int(theirs.partition("-")[2] or 0)
            sizes: list[int] = []  # of a sum of the whole
            if count:
                self._layouts = layouts(client, which, self._etag, size, count, checkpoint)
                if not (sizes := next(self._layouts, [])):
                    continue
            self.words, self._make, self._theirs = f"{name}{' by parts' if count else ''}", make, theirs
            self._begin(sizes)
            return

    def _begin(self, sizes: list[int]) -> None:
        """sizes: of the parts, [] for a sum of the whole."""
        self._sizes, self._sums = sizes, list[bytes]()
        self._hash, self._room = self._make(), next(iter(sizes), 0)

    def _kept(self, head: dict[str, Any]) -> list[tuple[str, Callable[[], Any], str]]:
        """Those of the whole first: parts are asked for."""
        sums, parts = told(head), self._etag.partition("-")[2]
        if head.get("ChecksumType") == "COMPOSITE":  # some endpoints leave the number of parts out
            sums = {kind: theirs if "-" in theirs else f"{theirs}-{parts}" for kind, theirs in sums.items()}
        # Encrypted by KMS or with a key of the customer's own, an object has an ETag that is no sum of its bytes.
        plain = "KMS" not in head.get("ServerSideEncryption", "").upper() and not head.get("SSECustomerAlgorithm")
        if plain and (etag := _MD5.match(self._etag)):
            sums["MD5"] = base64.b64encode(bytes.fromhex(etag[1])).decode() + (etag[2] or "")
        found = [(*SUMS[kind], sums[kind]) for kind in SUMS if kind in sums]
        return sorted(found, key=lambda item: "-" in item[2])

    def update(self, content: bytes | bytearray) -> None:
        if not self.words:
            return
        if not self._sizes:
            self._hash.update(content)
            return
        view = memoryview(content)
        while view:
            piece = view[: self._room]
            self._hash.update(piece)
            self._room -= len(piece)
            view = view[len(piece) :]
            if not self._room:
                self._close_part()

    def compare(self, key: str, again: Callable[[], Iterable[bytes]] | None = None) -> str:
        """What was compared, in words; raises OpsError (``damaged``) where it differs.

        again: all bytes once more, if their parts turn out to be others than was thought.
        """
        if not self.words:
            return NOTHING_TO_COMPARE
        ours = base64.b64encode(self._digest()).decode()
        if ours == self._theirs.partition("-")[0]:
            return f"Its {self.words} was compared"
        if told := next(self._layouts, None):
            if again is None:
                return UNEVEN
            self._begin(told)
            for content in again():
                self.update(content)
            return self.compare(key)
        raise OpsError(
            f"{key} arrived damaged",
            f"Its {self.words} is {self._theirs} there, {ours} here",
            "Download it again; if it stays so, the object itself is damaged",
            code="damaged",
        )

    def _digest(self) -> bytes:
        whole = self._hash
        if self._sizes:
            whole = self._make()
            whole.update(b"".join(self._sums))
        digest: bytes = whole.digest()
        return digest

    def _close_part(self) -> None:
        self._sums.append(self._hash.digest())
        self._hash = self._make()
        self._room = self._sizes[len(self._sums)] if len(self._sums) < len(self._sizes) else 0
