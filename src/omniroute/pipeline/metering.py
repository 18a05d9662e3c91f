"""What an operator lets an account take in a minute: set aside before an attempt, settled at the end."""

from typing import Final

from omniroute.ir.failure import Failure
from omniroute.pipeline.spending import most_output
from omniroute.pipeline.visit import Visit
from omniroute.routing.candidate import Candidate
from omniroute.traffic.buckets import Buckets, Exhausted, minutes

_BYTES_PER_TOKEN: Final = 4
_USUAL_OUTPUT: Final = 500


def metered(visit: Visit, candidate: Candidate, meters: Buckets, now: float) -> Failure | None:
    """Takes one request and its tokens from the account's minute; what to say when there are not so many left.
    Tokens that an earlier attempt took from another account go back: it used none."""
    account = candidate.account
    tokens = visit.asked // _BYTES_PER_TOKEN + (most_output(visit) or _USUAL_OUTPUT)
    claimed = meters.reserve(account.id, minutes(account.per_minute), tokens, now)
    if isinstance(claimed, Exhausted):
        return Failure(
            kind="rate_limit",
            status=429,
            code="connection_rate_limited",
            message=f"the account has its {claimed.limit.limit} {claimed.limit.unit} of this minute",
            retry_after=claimed.retry_after_s,
        )
    if visit.metered is not None:
        visit.metered.reconcile(0)
    visit.metered = claimed
    return None
