"""The provider is OpenAI, or hosts its API: it knows `store` and `prompt_cache_retention`, which others refuse.

A mark without a hook: it keeps `no_stored_answers` from being implied
(platform.openai.com/docs/api-reference/chat; learn.microsoft.com, "Azure OpenAI stored completions").
"""

from omniroute.dialects.quirks.quirk import Quirk

NAME = "stores_answers"

STORES_ANSWERS = Quirk()
