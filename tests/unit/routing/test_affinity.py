"""What conversation a request belongs to."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.ir.target import Target
from omniroute.routing.affinity import binding_key, conversation, keeps


def fields(body: object) -> dict[str, msgspec.Raw]:
    return msgspec.json.decode(msgspec.json.encode(body), type=dict[str, msgspec.Raw])


@pytest.mark.parametrize(
    "header",
    [
        "x-claude-code-session-id",
        "session-id",
        "session_id",
        "thread-id",
        "x-codex-session-id",
        "x-session-id",
        "x-session-affinity",
        "x-omniroute-session",
    ],
)
def test_the_session_headers_of_clients_name_the_conversation(header: str) -> None:
    assert conversation({header: " 0199-ab "}, fields({"prompt_cache_key": "k"})) == "header:0199-ab"


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"prompt_cache_key": "k-1"}, "body:k-1"),
        ({"conversation_id": "c"}, "body:c"),
        ({"metadata": {"session_id": "s"}}, "metadata:s"),
        ({"metadata": {"sessionId": "s"}}, "metadata:s"),
        ({"metadata": {"user_id": '{"device_id":"d","account_uuid":"","session_id":"5f-1"}'}}, "metadata:5f-1"),
        ({"metadata": {"user_id": "user_abc_account__session_5f-1"}}, "metadata:5f-1"),
    ],
)
def test_so_do_members_of_the_body(body: object, name: str) -> None:
    assert conversation({}, fields(body)) == name


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "hi"}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]},
        {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]},
        {"input": "hi"},
        {"input": [{"role": "user", "content": [{"type": "input_text", "text": "hi"}]}]},
        {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
        {"metadata": {"user_id": "me"}, "messages": [{"role": "user", "content": "hi"}]},
    ],
)
def test_else_the_first_words_of_the_user_do_however_it_goes_on(body: object) -> None:
    assert conversation({}, fields(body)) == conversation({}, fields({"input": "hi"}))


@pytest.mark.parametrize("body", [{}, {"messages": []}, {"messages": 5}, {"messages": [1]}, {"input": ""}])
def test_a_request_without_words_belongs_to_none(body: object) -> None:
    assert conversation({}, fields(body)) is None


def test_names_that_are_long_or_strange_are_hashed() -> None:
    name = conversation({"x-session-id": "a b" * 400}, {})
    assert name is not None
    assert len(name) < 190
    assert " " not in name


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["role", "content", "parts", "text", "user_id", "x"]), inner, max_size=3)
    ),
    max_leaves=9,
)


@given(st.dictionaries(st.sampled_from(["messages", "input", "contents", "metadata", "prompt_cache_key"]), JSON))
def test_any_body_has_a_short_name_or_none_and_the_same_again(body: dict[str, object]) -> None:
    name = conversation({}, fields(body))
    assert name is None or 0 < len(name) < 200
    assert conversation({}, fields(body)) == name


def test_two_keys_and_two_providers_never_share_a_binding() -> None:
    keys = {binding_key(key, provider, "n") for key in ("k", "l") for provider in ("p", "q")}
    assert len(keys) == 4


@pytest.mark.parametrize(
    ("dialect", "quirks", "kept"),
    [
        ("anthropic", (), True),
        ("gemini", (), True),
        ("openai_chat", ("caches_prompts",), True),
        ("openai_chat", (), False),
    ],
)
def test_conversations_stay_where_prompts_are_cached_unless_told_otherwise(
    dialect: str, quirks: tuple[str, ...], kept: bool
) -> None:
    target = Target(provider="p", model="m", dialect=dialect, quirks=quirks)
    assert keeps(target, "auto") is kept
    assert keeps(target, "on") is True
    assert keeps(target, "off") is False
