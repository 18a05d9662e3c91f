"""What providers report of their use, in the shapes that they really send: each token in one bucket, once."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.dialects.anthropic import usage as anthropic
from omniroute.dialects.bedrock_converse import usage as bedrock
from omniroute.dialects.cohere import usage as cohere
from omniroute.dialects.gemini import usage as gemini
from omniroute.dialects.media_tokens import media_tokens
from omniroute.dialects.openai_chat import usage as chat
from omniroute.dialects.openai_chat.glance import glance
from omniroute.dialects.openai_responses import usage as responses
from omniroute.dialects.reported import reported_usage
from omniroute.dialects.simple.usage import usage_in
from omniroute.ir.result import MediaTokens, Usage

COUNTS = st.integers(0, 2_000)


def buckets(usage: Usage) -> tuple[int, int, int, int, int]:
    return usage.input, usage.cache_read, usage.cache_write, usage.output, usage.reasoning


SHAPES = {
    # OpenAI: what was cached is part of the input, reasoning of the output.
    "openai": (
        chat.decode_usage,
        {
            "prompt_tokens": 2006,
            "completion_tokens": 300,
            "total_tokens": 2306,
            "prompt_tokens_details": {"cached_tokens": 1920, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 192, "audio_tokens": 0},
        },
        (86, 1920, 0, 300, 192),
    ),
    "xai: reasoning is counted beside the answer": (
        chat.decode_usage,
        {
            "prompt_tokens": 32,
            "completion_tokens": 9,
            "total_tokens": 135,
            "prompt_tokens_details": {"text_tokens": 32, "audio_tokens": 0, "image_tokens": 0, "cached_tokens": 6},
            "completion_tokens_details": {"reasoning_tokens": 94, "audio_tokens": 0},
        },
        (26, 6, 0, 103, 94),
    ),
    "deepseek": (
        chat.decode_usage,
        {
            "prompt_tokens": 100,
            "completion_tokens": 5,
            "total_tokens": 105,
            "prompt_cache_hit_tokens": 64,
            "prompt_cache_miss_tokens": 36,
        },
        (36, 64, 0, 5, 0),
    ),
    "openrouter": (
        chat.decode_usage,
        {
            "prompt_tokens": 194,
            "completion_tokens": 2,
            "total_tokens": 196,
            "cost": 0.95,
            "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 100, "audio_tokens": 0},
        },
        (94, 0, 100, 2, 0),
    ),
    "responses": (
        responses.decode_usage,
        {
            "input_tokens": 50,
            "input_tokens_details": {"cached_tokens": 20},
            "output_tokens": 12,
            "output_tokens_details": {"reasoning_tokens": 7},
            "total_tokens": 62,
        },
        (30, 20, 0, 12, 7),
    ),
    # Anthropic: what was cached stands beside the input.
    "anthropic": (
        anthropic.decode_usage,
        {
            "input_tokens": 3,
            "cache_read_input_tokens": 113_000,
            "cache_creation_input_tokens": 613,
            "cache_creation": {"ephemeral_5m_input_tokens": 513, "ephemeral_1h_input_tokens": 100},
            "output_tokens": 40,
        },
        (3, 113_000, 613, 40, 0),
    ),
    "bedrock": (
        bedrock.decode_usage,
        {
            "inputTokens": 7,
            "outputTokens": 9,
            "totalTokens": 1016,
            "cacheReadInputTokens": 600,
            "cacheWriteInputTokens": 400,
            "cacheDetails": [{"ttl": "5m", "inputTokens": 300}, {"ttl": "1h", "inputTokens": 100}],
        },
        (7, 600, 400, 9, 0),
    ),
    # Gemini: what was cached is part of the prompt; thoughts stand beside the answer, prompts of tools too.
    "gemini": (
        gemini.decode_usage,
        {
            "promptTokenCount": 1000,
            "cachedContentTokenCount": 900,
            "candidatesTokenCount": 20,
            "thoughtsTokenCount": 30,
            "toolUsePromptTokenCount": 11,
            "totalTokenCount": 1061,
        },
        (111, 900, 0, 50, 30),
    ),
    "gemini: an answer that only the total tells": (
        gemini.decode_usage,
        {"promptTokenCount": 10, "thoughtsTokenCount": 5, "totalTokenCount": 22},
        (10, 0, 0, 12, 5),
    ),
    "cohere: what is billed, not what it adds itself": (
        cohere.decode_usage,
        {
            "billed_units": {"input_tokens": 40, "output_tokens": 8},
            "tokens": {"input_tokens": 540, "output_tokens": 12},
            "cached_tokens": 16,
        },
        (24, 16, 0, 8, 0),
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_each_token_is_in_one_bucket(name: str) -> None:
    decode, raw, expected = SHAPES[name]
    assert buckets(decode(raw)) == expected


def test_cache_writes_for_an_hour_are_told_apart() -> None:
    assert anthropic.decode_usage(SHAPES["anthropic"][1]).cache_write_hour == 100
    assert bedrock.decode_usage(SHAPES["bedrock"][1]).cache_write_hour == 100


@pytest.mark.parametrize(
    "name", ["openai", "xai: reasoning is counted beside the answer", "deepseek", "openrouter"]
)
def test_a_glance_at_a_whole_answer_counts_like_a_long_look(name: str) -> None:
    decode, raw, _ = SHAPES[name]
    choice = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
    seen = glance(
        msgspec.json.encode({"id": "1", "object": "chat.completion", "choices": [choice], "usage": raw})
    ).usage
    assert seen is not None
    assert buckets(seen) == buckets(decode(raw))


def test_openai_counts_sound_within_the_tokens() -> None:
    usage = chat.decode_usage(
        {
            "prompt_tokens": 119,
            "completion_tokens": 60,
            "prompt_tokens_details": {"cached_tokens": 0, "text_tokens": 19, "audio_tokens": 100},
            "completion_tokens_details": {"reasoning_tokens": 0, "text_tokens": 15, "audio_tokens": 45},
        }
    )
    assert (usage.input, usage.output) == (119, 60)
    assert usage.media == MediaTokens(audio_input=100, audio_output=45)


def test_sound_is_seen_at_a_glance_too() -> None:
    choice = {"index": 0, "message": {"role": "assistant", "audio": {"id": "a"}}, "finish_reason": "stop"}
    usage = {
        "prompt_tokens": 20,
        "completion_tokens": 60,
        "total_tokens": 80,
        "completion_tokens_details": {"audio_tokens": 45},
    }
    seen = glance(msgspec.json.encode({"choices": [choice], "usage": usage})).usage
    assert seen is not None
    assert seen.media == MediaTokens(audio_output=45)


def test_gemini_tells_tokens_by_modality() -> None:
    usage = gemini.decode_usage(
        {
            "promptTokenCount": 300,
            "cachedContentTokenCount": 100,
            "candidatesTokenCount": 1302,
            "totalTokenCount": 1602,
            "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": 42},
                {"modality": "AUDIO", "tokenCount": 258},
            ],
            "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 100}],
            "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}],
        }
    )
    assert usage.media == MediaTokens(audio_input=158, audio_cached=100, image_output=1290)


def test_gemini_of_text_alone_has_no_media() -> None:
    details = [{"modality": "TEXT", "tokenCount": 5}]
    usage = gemini.decode_usage({"promptTokenCount": 5, "totalTokenCount": 5, "promptTokensDetails": details})
    assert usage.media is None


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (  # gpt-image-1: all that it makes is a picture, and it does not say so
            {
                "total_tokens": 4260,
                "input_tokens": 100,
                "output_tokens": 4160,
                "input_tokens_details": {"text_tokens": 60, "image_tokens": 40},
            },
            MediaTokens(image_input=40, image_output=4160),
        ),
        (  # gpt-image-1.5
            {
                "total_tokens": 472,
                "input_tokens": 100,
                "output_tokens": 372,
                "input_tokens_details": {"text_tokens": 100, "image_tokens": 0},
                "output_tokens_details": {"text_tokens": 100, "image_tokens": 272},
            },
            MediaTokens(image_output=272),
        ),
        (  # gpt-4o-transcribe
            {
                "type": "tokens",
                "total_tokens": 115,
                "input_tokens": 14,
                "input_token_details": {"text_tokens": 0, "audio_tokens": 14},
                "output_tokens": 101,
            },
            MediaTokens(audio_input=14),
        ),
    ],
)
def test_pictures_and_recordings_are_told_apart_from_text(usage: dict, expected: MediaTokens) -> None:
    found = usage_in({"usage": usage})
    assert found is not None
    assert (found.input_total, found.output) == (usage["input_tokens"], usage["output_tokens"])
    assert found.media == expected


@given(COUNTS, COUNTS, COUNTS, st.tuples(COUNTS, COUNTS, COUNTS), st.tuples(COUNTS, COUNTS, COUNTS))
def test_sound_and_pictures_are_never_more_than_their_bucket(fresh, cached, output, audio, image) -> None:
    found = media_tokens(fresh=fresh, cached=cached, output=output, audio=audio, image=image) or MediaTokens()
    assert found.audio_input + found.image_input <= fresh
    assert found.audio_cached + found.image_cached <= cached
    assert found.audio_output + found.image_output <= output


@pytest.mark.parametrize(
    ("dialect", "answer", "expected"),
    [
        (
            "openai_chat",
            {"error": {"message": "no"}, "usage": {"prompt_tokens": 5, "completion_tokens": 1}},
            (5, 1),
        ),
        ("openai_responses", {"status": "failed", "usage": {"input_tokens": 5, "output_tokens": 1}}, (5, 1)),
        ("anthropic", {"usage": {"input_tokens": 5, "output_tokens": 1}}, (5, 1)),
        (
            "gemini",
            {
                "candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL"}],
                "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 1},
            },
            (5, 1),
        ),
        ("bedrock_converse", {"usage": {"inputTokens": 5, "outputTokens": 1}}, (5, 1)),
        ("cohere", {"usage": {"tokens": {"input_tokens": 5, "output_tokens": 1}}}, (5, 1)),
        ("ollama", {"prompt_eval_count": 5, "eval_count": 1}, (5, 1)),
    ],
)
def test_an_answer_that_is_no_good_tells_its_use(dialect: str, answer: dict, expected: tuple[int, int]) -> None:
    found = reported_usage(dialect, msgspec.json.encode(answer))
    assert found is not None
    assert (found.input, found.output) == expected


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"usage": null}', b'{"usage": {}}'])
def test_an_answer_without_numbers_used_nothing_that_anybody_knows_of(body: bytes) -> None:
    assert reported_usage("openai_chat", body) is None
