"""Fills a fresh sandbox, step by step; what is done is recorded, so that a killed run goes on where it stopped.

Prints a line of JSON for each step: ``{"done", "total", "note"}``; ends with status 0 when everything that can
be filled is, 3 when a service that a step needs was missing.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.aws.session import AwsSession
from core.base.errors import OpsError
from core.base.files import write_atomic
from core.base.places import Places
from core.sandbox.contract import places_from_json, when_parent_leaves
from core.sandbox.door import look, target_of
from core.sandbox.layout import Layout
from core.sandbox.seed.demo import Demo
from core.sandbox.seeding import MISSING
from core.settings.profiles import SANDBOX

VERSION = 1
SHARES = {"full": 1.0, "small": 0.02}


@dataclass
class Marker:
    """seed.json: what was made, for which moment, in which size; both stay what they were at the first start."""

    path: Path
    size: str
    until: datetime
    done: list[str]
    complete: bool = False

    @classmethod
    def read(cls, path: Path, size: str) -> Marker:
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            if values["version"] == VERSION:
                return cls(path, values["size"], datetime.fromisoformat(values["until"]), list(values["done"]))
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return cls(path, size, datetime.now(UTC).replace(tzinfo=None, minute=0, second=0, microsecond=0), [])

    def write(self) -> None:
        values = {
            "version": VERSION,
            "size": self.size,
            "until": self.until.isoformat(),
            "done": self.done,
            "complete": self.complete,
        }
        write_atomic(self.path, json.dumps(values))


class Seeding:
    def __init__(self, places: Places, marker: Marker) -> None:
        self._places, self._marker = places, marker
        self._demo = Demo(marker.until, SHARES[marker.size])
        self._steps: list[tuple[str, tuple[str, ...], Callable[[AwsSession], None]]] = [
            ("plan", ("s3",), self._plan),
            ("stream", ("kinesis",), self._stream),
            ("warehouse", ("s3", "redshift-data"), self._warehouse),
            ("shop", ("mysql",), self._shop),
            ("objects", ("s3",), self._objects),
            ("backup", ("mysql", "s3"), self._backup),
        ]

    def run(self) -> int:
        """All steps that are not done yet; one that fails keeps none of the others from being done."""
        missing: list[str] = []
        failures: list[OpsError] = []
        for number, (name, needs, work) in enumerate(self._steps):
            if name in self._marker.done:
                continue
            self._say(number, name)
            without = [need for need in needs if not self._there(need)]
            if without:
                missing.append(f"{name} (no {', '.join(without)})")
                continue
            try:
                work(AwsSession(SANDBOX, lambda: target_of(look(self._places), SANDBOX)))
            except OpsError as error:
                failures.append(error)
                continue
            except Exception as error:  # a service that was killed under our hands, for instance
                why = f"{type(error).__name__}: {error}"
                details = {"traceback": traceback.format_exc()}
                failures.append(OpsError(f"The demo data ({name}) could not be made", why, details=details))
                continue
            self._marker.done.append(name)
            self._marker.write()
        self._say(len(self._steps), f"without {', '.join(missing)}" if missing else "")
        if failures:
            raise failures[0]
        self._marker.complete = not missing
        self._marker.write()
        return MISSING if missing else 0

    def _there(self, name: str) -> bool:
        """Whether the service runs; waits while it starts."""
        until = time.monotonic() + 120
        while time.monotonic() < until:
            service = look(self._places).service(name)
            if service is None or service.state in ("missing", "stopped"):
                return False
            if service.state == "running":
                return True
            time.sleep(0.3)
        return False

    def _say(self, done: int, note: str) -> None:
        print(json.dumps({"done": done, "total": len(self._steps), "note": note}), flush=True)

    # -- the steps ----------------------------------------------------------
    def _stream(self, aws: AwsSession) -> None:
        from core.sandbox.seed import stream

        stream.fill(aws.client("kinesis"), self._demo)

    def _shop(self, aws: AwsSession) -> None:
        from core.base.mysql import Line
        from core.sandbox.seed import shop

        source = aws.target().mysql[0]
        connection: Any = Line(
            host=source.host, port=source.port, user=source.user, password=source.password, charset="utf8mb4"
        )
        try:
            number = [name for name, _, _ in self._steps].index("shop")
            folder = Layout.of(self._places).data / "mysql" / "load"
            shop.fill(connection, folder, self._demo, lambda table: self._say(number, f"shop: {table}"))
        finally:
            connection.close()

    def _backup(self, aws: AwsSession) -> None:
        from core.sandbox.seed.plan import first_backup

        first_backup(self._places, aws)

    def _objects(self, aws: AwsSession) -> None:
        from core.sandbox.seed import objects

        objects.fill(aws.client("s3"), self._demo)

    def _warehouse(self, aws: AwsSession) -> None:
        from core.sandbox.seed import warehouse

        warehouse.fill(aws.client("s3"), aws.client("redshift-data"), self._demo)

    def _plan(self, aws: AwsSession) -> None:
        from core.sandbox.seed import objects
        from core.sandbox.seed.plan import seed_plan

        objects.make_buckets(aws.client("s3"))
        seed_plan(self._places)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--places", required=True)
    parser.add_argument("--size", choices=("full", "small"), default="full")
    options = parser.parse_args()
    places = places_from_json(options.places)
    when_parent_leaves(lambda: os._exit(1))
    if hasattr(os, "nice"):
        os.nice(10)  # nobody should wait for demo data
    try:
        return Seeding(places, Marker.read(Layout.of(places).seed_marker, options.size)).run()
    except OpsError as error:
        print(error, *error.details.values(), sep="\n", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
