"""The scenarios as a client of the Gemini API asks them."""

from typing import Final

import msgspec

from omniroute.ir.json import JsonObject
from omniroute.ir.parts import AnyPart, Media, Reasoning, Text, ToolCall, ToolResult
from omniroute.ir.request import GenerateRequest, ToolChoice
from tests.golden.ask.sent import Sent, system_parts

CANNOT_ASK: Final = frozenset[str]()
CANNOT_SAY: Final = frozenset[str]()


def sent(request: GenerateRequest, model: str, key: str, *, stream: bool) -> Sent:
    body: JsonObject = {"contents": _contents(request)}
    system = [part.text for part in system_parts(request)]
    if system:
        body["systemInstruction"] = {"parts": [{"text": text} for text in system]}
    if request.tools:
        declared = [
            {"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.schema}
            for tool in request.tools
        ]
        body["tools"] = [{"functionDeclarations": declared}]
    if request.tool_choice is not None:
        body["toolConfig"] = {"functionCallingConfig": _choice(request.tool_choice)}
    config: JsonObject = {}
    if request.thinking is not None:
        config["thinkingConfig"] = {"thinkingBudget": 2048, "includeThoughts": True}
    if request.output is not None:
        config |= {"responseMimeType": "application/json", "responseJsonSchema": request.output.schema}
    sampling = request.sampling
    named = {
        "maxOutputTokens": sampling.max_output_tokens,
        "temperature": sampling.temperature,
        "topP": sampling.top_p,
        "stopSequences": list(sampling.stop) or None,
    }
    config |= {name: value for name, value in named.items() if value is not None}
    if config:
        body["generationConfig"] = config
    verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return Sent(path=f"/v1beta/models/{model}:{verb}", body=body, headers={"x-goog-api-key": key})


def _contents(request: GenerateRequest) -> list[JsonObject]:
    contents: list[JsonObject] = []
    for turn in request.turns:
        if turn.role == "system":
            continue
        role = "model" if turn.role == "assistant" else "user"
        parts = [wire for part in turn.parts if (wire := _part(part)) is not None]
        thoughts = [part for part in turn.parts if isinstance(part, Reasoning) and part.seal]
        calls = [wire for wire in parts if "functionCall" in wire]
        if thoughts and calls:
            calls[0]["thoughtSignature"] = thoughts[0].seal
        if contents and contents[-1]["role"] == role:
            contents[-1]["parts"] += parts
        else:
            contents.append({"role": role, "parts": parts})
    return contents


def _part(part: AnyPart) -> JsonObject:
    match part:
        case Text(text=text):
            return {"text": text}
        case Media(mime=mime, url=str(url)):
            return {"fileData": {"mimeType": mime, "fileUri": url}}
        case Media(mime=mime, data=data):
            return {"inlineData": {"mimeType": mime, "data": data}}
        case ToolCall(call_id=call_id, name=name, arguments=arguments):
            return {"functionCall": {"id": call_id, "name": name, "args": msgspec.json.decode(arguments)}}
        case ToolResult(call_id=call_id, name=name, content=content):
            words = " ".join(piece.text for piece in content if isinstance(piece, Text))
            response: JsonObject = {"id": call_id, "name": name, "response": {"output": words}}
            pictures = [_part(piece) for piece in content if isinstance(piece, Media)]
            return {"functionResponse": response | ({"parts": pictures} if pictures else {})}
        case Reasoning(text=text):
            return {"text": text, "thought": True}
        case _:
            raise AssertionError(part)


def _choice(choice: ToolChoice) -> JsonObject:
    return {"mode": "ANY", **({"allowedFunctionNames": list(choice.names)} if choice.names else {})}
