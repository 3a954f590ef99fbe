"""What the sandbox says of itself: its services, where they are, who uses it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from core.settings.profiles import MysqlSource

ENDPOINTS = {
    "s3": "s3",
    "kinesis": "kinesis",
    "cloudwatch": "kinesis",
    "redshift-data": "redshift-data",
    "default": "s3",
}
"""endpoint -> the service that answers there; of CloudWatch there are the streams' own figures"""


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """state: ``starting``, ``running``, ``restarting`` (crashed; waits before the next try), ``missing``, ``stopped``.

    restarts: crashes since this sandbox started; last_exit: how the last run ended, in words; since: when the
    state began (ISO time, UTC); note: why it is missing or restarting, and the next step.
    """

    name: str
    state: str = "starting"
    port: int = 0
    pid: int = 0
    restarts: int = 0
    last_exit: str = ""
    since: str = ""
    note: str = ""

    @property
    def settled(self) -> bool:
        """Whether waiting longer would change nothing: it runs, or it cannot."""
        return self.state in ("running", "missing", "stopped") or (self.state == "restarting" and self.restarts >= 2)


@dataclass(frozen=True, slots=True)
class SeedStatus:
    """state: ``waiting``, ``running``, ``done``, ``failed``, ``off``; done and total count steps."""

    state: str = "waiting"
    done: int = 0
    total: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class SandboxStatus:
    """users: programs that hold a lease; pinned: started by `sandbox start`, runs until `sandbox stop`."""

    running: bool
    data_dir: str
    pid: int = 0
    started: str = ""
    users: int = 0
    pinned: bool = False
    stopping: bool = False
    services: tuple[ServiceStatus, ...] = ()
    seed: SeedStatus = SeedStatus()
    mysql_password: str = ""

    def service(self, name: str) -> ServiceStatus | None:
        return next((service for service in self.services if service.name == name), None)

    @property
    def settled(self) -> bool:
        return self.running and bool(self.services) and all(service.settled for service in self.services)

    @property
    def endpoints(self) -> dict[str, str]:
        """URLs of the AWS endpoints that are there (also while one restarts: its port stays)."""
        found = {}
        for endpoint, name in ENDPOINTS.items():
            service = self.service(name)
            if self.running and service and service.port and service.state not in ("missing", "stopped"):
                found[endpoint] = f"http://127.0.0.1:{service.port}"
        return found

    @property
    def mysql(self) -> dict[str, Any] | None:
        service = self.service("mysql")
        if not self.running or not service or not service.port or service.state in ("missing", "stopped"):
            return None
        where = {"host": "127.0.0.1", "port": service.port, "user": "opsdesk", "database": "shop"}
        return {
            **where,
            "password": self.mysql_password,
            "url": f"mysql://opsdesk:{self.mysql_password}@127.0.0.1:{service.port}/shop",
        }

    @property
    def mysql_sources(self) -> tuple[MysqlSource, ...]:
        mysql = self.mysql
        if mysql is None:
            return ()
        database = mysql["database"]
        where = (mysql["host"], mysql["port"], mysql["user"])
        return (MysqlSource(database, *where, databases=(database,), password=mysql["password"]),)

    def plain(self) -> dict[str, Any]:
        """The document of `sandbox status --json`."""
        endpoints = self.endpoints
        return {
            "running": self.running,
            "endpoints": {name: endpoints.get(name) for name in ENDPOINTS},
            "mysql": self.mysql,
            "data_dir": self.data_dir,
            "pid": self.pid or None,
            "started": self.started or None,
            "users": self.users,
            "pinned": self.pinned,
            "services": [asdict(service) for service in self.services],
            "seed": asdict(self.seed),
        }

    @classmethod
    def read(cls, values: dict[str, Any]) -> SandboxStatus:
        """Rebuild from ``asdict``; a supervisor of another version may know more or less than this one."""
        services = tuple(ServiceStatus(**_known(ServiceStatus, service)) for service in values.get("services", ()))
        seed = SeedStatus(**_known(SeedStatus, values.get("seed", {})))
        return cls(**{**_known(cls, values), "services": services, "seed": seed})


def _known(kind: type[Any], values: dict[str, Any]) -> dict[str, Any]:
    names = {item.name for item in fields(kind)}
    return {name: value for name, value in values.items() if name in names}
