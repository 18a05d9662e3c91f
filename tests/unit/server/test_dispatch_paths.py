"""Which paths mean the same route."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.server.dispatch import canonical


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/v1/models", "/v1/models"),
        ("/v1/models/", "/v1/models"),
        ("/api/v1/chat/completions", "/v1/chat/completions"),
        ("/v1/v1/chat/completions", "/v1/chat/completions"),
        ("/api/v1", "/v1"),
        ("/v1/v1/", "/v1"),
        ("/", "/"),
        ("//", "/"),
        ("/v1x/models", "/v1x/models"),
        ("/api/v1x", "/api/v1x"),
        ("/V1/models", "/V1/models"),
        ("/api/v1/v1/models", "/v1/models"),
        ("/api/v1/responses/compact/", "/v1/responses/compact"),
        ("/v1/v1/responses", "/v1/responses"),
        ("/v1beta/models", "/v1beta/models"),
        ("/v1beta/models/g:generateContent/", "/v1beta/models/g:generateContent"),
        ("/api/v1beta/models/g:generateContent", "/v1beta/models/g:generateContent"),
        ("/v1/v1beta/models", "/v1beta/models"),
        ("/api/v1betax", "/api/v1betax"),
        ("/chat/completions/", "/v1/chat/completions"),
        ("/messages/count_tokens", "/v1/messages/count_tokens"),
        ("/models", "/v1/models"),
        ("/models/up/m:generateContent", "/v1/models/up/m:generateContent"),
        ("/responses", "/v1/responses"),
        ("/responses/resp_1/cancel", "/v1/responses/resp_1/cancel"),
        ("/responsesx", "/responsesx"),
        ("/codex", "/v1/responses"),
        ("/codex/", "/v1/responses"),
        ("/codex/responses", "/v1/responses"),
        ("/codex/v1/responses/compact", "/v1/responses/compact"),
        ("/codex/any/tail", "/v1/responses"),
        ("/codexx/responses", "/codexx/responses"),
    ],
)
def test_aliases(path: str, meant: str) -> None:
    assert canonical(path) == meant


@given(st.text("/v1api", max_size=24))
def test_a_canonical_path_never_ends_in_a_slash_but_for_the_root(path: str) -> None:
    found = canonical("/" + path)
    assert found == "/" or not found.endswith("/")
