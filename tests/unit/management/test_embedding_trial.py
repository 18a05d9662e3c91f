"""A provider that does not chat is tested with what it does."""

from collections.abc import Callable

import msgspec
import pytest

from omniroute.upstream.scripted import Answer
from omniroute.upstream.transport import UpstreamRequest
from tests.unit.management.house import House

VECTORS = b'{"object":"list","data":[{"embedding":[0.5]}]}'


def embeds(status: int, body: bytes) -> Callable[[UpstreamRequest], Answer]:
    """A provider without a model list, as those that only embed are."""

    def answer(request: UpstreamRequest) -> Answer:
        if request.method == "GET":
            return Answer(status=404)
        return Answer(status=status, chunks=(body,))

    return answer


@pytest.mark.parametrize(
    ("status", "body", "valid", "kind"),
    [
        (200, VECTORS, True, "ok"),
        (401, b"{}", False, "upstream_auth_error"),
        (429, b"{}", True, "upstream_rate_limited"),
        (404, b"", False, "unsupported"),
        (503, b"", False, "upstream_unavailable"),
    ],
)
def test_a_provider_that_only_embeds_is_asked_for_one_embedding(
    house: House, status: int, body: bytes, valid: bool, kind: str
) -> None:
    admin = house.admin()
    new = {"provider": "voyage-ai", "name": "v", "apiKey": "key-of-voyage"}
    made = admin.post("/api/providers", json=new).json()["connection"]
    house.answer = embeds(status, body)  # type: ignore[assignment]
    tested = admin.post(f"/api/providers/{made['id']}/test").json()
    assert (tested["valid"], tested["diagnosis"]["type"]) == (valid, kind)
    request = house.transport.requests[-1]
    assert request.url == "https://api.voyageai.com/v1/embeddings"
    assert msgspec.json.decode(request.body) == {"model": "voyage-3-large", "input": "test"}
    assert ("authorization", "Bearer key-of-voyage") in request.headers


def test_a_node_for_embeddings_is_validated_with_the_model_that_is_named(house: House) -> None:
    house.answer = embeds(200, VECTORS)  # type: ignore[assignment]
    admin = house.admin()
    node = {"apiType": "embeddings", "baseUrl": "http://127.0.0.1:9000/v1/embeddings"}
    undecided = admin.post("/api/provider-nodes/validate", json=node).json()
    assert undecided["valid"] is False
    named = admin.post("/api/provider-nodes/validate", json=node | {"validationModelId": "e5"}).json()
    assert named == {"valid": True, "error": None, "warning": None}
    assert house.transport.requests[-1].url == "http://127.0.0.1:9000/v1/embeddings"
