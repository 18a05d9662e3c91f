"""The quota of an account, as far as its answers have told it."""

from omniroute.routing.limits import usual_length_s
from omniroute.routing.standing import QuotaWindow
from omniroute.traffic.learned import Learned


def quota(learned: Learned, account_id: str, now: float) -> tuple[QuotaWindow, ...]:
    """The windows of the account at `now` (monotonic seconds), empty when it told of none. Subscriptions say how
    long theirs are; that of a rate limit is taken to be the shortest usual one in which it can reset."""
    windows: list[QuotaWindow] = []
    for limit in learned.limits(account_id, now):
        resets_in_s = max(0.0, limit.reset_at - now)
        windows.append(
            QuotaWindow(
                name=limit.what,
                remaining=limit.left(now) / limit.limit,
                resets_in_s=resets_in_s,
                length_s=limit.length_s or usual_length_s(resets_in_s),
            )
        )
    return tuple(windows)
