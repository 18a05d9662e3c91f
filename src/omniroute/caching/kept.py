"""An answer as it is kept: the representation, so that it can be given in every dialect."""

from typing import Final

import msgspec

from omniroute.ir.result import GenerateResponse

LIMIT_BYTES: Final = 256 * 1024
"""A longer answer is not kept (data-plane specification 7.1)."""

_WHOLE: Final = frozenset(("stop", "stop_sequence", "tool_calls"))


class Kept(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`provider`, `model` and `dialect` are of the target that answered, `at` is unix seconds."""

    response: GenerateResponse
    provider: str
    model: str
    dialect: str
    at: float


def fit(response: GenerateResponse) -> bool:
    """Only what the model ended by itself is worth repeating: not what a limit, a filter or a pause cut short."""
    return bool(response.parts) and response.finish.reason in _WHOLE


def packed(kept: Kept) -> bytes | None:
    """As bytes; None when it is too long, or holds text that cannot be written."""
    try:
        data = msgspec.json.encode(kept)
    except (ValueError, OverflowError):
        return None
    return data if len(data) <= LIMIT_BYTES else None


def unpacked(data: bytes) -> Kept | None:
    """None for what another version has written and this one cannot read."""
    try:
        return msgspec.json.decode(data, type=Kept)
    except msgspec.DecodeError:
        return None
