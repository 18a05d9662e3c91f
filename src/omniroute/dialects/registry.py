"""Which dialects there are."""

from omniroute.dialects.anthropic.dialect import Anthropic
from omniroute.dialects.base import Dialect
from omniroute.dialects.ollama.dialect import Ollama
from omniroute.dialects.openai_chat.dialect import OpenAIChat
from omniroute.dialects.openai_responses.dialect import OpenAIResponses

DIALECTS: dict[str, Dialect] = {
    "openai_chat": OpenAIChat(),
    "openai_responses": OpenAIResponses(),
    "anthropic": Anthropic(),
    "ollama": Ollama(),
}


def dialect(name: str) -> Dialect:
    """The dialect called `name`. Raises `KeyError` for a name that the catalog's check should have refused."""
    return DIALECTS[name]
