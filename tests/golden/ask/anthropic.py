"""The scenarios as a client of Anthropic's Messages asks them."""

from typing import Final

import msgspec

from omniroute.ir.json import JsonObject
from omniroute.ir.parts import AnyPart, Media, Reasoning, Text, ToolCall, ToolResult
from omniroute.ir.request import GenerateRequest, ToolChoice
from tests.golden.ask.sent import Sent

CANNOT_ASK: Final = frozenset[str]()
CANNOT_SAY: Final = frozenset[str]()


def sent(request: GenerateRequest, model: str, key: str, *, stream: bool) -> Sent:
    system = [_block(part) for turn in request.turns if turn.role == "system" for part in turn.parts]
    body: JsonObject = {
        "model": model,
        "max_tokens": request.sampling.max_output_tokens or 4096,
        "messages": _messages(request),
    }
    if system:
        body["system"] = system
    if stream:
        body["stream"] = True
    if request.tools:
        body["tools"] = [
            {"name": tool.name, "description": tool.description, "input_schema": tool.schema}
            for tool in request.tools
        ]
    if request.tool_choice is not None:
        body["tool_choice"] = _choice(request.tool_choice)
    if request.thinking is not None:
        body["thinking"] = {"type": "enabled", "budget_tokens": 2048}
    if request.output is not None:
        body["output_config"] = {"format": {"type": "json_schema", "schema": request.output.schema}}
    sampling = request.sampling
    named = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "stop_sequences": list(sampling.stop) or None,
    }
    body |= {name: value for name, value in named.items() if value is not None}
    return Sent(path="/v1/messages", body=body, headers={"x-api-key": key, "anthropic-version": "2023-06-01"})


def _messages(request: GenerateRequest) -> list[JsonObject]:
    """Results go into user messages, all those of a round into one."""
    messages: list[JsonObject] = []
    for turn in request.turns:
        if turn.role == "system":
            continue
        role = "assistant" if turn.role == "assistant" else "user"
        blocks = [_block(part) for part in turn.parts]
        if messages and messages[-1]["role"] == role:
            messages[-1]["content"] += blocks
        else:
            messages.append({"role": role, "content": blocks})
    return messages


def _block(part: AnyPart) -> JsonObject:
    match part:
        case Text(text=text):
            return {"type": "text", "text": text}
        case Media(mime=mime, data=data, url=url):
            source = (
                {"type": "url", "url": url}
                if url is not None
                else {"type": "base64", "media_type": mime, "data": data}
            )
            return {"type": "image" if mime.startswith("image/") else "document", "source": source}
        case ToolCall(call_id=call_id, name=name, arguments=arguments):
            return {"type": "tool_use", "id": call_id, "name": name, "input": msgspec.json.decode(arguments)}
        case ToolResult(call_id=call_id, content=content):
            blocks = [_block(piece) for piece in content]
            return {"type": "tool_result", "tool_use_id": call_id, "content": blocks}
        case Reasoning(text=text, seal=seal):
            return {"type": "thinking", "thinking": text, "signature": seal}
        case _:
            raise AssertionError(part)


def _choice(choice: ToolChoice) -> JsonObject:
    return {"type": "tool", "name": choice.names[0]} if choice.names else {"type": "any"}
