"""The Python SDKs of vendors, each asked in its own words for the same few things."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Protocol

import anthropic
import msgspec
import ollama
import openai
from google import genai
from google.genai import types

CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
}
HELLO = "hello there"
RESULT = "21 degrees"

Called = list[tuple[str, dict]]


class Sdk(Protocol):
    """`plain` and `streamed` say `HELLO` and give what came back. `round` offers the tool `get_weather`, answers
    its call with `RESULT`, and gives the calls and the last words. Not every vendor embeds or counts."""

    def plain(self, model: str) -> str: ...
    def streamed(self, model: str) -> str: ...
    def round(self, model: str) -> tuple[Called, str]: ...
    def models(self) -> list[str]: ...


class Embedding(Protocol):
    def embedded(self, model: str, texts: list[str]) -> list[list[float]]: ...


class Counting(Protocol):
    def counted(self, model: str) -> int: ...


class OpenAIChat:
    TOOLS = [{"type": "function", "function": {"name": "get_weather", "description": "W", "parameters": CITY}}]

    def __init__(self, sdk: openai.OpenAI) -> None:
        self._sdk = sdk

    def plain(self, model: str) -> str:
        return self._told(model, [_user(HELLO)]).content

    def streamed(self, model: str) -> str:
        chunks = self._sdk.chat.completions.create(model=model, messages=[_user(HELLO)], stream=True)
        return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)

    def round(self, model: str) -> tuple[Called, str]:
        first = self._told(model, [_user(HELLO)], tools=self.TOOLS)
        results = [{"role": "tool", "tool_call_id": call.id, "content": RESULT} for call in first.tool_calls]
        last = self._told(model, [_user(HELLO), first.to_dict(), *results], tools=self.TOOLS)
        return [
            (call.function.name, msgspec.json.decode(call.function.arguments)) for call in first.tool_calls
        ], last.content

    def models(self) -> list[str]:
        return [model.id for model in self._sdk.models.list()]

    def embedded(self, model: str, texts: list[str]) -> list[list[float]]:
        return [one.embedding for one in self._sdk.embeddings.create(model=model, input=texts).data]

    def _told(self, model: str, messages: list, **more: object):
        return self._sdk.chat.completions.create(model=model, messages=messages, **more).choices[0].message


class OpenAIResponses:
    TOOLS = [{"type": "function", "name": "get_weather", "description": "W", "parameters": CITY, "strict": False}]

    def __init__(self, sdk: openai.OpenAI) -> None:
        self._sdk = sdk

    def plain(self, model: str) -> str:
        return self._sdk.responses.create(model=model, input=HELLO).output_text

    def streamed(self, model: str) -> str:
        with self._sdk.responses.stream(model=model, input=HELLO) as events:
            return events.get_final_response().output_text

    def round(self, model: str) -> tuple[Called, str]:
        first = self._sdk.responses.create(model=model, input=[_user(HELLO)], tools=self.TOOLS)
        calls = [item for item in first.output if item.type == "function_call"]
        results = [{"type": "function_call_output", "call_id": one.call_id, "output": RESULT} for one in calls]
        turns = [_user(HELLO), *(item.to_dict() for item in first.output), *results]
        last = self._sdk.responses.create(model=model, input=turns, tools=self.TOOLS)
        return [(call.name, msgspec.json.decode(call.arguments)) for call in calls], last.output_text

    def models(self) -> list[str]:
        return [model.id for model in self._sdk.models.list()]


class Anthropic:
    TOOLS = [{"name": "get_weather", "description": "W", "input_schema": CITY}]

    def __init__(self, sdk: anthropic.Anthropic) -> None:
        self._sdk = sdk

    def plain(self, model: str) -> str:
        return self._told(model, [_user(HELLO)])[0].text

    def streamed(self, model: str) -> str:
        with self._sdk.messages.stream(model=model, max_tokens=100, messages=[_user(HELLO)]) as events:
            return "".join(events.text_stream)

    def round(self, model: str) -> tuple[Called, str]:
        first = self._told(model, [_user(HELLO)], tools=self.TOOLS)
        uses = [block for block in first if block.type == "tool_use"]
        results = [{"type": "tool_result", "tool_use_id": use.id, "content": RESULT} for use in uses]
        turns = [_user(HELLO), {"role": "assistant", "content": first}, {"role": "user", "content": results}]
        last = self._told(model, turns, tools=self.TOOLS)
        return [(use.name, use.input) for use in uses], last[0].text

    def models(self) -> list[str]:
        return [model.id for model in self._sdk.models.list()]

    def counted(self, model: str) -> int:
        return self._sdk.messages.count_tokens(model=model, messages=[_user(HELLO)]).input_tokens

    def _told(self, model: str, messages: list, **more: object):
        return self._sdk.messages.create(model=model, max_tokens=100, messages=messages, **more).content


class Google:
    TOOLS = types.Tool(
        function_declarations=[
            types.FunctionDeclaration(name="get_weather", description="W", parameters_json_schema=CITY)
        ]
    )

    def __init__(self, sdk: genai.Client) -> None:
        self._sdk = sdk
        self._config = types.GenerateContentConfig(tools=[self.TOOLS])

    def plain(self, model: str) -> str:
        return self._sdk.models.generate_content(model=model, contents=HELLO).text or ""

    def streamed(self, model: str) -> str:
        chunks = self._sdk.models.generate_content_stream(model=model, contents=HELLO)
        return "".join(chunk.text or "" for chunk in chunks)

    def round(self, model: str) -> tuple[Called, str]:
        asked = types.UserContent(HELLO)
        first = self._sdk.models.generate_content(model=model, contents=asked, config=self._config)
        parts = first.candidates[0].content.parts
        calls = [part.function_call for part in parts if part.function_call]
        results = [
            types.Part(
                function_response=types.FunctionResponse(id=call.id, name=call.name, response={"output": RESULT})
            )
            for call in calls
        ]
        turns = [asked, types.ModelContent(parts), types.UserContent(results)]
        last = self._sdk.models.generate_content(model=model, contents=turns, config=self._config)
        return [(call.name, call.args) for call in calls], last.text or ""

    def models(self) -> list[str]:
        return [model.name.removeprefix("models/") for model in self._sdk.models.list()]

    def embedded(self, model: str, texts: list[str]) -> list[list[float]]:
        return [one.values for one in self._sdk.models.embed_content(model=model, contents=texts).embeddings]

    def counted(self, model: str) -> int:
        return self._sdk.models.count_tokens(model=model, contents=HELLO).total_tokens


class Ollama:
    TOOLS = [{"type": "function", "function": {"name": "get_weather", "description": "W", "parameters": CITY}}]

    def __init__(self, sdk: ollama.Client) -> None:
        self._sdk = sdk

    def plain(self, model: str) -> str:
        return self._sdk.chat(model=model, messages=[_user(HELLO)]).message.content or ""

    def streamed(self, model: str) -> str:
        lines = list(self._sdk.chat(model=model, messages=[_user(HELLO)], stream=True))
        assert [line.done for line in lines] == [*[False] * (len(lines) - 1), True]
        return "".join(line.message.content or "" for line in lines)

    def round(self, model: str) -> tuple[Called, str]:
        first = self._sdk.chat(model=model, messages=[_user(HELLO)], tools=self.TOOLS).message
        calls = [call.function for call in first.tool_calls or ()]
        results = [{"role": "tool", "tool_name": call.name, "content": RESULT} for call in calls]
        last = self._sdk.chat(model=model, messages=[_user(HELLO), first, *results], tools=self.TOOLS)
        return [(call.name, dict(call.arguments)) for call in calls], last.message.content or ""

    def models(self) -> list[str]:
        return [model.model or "" for model in self._sdk.list().models]

    def embedded(self, model: str, texts: list[str]) -> list[list[float]]:
        return [list(one) for one in self._sdk.embed(model=model, input=texts).embeddings]


def _user(words: str) -> dict:
    return {"role": "user", "content": words}


@contextmanager
def sdks(url: str, key: str) -> Iterator[dict[str, Sdk]]:
    """One of each, before a gateway."""
    with ExitStack() as open_clients:
        chat = open_clients.enter_context(openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0))
        messages = open_clients.enter_context(anthropic.Anthropic(base_url=url, api_key=key, max_retries=0))
        google = genai.Client(api_key=key, http_options=types.HttpOptions(base_url=url, timeout=20_000))
        open_clients.callback(google.close)
        local = ollama.Client(host=url, headers={"Authorization": f"Bearer {key}"}, timeout=20)
        open_clients.callback(local._client.close)
        yield {
            "openai chat": OpenAIChat(chat),
            "openai responses": OpenAIResponses(chat),
            "anthropic": Anthropic(messages),
            "google": Google(google),
            "ollama": Ollama(local),
        }
