"""The Gemini API as Google's server speaks it."""

import base64
import re
from collections.abc import Iterator
from urllib.parse import unquote

import msgspec

from tests.support.upstream.answer import Answer, Call, Decline, Part, Say, Think, Tokens, split
from tests.support.upstream.fitting import Asked, Tool
from tests.support.upstream.wire import Request

BROKEN_EVENT = b'data: {"candidates":[{"content":{"role":"model","parts":[{"text":"lost\r\n\r\n'

_PATH = re.compile(r".*/models/(?P<model>[^/].*):(?P<verb>generateContent|streamGenerateContent)")
_FINISH = {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP", "filter": "SAFETY"}
_CODE = {"overloaded": 503, "rate_limit": 429, "server": 500}
_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "FAILED_PRECONDITION",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_KNOWN = frozenset(
    {
        *("contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "safetySettings"),
        *("cachedContent", "labels", "model", "store"),
    }
)
_SCHEMA = frozenset(
    {
        *(
            "type",
            "format",
            "title",
            "description",
            "nullable",
            "enum",
            "default",
            "example",
            "items",
            "prefixItems",
        ),
        *("properties", "required", "propertyOrdering", "anyOf", "minItems", "maxItems", "minProperties"),
        *("maxProperties", "minLength", "maxLength", "pattern", "minimum", "maximum"),
    }
)
"""The keywords of Google's `Schema`: any other one is a 400."""


def handles(request: Request) -> bool:
    return _PATH.fullmatch(request.path) is not None


def stream_type(asked: Asked) -> str:
    return "application/json" if asked.array else "text/event-stream"


def read(request: Request, body: dict) -> Asked:
    found = _PATH.fullmatch(request.path)
    assert found is not None
    parts = [part for content in _last_turn(body["contents"]) for part in content["parts"]]
    responses = [part["functionResponse"] for part in parts if "functionResponse" in part]
    calling = body.get("toolConfig", {}).get("functionCallingConfig", {})
    declared = [one for tool in body.get("tools", []) for one in tool.get("functionDeclarations", [])]
    thinking = body.get("generationConfig", {}).get("thinkingConfig", {})
    streams = found["verb"] == "streamGenerateContent"
    return Asked(
        model=unquote(found["model"]),
        stream=streams,
        text=" ".join(part["text"] for part in parts if "text" in part),
        attached=tuple(_described(part) for part in parts if "inlineData" in part or "fileData" in part),
        results=tuple(_result(response["response"]) for response in responses),
        tools=tuple(
            Tool(name=one["name"], schema=_schema(one)) for one in declared if calling.get("mode") != "NONE"
        ),
        thinks=bool(thinking.get("includeThoughts")),
        array=streams and "alt=sse" not in request.query.split("&"),
    )


def _schema(declared: dict) -> dict:
    """The JSON schema may be spelled as protobuf's own names are, which google-genai 3.x does."""
    named = (declared.get(name) for name in ("parametersJsonSchema", "parameters_json_schema", "parameters"))
    return next((schema for schema in named if schema is not None), {})


def complaint(request: Request, body: dict) -> str | None:
    """What Google's server would refuse in a body that can be read."""
    if not (request.header("x-goog-api-key") or request.header("authorization") or "key=" in request.query):
        return "API key not valid. Please pass a valid API key."
    unknown = sorted(set(body) - _KNOWN)
    if unknown:
        return f'Invalid JSON payload received. Unknown name "{unknown[0]}": Cannot find field.'
    if not body["contents"]:
        return "* GenerateContentRequest.contents: contents is not specified"
    for tool in body.get("tools", []):
        for declared in tool.get("functionDeclarations", []):
            told = _schema_complaint(declared.get("parameters", {}))
            if told is not None:
                return told
    return _schema_complaint(body.get("generationConfig", {}).get("responseSchema", {})) or _turns(
        body["contents"]
    )


def whole(asked: Asked, answer: Answer, number: int) -> dict:
    parts = [wire for part, seal in _sealed(answer) for wire in _wire(part, seal, pieces=1)]
    return _chunk(asked, number, parts, answer, usage=_usage(answer.tokens), last=True)


def events(asked: Asked, answer: Answer, number: int) -> list[bytes]:
    """Chunks in one of the two framings. As with Google's server, every one of them counts the tokens so far."""
    parts = [wire for part, seal in _sealed(answer) for wire in _wire(part, seal)]
    chunks = [_chunk(asked, number, [part], answer, usage=_usage_so_far(answer.tokens)) for part in parts]
    chunks.append(_chunk(asked, number, [], answer, usage=_usage(answer.tokens), last=True))
    return [
        _framed(asked, chunk, first=place == 0, last=place == len(chunks) - 1)
        for place, chunk in enumerate(chunks)
    ]


def error(status: int, message: str) -> dict:
    word = _STATUS.get(status, "INTERNAL" if status >= 500 else "INVALID_ARGUMENT")
    return {"error": {"code": status, "message": message, "status": word}}


def in_band_error(kind: str, message: str) -> dict:
    return error(_CODE[kind], message)


def error_event(asked: Asked, number: int, after: int, kind: str, message: str) -> bytes:
    return _framed(asked, in_band_error(kind, message), first=after == 0, last=True)


def models(names: tuple[str, ...]) -> dict:
    return {
        "models": [
            {
                "name": f"models/{name}",
                "version": "001",
                "displayName": name,
                "inputTokenLimit": 1_048_576,
                "outputTokenLimit": 65_536,
                "supportedGenerationMethods": ["generateContent", "streamGenerateContent", "countTokens"],
            }
            for name in names
        ]
    }


def _chunk(
    asked: Asked, number: int, parts: list[dict], answer: Answer, *, usage: dict, last: bool = False
) -> dict:
    candidate: dict[str, object] = {"index": 0}
    if parts:
        candidate["content"] = {"role": "model", "parts": parts}
    if last:
        candidate["finishReason"] = _FINISH[answer.ending]
    return {
        "candidates": [candidate],
        "usageMetadata": usage,
        "modelVersion": asked.model,
        "responseId": f"scripted-{number}",
    }


def _sealed(answer: Answer) -> Iterator[tuple[Part, str | None]]:
    """Each part with the signature of the thought before it: Google puts it on what came of the thinking."""
    seal: str | None = None
    for part in answer.parts:
        if isinstance(part, Think):
            seal = part.signature or None
            yield part, None
        else:
            yield part, seal
            seal = None


def _wire(part: Part, seal: str | None, pieces: int | None = None) -> list[dict]:
    match part:
        case Think(text, _, many):
            return [{"text": piece, "thought": True} for piece in split(text, pieces or many)]
        case Say(text, many) | Decline(text, many):
            wire: list[dict] = [{"text": piece} for piece in split(text, pieces or many)]
        case Call(name, arguments, call_id, _):
            call = {"name": name, "args": msgspec.json.decode(arguments or "{}")}
            wire = [{"functionCall": {"id": call_id, **call} if call_id else call}]
    if seal is not None:
        wire[-1]["thoughtSignature"] = seal
    return wire


def _framed(asked: Asked, chunk: dict, *, first: bool, last: bool) -> bytes:
    payload = msgspec.json.encode(chunk)
    if not asked.array:
        return b"data: " + payload + b"\r\n\r\n"
    return (b"[" if first else b",\r\n") + payload + (b"]" if last else b"")


def _usage(tokens: Tokens) -> dict:
    wire = {
        "promptTokenCount": tokens.input_total,
        "candidatesTokenCount": tokens.output - tokens.reasoning,
        "totalTokenCount": tokens.input_total + tokens.output,
    }
    if tokens.cache_read:
        wire["cachedContentTokenCount"] = tokens.cache_read
    if tokens.reasoning:
        wire["thoughtsTokenCount"] = tokens.reasoning
    return wire


def _usage_so_far(tokens: Tokens) -> dict:
    return {"promptTokenCount": tokens.input_total, "totalTokenCount": tokens.input_total}


def _schema_complaint(schema: dict, at: str = "parameters") -> str | None:
    unknown = sorted(set(schema) - _SCHEMA)
    if unknown:
        return f"Invalid JSON payload received. Unknown name \"{unknown[0]}\" at '{at}': Cannot find field."
    inner = {**schema.get("properties", {}), **({"items": schema["items"]} if "items" in schema else {})}
    told = (_schema_complaint(one, f"{at}.{name}") for name, one in inner.items())
    return next((one for one in told if one is not None), None)


def _turns(contents: list[dict]) -> str | None:
    calls = 0
    for index, content in enumerate(contents):
        if content.get("role", "user") not in ("user", "model"):
            return f"Please use a valid role: user, model (contents[{index}])."
        parts = content["parts"]
        if not parts:
            return f"* GenerateContentRequest.contents[{index}].parts: contents.parts must not be empty."
        if any(part.get("text") == "" for part in parts):
            return f"Unable to submit request because it must have a text parameter (contents[{index}])."
        if sum("functionResponse" in part for part in parts) != calls:
            return (
                "Please ensure that the number of function response parts is equal to the number of function call "
                f"parts of the function call turn (contents[{index}])."
            )
        calls = sum("functionCall" in part for part in parts)
    return None


def _last_turn(contents: list[dict]) -> list[dict]:
    turn: list[dict] = []
    for content in contents:
        turn = [] if content.get("role") == "model" else [*turn, content]
    return turn


def _result(response: dict) -> str:
    said = response.get("output", response.get("error"))
    return said if isinstance(said, str) else msgspec.json.encode(response).decode()


def _described(part: dict) -> str:
    if "fileData" in part:
        return part["fileData"]["fileUri"]
    blob = part["inlineData"]
    # Google's server takes both spellings of a name, and its SDKs for Python send this one in snake_case.
    mime = blob.get("mimeType") or blob["mime_type"]
    return f"{mime} {len(base64.b64decode(blob['data'], validate=True))} bytes"
