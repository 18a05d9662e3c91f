"""What a combo may change in a client's body: its instructions and its tools; every other byte stays."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.dialects.envelope import Address, Envelope, open_envelope
from omniroute.dialects.instructions import Changed, preceded, replaced
from omniroute.dialects.model_tag import without_tags
from omniroute.dialects.offered import without_tools

HI = {"role": "user", "content": "hi"}
OTHER = {"role": "system", "content": "client says"}
CONTENT = {"role": "user", "parts": [{"text": "hi"}]}


def opened(dialect: str, body: object) -> Envelope:
    address = Address("m", False) if dialect == "gemini" else None
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return open_envelope(raw, address)


def after(envelope: Envelope, changed: Changed) -> dict:
    return msgspec.json.decode(envelope.patched(changed.edits))


def said(changed: Changed) -> list[tuple[str, str]]:
    return [(loss.how, loss.what) for loss in changed.losses]


REPLACED = [
    ("openai_chat", {"messages": [OTHER, HI]}, {"messages": [{"role": "system", "content": "ours"}, HI]}),
    (
        "ollama",
        {"messages": [HI, {**OTHER, "role": "developer"}]},
        {"messages": [{"role": "system", "content": "ours"}, HI]},
    ),
    ("anthropic", {"system": "client says", "messages": [HI]}, {"messages": [HI], "system": "ours"}),
    ("openai_responses", {"instructions": "client says", "input": "hi"}, {"input": "hi", "instructions": "ours"}),
    ("openai_responses", {"input": [OTHER, HI]}, {"input": [HI], "instructions": "ours"}),
    (
        "gemini",
        {"system_instruction": {"parts": [{"text": "client says"}]}, "contents": [CONTENT]},
        {"contents": [CONTENT], "systemInstruction": {"parts": [{"text": "ours"}]}},
    ),
]


@pytest.mark.parametrize(("dialect", "before", "wanted"), REPLACED)
def test_one_system_message_replaces_all_of_the_clients(dialect: str, before: dict, wanted: dict) -> None:
    envelope = opened(dialect, before if dialect == "gemini" else {"model": "m", **before})
    changed = replaced(dialect, envelope.fields, "ours")
    assert {name: value for name, value in after(envelope, changed).items() if name != "model"} == wanted
    assert said(changed) == [("dropped", "system message"), ("added", "system message")]


PRECEDED = [
    ("openai_chat", {"messages": [HI]}, {"messages": [{"role": "system", "content": "ours"}, HI]}),
    ("anthropic", {"messages": [HI]}, {"messages": [HI], "system": "ours"}),
    ("anthropic", {"system": "theirs", "messages": []}, {"system": "ours\n\ntheirs", "messages": []}),
    (
        "anthropic",
        {"system": [{"type": "text", "text": "theirs"}], "messages": []},
        {"system": [{"type": "text", "text": "ours"}, {"type": "text", "text": "theirs"}], "messages": []},
    ),
    (
        "openai_responses",
        {"instructions": "theirs", "input": "x"},
        {"instructions": "ours\n\ntheirs", "input": "x"},
    ),
    ("gemini", {"contents": []}, {"contents": [], "systemInstruction": {"parts": [{"text": "ours"}]}}),
    (
        "gemini",
        {"systemInstruction": {"role": "user", "parts": [{"text": "theirs"}]}},
        {"systemInstruction": {"role": "user", "parts": [{"text": "ours"}, {"text": "theirs"}]}},
    ),
    (
        "gemini",
        {"systemInstruction": "theirs"},
        {"systemInstruction": {"parts": [{"text": "ours"}, {"text": "theirs"}]}},
    ),
    (
        "gemini",
        {"systemInstruction": {"text": "theirs"}},
        {"systemInstruction": {"parts": [{"text": "ours"}, {"text": "theirs"}]}},
    ),
]


@pytest.mark.parametrize(("dialect", "before", "wanted"), PRECEDED)
def test_a_text_goes_in_front_of_what_the_client_says(dialect: str, before: dict, wanted: dict) -> None:
    envelope = opened(dialect, before if dialect == "gemini" else {"model": "m", **before})
    changed = preceded(dialect, envelope.fields, "ours", "summary")
    assert {name: value for name, value in after(envelope, changed).items() if name != "model"} == wanted
    assert said(changed) == [("added", "summary")]


def test_what_is_no_conversation_is_left_to_whoever_says_so() -> None:
    envelope = opened("openai_chat", {"model": "m", "messages": "hello"})
    assert preceded("openai_chat", envelope.fields, "ours", "summary") == Changed({}, ())
    assert replaced("openai_chat", envelope.fields, "ours").edits == {}


def function(name: str) -> dict:
    return {"type": "function", "function": {"name": name, "parameters": {}}}


TOOLS = [
    ({"tools": [function("read"), function("write")]}, {"tools": [function("read")]}, 1),
    ({"tools": [{"name": "write"}, {"name": "read"}]}, {"tools": [{"name": "read"}]}, 1),
    ({"tools": [{"type": "web_search"}, {"name": "read"}]}, {"tools": [{"name": "read"}]}, 1),
    (
        {
            "tools": [function("read"), function("write")],
            "tool_choice": {"type": "function", "function": {"name": "write"}},
        },
        {"tools": [function("read")]},
        2,
    ),
    (
        {"tools": [{"name": "read"}, {"name": "write"}], "tool_choice": {"type": "tool", "name": "read"}},
        {"tools": [{"name": "read"}], "tool_choice": {"type": "tool", "name": "read"}},
        1,
    ),
    (
        {
            "tools": [{"type": "function", "name": "read"}, {"type": "function", "name": "write"}],
            "tool_choice": {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "function", "name": "read"}, {"type": "function", "name": "write"}],
            },
        },
        {
            "tools": [{"type": "function", "name": "read"}],
            "tool_choice": {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "function", "name": "read"}],
            },
        },
        2,
    ),
    ({"tools": [function("write")], "tool_choice": "auto", "parallel_tool_calls": True}, {}, 1),
    ({"tools": [{"googleSearch": {}}]}, {}, 1),
    (
        {
            "tools": [{"functionDeclarations": [{"name": "read"}, {"name": "write"}]}],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["write"]}},
        },
        {"tools": [{"functionDeclarations": [{"name": "read"}]}]},
        2,
    ),
    ({"tools": [function("read")], "tool_choice": "required"}, None, 0),
    ({"tools": []}, None, 0),
]


@pytest.mark.parametrize(("before", "wanted", "losses"), TOOLS)
def test_only_wanted_tools_stay_and_no_choice_names_one_that_is_gone(
    before: dict, wanted: dict | None, losses: int
) -> None:
    envelope = opened("openai_chat", {"model": "m", **before})
    changed = without_tools(envelope.fields, lambda name: name.startswith("re"))
    body = after(envelope, changed)
    assert {name: value for name, value in body.items() if name != "model"} == (
        before if wanted is None else wanted
    )
    assert len(changed.losses) == losses
    assert {loss.how for loss in changed.losses} <= {"dropped"}


@given(
    names=st.lists(st.sampled_from(["read", "write", "remove", "list"]), max_size=6),
    spaces=st.sampled_from(["", " ", "\n  "]),
)
def test_a_tool_that_stays_keeps_its_bytes(names: list[str], spaces: str) -> None:
    tools = [f'{{"type":{spaces}"function","function":{{"name":"{name}"{spaces}}}}}'.encode() for name in names]
    envelope = opened("openai_chat", b'{"model":"m","tools":[' + b",".join(tools) + b"]}")
    body = envelope.patched(without_tools(envelope.fields, lambda name: name.startswith("re")).edits)
    for name, tool in zip(names, tools, strict=True):
        assert (tool in body) is name.startswith("re")


TAGS = ["\n<omniModel>openai/gpt-5</omniModel>", "<omniModel>a/b</omniModel>", "\n\n<omniModel>x</omniModel>"]


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("escape", [False, True])
def test_the_old_tag_is_taken_out_of_answers_alone(tag: str, escape: bool) -> None:
    messages = [
        {"role": "user", "content": "<omniModel>mine</omniModel>"},
        {"role": "assistant", "content": f"yes{tag} and {tag}no"},
    ]
    raw = msgspec.json.encode({"model": "m", "messages": messages})
    if escape:
        raw = raw.replace(b"<", b"\\u003c").replace(b"/", b"\\/")
    envelope = opened("openai_chat", raw)
    changed = without_tags("openai_chat", envelope.fields)
    assert after(envelope, changed)["messages"] == [messages[0], {"role": "assistant", "content": "yes and no"}]
    assert said(changed) == [("dropped", "model tag")]


PIECES = st.sampled_from(["\\", "n", "\n", '"', "<omniModel>a/b</omniModel>", "<", "omniModel", "x"])


@given(pieces=st.lists(PIECES, max_size=12))
def test_whatever_is_around_a_tag_the_body_stays_json(pieces: list[str]) -> None:
    text = "".join(pieces)
    messages = [{"role": "assistant", "content": text}]
    envelope = opened("openai_chat", {"model": "m", "messages": messages})
    (message,) = after(envelope, without_tags("openai_chat", envelope.fields))["messages"]
    assert message["content"].replace("\n", "") == text.replace("<omniModel>a/b</omniModel>", "").replace("\n", "")


def test_a_conversation_without_tags_is_not_touched() -> None:
    envelope = opened("openai_chat", {"model": "m", "messages": [HI]})
    assert without_tags("openai_chat", envelope.fields) == Changed({}, ())
