"""Signatures of version 4, against what Amazon publishes and what its own client computes."""

import msgspec
import pytest

from omniroute.accounts.connection import Secret
from omniroute.accounts.sigv4 import AwsKeys, signed
from omniroute.upstream.transport import UpstreamRequest

AT = "20150830T123600Z"
KEYS = AwsKeys(
    access_key_id="AKIDEXAMPLE",
    secret_access_key=Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
    region="us-east-1",
    service="service",
)
BEDROCK = "https://bedrock-runtime.us-east-1.amazonaws.com/model"


def _signature(request: UpstreamRequest, keys: AwsKeys = KEYS) -> str:
    return dict(signed(request, keys, amz_date=AT).headers)["authorization"].rpartition("Signature=")[2]


@pytest.mark.parametrize(
    ("method", "url", "signature"),
    [
        (
            "GET",
            "https://example.amazonaws.com/",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (
            "POST",
            "https://example.amazonaws.com/",
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
        (
            "GET",
            "https://example.amazonaws.com/?Param2=value2&Param1=value1",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
    ],
)
def test_the_vectors_of_the_published_suite(method: str, url: str, signature: str) -> None:
    """`get-vanilla`, `post-vanilla` and `get-vanilla-query-order-key-case`."""
    assert _signature(UpstreamRequest(method=method, url=url)) == signature


@pytest.mark.parametrize(
    ("path", "session", "signature"),
    [
        (
            "/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse",
            None,
            "c85893785671e4290080b92d6fc72bde22a46c111e5bb739a5cc73952f369d29",
        ),
        (
            "/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.x/converse-stream?b=2&a=%2F1",
            Secret("TOK"),
            "beee5b2ea3a2b4e827087215aa8df6543b9691cf00c4e9ee1fb5c4419d53514e",
        ),
    ],
)
def test_models_with_colons_and_slashes_are_signed_as_botocore_signs_them(
    path: str, session: Secret | None, signature: str
) -> None:
    """Computed with `SigV4Auth` of botocore 1.44.5 for the same time, keys and body."""
    request = UpstreamRequest(
        method="POST", url=BEDROCK + path, headers=(("content-type", "application/json"),), body=b'{"a":1}'
    )
    keys = msgspec.structs.replace(KEYS, service="bedrock", session=session)
    assert _signature(request, keys) == signature


def test_a_signed_request_is_the_same_but_for_its_proof() -> None:
    request = UpstreamRequest(method="POST", url=BEDROCK, headers=(("accept", "x"),), body=b"{}")
    proven = signed(request, KEYS, amz_date=AT)
    assert msgspec.structs.replace(proven, headers=()) == msgspec.structs.replace(request, headers=())
    assert [name for name, _ in proven.headers] == ["accept", "x-amz-date", "authorization"]
    assert "wJalr" not in repr(proven)
    assert "wJalr" not in repr(KEYS)
