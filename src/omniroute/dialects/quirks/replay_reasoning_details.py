"""The provider seals thinking in `reasoning_details` and wants it back with the next request.

Needed by OpenRouter for models that call tools while they think (openrouter.ai/docs, "Preserving reasoning
blocks").
A mark without a hook: the chat encoder writes `reasoning_details` only for targets with this quirk, and only with
seals that a chat provider gave.
"""

from omniroute.dialects.quirks.quirk import Quirk

NAME = "replay_reasoning_details"

REPLAY_REASONING_DETAILS = Quirk()
