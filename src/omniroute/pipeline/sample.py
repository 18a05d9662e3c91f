"""How much of a stream is text, seen from a piece of it: frames are many times as long as the words in them."""

import re
from typing import Final

_TEXTS: Final = re.compile(
    rb'"(?:content|text|delta|thinking|reasoning|reasoning_content|arguments|partial_json|refusal)"'
    rb'\s*:\s*"((?:[^"\\]|\\.)*)"'
)
"""Where the five dialects put what the model writes."""


_LEAST: Final = 0.02
"""A frame of 200 bytes for a word of four: what is assumed when the piece at hand happens to hold no text."""


def text_share(piece: bytes) -> float:
    """Between 0 and 1; of a piece that is not JSON, all of it is taken for text."""
    if b"{" not in piece:
        return 1.0
    return max(_LEAST, sum(len(match[1]) for match in _TEXTS.finditer(piece)) / len(piece))
