"""What boto3 raises becomes one plain sentence, a cause and a next step; the request id is kept."""

from __future__ import annotations

import socket
import threading
from itertools import product

import pytest

from core.aws.faults import explained
from core.aws.health import who_am_i
from core.aws.session import AwsSession, Target
from core.base.errors import OpsError
from core.settings.profiles import Profile
from tests.fakes.babbling import babbling
from tests.fakes.refusing import refusing


def session(url: str = "", **target: str) -> AwsSession:
    profile = Profile("test")
    made = Target(
        profile,
        region="us-east-1",
        endpoints={"default": url} if url else {},
        access_key="test",
        secret_key="test",
        **target,
    )
    return AwsSession(profile, lambda: made)


@pytest.mark.parametrize(
    ("aws", "code", "word"),
    [
        ("ResourceNotFoundException", "not-found", "does not exist"),
        ("AccessDeniedException", "denied", "no permission"),
        ("ExpiredTokenException", "expired", "expired"),
        ("ProvisionedThroughputExceededException", "throttled", "throughput"),
        ("LimitExceededException", "limit", "limit"),
        ("TooManyRequestsException", "throttled", "Too many"),
        ("ServiceUnavailable 503", "throttled", "busy"),
        ("InternalFailure 500", "server", "fault of its own"),
        ("SomethingNobodyKnows 502", "server", "the service says SomethingNobodyKnows"),
        ("NotImplemented 501", "aws", "NotImplemented"),
        ("SomethingNobodyKnows", "aws", "the service says SomethingNobodyKnows"),
    ],
)
def test_answers_of_the_service(aws: str, code: str, word: str) -> None:
    with (
        refusing(aws.split()[0], int(aws.split()[-1]) if " " in aws else 400) as service,
        pytest.raises(OpsError) as caught,
        explained("list the streams"),
    ):
        session(service.url).client("kinesis", retries=1).list_streams()
    error = caught.value
    assert error.title == "Could not list the streams"
    assert error.code == code
    assert word in error.why
    assert error.remedy
    assert error.details["request id"] == "req-123"


def test_a_dead_endpoint() -> None:
    with pytest.raises(OpsError) as caught:
        who_am_i(session("http://127.0.0.1:9"))
    assert caught.value.code == "unreachable"
    assert caught.value.why == "http://127.0.0.1:9 does not answer"
    assert "Could not connect" in caught.value.details["error"]


def test_a_name_that_nobody_knows() -> None:
    with pytest.raises(OpsError) as caught:
        who_am_i(session("http://nobody.invalid:8080"))
    assert caught.value.why == "http://nobody.invalid:8080 is a name that this network does not know"


def test_a_server_that_hangs_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            for _ in range(2):  # botocore tries once more on a fresh connection
                listener.accept()[0].close()

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        port = listener.getsockname()[1]
        with pytest.raises(OpsError) as caught, explained("list the streams"):
            session(f"http://127.0.0.1:{port}").client("kinesis", retries=2).list_streams()
        thread.join(10)
    assert caught.value.why == f"http://127.0.0.1:{port} closed the connection before it answered"


def test_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent/config")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials")
    profile = Profile("test")
    aws = AwsSession(profile, lambda: Target(profile, region="us-east-1", endpoints={"default": "http://127.0.0.1:9"}))
    with pytest.raises(OpsError) as caught:
        who_am_i(aws)
    assert caught.value.code == "credentials"


def test_bugs_pass_through() -> None:
    with pytest.raises(ZeroDivisionError), explained("divide"):
        print(1 / 0)


_CALLS = {
    "kinesis": "list_streams",
    "redshift-data": "list_statements",
    "s3": "list_buckets",
    "sts": "get_caller_identity",
    "elbv2": "describe_load_balancers",
}
_BABBLE = (
    b"", b"<html>Sign in to the guests' network</html>", b"{}", b"[]", b'{"a": [1, null]}', b"null", b"\xff\xfe", b"<a><b>",
)  # fmt: skip


@pytest.mark.parametrize("service", _CALLS)
def test_what_is_not_aws_is_told_as_that(service: str) -> None:
    """Half of these never become an exception of botocore's own: it falls over them, or takes them for an answer."""
    with babbling() as server:
        client = session(server.url).client(service, retries=1)
        for server.status, server.body in product((200, 302, 403, 503), _BABBLE):
            answer, fault = None, None
            try:
                with explained("ask"):
                    answer = getattr(client, _CALLS[service])()
            except OpsError as error:
                fault = error
            if fault is not None:
                assert fault.title == "Could not ask"
                assert fault.why
                assert fault.remedy
            else:  # the services of XML return an empty list as nothing at all
                assert answer is not None
                assert (server.status, service in ("s3", "sts", "elbv2")) == (200, True), server.body
                assert not answer.get("Buckets")


def test_a_page_of_a_proxy_is_no_list_of_streams() -> None:
    with babbling() as server:
        server.body = b"{}"
        with pytest.raises(OpsError) as caught, explained("list the streams"):
            session(server.url).client("kinesis", retries=1).list_streams()
    assert caught.value.why == "The endpoint answered in a form this service does not use"
    assert "has none of StreamNames, HasMoreStreams" in caught.value.details["error"]


def test_a_bug_of_ours_passes_through() -> None:
    with pytest.raises(TypeError), explained("list the streams"):
        len(1)  # type: ignore[arg-type]
