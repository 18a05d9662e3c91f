"""The summary with which a conversation is handed over: how it is asked for, and how it is told."""

from typing import Final

import msgspec

from omniroute.dialects.look import as_array, as_object, as_text, objects_in
from omniroute.ir.json import JsonObject
from omniroute.ir.parts import AnyPart, Text, ToolCall, ToolResult
from omniroute.ir.request import GenerateRequest, Turn

_MAX_CHARS: Final = 32_000
"""Of the conversation, about 8,000 tokens."""
_MAX_TOKENS: Final = 800
_MOST: Final = {"summary": 2_000, "taskProgress": 1_200}
_ENTRIES: Final = {"keyDecisions": 8, "activeEntities": 10}
_MAX_ENTRY: Final = 300
_TASK: Final = (
    "Another model will go on with this conversation and sees none of your thoughts. Write what it needs to know"
    ' as one JSON object and nothing else: {"summary": text of at most 2000 characters, "keyDecisions": at most 8'
    ' short texts, "taskProgress": text of at most 1200 characters, "activeEntities": at most 10 names of files,'
    " people or things}. What follows is the conversation; do not answer it."
)
_TITLES: Final = {
    "summary": "What happened",
    "keyDecisions": "Decisions",
    "taskProgress": "Progress",
    "activeEntities": "In use",
}


def question(model: str, request: GenerateRequest, most: int) -> bytes:
    """A chat request to `model` for a summary of the last `most` messages of `request`."""
    lines = [f"{turn.role}: {text}" for turn in request.turns[-most:] if (text := _said(turn))]
    body: JsonObject = {
        "model": model,
        "messages": [
            {"role": "system", "content": _TASK},
            {"role": "user", "content": "\n\n".join(lines)[-_MAX_CHARS:]},
        ],
        "max_tokens": _MAX_TOKENS,
        "stream": False,
    }
    return msgspec.json.encode(body)


def preface(answer: bytes) -> str | None:
    """What whoever goes on with the conversation is told; None for an answer that says nothing."""
    text = said(answer)
    if text is None:
        return None
    told = _listed(text) or text[: _MOST["summary"]]
    return f"This conversation was begun elsewhere. A summary of it so far:\n\n{told}"


def said(answer: bytes) -> str | None:
    """The text of a whole chat answer."""
    body = as_object(msgspec.json.decode(answer))
    for choice in objects_in(None if body is None else body.get("choices")):
        message = as_object(choice.get("message"))
        text = as_text(None if message is None else message.get("content"))
        if text is not None and text.strip():
            return text.strip()
    return None


def _listed(text: str) -> str | None:
    """The members of the object that was asked for, cut to size; None where it is none."""
    start, end = text.find("{"), text.rfind("}")
    try:
        found = as_object(msgspec.json.decode(text[start : end + 1])) if 0 <= start < end else None
    except msgspec.DecodeError:
        return None
    if found is None:
        return None
    told: list[str] = []
    for name, title in _TITLES.items():
        value = found.get(name)
        if name in _MOST and isinstance(value, str) and value.strip():
            told.append(f"{title}: {value.strip()[: _MOST[name]]}")
        elif name in _ENTRIES:
            entries = [one[:_MAX_ENTRY] for one in as_array(value) or () if isinstance(one, str)]
            if entries:
                told.append(f"{title}: {'; '.join(entries[: _ENTRIES[name]])}")
    return "\n".join(told) or None


def _said(turn: Turn) -> str:
    return "\n".join(text for part in turn.parts if (text := _text(part)))


def _text(part: AnyPart) -> str:
    match part:
        case Text(text=text):
            return text
        case ToolCall(name=name, arguments=arguments):
            return f"(calls {name} with {arguments})"
        case ToolResult(content=content):
            return f"(result: {' '.join(_text(inner) for inner in content)})"
        case _:
            return ""
