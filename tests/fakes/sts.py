"""An STS on loopback that gives a role to whoever brings the right code, once; botocore's own client talks to it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

from tests.fakes.loopback import Answer, Asked, loopback

SERIAL = "arn:aws:iam::123456789012:mfa/jane"
ROLE = "arn:aws:iam::999999999999:role/ops"


class Sts:
    """``codes`` are taken once each; ``minutes`` is how long a login lasts; ``logins`` counts them."""

    def __init__(self) -> None:
        self.codes: set[str] = set()
        self.minutes, self.logins = 60.0, 0
        self.url = ""

    def answer(self, asked: dict[str, list[str]], authorization: str) -> tuple[int, str]:
        if asked["Action"] == ["GetCallerIdentity"]:
            arn = f"{ROLE}/me" if "Credential=ASIA" in authorization else "arn:aws:iam::123456789012:user/jane"
            return 200, (
                f"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>{arn}</Arn><Account>999999999999</Account>"
                "<UserId>u</UserId></GetCallerIdentityResult></GetCallerIdentityResponse>"
            )
        code = asked.get("TokenCode", [""])[0]
        if asked.get("SerialNumber") != [SERIAL] or code not in self.codes:
            words = "MultiFactorAuthentication failed with invalid MFA one time pass code."
            return (
                403,
                f"<ErrorResponse><Error><Code>AccessDenied</Code><Message>{words}</Message></Error></ErrorResponse>",
            )
        self.codes.discard(code)
        self.logins += 1
        end = (datetime.now(UTC) + timedelta(minutes=self.minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
        return 200, (
            f"<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA{self.logins:016}</AccessKeyId>"
            f"<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>{end}</Expiration></Credentials>"
            f"<AssumedRoleUser><Arn>{ROLE}/me</Arn><AssumedRoleId>x:me</AssumedRoleId></AssumedRoleUser>"
            "</AssumeRoleResult></AssumeRoleResponse>"
        )


@contextlib.contextmanager
def sts() -> Iterator[Sts]:
    told = Sts()

    def answer(asked: Asked) -> Answer:
        status, body = told.answer(parse_qs(asked.body.decode()), asked.headers.get("Authorization", ""))
        return Answer(status, body.encode(), {"Content-Type": "text/xml"})

    with loopback(answer) as told.url:
        yield told


CONFIGURATION = (
    "[profile jane]\naws_access_key_id = AKIAJANE\naws_secret_access_key = secret\n"
    f"[profile ops]\nrole_arn = {ROLE}\nsource_profile = jane\nmfa_serial = {SERIAL}\n"
    f"[profile round]\nrole_arn = {ROLE}\nsource_profile = robin\nmfa_serial = {SERIAL}\n"
    f"[profile robin]\nrole_arn = {ROLE}\nsource_profile = round\nmfa_serial = {SERIAL}\n"
)
"""A user, a role that wants the code, and a circle of source profiles."""
