"""The scenarios as a client of the Responses API asks them."""

from typing import Final

from omniroute.ir.json import JsonObject
from omniroute.ir.parts import AnyPart, Media, Reasoning, Text, ToolCall, ToolResult
from omniroute.ir.request import GenerateRequest, ToolChoice, Turn
from tests.golden.ask.sent import Sent, system_parts

CANNOT_ASK: Final = frozenset({"stop"})
CANNOT_SAY: Final = frozenset[str]()


def sent(request: GenerateRequest, model: str, key: str, *, stream: bool) -> Sent:
    system = [part.text for part in system_parts(request)]
    body: JsonObject = {
        "model": model,
        "input": [item for turn in request.turns if turn.role != "system" for item in _items(turn)],
    }
    if system:
        body["instructions"] = "\n\n".join(system)
    if stream:
        body["stream"] = True
    if request.tools:
        body["tools"] = [
            {
                "type": "function",
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.schema,
                "strict": False,
            }
            for tool in request.tools
        ]
    if request.tool_choice is not None:
        body["tool_choice"] = _choice(request.tool_choice)
    if request.thinking is not None:
        body["reasoning"] = {"effort": request.thinking.effort, "summary": "auto"}
        body["include"] = ["reasoning.encrypted_content"]
        body["store"] = False
    if request.output is not None:
        schema = {"type": "json_schema", "name": request.output.name, "schema": request.output.schema}
        body["text"] = {"format": schema | {"strict": False}}
    sampling = request.sampling
    named = {
        "max_output_tokens": sampling.max_output_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
    }
    body |= {name: value for name, value in named.items() if value is not None}
    return Sent(path="/v1/responses", body=body, headers={"Authorization": f"Bearer {key}"})


def _items(turn: Turn) -> list[JsonObject]:
    items: list[JsonObject] = []
    spoken: list[JsonObject] = []
    for part in turn.parts:
        match part:
            case Text() | Media():
                spoken.append(_content(part, turn.role))
            case ToolCall(call_id=call_id, name=name, arguments=arguments):
                items.append({"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments})
            case ToolResult(call_id=call_id, content=content):
                items.append({"type": "function_call_output", "call_id": call_id, "output": _output(content)})
            case Reasoning(text=text, seal=seal):
                summary = [{"type": "summary_text", "text": text}]
                items.append({"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": seal})
            case _:
                raise AssertionError(part)
    message = [{"type": "message", "role": turn.role, "content": spoken}] if spoken else []
    return message + items


def _output(content: tuple[AnyPart, ...]) -> str | list[JsonObject]:
    match content:
        case (Text(text=text),):
            return text
        case _:
            return [_content(part, "user") for part in content]


def _content(part: AnyPart, role: str) -> JsonObject:
    match part:
        case Text(text=text):
            spoken = {"type": "output_text", "text": text, "annotations": []}
            return spoken if role == "assistant" else {"type": "input_text", "text": text}
        case Media(mime=mime, data=data, name=name) if mime == "application/pdf":
            return {"type": "input_file", "filename": name, "file_data": f"data:{mime};base64,{data}"}
        case Media(mime=mime, data=data, url=url):
            return {"type": "input_image", "detail": "auto", "image_url": url or f"data:{mime};base64,{data}"}
        case _:
            raise AssertionError(part)


def _choice(choice: ToolChoice) -> JsonObject | str:
    return {"type": "function", "name": choice.names[0]} if choice.names else choice.mode
