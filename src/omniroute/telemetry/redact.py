"""Takes secrets out of text before anybody can read it."""

import re
from typing import Final

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
