"""Signatures of local servers: the table that ships, and what bears them."""

from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.catalog.loader import load
from omniroute.catalog.local import LocalServer, Models, Object, Signature, Text, local_servers, recognised

SERVED = load().served(False).providers
SERVERS = {server.provider: server for server in local_servers()}

Answer = tuple[Mapping[str, str], object]
"""Headers and body; a body that is not text is sent as JSON."""


def listed(**model: object) -> object:
    return {"object": "list", "data": [{"id": "m", "object": "model", **model}]}


ANSWERS: dict[str, dict[str, Answer]] = {
    "ollama": {
        "/": ({}, "Ollama is running"),
        "/api/version": ({}, {"version": "0.5.1"}),
        "/v1/models": ({}, listed(owned_by="library")),
    },
    "lm-studio": {
        "/api/v0/models": (
            {},
            listed(type="llm", arch="llama", compatibility_type="gguf", quantization="Q4_K_M", state="not-loaded"),
        ),
        "/v1/models": ({}, listed(owned_by="organization_owner")),
        "/": ({}, {"error": "Unexpected endpoint or method. (GET /)"}),
        "/version": ({}, {"error": "Unexpected endpoint or method. (GET /version)"}),
        "/api/version": ({}, {"error": "Unexpected endpoint or method. (GET /api/version)"}),
        "/props": ({}, {"error": "Unexpected endpoint or method. (GET /props)"}),
    },
    "llamacpp": {
        "/v1/models": ({"server": "llama.cpp"}, listed(owned_by="llamacpp", meta={"n_ctx_train": 4096})),
        "/props": ({"server": "llama.cpp"}, {"total_slots": 1, "default_generation_settings": {}}),
    },
    "vllm": {
        "/v1/models": ({}, listed(owned_by="vllm", root="org/m", parent=None, max_model_len=2048)),
        "/version": ({}, {"version": "0.9.1"}),
    },
    "sglang": {"/v1/models": ({}, listed(owned_by="sglang", root="org/m", parent=None, max_model_len=2048))},
}


def sent(body: object) -> bytes:
    return body.encode() if isinstance(body, str) else msgspec.json.encode(body)


def is_there(server: LocalServer, answers: Mapping[str, Answer]) -> bool:
    return all(
        signature.path in answers
        and recognised(signature, 200, answers[signature.path][0], sent(answers[signature.path][1]))
        for signature in server.signatures
    )


def test_every_server_is_served_local_and_on_its_rows_port() -> None:
    for server in SERVERS.values():
        row = SERVED[server.provider]
        assert row.local
        assert urlsplit(row.base_url).port == server.port


def test_no_two_servers_share_a_port() -> None:
    assert len({server.port for server in SERVERS.values()}) == len(SERVERS)


@pytest.mark.parametrize("provider", ANSWERS)
def test_a_server_is_recognised_as_itself_and_as_nothing_else(provider: str) -> None:
    assert [name for name, server in SERVERS.items() if is_there(server, ANSWERS[provider])] == [provider]


def test_every_server_has_its_example() -> None:
    assert ANSWERS.keys() == SERVERS.keys()


def test_a_gateway_that_lists_some_of_a_servers_models_is_not_that_server() -> None:
    first = listed(owned_by="vllm", root="a", max_model_len=1)["data"][0]  # type: ignore[index]
    other = {"id": "gpt", "object": "model", "owned_by": "openai", "root": "gpt", "max_model_len": 1}
    signature = SERVERS["vllm"].signatures[0]
    assert recognised(signature, 200, {}, sent({"object": "list", "data": [first]}))
    assert not recognised(signature, 200, {}, sent({"object": "list", "data": [first, other]}))


def test_a_server_without_models_is_not_recognised() -> None:
    for name in ("lm-studio", "llamacpp", "vllm", "sglang"):
        signature = SERVERS[name].signatures[0]
        assert not recognised(signature, 200, signature.headers, b'{"object":"list","data":[]}')


def test_a_text_is_compared_whole_but_for_whitespace_around_it() -> None:
    signature = Signature(path="/", body=Text(value="Here I am"))
    assert recognised(signature, 200, {}, b" Here I am\r\n")
    assert not recognised(signature, 200, {}, b"Here I am not")


@pytest.mark.parametrize("body", ['{"version":""}', '{"version":3}', '{"version":null}', "{}", "[]", '"version"'])
def test_a_member_that_is_not_a_string_with_content_is_no_mark(body: str) -> None:
    assert not recognised(Signature(path="/", body=Object(strings=("version",))), 200, {}, body.encode())


def test_a_header_must_be_exactly_so() -> None:
    signature = Signature(path="/", body=Object(strings=()), headers={"server": "llama.cpp"})
    answers = [{"server": "llama.cpp"}, {"server": "llama.cpp/2"}, {"server": "nginx"}, {}]
    assert [recognised(signature, 200, headers, b"{}") for headers in answers] == [True, False, False, False]


BODIES = st.one_of(
    st.sampled_from((Text(value="x"), Object(strings=("version",)), Models(values={"owned_by": "x"}))),
    st.sampled_from([signature.body for server in SERVERS.values() for signature in server.signatures]),
)


@given(body=BODIES, status=st.integers(100, 599).filter(lambda status: status != 200))
def test_only_a_200_is_a_signature(body: Text | Object | Models, status: int) -> None:
    signature = Signature(path="/", body=body)
    for answers in ANSWERS.values():
        for _, content in answers.values():
            assert not recognised(signature, status, {}, sent(content))


@given(body=BODIES.filter(lambda body: body != Object(strings=())), answer=st.binary())
def test_noise_is_never_recognised_and_never_an_error(body: Text | Object | Models, answer: bytes) -> None:
    if answer.strip() != b"x":
        assert not recognised(Signature(path="/", body=body), 200, {}, answer)


@pytest.mark.parametrize(
    "answer", [b"[" * 100_000, b'{"version":"\xff"}', b'{"version":"\\ud83d"}', b"\xef\xbb\xbf{}"]
)
def test_json_that_breaks_parsers_is_not_recognised(answer: bytes) -> None:
    for body in (Object(strings=("version",)), Models()):
        assert not recognised(Signature(path="/", body=body), 200, {}, answer)
