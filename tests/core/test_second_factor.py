"""A role behind a second factor: asked once, again when a code is wrong or the login ends, shared with the AWS CLI's cache."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.aws.health import who_am_i
from core.aws.session import AwsSession, Target
from core.base.errors import OpsError
from core.settings.profiles import Profile
from tests.fakes.sts import CONFIGURATION, ROLE, SERIAL, Sts, sts


class Person:
    """Answers with ``codes`` one by one, and remembers what it was asked."""

    def __init__(self, *codes: str) -> None:
        self.codes, self.asked = list(codes), list[tuple[str, str]]()
        self._lock = threading.Lock()

    def __call__(self, serial: str, note: str) -> str:
        with self._lock:
            self.asked.append((serial, note))
            if not self.codes:
                raise OpsError("Nobody signed in", "No code was given", "Try again", code="credentials")
            return self.codes.pop(0)


@pytest.fixture
def service(aws_files: Callable[[str], None]) -> Iterator[Sts]:
    aws_files(CONFIGURATION)
    with sts() as made:
        yield made


def session(service: Sts, person: Person | None, aws_profile: str = "ops") -> AwsSession:
    profile = Profile("acme", aws_profile=aws_profile)
    target = Target(profile, "eu-west-1", aws_profile, {"default": service.url})
    return AwsSession(profile, lambda: target, person)


def test_a_code_typed_once_serves_every_client_and_the_next_start(service: Sts) -> None:
    service.codes, person = {"123456"}, Person("123456")
    aws = session(service, person)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: who_am_i(aws).arn, range(4)))
    assert found == [f"{ROLE}/me"] * 4
    aws.client("sts", plain_times=True).get_caller_identity()
    assert who_am_i(session(service, None)).arn == f"{ROLE}/me"  # a verb, later
    assert person.asked == [(SERIAL, "")] and service.logins == 1
    assert aws.expires() is not None


def test_a_wrong_code_is_told_and_asked_for_again(service: Sts) -> None:
    service.codes, person = {"222222"}, Person("111111", " 222 222 ")
    assert who_am_i(session(service, person)).arn == f"{ROLE}/me"
    assert [note for _, note in person.asked] == ["", "AWS did not take that code; each one works once"]


def test_three_wrong_codes_end_it(service: Sts) -> None:
    person = Person("111111", "2", "333333", "444444")
    with pytest.raises(OpsError, match="did not take the code") as caught:
        who_am_i(session(service, person))
    assert caught.value.code == "credentials" and [note for _, note in person.asked] == [
        "", "AWS did not take that code; each one works once", "A code has six digits",
    ]  # fmt: skip


def test_a_login_that_ends_in_the_middle_is_renewed(service: Sts) -> None:
    """botocore alone refuses: "Cannot refresh credentials: MFA token required"."""
    service.codes, service.minutes = {"111111", "222222"}, 5  # botocore renews ten minutes before the end
    person = Person("111111", "222222")
    client = session(service, person).client("sts")
    assert client.get_caller_identity()["Arn"] == f"{ROLE}/me"
    assert client.get_caller_identity()["Arn"] == f"{ROLE}/me"
    assert len(person.asked) == 2


def test_who_refuses_is_not_asked_by_every_request(service: Sts) -> None:
    person = Person()
    aws = session(service, person)
    for _ in range(3):
        with pytest.raises(OpsError, match="Nobody signed in"):
            who_am_i(aws)
    assert len(person.asked) == 1


def test_without_anybody_to_ask_it_says_so(service: Sts) -> None:
    with pytest.raises(OpsError, match="nobody to ask") as caught:
        who_am_i(session(service, None))
    assert "timers" in caught.value.remedy


def test_a_profile_without_a_second_factor_is_left_to_botocore(service: Sts) -> None:
    assert who_am_i(session(service, Person(), "jane")).arn == "arn:aws:iam::123456789012:user/jane"


def test_a_circle_of_source_profiles_is_told(service: Sts) -> None:
    with pytest.raises(OpsError, match="circle"):
        who_am_i(session(service, Person("1"), "round"))
