"""A model that really thinks of the next word answers through the gateway, in every dialect: llama.cpp with 270
million weights. Temperature 0 makes its answers comparable with what it says when asked directly.

Not one of the tests of every run, because of its 290 MB: `make e2e-all` has it.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import anthropic
import openai
import pytest
from google import genai
from google.genai import types

from tests.e2e.local_server import environment, listening
from tests.support import rows
from tests.support.gateway import Gateway

HERE = Path(__file__).parent
PROMPT = "The capital of France is"
MODEL = "gemma"
LIMIT = 16
FRESH = {"x-omniroute-no-cache": "true"}
SCHEMA = {
    "type": "object",
    "properties": {"capital": {"type": "string", "enum": ["Paris", "Rome"]}},
    "required": ["capital"],
    "additionalProperties": False,
}
NODES = ("chat", "responses", "messages")
# llama.cpp calls an answer `completed` that it cut at max_output_tokens (version 2026.10 of xllamacpp, seen).
CUT = {"chat": "length", "responses": "stop", "messages": "length"}


@pytest.fixture(scope="module")
def model() -> Iterator[str]:
    python = environment(HERE)
    with listening(python, HERE / "server.py", python / "model.gguf") as address:
        yield address


@pytest.fixture(scope="module")
def gateway(model: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with Gateway(tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture(scope="module")
def key(gateway: Gateway) -> str:
    return gateway.client_key("reader")


@pytest.fixture(scope="module")
def prefixes(gateway: Gateway, model: str) -> dict[str, str]:
    """The same model behind nodes of three dialects."""
    return {
        "chat": gateway.provider("openai-compatible", f"{model}/v1"),
        "responses": gateway.provider("openai-compatible", f"{model}/v1", api_type="responses"),
        "messages": gateway.provider("anthropic-compatible", f"{model}/v1"),
    }


@pytest.fixture(scope="module")
def said(model: str) -> str:
    """What the model answers when nothing stands between."""
    with openai.OpenAI(base_url=f"{model}/v1", api_key="none", max_retries=0) as client:
        answer = client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": PROMPT}], max_tokens=LIMIT, temperature=0
        )
    text = answer.choices[0].message.content
    assert text
    return text


@pytest.mark.parametrize("node", NODES)
def test_the_openai_sdk_hears_what_the_model_says(
    gateway: Gateway, key: str, prefixes: dict[str, str], said: str, node: str
) -> None:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0, default_headers=FRESH) as client:
        name = f"{prefixes[node]}/{MODEL}"
        whole = client.chat.completions.create(
            model=name, messages=[{"role": "user", "content": PROMPT}], max_tokens=LIMIT, temperature=0
        )
        chunks = client.chat.completions.create(
            model=name,
            messages=[{"role": "user", "content": PROMPT}],
            max_tokens=LIMIT,
            temperature=0,
            stream=True,
        )
        choices = [choice for chunk in chunks for choice in chunk.choices]
        written = client.responses.create(model=name, input=PROMPT, max_output_tokens=LIMIT, temperature=0)
    assert (whole.choices[0].message.content, whole.choices[0].finish_reason) == (said, CUT[node])
    assert "".join(choice.delta.content or "" for choice in choices) == said
    assert [choice.finish_reason for choice in choices if choice.finish_reason] == [CUT[node]]
    assert len(choices) > LIMIT // 2, "it did not come bit by bit"
    assert written.output_text == said
    assert written.usage is not None
    assert written.usage.output_tokens == LIMIT


@pytest.mark.parametrize("node", NODES)
def test_the_anthropic_sdk_hears_what_the_model_says(
    gateway: Gateway, key: str, prefixes: dict[str, str], said: str, node: str
) -> None:
    with anthropic.Anthropic(base_url=gateway.url, api_key=key, max_retries=0, default_headers=FRESH) as client:
        with client.messages.stream(
            model=f"{prefixes[node]}/{MODEL}",
            messages=[{"role": "user", "content": PROMPT}],
            max_tokens=LIMIT,
            extra_body={"temperature": 0},
        ) as stream:
            answer = stream.get_final_message()
        counted = client.messages.count_tokens(
            model=f"{prefixes['messages']}/{MODEL}", messages=[{"role": "user", "content": PROMPT}]
        )
    assert "".join(block.text for block in answer.content if block.type == "text") == said
    assert answer.usage.output_tokens == LIMIT
    assert 0 < counted.input_tokens < 40


@pytest.mark.parametrize("node", NODES)
def test_the_google_sdk_hears_what_the_model_says(
    gateway: Gateway, key: str, prefixes: dict[str, str], said: str, node: str
) -> None:
    options = types.HttpOptions(base_url=gateway.url, headers=FRESH)
    with genai.Client(api_key=key, http_options=options) as client:
        answer = client.models.generate_content(
            model=f"{prefixes[node]}/{MODEL}",
            contents=PROMPT,
            config=types.GenerateContentConfig(max_output_tokens=LIMIT, temperature=0),
        )
    assert answer.text == said
    assert answer.usage_metadata is not None
    assert answer.usage_metadata.candidates_token_count == LIMIT


def test_a_schema_binds_the_model(gateway: Gateway, key: str, prefixes: dict[str, str]) -> None:
    """The grammar of the answer is enforced by the model's server, so the schema must have arrived whole."""
    wanted = types.GenerateContentConfig(
        response_mime_type="application/json", response_json_schema=SCHEMA, max_output_tokens=40, temperature=0
    )
    with genai.Client(api_key=key, http_options=types.HttpOptions(base_url=gateway.url)) as client:
        answer = client.models.generate_content(
            model=f"{prefixes['chat']}/{MODEL}", contents=PROMPT, config=wanted
        )
    assert answer.text is not None
    assert json.loads(answer.text) == {"capital": "Paris"}


def test_the_ledger_has_the_tokens_that_the_model_counted(model: str, tmp_path: Path) -> None:
    with Gateway(tmp_path) as gateway:
        prefix = gateway.provider("openai-compatible", f"{model}/v1")
        with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.client_key("ear")) as client:
            answer = client.chat.completions.create(
                model=f"{prefix}/{MODEL}", messages=[{"role": "user", "content": PROMPT}], max_tokens=5
            )
    usage = answer.usage
    assert usage is not None
    cached = (usage.prompt_tokens_details and usage.prompt_tokens_details.cached_tokens) or 0
    (row,) = rows.requests(gateway.database).values()
    assert (row.input_tokens, row.output_tokens) == (usage.prompt_tokens - cached, usage.completion_tokens)
