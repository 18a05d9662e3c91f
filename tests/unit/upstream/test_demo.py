"""The demo provider: OpenAI's chat wire, the same bytes for the same request."""

import msgspec
import pytest
from openai.types import Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from omniroute.errors import UpstreamError
from omniroute.upstream.demo import DemoTransport
from tests.support.transports import get, pieces, post

CHAT = "demo://demo/v1/chat/completions"
SAID = "This is OmniRoute's built-in demo; no model was called. You said: tell me more"


def chat(**fields: object) -> bytes:
    messages = [{"role": "user", "content": "hi"}, {"role": "user", "content": "tell me more"}]
    return msgspec.json.encode({"model": "hello", "messages": messages, **fields})


async def body(request_body: bytes) -> tuple[int, bytes]:
    reply = await DemoTransport().open(post(CHAT, request_body))
    return reply.status, await reply.read()


async def events(request_body: bytes) -> list[ChatCompletionChunk]:
    reply = await DemoTransport().open(post(CHAT, request_body))
    assert reply.headers["content-type"] == "text/event-stream"
    found = await pieces(reply)
    assert found[-1] == b"data: [DONE]\n\n"
    assert all(piece.startswith(b"data: ") and piece.endswith(b"\n\n") for piece in found)
    return [ChatCompletionChunk.model_validate_json(piece[6:], strict=True) for piece in found[:-1]]


async def test_it_echoes_the_last_user_text_and_says_that_it_is_a_demo() -> None:
    status, raw = await body(chat())
    completion = ChatCompletion.model_validate_json(raw, strict=True)
    assert (status, completion.choices[0].message.content) == (200, SAID)
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage is not None
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (4, len(SAID.split()))
    assert completion.usage.total_tokens == 4 + len(SAID.split())


async def test_a_stream_says_the_same_word_by_word() -> None:
    chunks = await events(chat(stream=True))
    texts = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices[0].delta.content]
    assert "".join(texts) == SAID
    assert [text.strip() for text in texts] == SAID.split()
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    assert all(chunk.usage is None for chunk in chunks)


async def test_usage_ends_a_stream_only_when_it_was_asked_for() -> None:
    *others, last = await events(chat(stream=True, stream_options={"include_usage": True}))
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.completion_tokens == len(SAID.split())
    assert all(chunk.usage is None for chunk in others)


async def test_the_same_request_gets_the_same_bytes_and_another_gets_another_id() -> None:
    assert await body(chat()) == await body(chat())
    first, second = [msgspec.json.decode((await body(chat(user=user)))[1]) for user in "ab"]
    assert first["id"] != second["id"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([{"type": "text", "text": "one"}, {"type": "image_url", "image_url": {"url": "data:,"}}], "one"),
        ([], "(nothing)"),
        (None, "(nothing)"),
        ("two  spaces\nand a line", "two  spaces\nand a line"),
    ],
)
async def test_text_is_found_in_parts(content: object, said: str) -> None:
    messages = [{"role": "user", "content": content}, {"role": "assistant", "content": "no"}]
    for stream in (False, True):
        request = chat(messages=messages, stream=stream)
        if stream:
            text = "".join(chunk.choices[0].delta.content or "" for chunk in await events(request))
        else:
            text = msgspec.json.decode((await body(request))[1])["choices"][0]["message"]["content"]
        assert text.endswith(f"You said: {said}")


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"messages": 1}', b"[" * 5000])
async def test_an_unreadable_request_is_a_400(raw: bytes) -> None:
    status, answer = await body(raw)
    assert status == 400
    assert msgspec.json.decode(answer)["error"]["message"].startswith("the demo provider cannot read the request")


async def test_it_lists_its_one_model() -> None:
    reply = await DemoTransport().open(get("demo://demo/v1/models"))
    listed = msgspec.json.decode(await reply.read())
    assert [Model.model_validate(entry, strict=True).id for entry in listed["data"]] == ["hello"]


async def test_other_paths_are_a_404_and_other_schemes_an_error() -> None:
    reply = await DemoTransport().open(post("demo://demo/v1/embeddings"))
    assert reply.status == 404
    await reply.aclose()
    with pytest.raises(UpstreamError) as caught:
        await DemoTransport().open(get("https://h/"))
    assert caught.value.kind == "connect"
