"""Embeddings: what goes out, in which form vectors come back, and providers of another making."""

import base64
import struct

import msgspec
import pytest

from omniroute.dialects.simple.base import Answer, Codec, Got
from omniroute.dialects.simple.embeddings import Embeddings
from omniroute.dialects.simple.gemini_embeddings import GeminiEmbeddings
from omniroute.dialects.simple.ollama_embeddings import OllamaEmbeddings
from omniroute.errors import InvalidRequest
from omniroute.ir.failure import Failure
from tests.support.conversing import asked, said, text_question

EMBEDDINGS, GEMINI, OLLAMA = Embeddings(), GeminiEmbeddings(), OllamaEmbeddings()
CODECS: tuple[Codec, ...] = (EMBEDDINGS, GEMINI, OLLAMA)
NUMBERS = [0.5, -1.0, 3.25]
PACKED = base64.b64encode(struct.pack("<3f", *NUMBERS)).decode()


def listed(*embeddings: object, **more: object) -> Got:
    data = [{"object": "embedding", "index": i, "embedding": one} for i, one in enumerate(embeddings)]
    return said({"object": "list", "data": data, "model": "own-name"} | more)


def test_the_body_goes_out_as_it_came_but_for_the_model() -> None:
    held = asked(EMBEDDINGS, text_question(input=["a"], user="u", input_type="query"), listed(NUMBERS))
    (send,) = held.sends
    assert send.path == "/embeddings"
    assert send.body == b'{"model":"small-1","input":["a"],"user":"u","input_type":"query"}'


def test_a_row_can_name_another_path() -> None:
    assert asked(EMBEDDINGS, text_question(input="a", path="/e"), listed(NUMBERS)).sends[0].path == "/e"


def test_dimensions_may_be_written_as_a_text() -> None:
    held = asked(EMBEDDINGS, text_question(input="a", dimensions="256"), listed(NUMBERS))
    assert msgspec.json.decode(held.sends[0].body)["dimensions"] == 256


@pytest.mark.parametrize("given", [NUMBERS, PACKED])
@pytest.mark.parametrize(
    ("wish", "got"),
    [({}, NUMBERS), ({"encoding_format": "float"}, NUMBERS), ({"encoding_format": "base64"}, PACKED)],
)
def test_vectors_come_in_the_form_that_was_asked_for(given: object, wish: dict, got: object) -> None:
    held = asked(EMBEDDINGS, text_question(input="a", **wish), listed(given))
    assert held.json["data"] == [{"object": "embedding", "index": 0, "embedding": got}]
    assert len(held.sends) == 1


def test_numbers_that_are_passed_on_keep_their_spelling() -> None:
    body = b'{"data":[{"embedding":[1e-3,0.10,2]}]}'
    held = asked(EMBEDDINGS, text_question(input="a"), Got(status=200, body=body))
    assert b'{"object":"embedding","index":0,"embedding":[1e-3,0.10,2]}' in held.answer.body


def test_the_answer_names_the_public_model_and_counts_what_was_read() -> None:
    held = asked(
        EMBEDDINGS, text_question(input="a"), listed(NUMBERS, usage={"prompt_tokens": 4, "total_tokens": 4})
    )
    assert (held.json["object"], held.json["model"]) == ("list", "up/small-1")
    assert held.json["usage"] == {"prompt_tokens": 4, "total_tokens": 4}
    assert held.answer.usage is not None
    assert (held.answer.usage.input, held.answer.usage.output) == (4, 0)


def test_use_that_is_not_told_is_zero_for_the_client_and_unknown_to_us() -> None:
    held = asked(EMBEDDINGS, text_question(input="a"), listed(NUMBERS))
    assert held.json["usage"] == {"prompt_tokens": 0, "total_tokens": 0}
    assert held.answer.usage is None


@pytest.mark.parametrize("message", ["Unknown parameter: encoding_format", "base64 is not supported"])
@pytest.mark.parametrize("status", [400, 422])
def test_a_provider_that_refuses_the_encoding_is_asked_without_it(status: int, message: str) -> None:
    refusal = said({"error": {"message": message}}, status)
    held = asked(EMBEDDINGS, text_question(input="a", encoding_format="base64"), refusal, listed(NUMBERS))
    assert [b"encoding_format" in send.body for send in held.sends] == [True, False]
    assert held.json["data"][0]["embedding"] == PACKED


@pytest.mark.parametrize(
    ("refusal", "fields"),
    [
        (said({"error": {"message": "input is too long"}}, 400), {"encoding_format": "base64"}),
        (said({"error": {"message": "encoding_format"}}, 500), {"encoding_format": "base64"}),
        (said({"error": {"message": "encoding_format"}}, 400), {}),
    ],
)
def test_any_other_refusal_stands(refusal: Got, fields: dict) -> None:
    held = asked(EMBEDDINGS, text_question(input="a", **fields), refusal)
    assert len(held.sends) == 1
    assert held.failure.status == refusal.status


@pytest.mark.parametrize(
    ("got", "kind"),
    [
        (said({"data": []}), "empty"),
        (said({"data": [{}]}), "protocol"),
        (said({"data": [{"embedding": None}]}), "protocol"),
        (said({"data": [{"embedding": {"float": [1]}}]}), "protocol"),
        (said([]), "protocol"),
        (Got(status=200, body=b"<html>"), "protocol"),
        (Got(status=302), "protocol"),
        (said({"error": {"message": "quota exceeded"}}), "rate_limit"),
        (said({"error": {"message": "no key"}}, 401), "authentication"),
    ],
)
def test_what_is_no_answer_is_a_failure(got: Got, kind: str) -> None:
    assert asked(EMBEDDINGS, text_question(input="a"), got).failure.kind == kind


@pytest.mark.parametrize("broken", ["not base64!", "AAA=", ["x"], [1e300]])
def test_a_vector_that_cannot_be_turned_is_a_failure(broken: object) -> None:
    wish = "float" if isinstance(broken, str) else "base64"
    held = asked(EMBEDDINGS, text_question(input="a", encoding_format=wish), listed(broken))
    assert held.failure.kind == "protocol"


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({}, "input"),
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": [""]}, "input"),
        ({"input": ["a", 1]}, "input"),
        ({"input": [[]]}, "input"),
        ({"input": {"text": "a"}}, "input"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format"),
        ({"input": "a", "dimensions": 0}, "dimensions"),
        ({"input": "a", "dimensions": True}, "dimensions"),
        ({"input": "a", "dimensions": "many"}, "dimensions"),
    ],
)
def test_what_nobody_could_embed_is_refused_by_name(codec: Codec, fields: dict, word: str) -> None:
    with pytest.raises(InvalidRequest, match=word):
        asked(codec, text_question(**fields))


@pytest.mark.parametrize("given", ["a", ["a", "b"], [1, 2], [[1], [2, 3]]])
def test_texts_and_tokens_are_fine(given: object) -> None:
    assert isinstance(asked(EMBEDDINGS, text_question(input=given), listed(NUMBERS)).result, Answer)


@pytest.mark.parametrize("codec", [GEMINI, OLLAMA], ids=lambda codec: codec.name)
@pytest.mark.parametrize("tokens", [[1, 2], [[1], [2]]])
def test_tokens_are_refused_where_only_texts_are_read(codec: Codec, tokens: object) -> None:
    with pytest.raises(InvalidRequest, match="texts only"):
        asked(codec, text_question(input=tokens))


def test_gemini_is_asked_for_a_batch() -> None:
    question = text_question(
        "gemini-embedding-001", input=["a", "b"], dimensions=3, taskType="CLUSTERING", user="u"
    )
    held = asked(GEMINI, question, said({"embeddings": [{"values": NUMBERS}, {"values": [1, 2, 3]}]}))
    (send,) = held.sends
    assert send.path == "/models/gemini-embedding-001:batchEmbedContents"
    shared = {"model": "models/gemini-embedding-001", "taskType": "CLUSTERING", "outputDimensionality": 3}
    assert msgspec.json.decode(send.body)["requests"] == [
        shared | {"content": {"parts": [{"text": text}]}} for text in ("a", "b")
    ]
    assert [one["embedding"] for one in held.json["data"]] == [NUMBERS, [1, 2, 3]]
    assert [one["index"] for one in held.json["data"]] == [0, 1]


def test_ollama_is_asked_in_its_own_way() -> None:
    question = text_question(input="a", truncate=False, encoding_format="base64")
    held = asked(OLLAMA, question, said({"model": "x", "embeddings": [NUMBERS], "prompt_eval_count": 2}))
    (send,) = held.sends
    assert send.path == "/api/embed"
    assert msgspec.json.decode(send.body) == {"model": "small-1", "input": ["a"], "truncate": False}
    assert held.json["data"][0]["embedding"] == PACKED
    assert held.json["usage"] == {"prompt_tokens": 2, "total_tokens": 2}


@pytest.mark.parametrize(
    ("codec", "good"),
    [(GEMINI, {"embeddings": [{"values": NUMBERS}]}), (OLLAMA, {"embeddings": [NUMBERS]})],
    ids=["gemini", "ollama"],
)
def test_another_making_says_what_it_could_not_carry_and_what_went_wrong(codec: Codec, good: dict) -> None:
    held = asked(codec, text_question(input="a", user="u", input_type="query"), said(good))
    assert [loss.what for loss in held.answer.losses] == ["input_type"]
    for got, kind in (
        (said({"embeddings": []}), "empty"),
        (said({}), "protocol"),
        (said({"error": {"message": "no", "code": 429}}, 429), "rate_limit"),
    ):
        result = asked(codec, text_question(input="a"), got).result
        assert isinstance(result, Failure)
        assert result.kind == kind
