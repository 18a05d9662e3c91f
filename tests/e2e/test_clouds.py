"""Bedrock, Cohere, Vertex AI and Azure as providers of a running gateway, asked at their own addresses.

The gateway goes through a proxy, over TLS, to a server that takes itself for these hosts; it is asked by the SDKs
of OpenAI and Anthropic.
"""

import base64
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import anthropic
import msgspec
import openai
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.support.clouds import clouds, connected
from tests.support.gateway import Gateway
from tests.support.upstream import google_token, sigv4
from tests.support.upstream.received import Received
from tests.support.upstream.server import ScriptedUpstream

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
PERSON = {
    "type": "authorized_user",
    "client_id": "id",
    "client_secret": "secret",
    "refresh_token": google_token.REFRESH,
}


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """A connection at a provider, where its requests must arrive, and what they must show there."""

    provider: str
    model: str
    secret: str
    host: str
    paths: tuple[str, str]
    """For a whole answer and for a stream."""
    proof: tuple[str, str] | None
    """A header; None for a signature, which the server checks."""
    parameters: dict[str, str] = field(default_factory=dict)


def _same(path: str) -> tuple[str, str]:
    return path, path


BEDROCK = "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"
GOOGLE = "/v1/projects/mine/locations"
GEMINI = f"{GOOGLE}/global/publishers/google/models/gemini-2.5-pro"
CLAUDE = f"{GOOGLE}/europe-west4/publishers/anthropic/models/claude-opus-4-5"
AZURE = "/openai/deployments/my-gpt/chat/completions?api-version=2024-10-21"
BEARER = ("authorization", f"Bearer {google_token.TOKEN}")
OFFERED = (
    Cloud(
        provider="bedrock",
        model="us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        secret=":".join(next(iter(sigv4.ACCESS_KEYS.items()))),
        host="bedrock-runtime.us-east-1.amazonaws.com",
        paths=(BEDROCK, f"{BEDROCK}-stream"),
        proof=None,
        parameters={"region": "us-east-1"},
    ),
    Cloud(
        provider="cohere",
        model="command-a-03-2025",
        secret="hush",
        host="api.cohere.com",
        paths=_same("/v2/chat"),
        proof=("authorization", "Bearer hush"),
    ),
    Cloud(
        provider="vertex",
        model="gemini-2.5-pro",
        secret=msgspec.json.encode(PERSON).decode(),
        host="aiplatform.googleapis.com",
        paths=(f"{GEMINI}:generateContent", f"{GEMINI}:streamGenerateContent?alt=sse"),
        proof=BEARER,
        parameters={"project": "mine"},
    ),
    Cloud(
        provider="vertex-anthropic",
        model="claude-opus-4-5",
        secret=msgspec.json.encode(PERSON).decode(),
        host="europe-west4-aiplatform.googleapis.com",
        paths=(f"{CLAUDE}:rawPredict", f"{CLAUDE}:streamRawPredict"),
        proof=BEARER,
        parameters={"project": "mine", "location": "europe-west4"},
    ),
    Cloud(
        provider="azure-openai",
        model="my-gpt",
        secret="hush",
        host="corp.openai.azure.com",
        paths=_same("/openai/v1/chat/completions"),
        proof=("api-key", "hush"),
        parameters={"resource": "corp"},
    ),
    Cloud(
        provider="azure-openai-classic",
        model="my-gpt",
        secret="hush",
        host="corp.openai.azure.com",
        paths=_same(AZURE),
        proof=("api-key", "hush"),
        parameters={"resource": "corp"},
    ),
    Cloud(
        provider="azure-anthropic",
        model="my-claude",
        secret="hush",
        host="corp.services.ai.azure.com",
        paths=_same("/anthropic/v1/messages"),
        proof=("x-api-key", "hush"),
        parameters={"resource": "corp"},
    ),
)


@dataclass(kw_only=True)
class Sky:
    upstream: ScriptedUpstream
    gateway: Gateway
    key: str

    def only(self) -> Received:
        return self.upstream.only()


class Client(Protocol):
    """What is asked of either SDK."""

    def plain(self, model: str) -> str: ...
    def streamed(self, model: str) -> str: ...
    def round(self, model: str) -> tuple[object, str]: ...


class ChatClient:
    TOOLS = [{"type": "function", "function": {"name": "weather", "description": "W", "parameters": CITY}}]

    def __init__(self, sky: Sky) -> None:
        self.sdk = openai.OpenAI(base_url=f"{sky.gateway.url}/v1", api_key=sky.key, max_retries=0, timeout=20)

    def plain(self, model: str) -> str:
        return self._told(model, [_user("hello there")]).content

    def streamed(self, model: str) -> str:
        chunks = self.sdk.chat.completions.create(model=model, messages=[_user("hello there")], stream=True)
        return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)

    def round(self, model: str) -> tuple[object, str]:
        asked = [_user("How is Oslo?")]
        first = self._told(model, asked, tools=self.TOOLS)
        (call,) = first.tool_calls
        result = {"role": "tool", "tool_call_id": call.id, "content": "21 degrees"}
        last = self._told(model, [*asked, first.to_dict(), result], tools=self.TOOLS)
        return (call.function.name, msgspec.json.decode(call.function.arguments)), last.content

    def _told(self, model: str, messages: list, **more: object):
        return self.sdk.chat.completions.create(model=model, messages=messages, **more).choices[0].message


class MessagesClient:
    TOOLS = [{"name": "weather", "description": "W", "input_schema": CITY}]

    def __init__(self, sky: Sky) -> None:
        self.sdk = anthropic.Anthropic(base_url=sky.gateway.url, api_key=sky.key, max_retries=0, timeout=20)

    def plain(self, model: str) -> str:
        return self._told(model, [_user("hello there")])[0].text

    def streamed(self, model: str) -> str:
        with self.sdk.messages.stream(model=model, max_tokens=100, messages=[_user("hello there")]) as events:
            return "".join(events.text_stream)

    def round(self, model: str) -> tuple[object, str]:
        asked = [_user("How is Oslo?")]
        first = self._told(model, asked, tools=self.TOOLS)
        (use,) = first
        result = {"type": "tool_result", "tool_use_id": use.id, "content": "21 degrees"}
        turns = [*asked, {"role": "assistant", "content": first}, {"role": "user", "content": [result]}]
        return (use.name, use.input), self._told(model, turns, tools=self.TOOLS)[0].text

    def _told(self, model: str, messages: list, **more: object):
        return self.sdk.messages.create(model=model, max_tokens=100, messages=messages, **more).content


def _user(words: str) -> dict:
    return {"role": "user", "content": words}


@pytest.fixture(scope="module")
def sky(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sky]:
    under: AbstractContextManager[tuple[ScriptedUpstream, Gateway]] = clouds(tmp_path_factory.mktemp("clouds"))
    with under as (upstream, gateway):
        for cloud in OFFERED:
            connected(gateway, cloud.provider, cloud.secret, priority=2, **cloud.parameters)
        yield Sky(upstream=upstream, gateway=gateway, key=gateway.client_key("clouds"))


@pytest.fixture(scope="module")
def clients(sky: Sky) -> Iterator[dict[str, Client]]:
    chat, messages = ChatClient(sky), MessagesClient(sky)
    with chat.sdk, messages.sdk:
        yield {"openai": chat, "anthropic": messages}


@pytest.fixture(params=["openai", "anthropic"])
def client(request: pytest.FixtureRequest, clients: dict[str, Client]) -> Client:
    return clients[request.param]


@pytest.fixture(params=OFFERED, ids=lambda cloud: cloud.provider)
def cloud(request: pytest.FixtureRequest, sky: Sky) -> Cloud:
    sky.upstream.reset()
    return request.param


def model(cloud: Cloud) -> str:
    return f"{cloud.provider}/{cloud.model}"


def check_arrival(sky: Sky, cloud: Cloud, *, streamed: bool) -> None:
    (arrived,) = sky.upstream.generations
    assert arrived.request.header("host") == cloud.host
    assert arrived.request.target == cloud.paths[streamed]
    if cloud.proof is not None:
        assert arrived.request.header(cloud.proof[0]) == cloud.proof[1]
    else:
        assert (arrived.request.header("authorization") or "").startswith("AWS4-HMAC-SHA256 ")
    assert sky.key not in repr(arrived.request), "a client's key is nobody else's business"


def test_a_plain_answer_comes_whole(sky: Sky, client: Client, cloud: Cloud) -> None:
    assert client.plain(model(cloud)) == "echo: hello there"
    check_arrival(sky, cloud, streamed=False)


def test_a_stream_says_the_same(sky: Sky, client: Client, cloud: Cloud) -> None:
    assert client.streamed(model(cloud)) == "echo: hello there"
    check_arrival(sky, cloud, streamed=True)


def test_a_tool_round_is_completed(sky: Sky, client: Client, cloud: Cloud) -> None:
    called, last = client.round(model(cloud))
    assert (called, last) == (("weather", {"city": "some city"}), "FINAL: 21 degrees")
    assert len(sky.upstream.generations) == 2


def test_every_provider_was_asked_for_by_name(sky: Sky, clients: dict[str, Client]) -> None:
    for cloud in OFFERED:
        clients["openai"].plain(model(cloud))
    assert {cloud.host for cloud in OFFERED} <= set(sky.upstream.hosts)
    assert "oauth2.googleapis.com" in sky.upstream.hosts


@pytest.fixture
def alone(sky: Sky) -> Iterator[list[str]]:
    """The connections that a test makes; they end with it."""
    made: list[str] = []
    yield made
    for connection_id in made:
        sky.gateway.admin("DELETE", f"/api/providers/{connection_id}")


def instead(sky: Sky, provider: str, secret: str, alone: list[str], **parameters: str) -> None:
    """A connection that goes before all others of `provider`."""
    sky.upstream.reset()
    alone.append(connected(sky.gateway, provider, secret, priority=1, **parameters))


@pytest.mark.parametrize("kind", ["session", "api key"])
def test_bedrock_believes_keys_of_every_kind(
    sky: Sky, clients: dict[str, Client], alone: list[str], kind: str
) -> None:
    key_id, secret = list(sigv4.ACCESS_KEYS.items())[1]
    pasted = {"AccessKeyId": key_id, "SecretAccessKey": secret, "SessionToken": sigv4.SESSION}
    shown = msgspec.json.encode(pasted).decode() if kind == "session" else sigv4.API_KEY
    instead(sky, "bedrock", shown, alone, region="us-east-1")
    assert clients["openai"].plain(model(OFFERED[0])) == "echo: hello there"
    sent = sky.only().request
    assert sent.header("x-amz-security-token") == (sigv4.SESSION if kind == "session" else None)
    assert (sent.header("authorization") == f"Bearer {sigv4.API_KEY}") == (kind == "api key")


def test_a_service_account_signs_for_its_token(
    sky: Sky, clients: dict[str, Client], alone: list[str], tmp_path: Path
) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = {
        "type": "service_account",
        "project_id": "theirs",
        "client_email": "robot@theirs.iam.gserviceaccount.com",
        "private_key": pem.decode(),
        "private_key_id": "k1",
    }
    instead(sky, "vertex", msgspec.json.encode(file).decode(), alone)
    assert clients["openai"].plain("vertex/gemini-2.5-pro") == "echo: hello there"
    asked, sent = sky.upstream.received
    assertion = asked.request.body.decode().partition("assertion=")[2]
    signed, _, proof = assertion.rpartition(".")
    key.public_key().verify(_decoded(proof), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    claims = msgspec.json.decode(_decoded(signed.partition(".")[2]))
    assert (claims["iss"], claims["aud"]) == (file["client_email"], "https://oauth2.googleapis.com/token")
    assert "/projects/theirs/" in sent.request.target


def _decoded(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def test_a_token_is_fetched_once(sky: Sky, clients: dict[str, Client], alone: list[str]) -> None:
    person = PERSON | {"client_id": "another"}
    instead(sky, "vertex", msgspec.json.encode(person).decode(), alone, project="mine")
    for _ in range(3):
        clients["anthropic"].plain("vertex/gemini-2.5-pro")
    paths = [one.request.path for one in sky.upstream.received]
    assert paths == ["/token", *[f"{GEMINI}:generateContent"] * 3]


WRONG = {
    "bedrock": "AKIASCRIPTED00000001:wrong",
    "vertex": msgspec.json.encode(PERSON | {"refresh_token": "wrong"}).decode(),
}


@pytest.mark.parametrize("provider", WRONG)
@pytest.mark.parametrize("wrong", [False, True], ids=["good", "wrong"])
def test_a_key_is_tried_as_it_is_used(sky: Sky, provider: str, wrong: bool) -> None:
    offered = next(cloud for cloud in OFFERED if cloud.provider == provider)
    body = {
        "provider": provider,
        "apiKey": WRONG[provider] if wrong else offered.secret,
        "providerSpecificData": offered.parameters,
        "validationModelId": offered.model,
    }
    assert sky.gateway.admin("POST", "/api/providers/validate", body)["valid"] is not wrong
