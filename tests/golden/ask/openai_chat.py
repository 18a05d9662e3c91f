"""The scenarios as a client of Chat Completions asks them."""

from typing import Final

from omniroute.ir.json import JsonObject
from omniroute.ir.parts import AnyPart, Media, Reasoning, Text, ToolCall, ToolResult
from omniroute.ir.request import GenerateRequest, ToolChoice, Turn
from tests.golden.ask.sent import Sent

CANNOT_ASK: Final = frozenset[str]()
CANNOT_SAY: Final = frozenset({"seal"})


def sent(request: GenerateRequest, model: str, key: str, *, stream: bool) -> Sent:
    body: JsonObject = {"model": model, "messages": [one for turn in request.turns for one in _messages(turn)]}
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    if request.tools:
        body["tools"] = [
            {
                "type": "function",
                "function": {"name": tool.name, "description": tool.description, "parameters": tool.schema},
            }
            for tool in request.tools
        ]
    if request.tool_choice is not None:
        body["tool_choice"] = _choice(request.tool_choice)
    if request.thinking is not None:
        body["reasoning_effort"] = request.thinking.effort
    if request.output is not None:
        schema = {"name": request.output.name, "schema": request.output.schema}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    sampling = request.sampling
    named = {
        "max_completion_tokens": sampling.max_output_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "stop": list(sampling.stop) or None,
    }
    body |= {name: value for name, value in named.items() if value is not None}
    return Sent(path="/v1/chat/completions", body=body, headers={"Authorization": f"Bearer {key}"})


def _messages(turn: Turn) -> list[JsonObject]:
    results = [part for part in turn.parts if isinstance(part, ToolResult)]
    if results:
        return [
            {"role": "tool", "tool_call_id": result.call_id, "content": _content(result.content)}
            for result in results
        ]
    message: JsonObject = {"role": turn.role, "content": None}
    spoken = tuple(part for part in turn.parts if isinstance(part, Text | Media))
    if spoken:
        message["content"] = _content(spoken)
    thoughts = [part.text for part in turn.parts if isinstance(part, Reasoning)]
    if thoughts:
        message["reasoning_content"] = "".join(thoughts)
    calls = [part for part in turn.parts if isinstance(part, ToolCall)]
    if calls:
        message["tool_calls"] = [
            {"id": call.call_id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in calls
        ]
    return [message]


def _content(parts: tuple[AnyPart, ...]) -> str | list[JsonObject]:
    match parts:
        case (Text(text=text),):
            return text
        case _:
            return [_part(part) for part in parts]


def _part(part: AnyPart) -> JsonObject:
    match part:
        case Text(text=text):
            return {"type": "text", "text": text}
        case Media(mime=mime, data=data, name=name) if mime == "application/pdf":
            return {"type": "file", "file": {"filename": name, "file_data": f"data:{mime};base64,{data}"}}
        case Media(mime=mime, data=data, url=url):
            return {"type": "image_url", "image_url": {"url": url or f"data:{mime};base64,{data}"}}
        case _:
            raise AssertionError(part)


def _choice(choice: ToolChoice) -> JsonObject | str:
    return {"type": "function", "function": {"name": choice.names[0]}} if choice.names else choice.mode
