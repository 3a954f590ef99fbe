"""The sum that S3 keeps of an object, made again from its bytes as they arrive: whole, or of parts as they were uploaded."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any

from core.aws.faults import explained
from core.backups.objects.sums import SUMS, told
from core.base.errors import OpsError

_MD5 = re.compile(r"([0-9a-f]{32})(-\d+)?$")
NOTHING_TO_COMPARE = "This endpoint keeps no sum of the object that could be compared; its size is right"
_NO_ANSWER = ("unreachable", "credentials", "expired", "throttled", "server", "tls", "clock")
"""Codes of trouble that says nothing of the object."""


class Fingerprint:
    """``update`` with the bytes in their order, then ``compare``. ``words``: what can be compared, "" where nothing can."""

    def __init__(self, client: Any, which: dict[str, str], head: dict[str, Any]) -> None:
        """head: HeadObject's answer with ``ChecksumMode``. Raises OpsError where the parts' size could not be asked for."""
        self._client, self._which = client, which
        self._size, self._etag = int(head["ContentLength"]), head.get("ETag", "").strip('"')
        self.words = self._theirs = ""
        self._part = self._count = 0  # 0: the object is one whole
        self._sums: list[bytes] = []
        for name, make, theirs in self._kept(head):
            count = int(theirs.partition("-")[2] or 0)
            part = part_size(client, which, self._etag, self._size, count) if count else 0
            if count and not part:
                continue
            self.words, self._make, self._theirs = f"{name}{' by parts' if count else ''}", make, theirs
            self._part, self._count = part, count
            self._hash, self._room = make(), part
            return

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
        if not self._part:
            if self.words:
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

    def compare(self, key: str) -> str:
        """What was compared, in words; raises OpsError (``damaged``) where it differs."""
        if not self.words:
            return NOTHING_TO_COMPARE
        if self._part and self._room != self._part:
            self._close_part()
        whole = self._make() if self._part else self._hash
        if self._part:
            whole.update(b"".join(self._sums))
        ours = base64.b64encode(whole.digest()).decode()
        if ours == self._theirs.partition("-")[0]:
            return f"Its {self.words} was compared"
        if self._part and self._last_part() != self._size - (self._count - 1) * self._part:
            return NOTHING_TO_COMPARE  # the first part's size was not that of the others
        raise OpsError(
            f"{key} arrived damaged",
            f"Its {self.words} is {self._theirs} there, {ours} here",
            "Download it again; if it stays so, the object itself is damaged",
            code="damaged",
        )

    def _close_part(self) -> None:
        self._sums.append(self._hash.digest())
        self._hash, self._room = self._make(), self._part

    def _last_part(self) -> int:
        return _size_of(self._client, self._which, self._etag, self._count, self._size)


def part_size(client: Any, which: dict[str, str], etag: str, size: int, count: int) -> int:
    """The size of an object's ``count`` parts, if all but the last are as large as the first; 0 where nobody can tell."""
    first = _size_of(client, which, etag, 1, size)
    return first if first > 0 and -(-size // first) == count else 0


def _size_of(client: Any, which: dict[str, str], etag: str, number: int, size: int) -> int:
    """The size of one part; that of the whole object where the endpoint does not know parts; 0 where nothing was told."""
    wanted = {**which, "PartNumber": number, **({"IfMatch": f'"{etag}"'} if etag else {})}
    try:
        with explained(f"look at part {number} of {which['Key']}"):
            told = int(client.head_object(**wanted)["ContentLength"])
            if told == size:  # HEAD does not tell everywhere (the sandbox does not), GET does
                answer = client.get_object(**wanted)
                answer["Body"].close()
                told = int(answer["ContentLength"])
            return told
    except OpsError as error:
        if error.code in _NO_ANSWER:
            raise
        return 0
