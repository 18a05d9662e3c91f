"""The plan as a table: verbatim, patched or translated."""

from typing import Any

import msgspec
import pytest

from omniroute.dialects.base import Loss
from omniroute.dialects.envelope import open_envelope
from omniroute.dialects.plan import Edits, Patch, Plan, Translate, Verbatim, plan
from omniroute.errors import InvalidRequest
from omniroute.ir.target import ModelFacts, Target


def target(model: str = "m", *quirks: str, dialect: str = "openai_chat", **facts: Any) -> Target:
    return Target(provider="p", model=model, dialect=dialect, quirks=quirks, facts=ModelFacts(**facts))


def planned(body: dict[str, Any], to: Target, client: str = "openai_chat", edits: Edits | None = None) -> Plan:
    return plan(client, to, edits or Edits(), open_envelope(msgspec.json.encode({"model": "m", **body})).fields)


def dropped(name: str) -> Loss:
    return Loss(path=name, what=name, how="dropped", weight="quality")


@pytest.mark.parametrize(
    ("body", "to", "edits", "expected"),
    [
        ({}, target(), Edits(), Verbatim()),
        ({}, target(), Edits(top={"model": b'"m"'}), Verbatim()),
        ({}, target(), Edits(top={"absent": None}), Verbatim()),
        ({}, target(), Edits(top={"model": b'"n"'}), Patch({"model": b'"n"'})),
        ({"x": 1}, target(), Edits(top={"x": None}), Patch({"x": None})),
        ({}, target(), Edits(deep=True), Translate()),
        ({}, target(dialect="anthropic"), Edits(), Translate()),
        ({"stream": False}, target(), Edits(), Verbatim()),
        ({"stream": True}, target(), Edits(), Patch({"stream_options": b'{"include_usage":true}'})),
        (
            {},
            target(),
            Edits(top={"stream": b"true"}),
            Patch({"stream": b"true", "stream_options": b'{"include_usage":true}'}),
        ),
        (
            {"stream": True, "stream_options": {"include_usage": False, "x": 1}},
            target(),
            Edits(),
            Patch({"stream_options": b'{"include_usage":true,"x":1}'}),
        ),
        ({"stream": True, "stream_options": {"include_usage": True}}, target(), Edits(), Verbatim()),
        ({"stream": True}, target("m", "no_stream_options"), Edits(), Verbatim()),
        ({"max_tokens": 5}, target("gpt-4o"), Edits(), Verbatim()),
        (
            {"max_tokens": 5},
            target("o3-mini"),
            Edits(),
            Patch({"max_tokens": None, "max_completion_tokens": b"5"}),
        ),
        (
            {"max_tokens": 5},
            target("azure-deployment", "max_completion_tokens"),
            Edits(),
            Patch({"max_tokens": None, "max_completion_tokens": b"5"}),
        ),
        (
            {"temperature": 0.5},
            target("gpt-5.1"),
            Edits(),
            Patch({"temperature": None}, (dropped("temperature"),)),
        ),
        (
            {"temperature": 0.5},
            target("openai/gpt-5"),
            Edits(),
            Patch({"temperature": None}, (dropped("temperature"),)),
        ),
        ({"temperature": 0.5}, target("gpt-5-chat-latest"), Edits(), Verbatim()),
        ({"temperature": 1, "top_p": 1}, target("o1"), Edits(), Verbatim()),
        ({"top_p": 0.5}, target("x", temperature=False), Edits(), Patch({"top_p": None}, (dropped("top_p"),))),
        ({"top_p": 0.5}, target("x", temperature=None), Edits(), Verbatim()),
        ({"messages": [{"role": "user"}]}, target("m", "developer_role_is_system"), Edits(), Verbatim()),
        (
            {"messages": [{"role": "developer", "content": "c"}]},
            target("m", "developer_role_is_system"),
            Edits(),
            Patch(
                {"messages": b'[{"role":"system","content":"c"}]'},
                (Loss(path="messages[0].role", what="developer role", how="approximated", weight="quality"),),
            ),
        ),
    ],
)
def test_the_cheapest_way_that_loses_nothing_is_taken(
    body: dict[str, Any], to: Target, edits: Edits, expected: Plan
) -> None:
    assert planned(body, to, edits=edits) == expected


def test_an_anthropic_body_for_an_anthropic_target_knows_nothing_of_chat_habits() -> None:
    assert planned({"stream": True, "max_tokens": 5}, target(dialect="anthropic"), "anthropic") == Verbatim()


def test_several_choices_are_refused_where_a_translation_would_lose_them() -> None:
    with pytest.raises(InvalidRequest, match="n = 2") as caught:
        planned({"n": 2}, target(dialect="anthropic"))
    assert (caught.value.status, caught.value.code) == (400, "unsupported_feature")
    assert planned({"n": 1}, target(dialect="anthropic")) == Translate()
    assert planned({"n": 2}, target()) == Verbatim()


def test_a_patched_body_is_what_the_plan_says() -> None:
    envelope = open_envelope(b'{"model":"a/o3","max_tokens":9,"temperature":0.2,"messages":[ ]}')
    found = plan("openai_chat", target("o3"), Edits(top={"model": b'"o3"'}), envelope.fields)
    assert isinstance(found, Patch)
    assert envelope.patched(found.edits) == b'{"model":"o3","messages":[ ],"max_completion_tokens":9}'


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("previous_response_id", "resp_1", "previous_response_not_found"),
        ("conversation", {"id": "conv_1"}, "unsupported_feature"),
        ("prompt", {"id": "pmpt_1"}, "unsupported_feature"),
    ],
)
def test_a_responses_request_is_refused_where_what_it_refers_to_is_not_stored(
    name: str, value: Any, code: str
) -> None:
    body = {"input": "and then?", name: value}
    with pytest.raises(InvalidRequest, match=f"^{name} refers to .*'m' at 'p'") as raised:
        planned(body, target(dialect="anthropic"), client="openai_responses")
    assert (raised.value.status, raised.value.code) == (400, code)
    assert planned(body, target(dialect="openai_responses"), client="openai_responses") == Verbatim()
    assert planned(body | {name: None}, target(), client="openai_responses") == Translate()


def test_so_is_one_with_an_item_that_only_refers_to_another() -> None:
    said = {"role": "user", "content": 'what is "item_reference"?'}
    referring = {"input": [said, {"type": "item_reference", "id": "msg_1"}]}
    with pytest.raises(InvalidRequest, match=r"^input\[1\] refers to"):
        planned(referring, target(), client="openai_responses")
    assert planned({"input": [said]}, target(), client="openai_responses") == Translate()


@pytest.mark.parametrize("config", ["generationConfig", "generation_config"])
@pytest.mark.parametrize("name", ["candidateCount", "candidate_count"])
def test_so_are_several_candidates(config: str, name: str) -> None:
    with pytest.raises(InvalidRequest, match=f"{name} = 2 is not possible here") as refused:
        planned({config: {name: 2}}, target(dialect="openai_chat"), client="gemini")
    assert refused.value.code == "unsupported_feature"
    assert planned({config: {name: 1}}, target(dialect="openai_chat"), client="gemini") == Translate()
    assert planned({config: {name: 2}}, target(dialect="gemini"), client="gemini") == Verbatim()
