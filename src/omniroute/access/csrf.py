"""What a browser page of another site is not allowed to do with the administrator's cookie.

No token: browsers say where a request comes from (Origin, Sec-Fetch-Site), and a form cannot send JSON.
A program that sends neither header is not a browser and has no cookie it was not given.
"""

from collections.abc import Mapping
from typing import Final

from omniroute.access.perimeter import Perimeter, Refusal

FOREIGN: Final = Refusal(
    status=403, code="foreign_origin", message="This request comes from a page of another site and is refused."
)
NOT_JSON: Final = Refusal(
    status=415,
    code="unsupported_media_type",
    message="Send the body as JSON, with `Content-Type: application/json`.",
)

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_FOREIGN_SITES: Final = frozenset({"cross-site", "same-site"})


def refusal(method: str, headers: Mapping[str, str], perimeter: Perimeter) -> Refusal | None:
    """Why a request that carries, or wants to obtain, a session is refused. Header names are lower case."""
    if method in SAFE_METHODS:
        return None
    site = headers.get("sec-fetch-site")
    if (site is not None and site.strip().lower() in _FOREIGN_SITES) or not perimeter.is_own_origin(headers):
        return FOREIGN
    return refusal_of_body(method, headers)


def refusal_of_body(method: str, headers: Mapping[str, str]) -> Refusal | None:
    """415 for a body that is not declared to be JSON, whoever sends it."""
    if method in SAFE_METHODS:
        return None
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "application/json" or media_type.endswith("+json"):
        return None
    length = headers.get("content-length", "").strip()
    has_body = "transfer-encoding" in headers or length not in ("", "0")
    return NOT_JSON if has_body or media_type else None
