"""The `response` object: what an answer says about itself, and what it repeats of the request.

Of the request only the settings are repeated. `instructions` and `tools` are not: they make events of a hundred
kilobytes, which some clients cannot read, and tell the client nothing that it did not say itself.
"""

from omniroute.dialects.base import Context
from omniroute.dialects.losses import Losses
from omniroute.dialects.openai_responses import controls, tools
from omniroute.dialects.openai_responses.names import called_names
from omniroute.dialects.openai_responses.wire import NAME, Status
from omniroute.ir.json import JsonObject
from omniroute.ir.target import Target

REPEATED = frozenset(
    {"instructions", "tools", "tool_choice", "parallel_tool_calls", "temperature", "top_p", "top_logprobs"}
    | {"max_output_tokens", "max_tool_calls", "reasoning", "text", "truncation", "metadata", "user", "store"}
    | {"background", "previous_response_id", "prompt", "prompt_cache_key", "prompt_cache_retention"}
    | {"prompt_cache_options", "safety_identifier", "moderation", "image", "frequency_penalty", "presence_penalty"}
)
"""Members of an answer that repeat the request (or its defaults): a reader has no use for them."""

OWN = frozenset(
    {"id", "object", "created_at", "completed_at", "status", "error", "incomplete_details", "model", "output"}
    | {"usage", "output_text"}
)
"""Members that say what the answer is; `output_text` is a convenience of the SDK."""

_DEFAULTS: JsonObject = {
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": {"effort": None, "summary": None},
    "store": False,
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": None,
    "truncation": "disabled",
}
_PASSED = (
    "store",
    "previous_response_id",
    "truncation",
    "prompt_cache_key",
    "safety_identifier",
    "max_tool_calls",
)


def response_id(provider_id: str, token: str) -> str:
    return provider_id if provider_id.startswith("resp_") else f"resp_{token}"


def repeated(context: Context) -> JsonObject:
    """The settings of the request with the API's defaults."""
    request = context.request
    if request is None or request.dialect != NAME:
        return dict(_DEFAULTS)
    said: JsonObject = {}
    losses = Losses()
    target = Target(provider="", model=request.model, dialect=NAME)
    controls.encode_sampling(request.sampling, target, said, native=True, losses=losses)
    if request.tool_choice is not None:
        names = called_names(request.tools)
        tools.encode_tool_choice(request.tool_choice, [], names, said, native=True, losses=losses)
    if request.thinking is not None:
        said["reasoning"] = controls.encode_thinking(request.thinking, target, native=True, losses=losses)
    if request.output is not None:
        said["text"] = {"format": controls.encode_output(request.output, native=True, losses=losses)}
    if request.metadata is not None:
        said["metadata"] = request.metadata
    if request.user is not None:
        said["user"] = request.user
    extra = request.extra or {}
    said.update({name: extra[name] for name in _PASSED if extra.get(name) is not None})
    return {**_DEFAULTS, **said}


def response_object(
    head: JsonObject,
    *,
    status: Status,
    output: list[JsonObject],
    usage: JsonObject | None = None,
    reason: str | None = None,
    error: JsonObject | None = None,
) -> JsonObject:
    """`head` has the id, the model and what is repeated; everything else depends on how far the answer is."""
    return {
        **head,
        "status": status,
        "error": error,
        "incomplete_details": None if reason is None else {"reason": reason},
        "output": output,
        "usage": usage,
    }
