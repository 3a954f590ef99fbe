"""Roles that want a second factor: the code is asked for when it is needed, also when the login ends in the middle of work.

botocore itself asks on the terminal, once: under a window nobody sees that, and an hour later the login cannot be renewed.
What was assumed is kept where the AWS CLI keeps it, in its format, so that one code serves window, verbs and CLI.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    CredentialProvider,
    Credentials,
    DeferredRefreshableCredentials,
)
from botocore.exceptions import ClientError
from botocore.utils import JSONFileCache

from core.base.errors import OpsError

AskCode = Callable[[str, str], str]
"""(the device's serial or ARN, what was wrong with the code before or "") -> the code. Called on a worker's thread, may
wait for a person; raises OpsError where nobody answers."""

_TRIES = 3
_CODE = re.compile(r"\d{6}$")
_QUIET_SECONDS = 120.0  # after a refusal: every request would ask again


class RoleWithCode(CredentialProvider):  # type: ignore[misc]
    """For a profile with ``role_arn``, ``source_profile`` and ``mfa_serial``; any other is left to botocore's own chain.

    core: the botocore session that the credentials are for. source: credentials of another AWS profile by name.
    endpoint: of STS; None is AWS's own.
    """

    METHOD = "assume-role-with-code"

    def __init__(
        self, core: Any, source: Callable[[str], Any], ask: AskCode, *, region: str, endpoint: str | None = None
    ) -> None:
        super().__init__(session=core)
        self._core, self._source, self._ask = core, source, ask
        self._region, self._endpoint = region, endpoint
        self._refused: tuple[float, OpsError] | None = None

    def load(self) -> Any:
        name = self._core.get_config_variable("profile") or "default"
        config = self._core.full_config.get("profiles", {}).get(name, {})
        if not {"role_arn", "source_profile", "mfa_serial"} <= config.keys():
            return None
        serial = str(config["mfa_serial"])
        extra: dict[str, Any] = {"SerialNumber": serial}
        for key, argument in (("external_id", "ExternalId"), ("role_session_name", "RoleSessionName")):
            if config.get(key):
                extra[argument] = config[key]
        if str(config.get("duration_seconds", "")).isdigit():
            extra["DurationSeconds"] = int(config["duration_seconds"])
        note = [""]
        fetcher = AssumeRoleCredentialFetcher(
            client_creator=self._sts,
            source_credentials=self._source_of(name, config),
            role_arn=config["role_arn"],
            extra_args=extra,
            mfa_prompter=lambda _prompt: self._code(serial, note[0]),
            cache=JSONFileCache(str(Path("~/.aws/cli/cache").expanduser())),
        )
        return DeferredRefreshableCredentials(lambda: _fetched(fetcher, note), self.METHOD)

    def _source_of(self, name: str, config: dict[str, Any]) -> Any:
        if config["source_profile"] != name:
            return self._source(config["source_profile"])
        return Credentials(
            config.get("aws_access_key_id"), config.get("aws_secret_access_key"), config.get("aws_session_token")
        )

    def _sts(self, service: str, **keys: Any) -> Any:
        return self._core.create_client(service, region_name=self._region, endpoint_url=self._endpoint, **keys)

    def _code(self, serial: str, note: str) -> str:
        if self._refused is not None and time.monotonic() < self._refused[0]:
            raise self._refused[1]
        try:
            code = "".join(self._ask(serial, note).split())  # some devices show it in two groups
        except OpsError as error:
            self._refused = (time.monotonic() + _QUIET_SECONDS, error)
            raise
        if not _CODE.match(code):
            raise _NotTakenError("A code has six digits")
        return code


class _NotTakenError(Exception):
    """What was typed is no code."""


def _fetched(fetcher: Any, note: list[str]) -> dict[str, Any]:
    """Ask again while AWS does not take the code. Raises OpsError (``credentials``) after three."""
    note[0] = ""
    for _ in range(_TRIES):
        try:
            found: dict[str, Any] = fetcher.fetch_credentials()
            return found
        except _NotTakenError as error:
            note[0] = str(error)
        except ClientError as error:
            if "MultiFactorAuthentication" not in str(error.response.get("Error", {}).get("Message", "")):
                raise
            note[0] = "AWS did not take that code; each one works once"
    raise OpsError(
        "AWS did not take the code",
        f"None of {_TRIES} was right",
        "Check that the device is the one named in the profile, and that its clock is right",
        code="credentials",
    )


def nobody_to_ask(serial: str, _note: str) -> str:
    """Where there is neither a window nor a terminal."""
    raise OpsError(
        "The profile wants a code of its second factor",
        f"There is nobody to ask for the code of {serial}",
        "Do it once in the window or a terminal, which keeps the login for some time; give timers credentials without one",
        code="credentials",
    )
