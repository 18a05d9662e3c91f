"""The scenarios as a client of Ollama asks them."""

from typing import Final

import msgspec

from omniroute.ir.json import JsonObject
from omniroute.ir.parts import Media, Reasoning, Text, ToolCall, ToolResult
from omniroute.ir.request import GenerateRequest, Turn
from tests.golden.ask.sent import Sent

CANNOT_ASK: Final = frozenset({"image by URL", "document", "choice", "choice of one"})
CANNOT_SAY: Final = frozenset({"seal"})


def sent(request: GenerateRequest, model: str, key: str, *, stream: bool) -> Sent:
    body: JsonObject = {
        "model": model,
        "messages": [message for turn in request.turns for message in _messages(turn)],
        "stream": stream,
    }
    if request.tools:
        body["tools"] = [
            {
                "type": "function",
                "function": {"name": tool.name, "description": tool.description, "parameters": tool.schema},
            }
            for tool in request.tools
        ]
    if request.thinking is not None:
        body["think"] = request.thinking.effort
    if request.output is not None:
        body["format"] = request.output.schema
    sampling = request.sampling
    named = {
        "num_predict": sampling.max_output_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "stop": list(sampling.stop) or None,
    }
    options = {name: value for name, value in named.items() if value is not None}
    if options:
        body["options"] = options
    return Sent(path="/api/chat", body=body, headers={"Authorization": f"Bearer {key}"})


def _messages(turn: Turn) -> list[JsonObject]:
    results = [part for part in turn.parts if isinstance(part, ToolResult)]
    if results:
        return [{"role": "tool", "tool_name": result.name, **_content(result.content)} for result in results]
    message: JsonObject = {"role": turn.role, **_content(turn.parts)}
    thoughts = [part.text for part in turn.parts if isinstance(part, Reasoning)]
    if thoughts:
        message["thinking"] = "".join(thoughts)
    calls = [part for part in turn.parts if isinstance(part, ToolCall)]
    if calls:
        message["tool_calls"] = [
            {"function": {"name": call.name, "arguments": msgspec.json.decode(call.arguments)}} for call in calls
        ]
    return [message]


def _content(parts: tuple[object, ...]) -> JsonObject:
    content: JsonObject = {"content": " ".join(part.text for part in parts if isinstance(part, Text))}
    images = [part.data for part in parts if isinstance(part, Media)]
    return content | ({"images": images} if images else {})
