"""Access tokens of Google: asked for once, kept while they live, and never asked for with more than is needed."""

import asyncio
import base64
from urllib.parse import parse_qs

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from omniroute.accounts.connection import Secret
from omniroute.accounts.google import SCOPE, AuthorizedUser, ServiceAccount
from omniroute.accounts.signing import Signing
from omniroute.accounts.tokens import Tokens
from omniroute.ir.failure import Failure
from omniroute.upstream.scripted import Answer, Fault, Gate, ScriptedTransport
from omniroute.upstream.transport import UpstreamRequest

URL = "https://oauth2.googleapis.com/token"
PERSON = AuthorizedUser(client_id="id", client_secret=Secret("hush"), refresh_token=Secret("again"), token_url=URL)


class Clock:
    def __init__(self) -> None:
        self.time = 1000.0

    def now(self) -> float:
        return 1_700_000_000 + self.time

    def monotonic(self) -> float:
        return self.time


def _given(token: str, **more: object) -> Answer:
    return Answer(chunks=(msgspec.json.encode({"access_token": token, "expires_in": 3600, **more}),))


async def _of(tokens: Tokens) -> str | Failure:
    return await tokens.of(PERSON, private=False, proxy="http://proxy:1")


async def test_a_token_is_asked_for_once_and_again_shortly_before_it_expires() -> None:
    clock, transport = Clock(), ScriptedTransport(_given("one"), _given("two"))
    tokens = Tokens(transport, clock)
    assert [await _of(tokens), await _of(tokens)] == ["one", "one"]
    clock.time += 3299
    assert await _of(tokens) == "one"
    clock.time += 2
    assert await _of(tokens) == "two"
    asked = transport.requests[0]
    assert (asked.method, asked.url, asked.proxy, asked.private) == ("POST", URL, "http://proxy:1", False)
    assert parse_qs(asked.body.decode()) == {
        "grant_type": ["refresh_token"],
        "client_id": ["id"],
        "client_secret": ["hush"],
        "refresh_token": ["again"],
    }


async def test_everybody_who_waits_shares_one_question() -> None:
    gate = Gate()
    transport = ScriptedTransport(Answer(before=gate, chunks=_given("one").chunks))
    tokens = Tokens(transport, Clock())
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(_of(tokens)) for _ in range(5)]
        await gate.reached.wait()
        gate.open()
    assert [task.result() for task in waiting] == ["one"] * 5
    assert len(transport.requests) == 1


async def test_a_cancelled_question_is_asked_by_the_next_one_who_waits() -> None:
    gate = Gate()
    tokens = Tokens(ScriptedTransport(Answer(before=gate), _given("two")), Clock())
    async with asyncio.TaskGroup() as group:
        first = group.create_task(_of(tokens))
        await gate.reached.wait()
        second = group.create_task(_of(tokens))
        first.cancel()
    assert first.cancelled()
    assert second.result() == "two"


async def test_a_renewal_that_fails_leaves_the_old_token_in_use_while_it_lives() -> None:
    clock = Clock()
    tokens = Tokens(ScriptedTransport(_given("one"), Answer(status=500), Fault("connect")), clock)
    assert await _of(tokens) == "one"
    clock.time += 3400
    assert await _of(tokens) == "one"
    clock.time += 300
    failure = await _of(tokens)
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.status) == ("connect", 502)


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (
            Answer(status=400, chunks=(b'{"error": "invalid_grant", "error_description": "Revoked."}',)),
            "authentication",
            "invalid_grant: Revoked.",
        ),
        (Answer(status=401, chunks=(b"<html>",)), "authentication", "status 401"),
        (Answer(status=429), "rate_limit", "429"),
        (Answer(status=503), "server", "503"),
        (Answer(chunks=(b'{"id_token": "x"}',)), "protocol", "no access token"),
        (Fault("timeout"), "timeout", "no access token was given"),
    ],
)
async def test_a_question_that_fails_is_a_failure_of_the_attempt(
    answer: Answer | Fault, kind: str, words: str
) -> None:
    failure = await _of(Tokens(ScriptedTransport(answer), Clock()))
    assert isinstance(failure, Failure)
    assert failure.kind == kind
    assert words in failure.message
    assert "hush" not in repr(failure)


async def test_a_service_account_signs_what_it_asks_for() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    account = ServiceAccount(email="robot@x", private_key=Secret(pem), private_key_id="k1", token_url=URL)
    transport = ScriptedTransport(_given("ya29.x"))
    request = UpstreamRequest(method="POST", url="https://aiplatform.googleapis.com/v1", body=b"{}")
    proven = await Signing(transport, Clock()).signed(account, request)
    assert isinstance(proven, UpstreamRequest)
    assert proven.headers == (("authorization", "Bearer ya29.x"),)
    form = parse_qs(transport.requests[0].body.decode())
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    head, claims, signature = form["assertion"][0].split(".")
    key.public_key().verify(_decoded(signature), f"{head}.{claims}".encode(), PKCS1v15(), SHA256())
    assert msgspec.json.decode(_decoded(head)) == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
    assert msgspec.json.decode(_decoded(claims)) == {
        "iss": "robot@x",
        "scope": SCOPE,
        "aud": URL,
        "iat": 1_700_001_000,
        "exp": 1_700_004_600,
    }


async def test_a_key_that_cannot_sign_is_named_and_nothing_is_sent() -> None:
    transport = ScriptedTransport()
    account = ServiceAccount(email="robot@x", private_key=Secret("-----BEGIN NOTHING-----"), token_url=URL)
    failure = await Tokens(transport, Clock()).of(account, private=False, proxy=None)
    assert isinstance(failure, Failure)
    assert failure.kind == "authentication"
    assert "the private key cannot be read" in failure.message
    assert transport.requests == []


def _decoded(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
