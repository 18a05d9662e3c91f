"""The tag by which OmniRoute 3.x remembered a conversation's model in the text of its answers.

It wrote `<omniModel>provider/model</omniModel>` after an answer and read it in the next request. This gateway
keeps such things to itself; the tag is only taken out of what clients bring, since models would imitate it.
"""

import re
from typing import Final

from omniroute.dialects.envelope import Fields
from omniroute.dialects.instructions import TURNS, Changed, items, listed, role_of
from omniroute.dialects.losses import Losses

_MARK: Final = b"omniModel"
_TAG: Final = re.compile(
    rb"(?:(?<!\\)\\n)*(?:<|\\u003[cC])omniModel(?:>|\\u003[eE])"
    rb"(?:[^<>\"\\]|\\/){1,300}"
    rb"(?:<|\\u003[cC])\\?/omniModel(?:>|\\u003[eE])"
)
"""As it stands in JSON: with or without escapes, and with the line ends before it."""
_ANSWERING: Final = ("assistant", "model")


def without_tags(dialect: str, fields: Fields) -> Changed:
    """The conversation without such tags in the model's own messages."""
    name = TURNS[dialect]
    raw = fields.get(name)
    if raw is None or _MARK not in bytes(raw):
        return Changed({}, ())
    losses = Losses()
    turns = [bytes(turn) for turn in items(raw) or ()]
    for index, turn in enumerate(items(raw) or ()):
        if _MARK in turns[index] and role_of(turn) in _ANSWERING:
            clean = _TAG.sub(b"", turns[index])
            if clean != turns[index]:
                turns[index] = clean
                losses.dropped(f"turns[{index}]", "model tag", "quality")
    return Changed({name: listed(turns)} if losses else {}, tuple(losses))
