"""Which dialects there are, and which of them count tokens."""

from omniroute.dialects.anthropic.counting import AnthropicCounting
from omniroute.dialects.anthropic.dialect import Anthropic
from omniroute.dialects.base import Dialect, Outbound
from omniroute.dialects.bedrock_converse.dialect import BedrockConverse
from omniroute.dialects.cohere.dialect import Cohere
from omniroute.dialects.counting import Counting
from omniroute.dialects.gemini.counting import GeminiCounting
from omniroute.dialects.gemini.dialect import Gemini
from omniroute.dialects.ollama.dialect import Ollama
from omniroute.dialects.openai_chat.dialect import OpenAIChat
from omniroute.dialects.openai_responses.dialect import OpenAIResponses

DIALECTS: dict[str, Dialect] = {
    "openai_chat": OpenAIChat(),
    "openai_responses": OpenAIResponses(),
    "anthropic": Anthropic(),
    "gemini": Gemini(),
    "ollama": Ollama(),
}
"""Those that clients may speak to us, and providers too."""

UPSTREAMS: dict[str, Outbound] = {**DIALECTS, "bedrock_converse": BedrockConverse(), "cohere": Cohere()}
"""Those that providers speak: all of the above, and some that no client does."""

COUNTINGS: dict[str, Counting] = {"anthropic": AnthropicCounting(), "gemini": GeminiCounting()}


def dialect(name: str) -> Dialect:
    """The dialect called `name`. Raises `KeyError` for a name that the catalog's check should have refused."""
    return DIALECTS[name]
