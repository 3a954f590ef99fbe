"""A Kinesis endpoint that answers 200 with whatever it is told first, and honestly afterwards."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextlib.contextmanager
def lying(answers: Sequence[bytes]) -> Iterator[tuple[str, list[bytes]]]:
    """(address, bodies of the requests so far). ``answers`` are given one after the other; then every PutRecords is
    acknowledged record by record, and every other question answered with an empty page."""
    waiting, asked, lock = list(answers), [], threading.Lock()

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16  # one packet an answer: two would wait 40 ms for each other

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            with lock:
                asked.append(body)
                told = waiting.pop(0) if waiting else _honest(body)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def _honest(body: bytes) -> bytes:
    records = json.loads(body).get("Records")
    if records is None:
        return b'{"Records":[],"NextShardIterator":"next","MillisBehindLatest":0}'
    stored = [{"SequenceNumber": str(n), "ShardId": "shardId-000000000000"} for n, _ in enumerate(records, 1)]
    return json.dumps({"FailedRecordCount": 0, "Records": stored}).encode()
