"""The provider keeps prompts in a cache of each account, so that a conversation is cheaper where it began.

A mark without a hook, for providers of the chat dialect: routing reads it. Documented by OpenAI ("Prompt
caching"), by Azure OpenAI and by DeepSeek ("Context caching").
"""

from omniroute.dialects.quirks.quirk import Quirk

NAME = "caches_prompts"

CACHES_PROMPTS = Quirk()
