"""Each quirk by its symptom."""

from typing import Any

import pytest

from omniroute.dialects.quirks.nine_char_tool_ids import nine_characters
from omniroute.dialects.quirks.registry import QUIRKS, apply_to_wire, quirks_of
from omniroute.ir.target import Target


def after(name: str, body: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    rewritten = apply_to_wire([QUIRKS[name]], body)
    return rewritten.body, [loss.how for loss in rewritten.losses]


def call(call_id: str) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize("name", sorted(QUIRKS.keys() - {"vertex_anthropic"}))  # that one is about every body
def test_a_quirk_leaves_alone_what_it_is_not_about(name: str) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}, "not a message"], "tools": []}
    rewritten = apply_to_wire([QUIRKS[name]], body)
    assert rewritten.body is body
    assert rewritten.losses == ()


@pytest.mark.parametrize("name", sorted(QUIRKS))
def test_a_quirk_survives_a_body_without_sense(name: str) -> None:
    body: dict[str, Any] = {"messages": "x", "stream": "yes", "stream_options": 3, "temperature": None}
    before = dict(body)
    apply_to_wire([QUIRKS[name]], body)
    assert body == before


def test_a_model_on_vertex_is_named_in_the_path_only() -> None:
    rewritten = after("vertex_anthropic", {"model": "m", "max_tokens": 1})
    assert rewritten == ({"max_tokens": 1, "anthropic_version": "vertex-2023-10-16"}, [])
    told = {"max_tokens": 1, "anthropic_version": "own"}
    assert after("vertex_anthropic", {"model": "m", **told}) == (told, [])


def test_the_developer_speaks_as_system() -> None:
    body = {"messages": [{"role": "developer", "content": "d"}, {"role": "user", "content": "u"}]}
    assert after("developer_role_is_system", body) == (
        {"messages": [{"role": "system", "content": "d"}, {"role": "user", "content": "u"}]},
        ["approximated"],
    )


def test_deepseek_gets_the_thinking_it_insists_on() -> None:
    silent = {"role": "assistant", "content": None, "tool_calls": [call("c")]}
    thoughtful = {**silent, "reasoning_content": "because"}
    assert after("replay_reasoning_content", {"messages": [silent, thoughtful]}) == (
        {"messages": [{**silent, "reasoning_content": ""}, thoughtful]},
        ["added"],
    )


def test_strict_servers_never_see_thinking() -> None:
    message = {
        "role": "assistant",
        "content": "a",
        "reasoning_content": "b",
        "reasoning": "b",
        "reasoning_details": [],
    }
    assert after("no_reasoning_content", {"messages": [message]}) == (
        {"messages": [{"role": "assistant", "content": "a"}]},
        ["dropped"],
    )


def test_fixed_sampling_drops_what_differs_from_the_default() -> None:
    body = {"temperature": 0.2, "top_p": 1, "presence_penalty": None, "frequency_penalty": 0.5}
    assert after("fixed_sampling", body) == ({"top_p": 1, "presence_penalty": None}, ["dropped", "dropped"])


def test_the_output_limit_has_the_new_name() -> None:
    assert after("max_completion_tokens", {"max_tokens": 5}) == ({"max_completion_tokens": 5}, [])
    both = {"max_tokens": 5, "max_completion_tokens": 7}
    assert after("max_completion_tokens", both) == ({"max_completion_tokens": 7}, [])


def test_mistral_gets_the_same_nine_characters_in_call_and_result() -> None:
    messages = [
        {"role": "assistant", "tool_calls": [call("toolu_01A"), call("abcDEF123")]},
        {"role": "tool", "tool_call_id": "toolu_01A", "content": "r"},
    ]
    body, _ = after("nine_char_tool_ids", {"messages": messages})
    first, second = (made["id"] for made in body["messages"][0]["tool_calls"])
    assert (len(first), second) == (9, "abcDEF123")
    assert body["messages"][1]["tool_call_id"] == first == nine_characters("toolu_01A")
    assert first.isalnum()


def test_stream_options_go_where_they_are_refused() -> None:
    body = {"stream": True, "stream_options": {"include_usage": True}}
    assert after("no_stream_options", body) == ({"stream": True}, ["dropped"])


def test_a_quirk_that_a_row_names_and_a_model_implies_applies_once() -> None:
    target = Target(provider="p", model="o3", dialect="openai_chat", quirks=("max_completion_tokens",))
    assert quirks_of(target).count(QUIRKS["max_completion_tokens"]) == 1


def test_an_unknown_quirk_is_a_mistake_of_the_row() -> None:
    with pytest.raises(KeyError):
        quirks_of(Target(provider="p", model="m", dialect="openai_chat", quirks=("typo",)))


def test_store_and_prompt_cache_retention_are_not_sent_to_providers_other_than_openai() -> None:
    body = {"model": "m", "store": True, "prompt_cache_retention": "24h", "prompt_cache_key": "k"}
    assert after("no_stored_answers", body) == ({"model": "m", "prompt_cache_key": "k"}, ["dropped", "dropped"])
    assert after("no_stored_answers", {"model": "m", "store": False}) == ({"model": "m"}, [])
    other = Target(provider="other", model="m", dialect="openai_chat")
    itself = Target(provider="itself", model="m", dialect="openai_chat", quirks=("stores_answers",))
    assert apply_to_wire(quirks_of(other), body).body == {"model": "m", "prompt_cache_key": "k"}
    assert apply_to_wire(quirks_of(itself), body).body == body


def chat_target(model: str) -> Target:
    return Target(provider="p", model=model, dialect="openai_chat")


@pytest.mark.parametrize("model", ["glm-4-flash", "ernie-4.0-8k"])
def test_models_that_take_no_system_role_get_it_in_front_of_the_first_question(model: str) -> None:
    image = {"type": "image_url", "image_url": {"url": "https://a.test/a.png"}}
    body = {
        "model": model,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
            {"role": "user", "content": [{"type": "text", "text": "Hi"}, image]},
            {"role": "assistant", "content": "Yes?"},
            {"role": "system", "content": "Now rhyme."},
        ],
    }
    rewritten = apply_to_wire(quirks_of(chat_target(model)), body)
    opening = "[System Instructions]\nBe brief.\n\nBe kind.\n\n[User Message]\n"
    assert rewritten.body["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": opening + "Hi"}, image]},
        {"role": "assistant", "content": "Yes?"},
        {"role": "user", "content": "[System Instructions]\nNow rhyme."},
    ]
    assert [loss.path for loss in rewritten.losses] == [f"messages[{index}].role" for index in (0, 1, 4)]


def test_instructions_alone_and_a_picture_alone_keep_their_sense_without_a_system_role() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://a.test/a.png"}}
    system = {"role": "system", "content": "Be brief."}
    alone = after("no_system_role", {"messages": [system]})[0]["messages"]
    assert alone == [{"role": "user", "content": "[System Instructions]\nBe brief."}]
    seen = after("no_system_role", {"messages": [system, {"role": "user", "content": [image]}]})[0]["messages"]
    opening = {"type": "text", "text": "[System Instructions]\nBe brief.\n\n[User Message]\n"}
    assert seen == [{"role": "user", "content": [opening, image]}]


def test_other_models_keep_their_system_role() -> None:
    assert QUIRKS["no_system_role"] not in quirks_of(chat_target("gpt-4o"))
