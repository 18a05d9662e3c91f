"""Requests that broke other gateways: the cases T1 to T36 of the data-plane specification, section 11, by number.

T14, T15, T35 and T36 are with the Gemini dialect, a second T34 with Ollama's.
"""

from typing import Any

import msgspec
import pytest

from omniroute.dialects.plan import Edits, plan
from omniroute.dialects.registry import dialect
from omniroute.errors import InvalidRequest
from omniroute.ir.target import Target
from tests.unit.dialects.anthropic import claude_code
from tests.unit.regressions.crossing import (
    CHAT_TOOL,
    PARAMETERS,
    Json,
    answered,
    called,
    carried,
    chat,
    said,
    text,
)

PDF = "aGk="


def messages(*turns: Json, **fields: Any) -> Json:
    """A body of an Anthropic client."""
    return {"model": "m", "max_tokens": 100, "messages": list(turns or (said("hi"),)), **fields}


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        ({"type": "function", "function": {"name": "f"}}, {"type": "tool", "name": "f"}),
        ("required", {"type": "any"}),
        ("auto", {"type": "auto"}),
    ],
)
def test_t1_a_tool_choice_is_said_in_claudes_words(choice: Any, wire: Json) -> None:
    assert chat("anthropic", tools=[CHAT_TOOL], tool_choice=choice)["tool_choice"] == wire


def test_t2_no_tool_may_be_called() -> None:
    given = {"tools": [CHAT_TOOL], "tool_choice": "none"}
    assert chat("anthropic", **given)["tool_choice"] == {"type": "none"}
    assert chat("openai_responses", **given)["tool_choice"] == "none"
    assert chat("gemini", **given)["toolConfig"] == {"functionCallingConfig": {"mode": "NONE"}}
    assert "tools" not in chat("ollama", **given)


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        ({"type": "any"}, "required"),
        ({"type": "tool", "name": "f"}, {"type": "function", "function": {"name": "f"}}),
        ({"type": "auto"}, "auto"),
    ],
)
def test_t3_a_tool_choice_of_claudes_clients_is_said_in_chat(choice: Json, wire: Any) -> None:
    tools = [{"name": "f", "input_schema": PARAMETERS}]
    body, _ = carried("anthropic", "openai_chat", messages(tools=tools, tool_choice=choice))
    assert body["tool_choice"] == wire


def test_t4_a_tool_choice_of_responses_is_said_in_chat() -> None:
    tools = [{"type": "function", "name": "f", "parameters": PARAMETERS, "strict": False}]
    asked = {"model": "m", "input": "hi", "tools": tools}
    for choice, wire in (
        ({"type": "function", "name": "f"}, {"type": "function", "function": {"name": "f"}}),
        ("required", "required"),
        ("none", "none"),
        ("auto", "auto"),
    ):
        assert (
            carried("openai_responses", "openai_chat", asked | {"tool_choice": choice})[0]["tool_choice"] == wire
        )


@pytest.mark.parametrize("upstream", ["openai_chat", "anthropic", "gemini", "ollama"])
def test_t4_a_tool_that_openai_runs_cannot_be_forced_elsewhere(upstream: str) -> None:
    fields = {"tool_choice": msgspec.Raw(b'{"type":"web_search_preview"}')}
    with pytest.raises(InvalidRequest, match="web_search_preview") as refused:
        plan("openai_responses", Target(provider="p", model="m", dialect=upstream), Edits(), fields)
    assert refused.value.code == "unsupported_feature"


def test_t5_empty_texts_never_reach_claude() -> None:
    body = chat(
        "anthropic", said([text(""), text("go")]), called(("c1", "f", "{}")), answered("c1", [text(""), text("")])
    )
    assert body["messages"][0]["content"] == [text("go")]
    result = body["messages"][2]["content"][0]
    assert not any(block.get("text") == "" for block in result.get("content") or [] if isinstance(block, dict))


def test_t6_results_of_one_round_are_one_message_and_come_first() -> None:
    body = chat(
        "anthropic",
        said("go"),
        called(("c1", "f", "{}"), ("c2", "f", "{}")),
        answered("c1", "one"),
        answered("c2", "two"),
        said("thanks"),
    )
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
    kinds = [block["type"] for block in body["messages"][2]["content"]]
    assert kinds == ["tool_result", "tool_result", "text"]


@pytest.mark.parametrize("upstream", ["anthropic", "openai_chat", "openai_responses", "gemini"])
def test_t7_a_call_without_an_answer_gets_one_in_its_place(upstream: str) -> None:
    asked = messages(
        said("go"),
        said([{"type": "tool_use", "id": "c1", "name": "f", "input": {}}], "assistant"),
        said("never mind"),
    )
    client = "openai_chat" if upstream == "anthropic" else "anthropic"
    if client == "openai_chat":
        asked = {"model": "m", "messages": [said("go"), called(("c1", "f", "{}")), said("never mind")]}
    body, losses = carried(client, upstream, asked)
    turns = str(body.get("messages") or body.get("input") or body.get("contents"))
    assert 0 < turns.index("No response received") < turns.index("never mind")
    assert any(loss.how == "added" and loss.path.startswith("turns") for loss in losses)


@pytest.mark.parametrize("upstream", ["anthropic", "openai_responses", "gemini"])
def test_t8_a_result_of_no_call_is_left_out(upstream: str) -> None:
    body = {"model": "m", "messages": [said("hi"), answered("c9", "of nothing"), said("go on")]}
    wire, losses = carried("openai_chat", upstream, body)
    assert "of nothing" not in str(wire)
    assert losses


def test_t9_ids_that_claude_refuses_are_written_alike_on_both_sides() -> None:
    body = chat("anthropic", said("go"), called(("call:1/x", "f", "{}")), answered("call:1/x", "one"))
    assert body["messages"][1]["content"][0]["id"] == "call_1_x"
    assert body["messages"][2]["content"][0]["tool_use_id"] == "call_1_x"


@pytest.mark.parametrize("upstream", ["anthropic", "openai_responses", "gemini", "ollama"])
def test_t10_a_call_of_nobody_goes_with_its_result(upstream: str) -> None:
    calls = called(("c1", "", "{}"), ("c2", "f", "{}"))
    body = chat(upstream, said("go"), calls, answered("c1", "of nobody"), answered("c2", "fine"))
    assert "of nobody" not in str(body)
    assert "fine" in str(body)


def test_t11_a_tool_without_a_name_is_no_nameless_function() -> None:
    asked = {"model": "m", "input": "hi", "tools": [{"type": "web_search"}]}
    assert carried("openai_responses", "openai_responses", asked)[0]["tools"] == [{"type": "web_search"}]


@pytest.mark.parametrize("upstream", ["anthropic", "openai_responses", "ollama"])
def test_t12_bare_schemas_and_descriptions_are_completed(upstream: str) -> None:
    bare = {"type": "function", "function": {"name": "f", "description": None, "parameters": {"type": "object"}}}
    offered = chat(upstream, tools=[bare])["tools"][0]
    offered = offered.get("function", offered)
    assert offered.get("description", "") == ""
    assert offered.get("parameters", offered.get("input_schema")) == {"type": "object", "properties": {}}


def test_t13_schemas_are_mended() -> None:
    odd = {"type": "object", "properties": {"a": {"enum": ["a", None]}, "n": {"type": "integer", "minimum": "1"}}}
    tools = [{"type": "function", "function": {"name": "f", "parameters": odd}}]
    sent = chat("anthropic", tools=tools)["tools"][0]["input_schema"]["properties"]
    assert sent["a"]["enum"] == ["a"]
    assert sent["n"]["minimum"] == 1


def test_t16_every_system_message_becomes_an_instruction() -> None:
    body = chat("openai_responses", said("be brief", "system"), said([text("be kind")], "system"), said("hi"))
    assert body["instructions"] == "be brief\n\nbe kind"


def test_t17_developers_speak_as_the_system_where_there_are_none() -> None:
    turns = (said("be brief", "developer"), said("hi"))
    assert chat("anthropic", *turns)["system"] == [text("be brief")]
    assert chat("openai_chat", *turns)["messages"][0]["role"] == "developer"
    body = {"model": "m", "messages": list(turns)}
    shy = carried("openai_chat", "openai_chat", body, quirks=("developer_role_is_system",))[0]
    assert shy["messages"][0]["role"] == "system"


def test_t19_input_may_be_a_string_or_items_without_a_type() -> None:
    for given in (
        "hi",
        [{"role": "user", "content": "hi"}],
        [{"type": "message", "role": "user", "content": "hi"}],
    ):
        body, _ = carried("openai_responses", "openai_chat", {"model": "m", "input": given})
        assert body["messages"] == [said("hi")]


@pytest.mark.parametrize("detail", [{}, {"detail": "low"}])
def test_t20_pictures_keep_their_detail(detail: Json) -> None:
    url = "https://pictures.test/a.png"
    in_chat = said([{"type": "image_url", "image_url": {"url": url, **detail}}])
    in_responses = said([{"type": "input_image", "image_url": url, **detail}])
    there = chat("openai_responses", in_chat)["input"][0]["content"][0]
    back = carried("openai_responses", "openai_chat", {"model": "m", "input": [in_responses]})[0]
    assert {key: there[key] for key in ("image_url", *detail)} == {"image_url": url, **detail}
    assert back["messages"][0]["content"] == in_chat["content"]


def test_t20_files_keep_their_name_and_content() -> None:
    url = f"data:application/pdf;base64,{PDF}"
    body = chat("openai_responses", said([{"type": "file", "file": {"filename": "a.pdf", "file_data": url}}]))
    part = body["input"][0]["content"][0]
    assert (part["type"], part["filename"], part["file_data"]) == ("input_file", "a.pdf", url)


def test_t21_a_pdf_is_carried_to_chat_and_gemini() -> None:
    source = {"type": "base64", "media_type": "application/pdf", "data": PDF}
    asked = messages(said([{"type": "document", "source": source}, text("read")]))
    parts = carried("anthropic", "gemini", asked)[0]["contents"][0]["parts"]
    assert parts[0] == {"inlineData": {"mimeType": "application/pdf", "data": PDF}}
    content = carried("anthropic", "openai_chat", asked)[0]["messages"][0]["content"]
    assert content[0]["file"]["file_data"] == f"data:application/pdf;base64,{PDF}"


def test_t22_of_two_limits_the_newer_one_counts() -> None:
    body = chat("openai_responses", max_tokens=50, max_completion_tokens=70)
    assert body["max_output_tokens"] == 70


def test_t23_the_final_model_decides_what_may_be_sent() -> None:
    body = {"model": "best", "messages": [said("hi")], "temperature": 0.2, "max_tokens": 50}
    wire, losses = carried(
        "openai_chat", "openai_chat", body, model="o3", quirks=("fixed_sampling", "max_completion_tokens")
    )
    assert "temperature" not in wire
    assert "max_tokens" not in wire
    assert wire["max_completion_tokens"] == 50
    assert any("temperature" in loss.path for loss in losses)


@pytest.mark.parametrize(
    ("effort", "limit", "budget"), [("low", 33_024, 1024), ("medium", 42_240, 10_240), ("high", 128_000, 96_000)]
)
def test_t24_effort_becomes_a_budget_that_fits(effort: str, limit: int, budget: int) -> None:
    body = {"model": "m", "messages": [said("hi")], "max_tokens": 32_000, "reasoning_effort": effort}
    wire, _ = carried("openai_chat", "anthropic", body, model="claude-sonnet-4-5", max_output_tokens=128_000)
    assert wire["thinking"] == {"type": "enabled", "budget_tokens": budget}
    assert wire["max_tokens"] == limit


@pytest.mark.parametrize(
    ("budget", "effort"), [(1024, "low"), (10_240, "medium"), (50_000, "high"), (131_072, "xhigh")]
)
def test_t25_a_budget_becomes_an_effort(budget: int, effort: str) -> None:
    asked = messages(thinking={"type": "enabled", "budget_tokens": budget}, max_tokens=budget + 100)
    assert carried("anthropic", "openai_chat", asked)[0]["reasoning_effort"] == effort


def test_t26_claude_does_not_think_about_a_turn_of_its_own() -> None:
    wire = chat("anthropic", said("hi"), said("I", "assistant"), reasoning_effort="low")
    assert "thinking" not in wire


def test_t27_a_model_that_wants_its_reasoning_back_gets_at_least_an_empty_one() -> None:
    asked = {
        "model": "deepseek-reasoner",
        "messages": [said("hi"), called(("c1", "f", "{}")), answered("c1", "x"), said("on")],
    }
    wire, _ = carried("openai_chat", "openai_chat", asked, quirks=("replay_reasoning_content",))
    assert wire["messages"][1]["reasoning_content"] == ""


def test_t28_reasoning_goes_to_no_model_that_refuses_it() -> None:
    thought = said("done", "assistant", reasoning_content="hm")
    asked = {"model": "m", "messages": [said("hi"), thought, said("go on")]}
    wire, _ = carried("openai_chat", "openai_chat", asked, model="gpt-4o", quirks=("no_reasoning_content",))
    assert "reasoning_content" not in wire["messages"][1]
    assert "reasoning_content" not in str(carried("openai_chat", "openai_responses", asked)[0])


def test_t29_nothing_of_claude_code_changes_on_its_way_to_claude() -> None:
    body = claude_code.body()
    wire, losses = carried("anthropic", "anthropic", body, model=body["model"])
    assert (wire, losses) == (body, ())


@pytest.mark.parametrize("upstream", ["anthropic", "gemini", "ollama", "openai_responses"])
def test_t30_stream_options_are_for_chat_only(upstream: str) -> None:
    assert "stream_options" not in chat(upstream, stream=True, stream_options={"include_usage": True})


@pytest.mark.parametrize("upstream", ["anthropic", "gemini", "ollama"])
def test_t31_what_openai_stores_concerns_nobody_else(upstream: str) -> None:
    wire = chat(upstream, store=True, prompt_cache_retention="24h")
    assert not {"store", "prompt_cache_retention"} & set(wire)


def test_t32_empty_names_go_and_a_request_has_a_turn() -> None:
    assert "name" not in chat("openai_chat", said("hi", name=""))["messages"][0]
    body = chat("anthropic", said("be brief", "system"))
    assert body["system"] == [text("be brief")]
    assert body["messages"] == [{"role": "user", "content": [text(".")]}]


def test_t33_nothing_is_stored_unasked() -> None:
    assert chat("openai_responses").get("store") is not True


def test_t34_a_schema_is_said_in_every_dialect() -> None:
    output = {"type": "json_schema", "json_schema": {"name": "place", "schema": PARAMETERS}}
    given = {"response_format": output}
    assert chat("openai_responses", **given)["text"]["format"]["schema"] == PARAMETERS
    assert chat("ollama", **given)["format"] == PARAMETERS
    config = chat("gemini", **given)["generationConfig"]
    assert config["responseMimeType"] == "application/json"
    assert "a" in str(config.get("responseSchema") or config.get("responseJsonSchema"))
    assert '"a"' in str(chat("anthropic", **given)).replace("'", '"')


@pytest.mark.parametrize("client", ["openai_chat", "openai_responses", "anthropic", "gemini", "ollama"])
def test_a_request_without_anything_is_refused_in_words(client: str) -> None:
    with pytest.raises(InvalidRequest):
        dialect(client).decode_request({})
