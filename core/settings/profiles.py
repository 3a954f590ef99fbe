"""Profiles: which account, region and endpoints to work on, and how careful to be there."""

from __future__ import annotations

import logging
import re
import tomllib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from core.base.errors import OpsError, WrongUse
from core.base.files import set_aside, write_atomic
from core.base.locks import changing
from core.settings.toml import merge

ENVIRONMENTS = ("production", "staging", "sandbox")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")


@dataclass(frozen=True)
class MysqlSource:
    """A MySQL or MariaDB server. The password is a secret named ``mysql/<profile>/<name>``; ``password`` is
    only filled in memory (for the sandbox), never written."""

    name: str
    host: str
    port: int = 3306
    user: str = "root"
    databases: tuple[str, ...] = ()
    ca_file: str = ""
    password: str | None = field(default=None, repr=False)


def mysql_secret(profile: str, server: str) -> str:
    """The name of the secret that holds a server's password."""
    return f"mysql/{profile}/{server}"


@dataclass(frozen=True)
class WarehouseConnection:
    """One way to a warehouse.

    kind: ``data-api`` (Redshift Data API), ``postgres`` (Redshift or PostgreSQL by wire), ``hive``, ``athena``.
    note: shown as a badge beside the connection's name; differences: what may differ there, a line each.
    The password, where one is needed, is a secret named ``warehouse/<profile>/<name>``.
    """

    name: str
    kind: str = "data-api"
    database: str = "dev"
    cluster: str = ""
    workgroup: str = ""
    db_user: str = ""
    secret_arn: str = ""
    host: str = ""
    port: int = 0
    output: str = ""
    """Athena: where results go (s3://bucket/prefix/), if the workgroup does not say."""
    note: str = ""
    differences: tuple[str, ...] = ()
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Profile:
    """kind: ``sandbox`` (the local stand-in), ``env`` (boto3's own chain and the standard variables), ``aws`` (kept in profiles.toml)."""

    name: str
    kind: str = "aws"
    environment: str = "production"
    read_only: bool = False
    aws_profile: str = ""
    region: str = ""
    ca_bundle: str = ""
    endpoints: dict[str, str] = field(default_factory=dict)
    warehouses: tuple[WarehouseConnection, ...] = ()
    mysql: tuple[MysqlSource, ...] = ()

    @property
    def guarded(self) -> bool:
        """Whether a write must be asked for first."""
        return self.read_only or self.environment == "production"


SANDBOX = Profile("sandbox", kind="sandbox", environment="sandbox")
ENVIRONMENT = Profile("env", kind="env", environment="staging")


def faults_of(profile: Profile) -> dict[str, str]:
    """What cannot be right about it, in words by field. It looks for the CA file: call it from a job."""
    found = {}
    if not profile.name:
        found["name"] = "A profile needs a name"
    if not all(url.startswith(("http://", "https://")) for url in profile.endpoints.values()):
        found["endpoints"] = "An endpoint begins with https:// or http://"
    if profile.ca_bundle and not Path(profile.ca_bundle).is_file():
        found["ca_bundle"] = "There is no such file"
    return found


class Profiles:
    """``profiles.toml``: the user's own profiles, beside the two built in; what others write into the file is seen."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.trouble: OpsError | None = None
        self.told: Callable[[OpsError], None] | None = None
        """Hears of a trouble with the file that comes later, on the thread that met it."""
        self._seen = self._stamp()
        self._known: dict[str, Profile] = self._load({}, aside=True)

    @property
    def _own(self) -> dict[str, Profile]:
        stamp = self._stamp()
        if stamp != self._seen:  # a verb, another window or an editor, whose owner may not be done yet
            self._seen, self._known = stamp, self._load(self._known, aside=False)
        return self._known

    def _stamp(self) -> tuple[int, int] | None:
        try:
            facts = self._path.stat()
        except OSError:
            return None
        return facts.st_mtime_ns, facts.st_ino

    def names(self) -> list[str]:
        return [SANDBOX.name, ENVIRONMENT.name, *sorted(self._own)]

    def get(self, name: str) -> Profile:
        """Raises WrongUse for a name nobody knows."""
        for built_in in (SANDBOX, ENVIRONMENT):
            if name == built_in.name:
                return built_in
        found = self._own.get(name)
        if found is None:
            raise WrongUse(
                f"There is no profile {name}",
                f"Known are: {', '.join(self.names())}",
                "See `profiles list`, or add it with `profiles add`",
            )
        return found

    def add(self, profile: Profile) -> None:
        """Add or replace; raises WrongUse for a bad name, environment, endpoint or CA file."""
        if profile.name in (SANDBOX.name, ENVIRONMENT.name):
            raise WrongUse(f"The profile {profile.name} is built in", "Its name is taken", "Choose another name")
        if not _NAME.match(profile.name):
            raise WrongUse(
                f"{profile.name!r} is no name for a profile",
                "Letters, digits, dot, dash and underscore, at most 64",
                "Choose another name",
            )
        if profile.environment not in ENVIRONMENTS:
            raise WrongUse(
                f"{profile.environment!r} is no environment",
                f"It can be {', '.join(ENVIRONMENTS)}",
                "Choose one of them",
            )
        for name, words in faults_of(profile).items():
            raise WrongUse(words, f"{name} = {getattr(profile, name)!r}", "Correct it and store the profile again")
        self._write(lambda own: {**own, profile.name: profile})

    def put_mysql(self, name: str, source: MysqlSource) -> Profile:
        """Add a MySQL server to a profile of one's own, or replace it; the profile as it is then. Looks for the CA file.

        Raises WrongUse for a profile that is built in, and for what cannot be right about the server.
        """
        if self.get(name).kind != "aws":
            raise WrongUse(
                f"The profile {name} is built in and keeps no servers of its own",
                "The sandbox brings its own MySQL, `env` is what the variables say",
                "Make a profile of your own, for the same account if you like, and add the server to that",
            )
        if not _NAME.match(source.name):
            raise WrongUse(
                f"{source.name!r} is no name for a server",
                "Letters, digits, dot, dash and underscore, at most 64",
                "Choose another name",
            )
        if not source.host.strip() or not 0 < source.port < 65_536 or not source.user.strip():
            raise WrongUse(
                f"The server {source.name} cannot be reached like that",
                "It needs a host, a port of 1 to 65535 and a user",
                "Fill them in",
            )
        if source.ca_file and not Path(source.ca_file).is_file():
            raise WrongUse(f"There is no file {source.ca_file}", "It should hold the server's CA", "Correct the path")

        def change(own: dict[str, Profile]) -> dict[str, Profile]:
            before = own.get(name) or self.get(name)
            others = tuple(one for one in before.mysql if one.name != source.name)
            return {**own, name: replace(before, mysql=(*others, replace(source, password=None)))}

        self._write(change)
        return self.get(name)

    def remove_mysql(self, name: str, server: str) -> Profile:
        """Forget a MySQL server of a profile; raises WrongUse where there is none of that name."""
        known = [one.name for one in self.get(name).mysql]
        if server not in known:
            raise WrongUse(
                f"The profile {name} has no MySQL server {server}",
                f"Known are: {', '.join(known) or 'none'}",
                "Choose one",
            )
        self._write(
            lambda own: {
                **own,
                name: replace(own[name], mysql=tuple(one for one in own[name].mysql if one.name != server)),
            }
        )
        return self.get(name)

    def remove(self, name: str) -> None:
        self.get(name)
        if name not in self._own:
            raise WrongUse(f"The profile {name} is built in", "It cannot be removed", "")
        self._write(lambda own: {key: value for key, value in own.items() if key != name})

    def _write(self, change: Callable[[dict[str, Profile]], dict[str, Profile]]) -> None:
        import tomlkit

        with changing(self._path):
            before = self._load(self._known, aside=True)
            after = change(before)
            document = tomlkit.parse(self._path.read_text(encoding="utf-8") if self._path.exists() else "")
            for name in [name for name in document if name not in after]:
                del document[name]
            for name, profile in after.items():
                if before.get(name) != profile or name not in document:
                    document.setdefault(name, {})
                    merge(document[name], _plain(profile), prune=True)
            write_atomic(self._path, tomlkit.dumps(document))
            self._seen, self._known = self._stamp(), after

    def _load(self, otherwise: dict[str, Profile], *, aside: bool) -> dict[str, Profile]:
        """What the file says; ``otherwise`` where it cannot be used. With ``aside`` it is then moved out of the way."""
        try:
            values = tomllib.loads(self._path.read_text(encoding="utf-8"))
            return {name: self._placed(_profile(name, entry)) for name, entry in values.items()}
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, TypeError, AttributeError) as error:
            remedy = "Correct the file; until then the profiles that were known stay"
            if aside:
                try:
                    remedy = (
                        f"Your file was kept as {set_aside(self._path).name} beside it; correct it and rename it back"
                    )
                except OSError:
                    remedy = "The file was left as it is; correct it"
            self._tell("The file of profiles cannot be used", str(error), remedy)
            return otherwise

    def _tell(self, title: str, why: str, remedy: str) -> None:
        self.trouble = OpsError(title, why, remedy, details={"file": str(self._path)}, code="settings")
        logging.getLogger(__name__).warning("%s", self.trouble)
        if self.told is not None:
            self.told(self.trouble)

    def _placed(self, profile: Profile) -> Profile:
        """Whatever else a hand wrote for its environment is production: a ``prod`` must not open for writing."""
        word = str(profile.environment).strip().lower()
        if word not in ENVIRONMENTS:
            self._tell(
                f"The environment of the profile {profile.name} is not known",
                f"The file says {profile.environment!r}; until that is corrected it counts as production and opens read-only",
                f"Write one of {', '.join(ENVIRONMENTS)}",
            )
            word = "production"
        return replace(profile, environment=word)


def _plain(profile: Profile) -> dict[str, Any]:
    plain = {key: value for key, value in asdict(profile).items() if key != "name" and value not in ("", (), {}, None)}
    for group in ("warehouses", "mysql"):
        entries = [
            {
                key: list(value) if isinstance(value, tuple) else value
                for key, value in entry.items()
                if key != "password" and value not in ("", (), None)
            }
            for entry in plain.pop(group, ())
        ]
        if entries:
            plain[group] = entries
    return plain


def _profile(name: str, entry: dict[str, Any]) -> Profile:
    known = {item.name for item in fields(Profile)} - {"name", "warehouses", "mysql"}
    return Profile(
        name=name,
        warehouses=tuple(_entry(WarehouseConnection, item) for item in entry.get("warehouses", ())),
        mysql=tuple(_entry(MysqlSource, item) for item in entry.get("mysql", ())),
        **{key: value for key, value in entry.items() if key in known},
    )


def _entry(kind: type[Any], values: dict[str, Any]) -> Any:
    known = {item.name for item in fields(kind)} - {"password"}
    return kind(
        **{key: tuple(value) if isinstance(value, list) else value for key, value in values.items() if key in known}
    )
