"""Clients for AWS services, made from an opened profile; the only place that calls boto3."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from core.aws.faults import refuse_empty
from core.base.errors import OpsError
from core.settings.profiles import MysqlSource, Profile, WarehouseConnection

if TYPE_CHECKING:
    from core.aws.second_factor import AskCode


@dataclass(frozen=True)
class Target:
    """A profile, opened: where the endpoints are now and which credentials to use.

    endpoints: service name (``s3``, ``kinesis``, ``redshift-data``, ``default``) -> URL; empty means AWS itself.
    access_key, secret_key: only where the profile brings its own (the sandbox); otherwise boto3's chain.
    """

    profile: Profile
    region: str = ""
    aws_profile: str = ""
    endpoints: dict[str, str] = field(default_factory=dict)
    access_key: str = ""
    secret_key: str = field(default="", repr=False)
    ca_bundle: str = ""
    warehouses: tuple[WarehouseConnection, ...] = ()
    mysql: tuple[MysqlSource, ...] = ()


class AwsSession:
    """Opens the profile on first use and keeps one client per service and tuning.

    ``open_target`` may take seconds (it may start the sandbox) and may raise OpsError: call ``client`` and
    ``target`` from jobs, never from the GUI thread. A failed opening is tried again on the next call.
    """

    def __init__(self, profile: Profile, open_target: Callable[[], Target], ask_code: AskCode | None = None) -> None:
        """``ask_code``: asks a person for the code of a second factor; None: there is nobody to ask."""
        self.profile = profile
        self._open_target = open_target
        self._ask_code = ask_code
        self._lock = threading.RLock()
        self._target: Target | None = None
        self._sessions: dict[bool, Any] = {}
        self._clients: dict[tuple[Any, ...], Any] = {}
        self._headers: list[tuple[str, str, str]] = []

    def target(self) -> Target:
        with self._lock:
            if self._target is None:
                self._target = self._open_target()
            return self._target

    def reopen(self) -> None:
        """Forget target and clients: the endpoints moved (the sandbox was restarted)."""
        with self._lock:
            self._target = None
            self._sessions.clear()
            self._clients.clear()

    def client(
        self,
        service: str,
        *,
        plain_times: bool = False,
        retries: int = 3,
        read_timeout: float = 60,
        pool: int = 32,
        validate: bool = True,
    ) -> Any:
        """A shared, thread-safe boto3 client.

        plain_times: timestamps stay numbers or text as the service sent them (measured: 3.3 times faster
            Kinesis pages, 2-2.6 times faster S3 lists, because time zones cost more than all the rest).
        retries: attempts in all; 1 switches boto3's hidden retries off, for callers that count throttles.
        pool: connections kept open; shards + senders at least.
        """
        key = (service, plain_times, retries, read_timeout, pool, validate)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._make(service, plain_times, retries, read_timeout, pool, validate)
            return self._clients[key]

    def add_header(self, service: str, name: str, value: str) -> None:
        """Have it sent with every request to ``service`` of clients that are made from now on."""
        with self._lock:
            self._headers.append((service, name, value))
            self._sessions.clear()
            self._clients.clear()

    def expires(self) -> datetime | None:
        """When the credentials in use end (SSO, assumed role); None if they do not, or cannot say."""
        credentials = self._session(False).get_credentials()
        end = getattr(credentials, "_expiry_time", None)  # botocore offers no public name for it
        return end if isinstance(end, datetime) else None

    def _make(
        self, service: str, plain_times: bool, retries: int, read_timeout: float, pool: int, validate: bool
    ) -> Any:
        from botocore.config import Config

        target = self.target()
        endpoint = target.endpoints.get(service) or target.endpoints.get("default") or None
        config = Config(
            connect_timeout=5,
            read_timeout=read_timeout,
            retries={"total_max_attempts": retries, "mode": "standard"},
            max_pool_connections=pool,
            tcp_keepalive=True,
            parameter_validation=validate,
            signature_version="s3v4" if service == "s3" else None,
            s3={"addressing_style": "path"} if target.endpoints else None,
            proxies={} if _is_here(endpoint) else None,  # None: as the environment says
        )
        return self._session(plain_times).client(
            service,
            region_name=target.region or None,
            endpoint_url=endpoint,
            verify=target.ca_bundle or None,
            config=config,
        )

    def _core(self, aws_profile: str, below: tuple[str, ...] = ()) -> Any:
        """A botocore session for a profile of the AWS configuration ("": the environment's or the default one).

        below: the profiles that it is the source of. Raises OpsError (``settings``) where they form a circle.
        """
        if aws_profile in below:
            raise OpsError(
                "The AWS configuration cannot be used", f"{' -> '.join((*below, aws_profile))} is a circle of source profiles",
                "Correct source_profile", code="settings",
            )  # fmt: skip
        import botocore.session

        from core.aws.second_factor import RoleWithCode, nobody_to_ask

        target = self.target()
        core = botocore.session.Session(
            profile=aws_profile or None, event_hooks=copy(_handlers()), include_builtin_handlers=False
        )
        core.register_component("data_loader", _descriptions(core.get_config_variable("data_path")))
        core.register("after-call", refuse_empty)
        for service, name, value in self._headers:
            core.register(f"before-call.{service}", partial(_put_header, name, value))
        core.get_component("credential_provider").insert_before(
            "assume-role",
            RoleWithCode(
                core, lambda name: self._core(name, (*below, aws_profile)).get_credentials(), self._ask_code or nobody_to_ask,
                region=target.region or core.get_config_variable("region") or "us-east-1",
                endpoint=target.endpoints.get("sts") or target.endpoints.get("default"),
            ),
        )  # fmt: skip
        return core

    def _session(self, plain_times: bool) -> Any:
        if plain_times not in self._sessions:
            import boto3

            target = self.target()
            core = self._core(target.aws_profile)
            if plain_times:
                core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=lambda value: value)
                if not target.access_key:
                    core.register_component("credential_provider", _Same(self._session(False)))
            self._sessions[plain_times] = boto3.Session(
                aws_access_key_id=target.access_key or None,
                aws_secret_access_key=target.secret_key or None,
                region_name=target.region or None,
                botocore_session=core,
            )
        return self._sessions[plain_times]


def _put_header(name: str, value: str, params: dict[str, Any], **_: object) -> None:
    params["headers"][name] = value


class _Same:
    """The credentials of another session: whoever types a code types it once."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def load_credentials(self) -> Any:
        return self._session.get_credentials()


@cache
def _descriptions(data_path: str | None) -> Any:
    """What botocore knows of the services, read once for all sessions of the process."""
    import botocore.loaders

    from core.aws.descriptions import DescriptionReader

    loader = botocore.loaders.create_loader(data_path)
    loader.file_loader = DescriptionReader()
    return loader


@cache
def _handlers() -> Any:
    """botocore's own event handlers, to be copied: registering them costs 12 ms of CPU, ten times the copy."""
    import botocore.session
    from botocore.hooks import HierarchicalEmitter

    handlers = HierarchicalEmitter()
    botocore.session.Session(event_hooks=handlers)
    return handlers


def configured_profiles() -> list[str]:
    """The profile names in this computer's AWS configuration files; raises OpsError where they cannot be read."""
    import botocore.session
    from botocore.exceptions import BotoCoreError

    try:
        return sorted(botocore.session.Session(include_builtin_handlers=False).available_profiles)
    except BotoCoreError as error:
        raise OpsError(
            "The AWS configuration cannot be read", str(error), "Correct the file, or type the name", code="settings"
        ) from error


def _is_here(endpoint: str | None) -> bool:
    """Whether the endpoint is on this computer: a company's HTTP proxy could only get it wrong."""
    from urllib.parse import urlsplit

    return bool(endpoint) and (urlsplit(endpoint).hostname in ("localhost", "127.0.0.1", "::1"))


def environment_target(profile: Profile) -> Target:
    """The target of an ``env`` or ``aws`` profile: boto3's own chain decides what the profile leaves open."""
    return Target(
        profile,
        region=profile.region or os.environ.get("AWS_REGION", ""),  # boto3 itself reads AWS_DEFAULT_REGION only
        aws_profile=profile.aws_profile,
        endpoints=dict(profile.endpoints),
        ca_bundle=profile.ca_bundle,
        warehouses=profile.warehouses,
        mysql=profile.mysql,
    )
