"""What boto3 raises becomes one plain sentence, a cause and a next step; the request id is kept."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from core.aws.faults import explained
from core.aws.health import who_am_i
from core.aws.session import AwsSession, Target
from core.base.errors import OpsError
from core.settings.profiles import Profile


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


@pytest.fixture
def refusing() -> Iterator[tuple[str, list[tuple[int, str]]]]:
    """A real server that answers every request with the error the test asks for."""
    answers: list[tuple[int, str]] = []

    class Refuse(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, code = answers[0]
            body = json.dumps({"__type": code, "message": f"the service says {code}"}).encode()
            self.send_response(status)
            self.send_header("x-amzn-RequestId", "req-123")
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refuse)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", answers
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("aws", "code", "word"),
    [
        ("ResourceNotFoundException", "not-found", "does not exist"),
        ("AccessDeniedException", "denied", "no permission"),
        ("ExpiredTokenException", "expired", "expired"),
        ("ProvisionedThroughputExceededException", "throttled", "throughput"),
        ("LimitExceededException", "limit", "limit"),
        ("SomethingNobodyKnows", "aws", "the service says SomethingNobodyKnows"),
    ],
)
def test_answers_of_the_service(refusing: tuple[str, list[tuple[int, str]]], aws: str, code: str, word: str) -> None:
    url, answers = refusing
    answers.append((400, aws))
    with pytest.raises(OpsError) as caught, explained("list the streams"):
        session(url).client("kinesis", retries=1).list_streams()
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
    assert "does not answer" in caught.value.why


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
