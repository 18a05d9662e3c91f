"""Whether a caller's key still may: its limits of requests, tokens and money, and of conversations at a time."""

from typing import Final

from omniroute.access.grant import RateLimit
from omniroute.clock import Clock
from omniroute.errors import GatewayError
from omniroute.ledger.cost import Sheet
from omniroute.pipeline.draws import Conversation
from omniroute.pipeline.purse import SheetOf
from omniroute.pipeline.spending import Spending, most_output
from omniroute.pipeline.visit import Visit
from omniroute.traffic.buckets import Buckets, Exhausted
from omniroute.traffic.sessions import Sessions

_BYTES_PER_TOKEN: Final = 4
_USUAL_OUTPUT: Final = 500
"""Tokens that are reserved for an answer; what it really was is settled at its end."""


class Allowance:
    """Asked once for each request that is going to be tried."""

    def __init__(self, clock: Clock, sheet: SheetOf = lambda target: None, unknown: Sheet | None = None) -> None:
        """`sheet` gives the prices at a target, `unknown` those that budgets take where nobody knows any."""
        self._clock = clock
        self.spending = Spending(clock, sheet, unknown)
        self.buckets = Buckets()
        self.sessions = Sessions()

    def claim(self, visit: Visit, conversation: Conversation | None = None) -> None:
        """Counts the request against its key. Raises `GatewayError` 429, with when to come back."""
        grant = visit.grant
        if visit.session_id is not None or grant.max_sessions:
            self._seat(visit, conversation)
        if not grant.rate_limits:
            return
        tokens = visit.asked // _BYTES_PER_TOKEN + self._answer(visit)
        claimed = self.buckets.reserve(grant.key_id, grant.rate_limits, tokens, self._clock.monotonic())
        if isinstance(claimed, Exhausted):
            raise GatewayError(
                429,
                f"the API key {grant.name!r} is over its limit of {_said(claimed.limit)};"
                f" try again in {max(1, round(claimed.retry_after_s + 0.499))} s",
                code="rate_limit_exceeded",
                retry_after_s=claimed.retry_after_s,
            )
        visit.reservation = claimed

    def _answer(self, visit: Visit) -> int:
        """Tokens to reserve for the answer: as many as it may have, or the usual. Raises `GatewayError` when what
        the request allows itself is more than a whole limit: it could never be let through and the limit hold."""
        grant = visit.grant
        limits = [limit for limit in grant.rate_limits if limit.unit == "tokens"]
        most = most_output(visit) if limits else None
        if most is None:
            return _USUAL_OUTPUT
        wanted = visit.asked // _BYTES_PER_TOKEN + most
        for limit in limits:
            if wanted > limit.limit:
                raise GatewayError(
                    429,
                    f"this request may use {wanted} tokens, and the limit of the API key {grant.name!r} is"
                    f" {_said(limit)}; shorten it, or let the answer be shorter (max_tokens)",
                    code="request_too_large",
                )
        return most

    def _seat(self, visit: Visit, conversation: Conversation | None) -> None:
        grant = visit.grant
        name = visit.session_id
        if name is None:
            name = None if conversation is None else conversation()
        if name is None:
            return  # a question without text or a name is no conversation
        visit.session = self.sessions.touch(grant.key_id, name, self._clock.now(), most=grant.max_sessions)
        if visit.session is None:
            raise GatewayError(
                429,
                f"the API key {grant.name!r} has {grant.max_sessions} conversations going on, which is its limit;"
                " continue one of them, or wait until one has been idle for 30 minutes",
                code="SESSION_LIMIT_EXCEEDED",
                retry_after_s=60.0,
            )


def _said(limit: RateLimit) -> str:
    return f"{limit.limit} {limit.unit} in {limit.window_s} s"
