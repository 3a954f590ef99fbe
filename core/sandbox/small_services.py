"""Runs ministack (S3, sts, iam, sns, sqs, ec2, elbv2, secretsmanager) on loopback, with its state on disk.

It is served from here rather than by its own command because that one would listen on every interface, open
MQTT and SFTP ports, sweep the user's Docker containers, write to /tmp, and keep bucket settings only on a
clean exit.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
from pathlib import Path
from typing import Any

from core.sandbox.contract import ACCESS_KEY, SECRET_KEY, announce, when_parent_leaves

SERVICES = "s3,sts,iam,sns,sqs,ec2,elasticloadbalancing,secretsmanager"
SAVE_AFTER = 1.0
"""Seconds from a write until bucket settings and the like are on disk (objects are there at once)."""


def environment(port: int, data: Path) -> dict[str, str]:
    """ministack's own variables; it reads them when it is imported."""
    return {
        "SERVICES": SERVICES,
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": "us-east-1",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(data / "state"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(data / "objects"),
        "TMPDIR": str(data / "tmp"),
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "DOCKER_HOST": f"unix://{data}/no-docker",
        "MINISTACK_WORKER_THREADS": "8",
        "AUTH": "true",  # signatures and IAM policies count, as they do at AWS
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "LOG_LEVEL": "WARNING",
    }


def run(port: int, data: Path) -> None:
    listener = socket.create_server(("127.0.0.1", port), backlog=512)
    port = listener.getsockname()[1]
    for name in ("state", "objects", "tmp"):
        (data / name).mkdir(parents=True, exist_ok=True, mode=0o700)
    os.environ.update(environment(port, data))

    import uvicorn
    from ministack import app as ministack
    from ministack.core.persistence import save_all

    unsaved = asyncio.Event()

    async def front(scope: dict[str, Any], receive: Any, send: Any) -> None:
        """ministack without its own management paths, which any web page in a browser could call."""
        if scope["type"] == "http" and scope["path"].startswith(("/_ministack/", "/_localstack/")):
            await send({"type": "http.response.start", "status": 404, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await ministack.app(scope, receive, send)
        if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD"):
            unsaved.set()

    async def save() -> None:
        while True:
            await unsaved.wait()
            await asyncio.sleep(SAVE_AFTER)
            unsaved.clear()
            save_all(ministack._build_persistence_save_dict())

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                self._saver = asyncio.create_task(save())
                announce(port)

    server = Server(
        uvicorn.Config(
            front,
            http="httptools",
            access_log=False,
            log_level="warning",
            timeout_keep_alive=75,
            timeout_graceful_shutdown=3,
            server_header=False,
            date_header=False,
        )
    )

    def leave() -> None:
        server.should_exit = True

    when_parent_leaves(leave)
    server.run(sockets=[listener])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    run(options.port, options.data)
