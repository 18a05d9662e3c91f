"""Where a client may put its key, and which one counts when it sends several."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

NO_KEY: Final = "no-key"
"""What SDKs that insist on a key are told to send; it means that there is none."""


def presented(headers: Mapping[str, str], query: bytes = b"") -> str | None:
    """The key a request carries: Bearer, x-api-key, x-goog-api-key, then `?key=`; None when there is none.

    Header names are lower case. Blank values and the literal `no-key` are passed over, so the first real
    one wins. `query` is the raw query string.
    """
    authorization = headers.get("authorization")
    if authorization is not None:
        scheme, _, token = authorization.strip().partition(" ")
        if scheme.lower() == "bearer":
            key = _real(token)
            if key is not None:
                return key
    for name in ("x-api-key", "x-goog-api-key"):
        value = headers.get(name)
        if value is not None:
            key = _real(value)
            if key is not None:
                return key
    if b"key=" in query:
        for name, value in parse_qsl(query.decode("latin-1")):
            if name == "key":
                key = _real(value)
                if key is not None:
                    return key
    return None


def bearer(headers: Mapping[str, str]) -> str | None:
    """The Bearer credential alone, which is the only place the management API looks."""
    authorization = headers.get("authorization")
    return None if authorization is None else presented({"authorization": authorization})


def _real(value: str) -> str | None:
    value = value.strip()
    return value if value and value != NO_KEY else None
