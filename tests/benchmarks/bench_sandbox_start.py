"""How long until the sandbox serves: first start, second start and join, against moto's server alone (S3 and the rest, in memory)."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from core.base.places import Places
from core.sandbox.door import join, stop
from core.sandbox.ports import Ports


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def moto(port: int) -> None:
    """Start it, wait for an answer to a request for the list of buckets, end it."""
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            while server.poll() is None:
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).read()
                    return
                except (urllib.error.URLError, ConnectionError):
                    time.sleep(0.02)
            raise RuntimeError("moto's server did not start")
        finally:
            server.terminate()


def main() -> None:
    os.environ["OPSDESK_SANDBOX_SEED"] = "off"
    with tempfile.TemporaryDirectory(prefix="opsdesk-bench-") as folder:
        home = Path(folder)
        places = Places(home / "config", home / "state", home / "cache", home / "sandbox").made()
        leases = []
        first = seconds(lambda: leases.append(join(places)))
        again = seconds(lambda: leases.append(join(places)))
        services = ", ".join(service.name for service in leases[0].status().services if service.state == "running")
        stopping = seconds(lambda: stop(places))
        for lease in leases:
            lease.close()
        second = min(_restart(places) for _ in range(3))
        rival = min(seconds(lambda: moto(Ports(home / "ports.json").take("moto"))) for _ in range(3))
    print(f"all of {services}:")
    print(f"  first start      {first:6.2f} s   (makes MariaDB's data folder)")
    print(f"  later starts     {second:6.2f} s   {rival / second:.2f} x as fast as moto's server alone ({rival:.2f} s)")
    print(f"  joining          {again * 1000:6.1f} ms")
    print(f"  stopping         {stopping:6.2f} s")


def _restart(places: Places) -> float:
    leases = []
    taken = seconds(lambda: leases.append(join(places)))
    stop(places)
    leases[0].close()
    return taken


if __name__ == "__main__":
    main()
