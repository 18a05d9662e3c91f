"""Takes secrets out of text before anybody can read it."""

import re
from typing import Final

_SECRETS: Final = re.compile(
    r"""(?xi)
    \b(?:sk|rk|pk|gsk|xai|nvapi|hf|ghp|gho|github_pat|AIza|key)[-_][A-Za-z0-9_\-]{8,}   # vendor key shapes
    | \bAIza[A-Za-z0-9_\-]{20,}
    | \bya29\.[A-Za-z0-9_\-]{10,}
    | \beyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]*                  # JWT
    | (?<=bearer\ )[A-Za-z0-9._~+/\-]{8,}=*
    | (?<=[?&]key=)[^&\s"']+
    """
)


def redacted(text: str) -> str:
    """`text` with everything that looks like a credential replaced by its first four characters and `…`."""
    return _SECRETS.sub(lambda found: f"{found.group()[:4]}…", text)
