"""The filter of a question about requests, and how long it may take to answer."""

import time
from collections.abc import Callable
from typing import Final

from omniroute.errors import InvalidRequest
from omniroute.storage.filters.grammar import FilterError, Query, parse

_PATIENCE_S: Final = 0.6


def query_of(text: str | None) -> Query:
    """Raises `InvalidRequest`, naming the place of the mistake."""
    try:
        return parse(text or "")
    except FilterError as error:
        message = f"The filter is wrong at character {error.position + 1}: {error.message}."
        raise InvalidRequest(message, code="bad_filter") from None


def patience() -> Callable[[], bool]:
    """Yes, for as long as somebody who looks at a list likes to wait."""
    end = time.monotonic() + _PATIENCE_S
    return lambda: time.monotonic() < end
