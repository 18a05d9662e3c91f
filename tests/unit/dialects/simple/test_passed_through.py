"""Completions, moderations, rerank and speech: the client's own body up, the provider's own body down."""

import msgspec
import pytest

from omniroute.dialects.simple.base import Codec, Got, Question
from omniroute.dialects.simple.completions import Completions
from omniroute.dialects.simple.moderations import Moderations
from omniroute.dialects.simple.rerank import Rerank
from omniroute.dialects.simple.speech import Speech
from omniroute.errors import InvalidRequest
from tests.support.conversing import asked, said, text_question

COMPLETE = text_question(prompt="Once", max_tokens=9, logit_bias={"50256": -100})
MODERATE = text_question(input=["a", {"type": "text", "text": "b"}])
RANK = text_question(query="q", documents=["a", {"text": "b"}], top_n=1)
SPEAK = text_question(input="Say it.", voice="alloy", response_format="wav")
ALL = [
    (Completions(), COMPLETE, "/completions"),
    (Moderations(), MODERATE, "/moderations"),
    (Rerank(), RANK, "/rerank"),
    (Speech(), SPEAK, "/audio/speech"),
]


@pytest.mark.parametrize(("codec", "question", "path"), ALL, ids=[codec.name for codec, _, _ in ALL])
def test_the_body_goes_out_as_it_came_but_for_the_model(codec: Codec, question: Question, path: str) -> None:
    (send,) = asked(codec, question, said({"results": []})).sends
    assert (send.method, send.path) == ("POST", path)
    assert msgspec.json.decode(send.body) == question.fields | {"model": "small-1"}
    elsewhere = msgspec.structs.replace(question, path="/elsewhere")
    assert asked(codec, elsewhere, said({})).sends[0].path == "/elsewhere"


@pytest.mark.parametrize(("codec", "question", "path"), ALL, ids=[codec.name for codec, _, _ in ALL])
def test_the_answer_comes_back_as_it_came(codec: Codec, question: Question, path: str) -> None:
    body = b'{"id": "x", "results": [1e2], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}'
    answer = asked(codec, question, Got(status=200, body=body)).answer
    assert answer.body == body
    assert answer.usage is not None
    assert (answer.usage.input, answer.usage.output) == (3, 2)


@pytest.mark.parametrize(("codec", "question", "path"), ALL, ids=[codec.name for codec, _, _ in ALL])
def test_a_refusal_is_a_failure_in_the_providers_words(codec: Codec, question: Question, path: str) -> None:
    failure = asked(codec, question, said({"detail": "not today"}, 429)).failure
    assert (failure.kind, failure.message) == ("rate_limit", "not today")
    assert asked(codec, question, Got(status=200, body=b"oops")).failure.kind == "protocol"


@pytest.mark.parametrize(
    ("codec", "fields", "word"),
    [
        (Completions(), {}, "prompt"),
        (Completions(), {"prompt": []}, "prompt"),
        (Moderations(), {"input": ""}, "input"),
        (Rerank(), {"documents": ["a"]}, "query"),
        (Rerank(), {"query": "q", "documents": []}, "documents"),
        (Rerank(), {"query": "q", "documents": "a"}, "documents"),
        (Speech(), {"voice": "alloy"}, "input"),
        (Speech(), {"input": ["a"], "voice": "alloy"}, "input"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(codec: Codec, fields: dict, word: str) -> None:
    with pytest.raises(InvalidRequest, match=word):
        asked(codec, text_question(**fields))


def test_an_empty_prompt_is_a_prompt() -> None:
    assert asked(Completions(), text_question(prompt=""), said({"choices": []})).answer.usage is None


def test_sound_is_relayed_and_events_are_metered() -> None:
    (send,) = asked(Speech(), SPEAK, said({})).sends
    assert (send.relay, send.meter) == (True, None)
    events = text_question(input="Say it.", voice="alloy", stream_format="sse")
    (send,) = asked(Speech(), events, said({})).sends
    assert send.meter is not None
    send.meter.feed(b'data: {"type":"speech.audio.delta","audio":"AA=="}\n\n')
    assert not send.meter.ended
    usage = b'{"input_tokens":14,"output_tokens":101,"total_tokens":115}'
    send.meter.feed(b'data: {"type":"speech.audio.done","usage":' + usage + b"}\n\n")
    assert send.meter.ended
    assert send.meter.usage is not None
    assert (send.meter.usage.input, send.meter.usage.output) == (14, 101)


def test_a_streamed_completion_is_relayed_and_metered() -> None:
    (send,) = asked(Completions(), text_question(prompt="Once", stream=True), said({})).sends
    assert send.relay
    assert send.meter is not None
    send.meter.feed(b'data: {"choices":[{"text":"a"}]}\n\ndata: {"choices":[],"usage":{"prompt_tokens":3,')
    send.meter.feed(b'"completion_tokens":2}}\n\n')
    assert not send.meter.ended
    send.meter.feed(b"data: [DONE]\n\n")
    assert send.meter.ended
    assert send.meter.usage is not None
    assert (send.meter.usage.input, send.meter.usage.output) == (3, 2)


def test_searches_are_no_tokens() -> None:
    billed = {"results": [], "meta": {"billed_units": {"search_units": 1}}}
    assert asked(Rerank(), RANK, said(billed)).answer.usage is None
