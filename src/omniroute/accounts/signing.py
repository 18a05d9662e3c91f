"""The proofs that must be made anew for a request: a signature over its body, or a token that expires.

Most leases carry their credential in a header and have no signer; a request of theirs never comes here.
"""

import time
from typing import Final, TypeAlias

import msgspec

from omniroute.accounts.google import AuthorizedUser, GoogleCredential, ServiceAccount
from omniroute.accounts.sigv4 import AwsKeys, signed
from omniroute.accounts.tokens import Tokens
from omniroute.clock import Clock
from omniroute.ir.failure import Failure
from omniroute.upstream.transport import Transport, UpstreamRequest

Signer: TypeAlias = AwsKeys | GoogleCredential
"""What a lease signs with; the one place where it is told apart is `Signing.signed`."""

_AMZ_DATE: Final = "%Y%m%dT%H%M%SZ"


class Signing:
    """Signs requests; keeps the access tokens it had to fetch for them."""

    def __init__(self, transport: Transport, clock: Clock) -> None:
        self._clock = clock
        self._tokens = Tokens(transport, clock)

    async def signed(self, signer: Signer, request: UpstreamRequest) -> UpstreamRequest | Failure:
        """`request` as its provider will believe it, or why there is no proof. Raises `UpstreamError` for an
        address that cannot be used."""
        match signer:
            case AwsKeys():
                amz_date = time.strftime(_AMZ_DATE, time.gmtime(self._clock.now()))
                return signed(request, signer, amz_date=amz_date)
            case ServiceAccount() | AuthorizedUser():
                token = await self._tokens.of(signer, private=request.private, proxy=request.proxy)
                if isinstance(token, Failure):
                    return token
                return msgspec.structs.replace(
                    request, headers=(*request.headers, ("authorization", f"Bearer {token}"))
                )
