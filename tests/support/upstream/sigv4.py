"""Amazon's side of a signed request: whether its signature (version 4) fits what arrived.

Written from docs.aws.amazon.com/IAM, "Create a signed AWS API request", and apart from the gateway's own signer.
"""

import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from tests.support.upstream.wire import Request

ACCESS_KEYS = {"AKIASCRIPTED00000001": "scripted/secret+key", "ASIASCRIPTED00000002": "another/secret+key"}
"""The secrets behind the ids that this Amazon knows; ids that begin with ASIA are good with a session only."""
SESSION = "scripted-session-token"
API_KEY = "bedrock-api-key-scripted"
"""What a caller may show instead of a signature."""

_LATE = timedelta(minutes=5)
_PROOF = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<id>[^/]+)/(?P<scope>(?P<day>\d{8})/[^/]+/(?P<service>[^/]+)/aws4_request), "
    r"SignedHeaders=(?P<names>[a-z0-9;-]+), Signature=(?P<signature>[0-9a-f]{64})"
)
_MUST_BE_SIGNED = ("content-type", "host", "x-amz-date")


def complaint(request: Request, *, service: str) -> str | None:
    """Why Amazon would not believe this request; None when it does."""
    shown = request.header("authorization")
    if shown is None:
        return "Missing Authentication Token"
    if shown == f"Bearer {API_KEY}":
        return None
    proof = _PROOF.fullmatch(shown)
    if proof is None or proof["id"] not in ACCESS_KEYS:
        return "The security token included in the request is invalid."
    names = proof["names"].split(";")
    unsigned = [name for name in _MUST_BE_SIGNED if name not in names]
    if unsigned or names != sorted(names):
        return f"Signed headers must hold {', '.join(unsigned) or 'their names in order'}"
    if proof["id"].startswith("ASIA") and (
        request.header("x-amz-security-token") != SESSION or "x-amz-security-token" not in names
    ):
        return "The security token included in the request is invalid."
    return _about_time(request, proof["day"]) or _about_signature(request, proof, names, service)


def _about_time(request: Request, day: str) -> str | None:
    said = request.header("x-amz-date") or ""
    at = datetime.strptime(said, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if not said.startswith(day) or abs(datetime.now(UTC) - at) > _LATE:
        return f"Signature expired: {said} is not now"
    return None


def _about_signature(request: Request, proof: re.Match[str], names: list[str], service: str) -> str | None:
    if proof["service"] != service:
        return f"Credential should be scoped to correct service: '{service}'."
    pairs = sorted(tuple(pair.partition("=")[::2]) for pair in request.query.split("&") if pair)
    canonical = [
        request.method,
        quote(request.path, safe="/-_.~"),
        "&".join(f"{name}={value}" for name, value in pairs),
        *(f"{name}:{' '.join((request.header(name) or '').split())}" for name in names),
        "",
        ";".join(names),
        hashlib.sha256(request.body).hexdigest(),
    ]
    to_sign = [
        "AWS4-HMAC-SHA256",
        request.header("x-amz-date") or "",
        proof["scope"],
        hashlib.sha256("\n".join(canonical).encode()).hexdigest(),
    ]
    key = b"AWS4" + ACCESS_KEYS[proof["id"]].encode()
    for piece in (*proof["scope"].split("/"), "\n".join(to_sign)):
        key = hmac.new(key, piece.encode(), hashlib.sha256).digest()
    if not hmac.compare_digest(key.hex(), proof["signature"]):
        return "The request signature we calculated does not match the signature you provided."
    return None
