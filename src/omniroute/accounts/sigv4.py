"""Amazon's request signatures, version 4: a pure function of the request, the keys and the time.

Source: docs.aws.amazon.com/IAM, "Create a signed AWS API request", and the published test suite of version 4.
"""

import hashlib
import hmac
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, unquote

import msgspec

from omniroute.accounts.connection import Secret
from omniroute.upstream.endpoint import Refused, endpoint
from omniroute.upstream.transport import UpstreamError, UpstreamRequest

ALGORITHM: Final = "AWS4-HMAC-SHA256"
_SIGNED: Final = frozenset({"content-type", "host", "x-amz-date", "x-amz-security-token"})
"""What is signed beside path, query and body; other headers may be changed on the way without harm."""


class AwsKeys(msgspec.Struct, frozen=True, kw_only=True):
    """An access key and where it is valid. `session` is there for temporary keys only."""

    access_key_id: str
    secret_access_key: Secret
    session: Secret | None = None
    region: str
    service: str


def signed(request: UpstreamRequest, keys: AwsKeys, *, amz_date: str) -> UpstreamRequest:
    """`request` with the headers that prove it comes from the holder of `keys`.

    `amz_date` is the time as `20150830T123600Z`; Amazon refuses one that is more than five minutes off. Raises
    `UpstreamError` (`connect`) for a URL that no request could be sent to.
    """
    place = endpoint(request.url)
    if isinstance(place, Refused):
        raise UpstreamError("connect", f"the address cannot be used: {place.reason}")
    headers = (*request.headers, ("x-amz-date", amz_date))
    if keys.session is not None:
        headers = (*headers, ("x-amz-security-token", keys.session.value))
    named = sorted(
        {name: value for name, value in (*headers, ("host", place.authority)) if name in _SIGNED}.items()
    )
    names = ";".join(name for name, _ in named)
    path, _, query = place.target.partition("?")
    canonical = "\n".join(
        (
            request.method,
            # The path as it goes over the wire is encoded once more: every service but S3 wants it so.
            quote(path, safe="/-_.~"),
            _canonical_query(query),
            *(f"{name}:{' '.join(value.split())}" for name, value in named),
            "",
            names,
            hashlib.sha256(request.body).hexdigest(),
        )
    )
    scope = f"{amz_date[:8]}/{keys.region}/{keys.service}/aws4_request"
    to_sign = "\n".join((ALGORITHM, amz_date, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    signature = _hmac(_signing_key(keys, amz_date[:8]), to_sign).hex()
    proof = f"{ALGORITHM} Credential={keys.access_key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    return msgspec.structs.replace(request, headers=(*headers, ("authorization", proof)))


def _canonical_query(query: str) -> str:
    pairs = (part.partition("=") for part in query.split("&") if part)
    return "&".join(f"{name}={value}" for name, value in sorted(_encoded((n, v) for n, _, v in pairs)))


def _encoded(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(quote(unquote(name), safe="-_.~"), quote(unquote(value), safe="-_.~")) for name, value in pairs]


def _signing_key(keys: AwsKeys, day: str) -> bytes:
    key = f"AWS4{keys.secret_access_key.value}".encode()
    for step in (day, keys.region, keys.service, "aws4_request"):
        key = _hmac(key, step)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
