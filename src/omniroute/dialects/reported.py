"""What a whole answer says that it used, though it is no good: providers bill for some that end in nothing."""

from collections.abc import Callable
from typing import Final

from omniroute.dialects.anthropic import usage as anthropic
from omniroute.dialects.bedrock_converse import usage as bedrock
from omniroute.dialects.cohere import usage as cohere
from omniroute.dialects.gemini import usage as gemini
from omniroute.dialects.look import as_object
from omniroute.dialects.objects import read_object
from omniroute.dialects.ollama import metrics as ollama
from omniroute.dialects.openai_chat import usage as chat
from omniroute.dialects.openai_responses import usage as responses
from omniroute.ir.json import JsonObject
from omniroute.ir.result import Usage

_MEMBERS: Final[dict[str, tuple[str, Callable[[JsonObject], Usage]]]] = {
    "openai_chat": ("usage", chat.decode_usage),
    "openai_responses": ("usage", responses.decode_usage),
    "anthropic": ("usage", anthropic.decode_usage),
    "gemini": ("usageMetadata", gemini.decode_usage),
    "bedrock_converse": ("usage", bedrock.decode_usage),
    "cohere": ("usage", cohere.decode_usage),
}


def reported_usage(dialect: str, body: bytes) -> Usage | None:
    """None where `body` counts no tokens. `dialect` is the provider's."""
    answer = read_object(body)
    if answer is None:
        return None
    answer = as_object(answer.get("response")) or answer
    if dialect == "ollama":
        usage = ollama.decode_usage(answer)
    else:
        member, decode = _MEMBERS[dialect]
        said = as_object(answer.get(member))
        usage = None if said is None else decode(said)
    return usage if usage is not None and (usage.input_total or usage.output) else None
