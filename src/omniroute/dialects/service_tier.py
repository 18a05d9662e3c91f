"""Which dearer or cheaper kind of service an answer was given with, in the words of price lists.

OpenAI tells `service_tier` beside the usage, which may be another than was asked for; Anthropic `speed` within it
(platform.openai.com/docs/api-reference/chat, platform.claude.com/docs, "Fast mode"). Everything else is billed as
usual, or by agreements of which no list knows.
"""

from typing import Final

from omniroute.ir.json import JsonValue

_PRICED: Final = frozenset(("flex", "priority", "fast"))


def tier_of(said: JsonValue) -> str | None:
    """None for the usual service."""
    return said if isinstance(said, str) and said in _PRICED else None
