"""IAM Identity Center on loopback: registers clients, hands out a code, and gives a token once somebody has "confirmed" it."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator

from tests.fakes.loopback import Answer, Asked, loopback


class IdentityCenter:
    """``answers`` are what CreateToken says, one a call; the last one stays. ``asked`` lists the calls."""

    def __init__(self) -> None:
        self.answers, self.asked = ["token"], list[tuple[str, dict]]()
        self.lasts = 600
        self.url = ""

    def answer(self, path: str, asked: dict) -> tuple[int, dict]:
        self.asked.append((path, asked))
        if path == "/client/register":
            return 200, {"clientId": "c", "clientSecret": "s", "clientSecretExpiresAt": int(time.time()) + 90 * 86400}
        if path == "/device_authorization":
            return 200, {
                "deviceCode": "d", "userCode": "ABCD-EFGH", "verificationUri": "https://device.example/",
                "verificationUriComplete": "https://device.example/?user_code=ABCD-EFGH", "expiresIn": self.lasts, "interval": 1,
            }  # fmt: skip
        if path.startswith("/federation/credentials"):
            end = int((time.time() + 3600) * 1000)
            return 200, {
                "roleCredentials": {
                    "accessKeyId": "ASIASSO",
                    "secretAccessKey": "s",
                    "sessionToken": "t",
                    "expiration": end,
                }
            }
        word = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        if word == "token":
            return 200, {"accessToken": "the-token", "tokenType": "Bearer", "expiresIn": 3600, "refreshToken": "again"}
        return 400, {"__type": word, "error": word, "error_description": word}


@contextlib.contextmanager
def identity_center() -> Iterator[IdentityCenter]:
    told = IdentityCenter()

    def answer(asked: Asked) -> Answer:
        status, found = told.answer(asked.path, json.loads(asked.body or b"{}"))
        kind = {"x-amzn-ErrorType": found["__type"]} if "__type" in found else {}
        return Answer(status, json.dumps(found).encode(), {"Content-Type": "application/json", **kind})

    with loopback(answer) as told.url:
        yield told
