"""Streams of the Responses API, read and written, event by event."""

from typing import Any

import msgspec
import pytest

from omniroute.dialects.anthropic.dialect import Anthropic
from omniroute.dialects.base import Context
from omniroute.dialects.openai_chat.dialect import OpenAIChat
from omniroute.dialects.openai_responses.dialect import OpenAIResponses
from omniroute.ir.events import Event, Failed, Finished, PartOpened, Ping, Started
from omniroute.ir.failure import Failure
from omniroute.ir.fold import fold, unfold
from omniroute.ir.json import RawJson
from omniroute.ir.parts import Media, Reasoning, Refusal, Text, ToolCall, Unknown
from omniroute.ir.request import GenerateRequest
from omniroute.ir.result import Finish, GenerateResponse, Usage
from tests.support import order_responses, strict_responses
from tests.support.frames import frames
from tests.unit.dialects.openai_responses import codex

ANTHROPIC, CHAT, RESPONSES = Anthropic(), OpenAIChat(), OpenAIResponses()
NAME = "openai_responses"
Json = dict[str, Any]


def context(request: GenerateRequest | None = None) -> Context:
    return Context(request_id="req_1", token="tok", created=7, model="told", request=request)


def event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: ".encode() + msgspec.json.encode({"type": kind, **fields}) + b"\n\n"


def read(*wire: bytes) -> list[Event]:
    decoder = RESPONSES.stream_decoder()
    return [event for chunk in wire for event in decoder.feed(chunk)] + decoder.close()


def answer(*wire: bytes) -> GenerateResponse:
    outcome = fold(read(*wire))
    assert isinstance(outcome, GenerateResponse)
    return outcome


def written(*events: Event, request: GenerateRequest | None = None) -> list[Json]:
    encoder = RESPONSES.stream_encoder(context(request))
    raw = b"".join(encoder.send(event) for event in events) + encoder.close()
    order_responses.responses(raw)
    return strict_responses.stream(raw)


CREATED = event("response.created", response={"id": "resp_1", "model": "gpt-5", "service_tier": "flex"})
USAGE = {
    "input_tokens": 5,
    "input_tokens_details": {"cached_tokens": 2},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 1},
    "total_tokens": 12,
}


def completed(*output: Json, kind: str = "completed", **fields: Any) -> bytes:
    response = {"id": "resp_1", "status": kind, "output": list(output), "usage": USAGE, **fields}
    return event(f"response.{kind}", response=response)


def added(index: int, **item: Any) -> bytes:
    return event("response.output_item.added", output_index=index, item=item)


def done(index: int, **item: Any) -> bytes:
    return event("response.output_item.done", output_index=index, item=item)


# The golden vectors of the data-plane specification, section 18


CHAT_STREAM = (
    b"".join(
        b"data: " + msgspec.json.encode({"id": "chatcmpl-1", "model": "m", **chunk}) + b"\n\n"
        for chunk in (
            {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]},
            {"choices": [{"index": 0, "delta": {"reasoning_content": "th"}}]},
            {"choices": [{"index": 0, "delta": {"content": "hi"}}]},
            {
                "choices": [
                    {
                        "index": 0,
                        "delta": {
                            "tool_calls": [
                                {"index": 0, "id": "call_1", "function": {"name": "f", "arguments": '{"a":1}'}}
                            ]
                        },
                    }
                ]
            },
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]},
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]},
            {
                "choices": [],
                "usage": {
                    "prompt_tokens": 5,
                    "completion_tokens": 7,
                    "prompt_tokens_details": {"cached_tokens": 2},
                    "completion_tokens_details": {"reasoning_tokens": 1},
                },
            },
        )
    )
    + b"data: [DONE]\n\n"
)


def test_a_chat_stream_becomes_the_golden_responses_stream() -> None:  # T42, T43
    decoder = CHAT.stream_decoder()
    told = written(*decoder.feed(CHAT_STREAM), *decoder.close())
    assert [one["type"].removeprefix("response.") for one in told] == [
        *("created", "in_progress"),
        *("output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta"),
        *("reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done"),
        *("output_item.added", "content_part.added", "output_text.delta"),
        *("output_text.done", "content_part.done", "output_item.done"),
        *(
            "output_item.added",
            "function_call_arguments.delta",
            "function_call_arguments.done",
            "output_item.done",
        ),
        "completed",
    ]
    assert [one["output_index"] for one in told if one["type"] == "response.output_item.added"] == [0, 1, 2]
    last = told[-1]["response"]
    assert [item["type"] for item in last["output"]] == ["reasoning", "message", "function_call"]
    assert last["usage"] == USAGE


def test_the_golden_stream_read_again_is_the_golden_answer() -> None:
    decoder = CHAT.stream_decoder()
    encoder = RESPONSES.stream_encoder(context())
    raw = b"".join(encoder.send(one) for one in [*decoder.feed(CHAT_STREAM), *decoder.close()])
    outcome = answer(raw)
    assert [type(part) for part in outcome.parts] == [Reasoning, Text, ToolCall]
    assert outcome.finish == Finish(reason="tool_calls", raw_reason="completed")
    assert outcome.usage is not None
    assert (outcome.usage.input, outcome.usage.cache_read) == (3, 2)
    assert (outcome.usage.output, outcome.usage.reasoning) == (7, 1)


# Reading


def test_text_comes_in_pieces_and_the_rest_of_its_events_say_nothing_new() -> None:
    place = {"item_id": "m", "output_index": 0, "content_index": 0}
    part = {"type": "output_text", "text": "Hello", "annotations": [{"type": "x", "u": 1}], "logprobs": []}
    outcome = answer(
        CREATED,
        event("response.in_progress", response={"id": "resp_1"}),
        added(0, type="message", id="m", role="assistant", content=[], phase="commentary"),
        event("response.content_part.added", **place, part={**part, "text": ""}),
        event("response.output_text.delta", **place, delta="Hel"),
        event("response.output_text.delta", **place, delta="lo"),
        event("response.output_text.done", **place, text="Hello"),
        event("response.content_part.done", **place, part=part),
        done(0, type="message", id="m", role="assistant", content=[part]),
        completed({"type": "message", "id": "m", "content": [part]}),
    )
    assert outcome.parts == (
        Text(
            text="Hello",
            citations=({"type": "x", "u": 1},),
            origin=NAME,
            extra={"message": {"phase": "commentary"}},
        ),
    )
    assert (outcome.id, outcome.model, outcome.extra) == ("resp_1", "gpt-5", {"service_tier": "flex"})
    assert outcome.finish.reason == "stop"


def test_a_call_whose_name_and_arguments_come_at_its_end_is_heard_once() -> None:
    call = {"type": "function_call", "id": "fc", "call_id": "c", "name": "f", "arguments": '{"a":1}'}
    outcome = answer(CREATED, added(0, **{**call, "name": "", "arguments": ""}), done(0, **call), completed(call))
    assert outcome.parts == (ToolCall(call_id="c", name="f", arguments=RawJson('{"a":1}'), origin=NAME),)
    assert outcome.finish.reason == "tool_calls"


def test_arguments_that_came_before_the_name_wait_for_it() -> None:
    call = {"type": "function_call", "id": "fc", "call_id": "c", "name": "f", "arguments": '{"a":1}'}
    delta = event("response.function_call_arguments.delta", output_index=0, item_id="fc", delta='{"a":1}')
    outcome = answer(CREATED, added(0, **{**call, "name": ""}), delta, done(0, **call), completed())
    assert outcome.parts == (ToolCall(call_id="c", name="f", arguments=RawJson('{"a":1}'), origin=NAME),)


def test_a_call_that_never_gets_a_name_is_dropped() -> None:
    call = {"type": "function_call", "id": "fc", "call_id": "c", "name": "", "arguments": "{}"}
    outcome = answer(CREATED, added(0, **call), done(0, **call), completed(call))
    assert outcome.parts == ()
    assert outcome.finish.reason == "stop"


def test_the_texts_of_thinking_are_one_thought_and_the_seal_comes_last() -> None:
    item = {
        "type": "reasoning",
        "id": "rs",
        "summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}],
        "encrypted_content": "gAAA",
    }
    where = {"item_id": "rs", "output_index": 0}
    streamed = answer(
        CREATED,
        added(0, type="reasoning", id="rs", summary=[], encrypted_content="half"),
        event("response.reasoning_summary_text.delta", **where, summary_index=0, delta="a"),
        event("response.reasoning_summary_text.delta", **where, summary_index=1, delta="b"),
        done(0, **item),
        completed(item),
    )
    assert streamed.parts == (Reasoning(text="a\n\nb", seal="gAAA", origin=NAME),)
    body = msgspec.json.encode({"id": "resp_1", "status": "completed", "output": [item]})
    whole = RESPONSES.decode_response(body)
    assert isinstance(whole, GenerateResponse)
    assert whole.parts == streamed.parts


def test_thinking_without_content_is_none() -> None:
    assert answer(CREATED, done(0, type="reasoning", id="rs", summary=[]), completed()).parts == ()


def test_raw_thinking_of_open_models_is_heard() -> None:
    delta = event("response.reasoning_text.delta", output_index=0, item_id="rs", content_index=0, delta="hm")
    assert answer(CREATED, delta, completed()).parts == (Reasoning(text="hm", origin=NAME),)


def test_a_custom_call_is_a_call_with_one_text() -> None:
    wire = (
        CREATED,
        added(0, type="custom_tool_call", id="ctc", call_id="c", name="apply_patch", input=""),
        event("response.custom_tool_call_input.delta", output_index=0, item_id="ctc", delta='say "a"\n'),
        event("response.custom_tool_call_input.delta", output_index=0, item_id="ctc", delta="b"),
        done(0, type="custom_tool_call", id="ctc", call_id="c", name="apply_patch", input='say "a"\nb'),
        completed(),
    )
    (call,) = answer(*wire).parts
    assert isinstance(call, ToolCall)
    assert msgspec.json.decode(call.arguments) == {"input": 'say "a"\nb'}


def test_a_refusal_and_an_image_are_heard() -> None:
    outcome = answer(
        CREATED,
        event("response.refusal.delta", output_index=0, item_id="m", content_index=0, delta="No."),
        done(1, type="image_generation_call", id="ig", status="completed", result="AAAA", output_format="webp"),
        completed(),
    )
    assert outcome.parts == (
        Refusal(text="No.", origin=NAME),
        Media(mime="image/webp", data="AAAA", origin=NAME),
    )


def test_an_item_of_an_unknown_type_is_kept_whole() -> None:
    item = {"type": "web_search_call", "id": "ws", "status": "completed", "action": {"query": "q"}}
    outcome = answer(CREATED, added(0, type="web_search_call", id="ws"), done(0, **item), completed(item))
    assert outcome.parts == (Unknown(data=item, origin=NAME),)


def test_items_that_stand_only_in_the_last_event_are_made_up_for() -> None:
    message = {"type": "message", "id": "m", "content": [{"type": "output_text", "text": "hi", "annotations": []}]}
    assert answer(CREATED, completed(message)).parts == (Text(text="hi", origin=NAME),)


def test_keepalives_come_and_go_without_a_trace() -> None:  # T49
    delta = event("response.output_text.delta", output_index=0, content_index=0, item_id="m", delta="hi")
    outcome = answer(CREATED, b"event: keepalive\ndata: {}\n\n", b": keepalive\n\n", delta, completed())
    assert outcome.parts == (Text(text="hi", origin=NAME),)


def test_servers_that_give_every_item_the_number_zero_are_understood() -> None:
    outcome = answer(
        CREATED,
        event("response.reasoning_summary_text.delta", output_index=0, summary_index=0, delta="th"),
        event("response.output_text.delta", output_index=0, content_index=0, delta="hi"),
        added(0, type="function_call", call_id="a", name="f", arguments=""),
        event("response.function_call_arguments.delta", output_index=0, delta="{}"),
        added(0, type="function_call", call_id="b", name="g", arguments=""),
        event("response.function_call_arguments.delta", output_index=0, delta="[]"),
        completed(),
    )
    assert outcome.parts == (
        Reasoning(text="th", origin=NAME),
        Text(text="hi", origin=NAME),
        ToolCall(call_id="a", name="f", arguments=RawJson("{}"), origin=NAME),
        ToolCall(call_id="b", name="g", arguments=RawJson("[]"), origin=NAME),
    )


@pytest.mark.parametrize(
    ("reason", "finish"),
    [("max_output_tokens", "length"), ("content_filter", "filter"), ("steered", "other"), (None, "length")],
)
def test_an_incomplete_answer_says_why(reason: str | None, finish: str) -> None:
    details = None if reason is None else {"reason": reason}
    outcome = answer(CREATED, completed(kind="incomplete", incomplete_details=details))
    assert (outcome.finish.reason, outcome.finish.raw_reason) == (finish, reason)


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("rate_limit_exceeded", 429, "rate_limit"),
        ("insufficient_quota", 429, "rate_limit"),
        ("server_is_overloaded", 503, "overloaded"),
        ("context_length_exceeded", 400, "invalid_request"),
        ("invalid_image_url", 400, "invalid_request"),
        ("server_error", 502, "server"),
    ],
)
def test_a_failed_response_is_a_failure_with_a_status(code: str, status: int, kind: str) -> None:  # T54
    error = {"code": code, "message": "no\nstack"}
    last = read(CREATED, event("response.failed", response={"id": "resp_1", "status": "failed", "error": error}))[
        -1
    ]
    assert isinstance(last, Failed)
    assert (last.failure.status, last.failure.kind, last.failure.code) == (status, kind, code)
    assert last.failure.message == "no"


def test_an_error_event_is_a_failure_before_anything_else() -> None:
    (last,) = read(event("error", code="rate_limit_exceeded", message="slow down", param=None, sequence_number=0))
    assert last == Failed(
        failure=Failure(
            kind="rate_limit",
            status=429,
            message="slow down",
            code="rate_limit_exceeded",
            raw={
                "type": "error",
                "code": "rate_limit_exceeded",
                "message": "slow down",
                "param": None,
                "sequence_number": 0,
            },
        )
    )


def test_a_stream_that_just_ends_was_cut() -> None:
    delta = event("response.output_text.delta", output_index=0, content_index=0, delta="half an ans")
    for wire in ((CREATED, delta), (CREATED, delta, b"data: [DONE]\n\n"), ()):
        last = read(*wire)[-1]
        assert isinstance(last, Failed)
        assert (last.failure.kind, last.failure.status) == ("cut", 502)


def test_the_last_event_counts_even_without_its_blank_line() -> None:  # T50
    events = read(CREATED, completed().rstrip(b"\n"))
    assert isinstance(events[-1], Finished)


# Writing


def test_an_answer_that_reached_its_limit_is_incomplete() -> None:
    response = GenerateResponse(id="x", model="m", parts=(Text(text="hi"),), finish=Finish(reason="length"))
    last = written(*unfold(response))[-1]
    assert last["type"] == "response.incomplete"
    assert last["response"]["incomplete_details"] == {"reason": "max_output_tokens"}
    assert last["response"]["output"][0]["status"] == "incomplete"
    assert last["response"]["usage"]["input_tokens_details"] == {"cached_tokens": 0}


def test_an_empty_answer_of_another_dialect_has_an_empty_message() -> None:
    response = GenerateResponse(id="x", model="m", parts=(), finish=Finish(reason="stop"))
    output = written(*unfold(response))[-1]["response"]["output"]
    assert [element["text"] for item in output for element in item["content"]] == [""]


def test_a_failure_keeps_the_id_and_what_was_done() -> None:
    failure = Failure(kind="rate_limit", status=429, message="slow")
    events = unfold(GenerateResponse(id="x", model="m", parts=(Text(text="hi"),), finish=Finish(reason="stop")))
    told = written(*events[:-1], Failed(failure=failure))
    last = told[-1]
    assert last["type"] == "response.failed"
    assert last["response"]["id"] == told[0]["response"]["id"] == "resp_tok"
    assert last["response"]["error"] == {"code": "rate_limit_exceeded", "message": "slow"}


def test_a_failure_never_hands_out_half_a_call() -> None:
    call = ToolCall(call_id="c", name="rm", arguments=RawJson('{"path": "/tm'))
    events = unfold(GenerateResponse(id="x", model="m", parts=(call,), finish=Finish(reason="stop")))
    told = written(*events[:-2])
    assert "response.output_item.done" not in [one["type"] for one in told]
    assert told[-1]["response"]["output"] == []


def test_a_failure_before_the_start_is_an_error_event() -> None:
    encoder = RESPONSES.stream_encoder(context())
    raw = encoder.send(Failed(failure=Failure(kind="server", status=500, message="boom")))
    assert order_responses.responses(raw).ended == "failed"
    (told,) = strict_responses.stream(raw)
    assert (told["type"], told["code"], told["message"]) == ("error", "server_error", "boom")


def test_nothing_follows_the_end() -> None:
    encoder = RESPONSES.stream_encoder(context())
    for one in unfold(GenerateResponse(id="x", model="m", parts=(), finish=Finish(reason="stop"))):
        encoder.send(one)
    assert encoder.send(Ping()) == encoder.close() == b""


def test_a_ping_is_a_comment() -> None:
    assert RESPONSES.stream_encoder(context()).send(Ping()) == b": keepalive\n\n"


def test_lifecycle_events_repeat_settings_but_neither_instructions_nor_tools() -> None:  # T64
    request = RESPONSES.decode_request(codex.body(temperature=0.5))
    response = GenerateResponse(id="x", model="m", parts=(Text(text="hi"),), finish=Finish(reason="stop"))
    told = written(*unfold(response), request=request)
    for one in (told[0], told[1], told[-1]):
        said = one["response"]
        assert (said["instructions"], said["tools"]) == (None, [])
        assert said["reasoning"] == {"effort": "medium", "summary": "auto"}
        assert (said["temperature"], said["parallel_tool_calls"], said["store"]) == (0.5, False, False)


def test_tools_are_called_in_the_way_the_client_declared_them() -> None:
    request = RESPONSES.decode_request(codex.body())
    parts = (
        ToolCall(call_id="a", name="multi_agent_v1__spawn_agent", arguments=RawJson('{"task":"x"}')),
        ToolCall(call_id="b", name="apply_patch", arguments=RawJson('{"input":"*** Begin Patch"}')),
        ToolCall(call_id="c", name="shell", arguments=RawJson("{}")),
    )
    response = GenerateResponse(id="x", model="m", parts=parts, finish=Finish(reason="tool_calls"))
    agent, patch, shell = written(*unfold(response), request=request)[-1]["response"]["output"]
    assert (agent["type"], agent["name"], agent["namespace"]) == ("function_call", "spawn_agent", "multi_agent_v1")
    assert (patch["type"], patch["name"], patch["input"]) == ("custom_tool_call", "apply_patch", "*** Begin Patch")
    assert (shell["type"], shell["name"]) == ("function_call", "shell")
    assert "namespace" not in shell


def test_events_that_nobody_knows_go_on_with_a_number_of_their_own() -> None:
    limits = event("codex.rate_limits", sequence_number=99, primary={"used_percent": 3})
    encoder = RESPONSES.stream_encoder(context())
    raw = b"".join(encoder.send(one) for one in read(CREATED, limits, completed()))
    told = [msgspec.json.decode(frame.data) for frame in frames(raw)]
    assert told[2] == {"type": "codex.rate_limits", "primary": {"used_percent": 3}, "sequence_number": 2}


def test_a_message_stream_keeps_its_order_of_text_and_calls() -> None:
    parts = (
        Text(text="a", origin="anthropic"),
        ToolCall(call_id="c", name="f", arguments=RawJson("{}"), origin="anthropic"),
        Text(text="b", origin="anthropic"),
    )
    response = GenerateResponse(id="x", model="m", parts=parts, finish=Finish(reason="tool_calls"), usage=Usage())
    output = written(*unfold(response))[-1]["response"]["output"]
    assert [item["type"] for item in output] == ["message", "function_call", "message"]


def test_parallel_calls_may_grow_side_by_side() -> None:
    decoder = CHAT.stream_decoder()

    def delta(index: int, **function: str) -> bytes:
        call = {"index": index, "id": f"call_{index}", "function": function}
        chunk = {"id": "x", "model": "m", "choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}
        return b"data: " + msgspec.json.encode(chunk) + b"\n\n"

    wire = delta(0, name="f", arguments='{"a"') + delta(1, name="g", arguments='{"b"')
    wire += delta(0, arguments=":1}") + delta(1, arguments=":2}") + b"data: [DONE]\n\n"
    output = written(*decoder.feed(wire), *decoder.close())[-1]["response"]["output"]
    assert [(item["name"], item["arguments"]) for item in output] == [("f", '{"a":1}'), ("g", '{"b":2}')]


def test_a_stream_read_and_written_again_keeps_seals_and_unknown_items() -> None:
    thought = {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "gAAA"}
    search = {"type": "web_search_call", "id": "ws", "status": "completed"}
    encoder = RESPONSES.stream_encoder(context())
    wire = (CREATED, done(0, **thought), done(1, **search), completed())
    raw = b"".join(encoder.send(one) for one in read(*wire))
    output = msgspec.json.decode(frames(raw)[-1].data)["response"]["output"]
    assert output == [
        {"id": "rs_tok_0", "type": "reasoning", "summary": [], "encrypted_content": "gAAA"},
        search,
    ]


def test_the_start_comes_first_whatever_the_provider_forgot() -> None:
    delta = event("response.output_text.delta", output_index=0, content_index=0, delta="hi")
    first, second = read(delta, completed())[:2]
    assert isinstance(first, Started)
    assert isinstance(second, PartOpened)
