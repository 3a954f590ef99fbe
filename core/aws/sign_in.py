"""Signing in to IAM Identity Center (AWS's single sign-on) by its device flow: a page in the browser, a code to confirm there.

The token lies where the AWS CLI and every SDK look for it, in their format: whoever signs in here is signed in there too.
Source: RFC 8628; the CLI's `aws sso login --use-device-code`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from pathlib import Path
from typing import Any

from core.aws.faults import explained, translated
from core.base.errors import OpsError
from core.jobs.job import Job

_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_SCOPE = "sso:account:access"
_SLOWER = 5  # seconds that RFC 8628 adds to the pause where the service asks for patience


@dataclass(frozen=True, slots=True)
class Portal:
    """Where one signs in. ``session`` is the name in the AWS configuration, "" where a profile names the portal itself."""

    start_url: str
    region: str
    session: str = ""
    scopes: tuple[str, ...] = (_SCOPE,)

    @property
    def token_name(self) -> str:
        """The cached token's file name without its ending, as the AWS CLI makes it."""
        return sha1((self.session or self.start_url).encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class Invitation:
    """What to do in the browser: open ``url`` and compare ``code``, until ``expires``. The rest is for ``wait``."""

    code: str
    url: str
    expires: datetime
    pause: float = field(repr=False)
    device_code: str = field(repr=False)
    client: dict[str, str] = field(repr=False)
    client_expires: datetime = field(repr=False)


def portal_of(aws_profile: str) -> Portal:
    """The portal of a profile of the AWS configuration ("" is the environment's or the default one), or of its sources.

    Raises OpsError (``settings``) where it has none: it is signed in to in another way.
    """
    import botocore.session

    core = botocore.session.Session(profile=aws_profile or None)
    with explained("read the AWS configuration"):
        everything = core.full_config
        name = aws_profile or core.get_config_variable("profile") or "default"
    seen: set[str] = set()
    while name not in seen:
        seen.add(name)
        config = everything.get("profiles", {}).get(name, {})
        session = config.get("sso_session", "")
        found = {**config, **everything.get("sso_sessions", {}).get(session, {})}
        if found.get("sso_start_url") and found.get("sso_region"):
            scopes = tuple(word.strip() for word in found.get("sso_registration_scopes", _SCOPE).split(","))
            return Portal(found["sso_start_url"], found["sso_region"], session, scopes)
        name = config.get("source_profile", name)
    raise OpsError(
        f"The AWS profile {name} has no single sign-on",
        "Neither it nor its source names an sso_session or sso_start_url",
        "Correct its keys in the AWS configuration, or run `aws configure sso`",
        code="settings",
    )


def begin(portal: Portal) -> Invitation:
    """Register, and ask for a code. Raises OpsError."""
    client = _client(portal)
    with explained(f"sign in to {portal.start_url}"):
        made = client.register_client(clientName="opsdesk", clientType="public", scopes=list(portal.scopes))
        who = {"clientId": made["clientId"], "clientSecret": made["clientSecret"]}
        begun = client.start_device_authorization(**who, startUrl=portal.start_url)
    return Invitation(
        begun["userCode"],
        begun.get("verificationUriComplete") or begun["verificationUri"],
        datetime.now(UTC) + timedelta(seconds=begun["expiresIn"]),
        float(begun.get("interval") or 1),
        begun["deviceCode"],
        who,
        datetime.fromtimestamp(made["clientSecretExpiresAt"], UTC),
    )


def wait(job: Job[Any], portal: Portal, invited: Invitation, *, folder: Path | None = None) -> None:
    """Until the code was confirmed in the browser; then keep the token.

    folder: where tokens are kept; None is the AWS CLI's own. Raises OpsError: ``expired`` (nobody confirmed in time),
    ``denied`` (somebody refused), or trouble of the service.
    """
    client, pause = _client(portal), invited.pause
    while True:
        job.sleep(pause)
        try:
            token = client.create_token(**invited.client, grantType=_GRANT, deviceCode=invited.device_code)
            break
        except client.exceptions.AuthorizationPendingException:
            if datetime.now(UTC) > invited.expires:
                raise _too_late() from None
        except client.exceptions.SlowDownException:
            pause += _SLOWER
        except client.exceptions.ExpiredTokenException:
            raise _too_late() from None
        except client.exceptions.AccessDeniedException as error:
            raise OpsError(
                "The sign-in was refused", "Somebody denied it in the browser", "Sign in again", code="denied"
            ) from error
        except Exception as error:
            fault = translated(error, "sign in")
            if fault.code not in ("unreachable", "throttled", "server") or datetime.now(UTC) > invited.expires:
                raise fault from error
    _keep(portal, invited, token, folder or Path("~/.aws/sso/cache").expanduser())


def _client(portal: Portal) -> Any:
    import botocore.session
    from botocore import UNSIGNED
    from botocore.config import Config

    config = Config(
        signature_version=UNSIGNED,
        connect_timeout=5,
        read_timeout=20,
        retries={"total_max_attempts": 2, "mode": "standard"},
    )
    return botocore.session.Session(profile=None).create_client("sso-oidc", region_name=portal.region, config=config)


def _too_late() -> OpsError:
    return OpsError(
        "Nobody signed in", "The code was not confirmed in the browser in time", "Sign in again", code="expired"
    )


def _keep(portal: Portal, invited: Invitation, token: dict[str, Any], folder: Path) -> None:
    from botocore.utils import JSONFileCache

    kept = {
        "startUrl": portal.start_url,
        "region": portal.region,
        "accessToken": token["accessToken"],
        "expiresAt": _stamp(datetime.now(UTC) + timedelta(seconds=token["expiresIn"])),
        **invited.client,
        "registrationExpiresAt": _stamp(invited.client_expires),
    }
    if token.get("refreshToken"):
        kept["refreshToken"] = token["refreshToken"]
    try:
        JSONFileCache(str(folder))[portal.token_name] = kept  # only its owner may read it
    except OSError as error:
        raise OpsError(
            "The sign-in could not be kept",
            f"{error.strerror or error} ({folder})",
            "Free some space, then sign in again",
            code="disk",
        ) from error


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
