"""What hard budgets set aside for input, as laws: no body is more tokens than that, whatever was learnt before."""

import json
from unicodedata import normalize

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.ir.target import ModelFacts, Target
from omniroute.ledger.budget_counts import UNKNOWN_WINDOW, Counts
from omniroute.ledger.budget_parts import PICTURE_TOKENS, most_tokens
from omniroute.ledger.budget_reading import read

WINDOW = 200_000
CHAT = Target(provider="p", model="m", dialect="openai_chat", facts=ModelFacts(context_tokens=WINDOW))

texts = st.one_of(
    st.sampled_from(
        (
            "The quick brown fox jumps over the lazy dog. " * 9,
            "3.14159,2.71828\n" * 20,
            "qXzJ" * 30,
            "漢字仮名交じり文" * 9,
            "🦩🧿👩‍👩‍👧" * 9,
            "\ufdfa" * 20,
            "གྷདྷབྷ" * 9,
        )
    ),
    st.text(max_size=60),
)


def greedy(text: str) -> int:
    """The worst tokenizer that can be: a token for every byte, and it normalises what it reads."""
    return max(len(text.encode()), len(normalize("NFKC", text).encode()))


@given(texts, st.booleans())
def test_no_text_is_more_tokens_than_its_bound_however_its_json_is_written(text, ascii_only):
    assert most_tokens(json.dumps(text, ensure_ascii=ascii_only).encode()) >= greedy(text)


class Piece(msgspec.Struct, frozen=True):
    """A message as a client writes it, and how many tokens the provider of this test makes of it."""

    written: dict
    tokens: int


def said(role: str, text: str, share: float) -> Piece:
    return Piece({"role": role, "content": text}, round(greedy(text) * share) + 3)


def shown(data: str, tokens: int) -> Piece:
    url = {"url": f"data:image/png;base64,{data}"}
    return Piece({"role": "user", "content": [{"type": "image_url", "image_url": url}]}, tokens)


def attached(data: str, tokens: int) -> Piece:
    return Piece({"role": "user", "content": [{"type": "file", "file": {"file_data": data}}]}, tokens)


pieces = st.one_of(
    st.builds(said, st.sampled_from(["user", "assistant"]), texts, st.sampled_from([0.1, 0.25, 0.9, 1.0])),
    st.builds(shown, st.sampled_from(["AAAA", "B" * 9_000]), st.integers(85, PICTURE_TOKENS)),
    st.builds(attached, st.sampled_from(["AAAA", "B" * 9_000]), st.integers(1, WINDOW // 10)),
)
instructions = st.sampled_from([said("system", "Be brief. " * 40, 0.2), said("system", "0,1;" * 99, 1.0)])
conversations = st.tuples(instructions, st.lists(st.integers(0, 4), max_size=5))


@given(st.lists(pieces, min_size=5, max_size=5), st.lists(conversations, min_size=1, max_size=6), st.data())
def test_no_mix_of_bodies_is_ever_more_tokens_than_what_was_set_aside_for_it(pool, asked, data):
    """Bodies begin alike, go on differently, and come in any order; each is counted after others were sent. What
    is the same to the byte is as many tokens every time."""
    counts = Counts()
    made: dict[bytes, int] = {}
    open_ones = []
    for first, following in asked:
        several = [first, *(pool[index] for index in following)]
        body = msgspec.json.encode({"model": "m", "messages": [one.written for one in several]})
        reading = read(body, CHAT)
        assert reading is not None
        tokens = sum(made.setdefault(msgspec.json.encode(one.written), one.tokens) for one in several) + 7
        assert tokens <= counts.most(reading, WINDOW)
        open_ones.append((reading, tokens))
        while open_ones and data.draw(st.booleans()):
            counts.note(*open_ones.pop(data.draw(st.integers(0, len(open_ones) - 1))), WINDOW)


def body(messages: list, **fields) -> bytes:
    return msgspec.json.encode({"model": "m", **fields, "messages": messages})


def bound(counts: Counts, content: bytes, target: Target = CHAT) -> int:
    reading = read(content, target)
    assert reading is not None
    return counts.most(reading, target.facts.context_tokens)


def learnt(content: bytes, tokens: int, target: Target = CHAT) -> Counts:
    counts = Counts()
    reading = read(content, target)
    assert reading is not None
    counts.note(reading, tokens, target.facts.context_tokens)
    return counts


LONG = {"role": "system", "content": "You are of help. " * 1_000}
HELLO = {"role": "user", "content": "hello"}


def test_a_conversation_that_goes_on_counts_as_what_it_was_and_its_new_bytes():
    counts = learnt(body([LONG, HELLO]), 4_000)
    longer = body([LONG, HELLO, {"role": "assistant", "content": "hi"}, {"role": "user", "content": "9" * 500}])
    assert 4_500 < bound(counts, longer) < 5_000
    assert bound(Counts(), longer) > 17_000


def test_other_conversations_with_the_same_instructions_count_them_as_what_they_were():
    counts = learnt(body([LONG, HELLO]), 4_000)
    assert bound(counts, body([LONG, {"role": "user", "content": "another question"}])) < 4_500


def test_the_same_words_under_other_tools_or_at_another_model_are_not_known():
    counts = learnt(body([LONG, HELLO]), 4_000)
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    assert bound(counts, body([LONG, HELLO], tools=tools)) > 17_000
    other = Target(provider="p", model="other", dialect="openai_chat")
    assert bound(counts, body([LONG, HELLO]), other) > 17_000
    assert bound(counts, body([LONG, HELLO], max_tokens=5, temperature=1, user="x")) < 4_500


def test_bytes_outside_of_the_members_that_are_read_count_as_well():
    """Of a repeated member we read the last one, and a provider may read the first."""
    counts = learnt(body([HELLO]), 10)
    twice = b'{"messages":' + msgspec.json.encode([LONG]) + b',"model":"m","messages":[' + b"%s" + b"]}"
    assert bound(counts, twice % msgspec.json.encode(HELLO)) > 17_000


def test_a_picture_counts_by_the_piece_and_its_bytes_do_not():
    url = {"url": "data:image/png;base64," + "A" * 900_000}
    content = body([{"role": "user", "content": [{"type": "image_url", "image_url": url}]}])
    assert PICTURE_TOKENS < bound(Counts(), content) < PICTURE_TOKENS + 1_000


def test_text_that_looks_like_a_picture_counts_as_text():
    text = "data:image/png;base64," + "A" * 900_000
    for part in ({"type": "text", "text": text}, {"type": "tool_use", "input": {"image_url": {"url": text}}}):
        assert bound(Counts(), body([{"role": "user", "content": [part]}])) > 900_000


def test_a_picture_that_is_only_named_is_never_remembered_for_it_may_be_another_one_tomorrow():
    named = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}]}
    counts = learnt(body([LONG, named, HELLO]), 4_000)
    assert bound(counts, body([LONG, named, HELLO])) > PICTURE_TOKENS
    assert bound(counts, body([LONG, HELLO])) < 4_500


@pytest.mark.parametrize(
    ("fields", "dialect"),
    [
        ({"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]}, "openai_chat"),
        ({"messages": [HELLO], "web_search_options": {}}, "openai_chat"),
        ({"messages": [HELLO], "tools": [{"type": "web_search_20250305", "name": "w"}]}, "anthropic"),
        ({"messages": [{"content": [{"type": "document", "source": {"type": "url"}}]}]}, "anthropic"),
        ({"input": "more", "previous_response_id": "resp_1"}, "openai_responses"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "openai_responses"),
        ({"contents": [{"parts": [{"fileData": {"fileUri": "x"}}]}]}, "gemini"),
        ({"contents": [{"parts": [{"inlineData": {"mimeType": "video/mp4", "data": "A"}}]}]}, "gemini"),
        ({"contents": [], "tools": [{"functionDeclarations": [], "googleSearch": {}}]}, "gemini"),
        ({"contents": [], "cachedContent": "cachedContents/1"}, "gemini"),
        ({"contents": [], "systemInstruction": {"parts": [{"inlineData": {"data": "A"}}]}}, "gemini"),
        ({"messages": [{"role": "user", "content": [{"document": {"format": "pdf"}}]}]}, "bedrock_converse"),
    ],
)  # fmt: skip
def test_where_bytes_do_not_say_it_the_window_of_the_model_does(fields, dialect):
    target = Target(provider="p", model="m", dialect=dialect, facts=ModelFacts(context_tokens=WINDOW))
    assert bound(Counts(), msgspec.json.encode(fields), target) == WINDOW
    nobody_knows = Target(provider="p", model="m", dialect=dialect)
    assert bound(Counts(), msgspec.json.encode(fields), nobody_knows) == UNKNOWN_WINDOW


@pytest.mark.parametrize(
    ("dialect", "fields", "most", "answers"),
    [
        ("openai_chat", {"max_tokens": 5, "max_completion_tokens": 9, "n": 3}, 9, 3),
        ("openai_chat", {"max_output_tokens": 5}, None, 1),
        ("openai_responses", {"max_output_tokens": 5, "max_tokens": 1}, 5, 1),
        ("gemini", {"max_tokens": 5}, None, 1),
        ("gemini", {"generationConfig": {"maxOutputTokens": 5, "candidateCount": 2}}, 5, 2),
        ("gemini", {"generation_config": {"max_output_tokens": 5}}, 5, 1),
        ("ollama", {"max_tokens": 5, "options": {"num_predict": -1}}, None, 1),
        ("ollama", {"options": {"num_predict": 7}}, 7, 1),
        ("bedrock_converse", {"inferenceConfig": {"maxTokens": 8}}, 8, 1),
    ],
)
def test_only_what_the_provider_reads_limits_an_answer(dialect, fields, most, answers):
    reading = read(msgspec.json.encode(fields), Target(provider="p", model="m", dialect=dialect))
    assert reading is not None
    assert (reading.most_output, reading.answers) == (most, answers)


def test_what_was_more_than_thought_possible_raises_every_later_bound_and_ends_trust():
    counts = learnt(body([LONG, HELLO]), 4_000)
    again = read(body([LONG, HELLO]), CHAT)
    assert again is not None
    counts.note(again, 20_000, WINDOW)
    assert bound(counts, body([LONG, HELLO])) >= 20_000


def test_a_body_that_is_no_object_has_no_reading():
    assert read(b"[1]", CHAT) is None
    assert read(b"\xff", CHAT) is None


def test_a_body_that_is_nested_without_end_counts_as_the_window():
    deep = b'{"content":[' * 400 + b"]}" * 400
    assert bound(Counts(), b'{"messages":[' + deep + b"]}") == WINDOW
