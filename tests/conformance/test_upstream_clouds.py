"""The scripted upstream as Bedrock, Cohere and Google's token endpoint: whom it believes, and what it says.

Its answers and its reading of signatures were also held against boto3 1.44 and the cohere SDK 7.3.
"""

import time
from collections.abc import Iterator

import msgspec
import pytest

from omniroute.accounts.connection import Secret
from omniroute.accounts.sigv4 import AwsKeys, signed
from omniroute.dialects.eventstream import MessageFramer
from omniroute.upstream.transport import UpstreamRequest
from tests.support.asking import Answered, ask
from tests.support.upstream import google_token, sigv4
from tests.support.upstream.answer import Answer, Call, Say, Think
from tests.support.upstream.script import ErrorEvent, Script, refused
from tests.support.upstream.server import ScriptedUpstream

HELLO = {"messages": [{"role": "user", "content": [{"text": "hello there"}]}]}
CHAT = {"model": "m", "stream": True, "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]}
RICH = Answer(parts=(Think("first a thought"), Say("then words"), Call("first", '{"a":1}', "call_a")))
JSON = ("content-type", "application/json")


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as running:
        yield running


def proven(upstream: ScriptedUpstream, verb: str, *, key: int = 0, at: float = 0.0) -> UpstreamRequest:
    """A Converse request that is signed `at` seconds from now."""
    key_id, secret = list(sigv4.ACCESS_KEYS.items())[key]
    keys = AwsKeys(
        access_key_id=key_id,
        secret_access_key=Secret(secret),
        session=Secret(sigv4.SESSION) if key else None,
        region="us-east-1",
        service="bedrock",
    )
    request = UpstreamRequest(
        method="POST",
        url=f"{upstream.url}/model/a%3Ab/{verb}",
        headers=(JSON,),
        body=msgspec.json.encode(HELLO),
    )
    return signed(request, keys, amz_date=time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() + at)))


def sent(upstream: ScriptedUpstream, request: UpstreamRequest) -> Answered:
    path = request.url.removeprefix(upstream.url)
    return ask(upstream.url, path, request.body, headers=dict(request.headers))


@pytest.mark.parametrize("key", [0, 1], ids=["a lasting key", "a key with a session"])
def test_bedrock_believes_a_signature_that_fits(upstream: ScriptedUpstream, key: int) -> None:
    answer = sent(upstream, proven(upstream, "converse", key=key))
    assert answer.json["output"]["message"]["content"] == [{"text": "echo: hello there"}]


def without(request: UpstreamRequest, *names: str) -> tuple[tuple[str, str], ...]:
    return tuple(pair for pair in request.headers if pair[0] not in names)


CHANGES = ("body", "path", "query", "date", "service", "late", "unsigned", "sessionless")


@pytest.mark.parametrize("change", CHANGES)
def test_bedrock_believes_no_other_request(upstream: ScriptedUpstream, change: str) -> None:
    request = proven(upstream, "converse", key=1, at=-900.0 if change == "late" else 0.0)
    proof = dict(request.headers)["authorization"]
    match change:
        case "body":
            request = msgspec.structs.replace(request, body=request.body.replace(b"hello", b"hallo"))
        case "path":
            request = msgspec.structs.replace(request, url=request.url.replace("a%3Ab", "c"))
        case "query":
            request = msgspec.structs.replace(request, url=f"{request.url}?x=1")
        case "date":
            later = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() + 60))
            changed = (*without(request, "x-amz-date"), ("x-amz-date", later))
            request = msgspec.structs.replace(request, headers=changed)
        case "service":
            other = (*without(request, "authorization"), ("authorization", proof.replace("/bedrock/", "/s3/")))
            request = msgspec.structs.replace(request, headers=other)
        case "unsigned":
            request = msgspec.structs.replace(request, headers=without(request, "authorization"))
        case "sessionless":
            request = msgspec.structs.replace(request, headers=without(request, "x-amz-security-token"))
    answer = sent(upstream, request)
    assert answer.status == 403
    assert answer.headers["x-amzn-errortype"].startswith("AccessDeniedException")


def test_bedrock_streams_binary_messages(upstream: ScriptedUpstream) -> None:
    upstream.script(Script(answer=RICH))
    answer = sent(upstream, proven(upstream, "converse-stream"))
    assert answer.headers["content-type"] == "application/vnd.amazon.eventstream"
    messages = MessageFramer().feed(answer.body)
    kinds = [message.word(":event-type") for message in messages]
    assert kinds[0] == "messageStart"
    assert kinds[-2:] == ["messageStop", "metadata"]
    assert kinds.count("contentBlockStop") == len(RICH.parts)
    assert kinds.count("contentBlockStart") == 1, "only calls are announced"


def test_bedrock_names_its_exceptions_where_its_clients_look(upstream: ScriptedUpstream) -> None:
    upstream.script(refused(429, "slow down"), Script(fault=ErrorEvent(1, "slow down", "rate_limit")))
    limited = sent(upstream, proven(upstream, "converse"))
    assert (limited.status, limited.json) == (429, {"message": "slow down"})
    assert limited.headers["x-amzn-errortype"].startswith("ThrottlingException")
    last = MessageFramer().feed(sent(upstream, proven(upstream, "converse-stream")).body)[-1]
    assert (last.word(":message-type"), last.word(":exception-type")) == ("exception", "throttlingException")


def test_bedrock_says_what_is_wrong_with_a_body(upstream: ScriptedUpstream) -> None:
    request = proven(upstream, "converse")
    keyed = (JSON, ("authorization", f"Bearer {sigv4.API_KEY}"))
    answer = sent(upstream, msgspec.structs.replace(request, headers=keyed, body=b'{"messages":[],"x":1}'))
    assert (answer.status, answer.json) == (400, {"message": "Malformed input request: {'x'}"})


def test_cohere_streams_named_events(upstream: ScriptedUpstream) -> None:
    upstream.script(Script(answer=RICH))
    answer = ask(upstream.url, "/v2/chat", CHAT)
    events = [frame.partition(b"\n") for frame in answer.body.split(b"\n\n") if frame]
    names = [name.removeprefix(b"event: ").decode() for name, _, _ in events]
    told = [msgspec.json.decode(data.removeprefix(b"data: ")) for _, _, data in events]
    assert names == [one["type"] for one in told]
    assert (names[0], names[-1]) == ("message-start", "message-end")
    assert told[-1]["delta"]["finish_reason"] == "TOOL_CALL"
    pieces = [one["delta"]["message"]["tool_calls"] for one in told if one["type"] == "tool-call-delta"]
    assert "".join(piece["function"]["arguments"] for piece in pieces) == '{"a":1}'


def test_cohere_says_what_is_wrong_with_a_body(upstream: ScriptedUpstream) -> None:
    answer = ask(upstream.url, "/v2/chat", {**CHAT, "p": 1.0})
    assert answer.status == 400
    assert "invalid request" in answer.json["message"]


@pytest.mark.parametrize(
    ("form", "status"),
    [
        (f"grant_type=refresh_token&refresh_token={google_token.REFRESH}", 200),
        ("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=a.b.c", 200),
        ("grant_type=refresh_token&refresh_token=stolen", 400),
        ("grant_type=password&username=me", 400),
    ],
)
def test_google_gives_tokens_for_what_it_gave_itself(upstream: ScriptedUpstream, form: str, status: int) -> None:
    assert ask(upstream.url, "/token", form.encode()).status == status
