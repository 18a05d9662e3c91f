"""A connection that must be signed is tried out as it is used: with its proof, and told when there is none."""

from omniroute.accounts.connection import Connection, Secret
from omniroute.accounts.connections import presentable
from omniroute.accounts.probe import probe
from omniroute.accounts.signing import Signing
from omniroute.accounts.verdict import Verdict
from omniroute.catalog.loader import load
from omniroute.dialects.registry import UPSTREAMS
from omniroute.upstream.scripted import Answer, ScriptedTransport

ROWS = load().providers
PERSON = '{"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "r"}'


class Clock:
    def now(self) -> float:
        return 1_700_000_000.0

    def monotonic(self) -> float:
        return 1.0


async def _probed(transport: ScriptedTransport, provider: str, secret: str, **parameters: str) -> Verdict:
    row = ROWS[provider]
    connection = Connection(
        id="c", provider=provider, name="mine", secret=Secret(secret), parameters={**parameters}
    )
    dialect = UPSTREAMS[row.operations["chat"].codec]
    signing = Signing(transport, Clock())
    return await probe(transport, row, connection, dialect, signing=signing, model="some-model")


async def test_bedrock_is_tried_with_a_signed_chat() -> None:
    no_list = Answer(status=404, chunks=(b'{"message":"no such operation"}',))
    transport = ScriptedTransport(no_list, Answer(chunks=(b'{"output":{"message":{"content":[]}}}',)))
    key = "AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI"
    verdict = await _probed(transport, "bedrock", key, region="us-east-1")
    assert (verdict.valid, verdict.method) == (True, "chat_completion")
    for request in transport.requests:
        assert dict(request.headers)["authorization"].startswith(
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/"
        )
    assert transport.requests[-1].url.endswith("/model/some-model/converse")


async def test_a_refused_key_of_google_is_a_refused_credential() -> None:
    transport = ScriptedTransport(Answer(status=400, chunks=(b'{"error":"invalid_grant"}',)))
    verdict = await _probed(transport, "vertex-anthropic", PERSON, project="p")
    assert (verdict.valid, verdict.type) == (False, "upstream_auth_error")
    assert "invalid_grant" in (verdict.message or "")


def test_a_key_file_is_kept_in_one_line() -> None:
    found = presentable('{\n  "type": "service_account",\n  "private_key": "a\\nb"\n}\n')
    assert found == Secret('{"type":"service_account","private_key":"a\\nb"}')
