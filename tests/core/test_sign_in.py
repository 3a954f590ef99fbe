"""Signing in to IAM Identity Center: what the browser is asked for, what is kept, and every way in which it does not work."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.aws.sign_in import Portal, begin, portal_of, wait
from core.base.errors import OpsError
from core.jobs.job import JobCancelled, headless_job
from tests.fakes.identity_center import IdentityCenter, identity_center

CONFIGURATION = """
[sso-session work]
sso_start_url = https://work.example/start
sso_region = eu-central-1
sso_registration_scopes = sso:account:access, other
[profile acme]
sso_session = work
sso_account_id = 123456789012
sso_role_name = ops
region = eu-west-1
[profile chained]
role_arn = arn:aws:iam::1:role/x
source_profile = acme
[profile old]
sso_start_url = https://old.example/start
sso_region = us-east-1
sso_account_id = 123456789012
sso_role_name = ops
[profile keys]
aws_access_key_id = AKIA
aws_secret_access_key = s
"""


@pytest.fixture
def center(aws_files: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> Iterator[IdentityCenter]:
    aws_files(CONFIGURATION)
    with identity_center() as made:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SSO_OIDC", made.url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_SSO", made.url)
        yield made


def test_the_portal_of_a_profile_and_of_its_source(center: IdentityCenter) -> None:
    work = Portal("https://work.example/start", "eu-central-1", "work", ("sso:account:access", "other"))
    assert portal_of("acme") == portal_of("chained") == work
    assert portal_of("old") == Portal("https://old.example/start", "us-east-1")
    for name in ("keys", "nobody"):
        with pytest.raises(OpsError) as caught:
            portal_of(name)
        assert caught.value.code == "settings"


def test_a_confirmed_code_signs_in_whoever_uses_the_profile(center: IdentityCenter, tmp_path: Path) -> None:
    center.answers = ["AuthorizationPendingException", "token"]
    invited = begin(portal_of("acme"))
    wait(headless_job(), portal_of("acme"), invited)
    assert (invited.code, invited.url) == ("ABCD-EFGH", "https://device.example/?user_code=ABCD-EFGH")
    (kept,) = (tmp_path / ".aws" / "sso" / "cache").iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    token = json.loads(kept.read_text())
    assert (token["accessToken"], token["refreshToken"], token["startUrl"]) == (
        "the-token",
        "again",
        "https://work.example/start",
    )
    # Any other program of AWS's SDK: botocore reads the folder's place at import, so it is a process of its own.
    code = (
        "import boto3; print(boto3.Session(profile_name='acme').get_credentials().get_frozen_credentials().access_key)"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], env=dict(os.environ), capture_output=True, text=True, check=False
    )
    assert told.stdout.strip() == "ASIASSO", told.stderr


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        ("ExpiredTokenException", "expired", "Nobody signed in"),
        ("AccessDeniedException", "denied", "refused"),
        ("InvalidClientException", "aws", "Could not sign in"),
    ],
)
def test_every_other_end_says_why_and_keeps_nothing(
    center: IdentityCenter, tmp_path: Path, answer: str, code: str, words: str
) -> None:
    center.answers = [answer]
    with pytest.raises(OpsError, match=words) as caught:
        wait(headless_job(), portal_of("acme"), begin(portal_of("acme")))
    assert caught.value.code == code
    assert not (tmp_path / ".aws").exists()


def test_nobody_confirms_in_time(center: IdentityCenter) -> None:
    center.answers, center.lasts = ["AuthorizationPendingException"], 1
    with pytest.raises(OpsError, match="in time"):
        wait(headless_job(), portal_of("old"), begin(portal_of("old")))


def test_waiting_can_be_cancelled(center: IdentityCenter) -> None:
    center.answers = ["AuthorizationPendingException"]
    job, invited = headless_job(), begin(portal_of("acme"))
    threading.Timer(0.2, job.cancel).start()
    with pytest.raises(JobCancelled):
        wait(job, portal_of("acme"), invited)


def test_a_portal_that_is_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSO_OIDC", "http://127.0.0.1:9")
    with pytest.raises(OpsError) as caught:
        begin(Portal("https://work.example/start", "eu-west-1"))
    assert caught.value.code == "unreachable"
