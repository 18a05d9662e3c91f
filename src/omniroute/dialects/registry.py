"""Which dialects there are, and which of them count tokens."""

from omniroute.dialects.anthropic.counting import AnthropicCounting
from omniroute.dialects.anthropic.dialect import Anthropic
from omniroute.dialects.base import Dialect, Outbound
from omniroute.dialects.bedrock_converse import media as bedrock_media
from omniroute.dialects.bedrock_converse.counting import ConverseCounting
from omniroute.dialects.bedrock_converse.dialect import BedrockConverse
from omniroute.dialects.cohere.dialect import Cohere
from omniroute.dialects.counting import Counter, Counting
from omniroute.dialects.filling import Needs
from omniroute.dialects.gemini import parts as gemini_parts
from omniroute.dialects.gemini.counting import GeminiCounting
from omniroute.dialects.gemini.dialect import Gemini
from omniroute.dialects.ollama import images as ollama_images
from omniroute.dialects.ollama.dialect import Ollama
from omniroute.dialects.openai_chat.dialect import OpenAIChat
from omniroute.dialects.openai_responses.counting import ResponsesCounting
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

COUNTINGS: dict[str, Counting] = {
    "anthropic": AnthropicCounting(),
    "gemini": GeminiCounting(),
    "openai_responses": ResponsesCounting(),
}
"""Those in which clients ask how many tokens a request has."""

COUNTERS: dict[str, Counter] = {**COUNTINGS, "bedrock_converse": ConverseCounting()}
"""Those in which providers can be asked."""

AS_BYTES: dict[str, Needs] = {
    "gemini": gemini_parts.needs_bytes,
    "ollama": ollama_images.needs_bytes,
    "bedrock_converse": bedrock_media.needs_bytes,
}
"""Those whose providers do not open addresses of the web: which media they need as bytes."""


def dialect(name: str) -> Dialect:
    """The dialect called `name`. Raises `KeyError` for a name that the catalog's check should have refused."""
    return DIALECTS[name]
