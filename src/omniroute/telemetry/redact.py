"""Takes secrets out of text before anybody can read it."""

import re
from collections.abc import Iterable
from typing import Final

REDACTED: Final = "[redacted]"

_SECRETS: Final = re.compile(
    r"""(?xi)
    \b(?:sk|rk|pk|gsk|xai|nvapi|hf|ghp|gho|github_pat|key)[-_][A-Za-z0-9_\-]{8,}   # vendor key shapes
    | \bAIza[A-Za-z0-9_\-]{20,}
    | \bya29\.[A-Za-z0-9_\-]{10,}
    | \beyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]*                  # JWT
    | (?<=bearer\ )[A-Za-z0-9._~+/\-]{8,}=*
    | (?<=[?&]key=)[^&\s"']+
    """
)


_HINTS: Final = (
    "sk-",
    "sk_",
    "rk-",
    "rk_",
    "pk-",
    "pk_",
    "gsk-",
    "gsk_",
    "xai-",
    "xai_",
    "nvapi-",
    "nvapi_",
    "hf-",
    "hf_",
    "ghp-",
    "ghp_",
    "gho-",
    "gho_",
    "github_pat-",
    "github_pat_",
    "key-",
    "key_",
    "aiza",
    "ya29.",
    "eyj",
    "bearer ",
    "?key=",
    "&key=",
)
"""In lower case; a text without any of these has nothing to hide, and is not searched for 50 us."""


def redacted(text: str) -> str:
    """`text` with everything that looks like a credential replaced by its first four characters and `…`."""
    lower = text.lower()
    if not any(hint in lower for hint in _HINTS):
        return text
    return _SECRETS.sub(lambda found: f"{found.group()[:4]}…", text)


_MEMBERS: Final = re.compile(
    r"""(?xis)
    (?P<quote>\\*")
    [\w\-]{0,40}(?:api[_-]?key|secret|passw(?:or)?d|authorization|credential|private[_-]?key|cookie
        |(?:access|refresh|auth|bearer|session|id)[_-]?token)[\w\-]{0,40}
    (?P=quote)\s*:\s*(?P=quote)
    (?P<value>.*?)
    (?=(?<!\\)(?P=quote)|$)
    """
)
"""A member of JSON whose name says that its text is a secret; also of JSON that is written in a text."""

_MEMBER_HINTS: Final = ("key", "secret", "passw", "authorization", "credential", "token", "cookie")

_SECRET_HEADERS: Final = frozenset(
    ("authorization", "proxy-authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie", "set-cookie")
)


def redacted_body(text: str, secrets: Iterable[str] = ()) -> str:
    """As `redacted`, also without texts of members that are named like secrets, and without `secrets`."""
    for secret in secrets:
        text = text.replace(secret, REDACTED)
    lower = text.lower()
    if any(hint in lower for hint in _MEMBER_HINTS):
        text = _MEMBERS.sub(_without_value, text)
    return redacted(text)


def redacted_header(name: str, value: str) -> str:
    """The value of a header, as far as it may be kept. `name` is in lower case."""
    secret = name in _SECRET_HEADERS or any(word in name for word in ("token", "secret", "password"))
    return REDACTED if secret else redacted(value)


def _without_value(found: "re.Match[str]") -> str:
    start, end = found.span("value")
    return found.group()[: start - found.start()] + (REDACTED if end > start else "")
