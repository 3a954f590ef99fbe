"""StartStreamEncryption and StopStreamEncryption: kept and shown, as there is no KMS here that could encrypt anything."""

from __future__ import annotations

from typing import Any

from core.sandbox.kinesis import fields
from core.sandbox.kinesis.errors import ACCOUNT, in_use
from core.sandbox.kinesis.fields import Body
from core.sandbox.kinesis.store import Store
from core.sandbox.kinesis.stream import Stream


class Encryption:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def start_stream_encryption(self, body: Body) -> Any:
        stream, key = self._asked(body)
        self._change(stream, "KMS", key)

    async def stop_stream_encryption(self, body: Body) -> Any:
        stream, _ = self._asked(body)
        self._change(stream, "NONE", "")

    def _asked(self, body: Body) -> tuple[Stream, str]:
        stream = self._store.find(fields.stream_name(body), ready=False)
        fields.choice(body, "EncryptionType", ("NONE", "KMS"))
        key = fields.text(body, "KeyId")
        if stream.facts.status != "ACTIVE":
            raise in_use(
                f"Stream {stream.name} under account {ACCOUNT} not ACTIVE, instead in state {stream.facts.status}"
            )
        return stream, key

    def _change(self, stream: Stream, kind: str, key: str) -> None:
        def change() -> None:
            stream.facts.encryption, stream.facts.key_id = kind, key

        self._store.change(stream, "UPDATING", change)
