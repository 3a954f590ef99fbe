"""The data plane as a child process: ``python -m core.sandbox.kinesis --port N --data DIR``.

Prints ``READY {"port": N}`` once it listens on 127.0.0.1; ends on SIGTERM, SIGINT, or when its stdin ends.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from pathlib import Path

from core.sandbox.contract import announce, when_parent_leaves
from core.sandbox.kinesis.api import Api
from core.sandbox.kinesis.server import listen
from core.sandbox.kinesis.store import Config, Store


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m core.sandbox.kinesis", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--data", type=Path, required=True, help="folder that keeps the streams")
    parser.add_argument("--retention-bytes", type=int, default=Config.retention_bytes, help="cap for all streams")
    parser.add_argument("--segment-bytes", type=int, default=Config.segment_bytes)
    parser.add_argument("--passing", type=float, default=Config.passing, help="seconds that UPDATING lasts")
    parser.add_argument("--keep-without-stdin", action="store_true", help="do not end when stdin ends")
    options = parser.parse_args()
    config = Config(options.data, options.retention_bytes, options.segment_bytes, options.passing)
    with contextlib.suppress(ImportError):  # twice the requests a second where it exists
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_serve(config, options.port, not options.keep_without_stdin))
    return asyncio.run(_serve(config, options.port, not options.keep_without_stdin))


async def _serve(config: Config, port: int, watch_stdin: bool) -> int:
    config.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with contextlib.suppress(ImportError):  # two writers of one log would destroy it
        import fcntl

        lock = (config.data / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print(f"{config.data} is in use by another data plane", file=sys.stderr)
            return 3
    loop, ending = asyncio.get_running_loop(), asyncio.Event()
    store = Store(config)
    store.open()
    server, bound, live = await listen(Api(store), port)
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(number, ending.set)
    if watch_stdin:
        when_parent_leaves(lambda: _end(loop, ending))
    announce(bound)
    await ending.wait()
    server.close()
    for connection in list(live):
        connection.drop()
    await store.close()
    return 0


def _end(loop: asyncio.AbstractEventLoop, ending: asyncio.Event) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has ended already
        loop.call_soon_threadsafe(ending.set)


if __name__ == "__main__":
    sys.exit(main())
