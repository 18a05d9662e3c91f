"""Hypothesis strategies for what travels on the wire of the Gemini API: requests, answers and streams."""

import re
from typing import Any

import msgspec
from hypothesis import strategies as st

from tests.property.objects import exact, json_objects, json_values, open_objects, texts, words
from tests.property.representation import base64_data, names

Json = dict[str, Any]


def fields(required: Json, optional: Json | None = None) -> st.SearchStrategy[Json]:
    """An object with known fields and sometimes unknown ones, which `x` keeps apart."""
    return open_objects(required, optional, unknown=("xN", "xNew", "xNewField", "xValue"))


seals = base64_data
signed = {"thoughtSignature": seals}
objects = st.dictionaries(names, json_values, max_size=3)
ids = st.integers(0, 99).map(lambda number: f"id_{number}")
text_parts = fields({"text": texts}, signed)
thought_parts = fields({"text": texts, "thought": True}, signed)
inline_parts = fields(
    {
        "inlineData": fields(
            {"mimeType": st.sampled_from(["image/png", "application/pdf", "audio/wav"]), "data": base64_data},
            {"displayName": words},
        )
    },
    signed,
)
uris = st.sampled_from(
    ["gs://bucket/a.png", "https://generativelanguage.googleapis.com/v1beta/files/a", "https://example.com/a.png"]
)
file_parts = fields({"fileData": fields({"fileUri": uris}, {"mimeType": "image/png"})})
call_parts = fields({"functionCall": fields({"name": names}, {"id": ids, "args": json_objects})}, signed)
responses = st.one_of(
    json_objects,
    st.builds(lambda word, text: {word: text}, st.sampled_from(["output", "error", "result"]), texts),
    objects.map(lambda value: {"output": value}),
    objects.map(lambda value: {"error": value}),
)
result_parts = fields(
    {"functionResponse": fields({"name": names}, {"id": ids, "response": responses, "scheduling": "SILENT"})}
)
pictured_results = fields(
    {
        "functionResponse": exact(
            {"name": names, "response": responses, "parts": st.lists(inline_parts, min_size=1, max_size=2)}
        )
    }
)
strange_parts = st.one_of(
    fields({"executableCode": fields({"language": "PYTHON", "code": texts})}),
    fields({"codeExecutionResult": fields({"outcome": "OUTCOME_OK", "output": texts})}),
    exact({"xNew": json_objects}),
)
user_parts = st.one_of(text_parts, inline_parts, file_parts, result_parts, pictured_results, strange_parts)
model_parts = st.one_of(text_parts, thought_parts, inline_parts, call_parts, strange_parts)
contents = st.one_of(
    fields({"role": "user", "parts": st.lists(user_parts, max_size=3)}),
    fields({"role": "model", "parts": st.lists(model_parts, max_size=3)}),
)

kinds = ["STRING", "INTEGER", "NUMBER", "BOOLEAN"]


def schemas(*, upper: bool) -> st.SearchStrategy[Json]:
    spelled = (lambda word: word) if upper else str.lower
    leaf = exact(
        {"type": st.sampled_from([spelled(kind) for kind in kinds])},
        optional={"description": texts, "nullable": True},
    )
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            exact({"type": st.just(spelled("ARRAY")), "items": inner}),
            exact({"type": st.just(spelled("OBJECT")), "properties": st.dictionaries(names, inner, max_size=2)}),
            exact({"anyOf": st.lists(inner, min_size=1, max_size=2)}),
        ),
        max_leaves=4,
    )


either_case = schemas(upper=True) | schemas(upper=False)
declarations = st.one_of(
    fields({"name": names}, {"description": texts, "parameters": either_case}),
    fields({"name": names}, {"description": texts, "parametersJsonSchema": json_objects}),
)
functions = st.lists(declarations, min_size=1, max_size=2, unique_by=lambda one: one["name"]).map(
    lambda some: [{"functionDeclarations": some}]
)
hosted = st.lists(
    st.sampled_from([{"googleSearch": {}}, {"codeExecution": {}}, {"urlContext": {}}]),
    max_size=2,
    unique_by=lambda one: next(iter(one)),
)
tools = st.tuples(functions | st.just([]), hosted).map(lambda both: both[0] + both[1])
calling = fields(
    {"mode": st.sampled_from(["AUTO", "ANY", "NONE", "VALIDATED", "MODE_UNSPECIFIED"])},
    {"allowedFunctionNames": st.lists(names, min_size=1, max_size=2)},
)
thinking = fields(
    {},
    {
        "thinkingBudget": st.sampled_from([-1, 0, 1, 8192]),
        "includeThoughts": st.booleans(),
        "thinkingLevel": st.sampled_from(["LOW", "high", "MINIMAL"]),
    },
).filter(bool)
outputs = st.one_of(
    st.just({}),
    st.sampled_from([{"responseMimeType": word} for word in ("text/plain", "application/json", "text/x.enum")]),
    either_case.map(lambda schema: {"responseMimeType": "application/json", "responseSchema": schema}),
    json_objects.map(lambda schema: {"responseMimeType": "application/json", "responseJsonSchema": schema}),
    either_case.map(lambda schema: {"responseMimeType": "text/x.enum", "responseSchema": schema}),
)
numbers = st.integers(0, 2) | st.floats(0, 1)
configs = st.tuples(
    outputs,
    fields(
        {},
        {
            "temperature": numbers,
            "topP": numbers,
            "topK": st.integers(1, 40),
            "maxOutputTokens": st.integers(1, 9999),
            "candidateCount": 1,
            "stopSequences": st.lists(words, min_size=1, max_size=3),
            "seed": st.integers(0, 99),
            "presencePenalty": numbers,
            "frequencyPenalty": numbers,
            "responseLogprobs": st.booleans(),
            "logprobs": st.integers(0, 5),
            "thinkingConfig": thinking,
            "responseModalities": st.just(["TEXT"]),
            "speechConfig": objects,
        },
    ),
).map(lambda both: {**both[0], **both[1]})
requests = fields(
    {"model": names, "contents": st.lists(contents, max_size=4)},
    {
        "systemInstruction": exact({"parts": st.lists(text_parts, max_size=2)}),
        "tools": tools.filter(bool),
        "toolConfig": fields({}, {"functionCallingConfig": calling, "retrievalConfig": objects}).filter(bool),
        "generationConfig": configs.filter(bool),
        "safetySettings": st.lists(objects, max_size=1),
        "cachedContent": words,
        "labels": json_objects,
        "stream": st.booleans(),
    },
)

_HUMP = re.compile(r"(?<=[A-Za-z0-9])_([a-z])")
CALLERS_OWN = {
    "args",
    "response",
    "parameters",
    "parametersJsonSchema",
    "responseSchema",
    "responseJsonSchema",
} | {"labels"}


def plain(value: Any, key: str = "") -> Any:
    """A body as the gateway writes it: where names are the protocol's, in camelCase and without nulls."""
    if key in CALLERS_OWN:
        return value
    if isinstance(value, dict):
        return {
            _HUMP.sub(lambda found: found[1].upper(), name): plain(inner, name)
            for name, inner in value.items()
            if inner is not None
        }
    return [plain(item) for item in value] if isinstance(value, list) else value


def snake_cased(value: Any, key: str = "") -> Any:
    """The same body with the protocol's names in the other spelling."""
    if key in CALLERS_OWN:
        return value
    if isinstance(value, dict):
        return {
            re.sub(r"(?<=[a-z])([A-Z])", lambda found: "_" + found[1].lower(), name): snake_cased(inner, name)
            for name, inner in value.items()
        }
    return [snake_cased(item) for item in value] if isinstance(value, list) else value


counts = st.integers(0, 9999)
usages = st.builds(
    lambda prompt, cached, answer, thoughts: {
        "promptTokenCount": prompt + cached,
        "cachedContentTokenCount": cached,
        "candidatesTokenCount": answer + 1,
        "thoughtsTokenCount": thoughts,
        "totalTokenCount": prompt + cached + answer + 1 + thoughts,
    },
    counts,
    counts,
    counts,
    counts,
)
reasons = st.sampled_from(["STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER", "LANGUAGE"])
_said = {"text": words}
answer_parts = st.one_of(
    exact(_said, optional=signed),
    exact({**_said, "thought": True}, optional=signed),
    exact({"inlineData": exact({"mimeType": "image/png", "data": base64_data})}),
    exact({"functionCall": exact({"name": names}, optional={"args": json_objects})}, optional=signed),
    exact({"executableCode": exact({"language": "PYTHON", "code": texts})}),
)


@st.composite
def answers(draw: st.DrawFn) -> Json:
    candidate: Json = {
        "content": {"role": "model", "parts": draw(st.lists(answer_parts, min_size=1, max_size=4))},
        "finishReason": draw(reasons),
        "index": 0,
    }
    if draw(st.booleans()):
        candidate["avgLogprobs"] = draw(st.floats(-2, 0))
    return {
        "candidates": [candidate],
        "usageMetadata": draw(usages),
        "modelVersion": "told",
        "responseId": draw(names),
    }


def frame(chunk: Json, end: bytes = b"\r\n\r\n") -> bytes:
    return b"data: " + msgspec.json.encode(chunk) + end


@st.composite
def chunk_streams(draw: st.DrawFn) -> list[Json]:
    """A whole stream as its chunks."""
    named = {"modelVersion": "m", "responseId": draw(names)}
    chunks: list[Json] = []
    for parts in draw(st.lists(st.lists(answer_parts, min_size=1, max_size=2), max_size=5)):
        content = {"role": "model", "parts": parts}
        chunk: Json = {"candidates": [{"content": content, "index": 0}], **named}
        if draw(st.booleans()):
            chunk["usageMetadata"] = {"promptTokenCount": 1, "totalTokenCount": 2}
        chunks.append(chunk)
    last: Json = {"candidates": [{"finishReason": draw(reasons), "index": 0}], **named}
    if draw(st.booleans()):
        last["candidates"][0]["content"] = {"role": "model", "parts": [{"text": ""}]}
    if draw(st.integers(0, 4)):
        last["usageMetadata"] = draw(usages)
    return [*chunks, last]
