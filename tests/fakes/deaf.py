"""A service that says it is ready, answers the first ``--data`` (a number) questions, and then nobody; ``python -m tests.fakes.deaf``."""

from __future__ import annotations

import json
import socket
import sys


def main() -> None:
    said = dict(zip(sys.argv[1::2], sys.argv[2::2], strict=True))
    answers = int(said["--data"].rpartition("/")[2])
    with socket.create_server(("127.0.0.1", int(said["--port"]))) as server:
        print("READY " + json.dumps({"port": server.getsockname()[1]}), flush=True)
        held = []
        while True:
            connection, _ = server.accept()
            if answers:
                connection.sendall(b"HTTP/1.0 404 Not Found\r\n\r\n")
                connection.close()
                answers -= 1
            else:
                held.append(connection)


if __name__ == "__main__":
    main()
