"""Whether a request may be sent to an account now: the places, minutes and gaps of the account and of its
provider, all at once or not at all."""

from collections.abc import Callable
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec

from omniroute.routing.bounds import Bound
from omniroute.routing.candidate import Account
from omniroute.traffic.buckets import Buckets, Claim, Exhausted, Reservation, minutes
from omniroute.traffic.permits import Permits

Cause: TypeAlias = Literal["places", "requests", "tokens", "gap", "line"]

_MAX_GAPS: Final = 10_000


class Closed(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing was taken. `bound` lets the request through in `wait_s` seconds; None when somebody else has to end
    first. Each one more like it would have to wait `each_s` longer. A `line` is that of those who came before."""

    bound: Bound
    cause: Cause
    wait_s: float | None = None
    each_s: float = 0.0

    @property
    def most(self) -> int | None:
        """What the bound lets through of what is used up."""
        if self.cause == "places":
            return self.bound.places
        return next((most for unit, most in self.bound.per_minute if unit == self.cause), None)

    @property
    def reason(self) -> str:
        """In words for operators, about an account."""
        provider = self.bound.whose == "provider"
        whose = "its provider" if provider else "it"
        soon = "" if self.wait_s is None else f"; there is room in {self.wait_s:.1f} s"
        match self.cause:
            case "places":
                places = f"the {self.most} places of its provider" if provider else f"its {self.most} places"
                return f"busy: all of {places} are taken"
            case "requests" | "tokens":
                return f"limited: {whose} has had its {self.most} {self.cause} of this minute{soon}"
            case "gap":
                return f"limited: {whose} takes a request every {self.bound.gap_s * 1000:.0f} ms{soon}"
            case "line":
                return f"busy: others are waiting for {whose} already"


class Sent(NamedTuple):
    """A request began at `at`; the one before it at `before`, if there was one."""

    bound_id: str
    at: float
    before: float | None


class Entry:
    """A request was let in: what it took, until it has given it back."""

    __slots__ = ("_account", "_changed", "_gate", "_left", "_reservation", "_sent")

    def __init__(
        self,
        gate: "Gate",
        account: Account,
        reservation: Reservation | None,
        sent: tuple[Sent, ...],
        changed: Callable[[], None],
    ) -> None:
        self._gate = gate
        self._account = account
        self._reservation = reservation
        self._sent = sent
        self._changed = changed
        self._left = False

    @property
    def account_id(self) -> str:
        return self._account.id

    def settle(self, tokens: int) -> None:
        """It has used so many tokens of its minutes; may be said again."""
        if self._reservation is not None:
            self._reservation.reconcile(tokens)
            self._changed()

    def leave(self) -> None:
        """Its places are free again; may be called twice."""
        if self._left:
            return
        self._left = True
        for bound in self._account.bounds:
            if bound.places is not None:
                self._gate.permits.give(bound.id)
        self._changed()

    def withdraw(self) -> None:
        """Nothing was sent: all is as if it had not been let in."""
        if self._left:
            return
        if self._reservation is not None:
            self._reservation.withdraw()
        self._gate.unsend(self._sent)
        self.leave()


class Gate:
    """Of accounts with bounds only. Times are monotonic seconds. One event loop."""

    def __init__(self) -> None:
        self.permits = Permits()
        self.meters = Buckets()
        self._began: dict[str, float] = {}

    def closed(self, account: Account, tokens: int, now: float) -> Closed | None:
        """What stands in the way of a request with so many tokens, and longest; None when nothing does."""
        worst: Closed | None = None
        for bound in account.bounds:
            if bound.places is not None and self.permits.held(bound.id) >= bound.places:
                return Closed(bound=bound, cause="places")
            began = self._began.get(bound.id) if bound.gap_s else None
            if began is not None and began + bound.gap_s - now > 1e-9:
                wait = began + bound.gap_s - now
                if worst is None or wait > (worst.wait_s or 0.0):
                    worst = Closed(bound=bound, cause="gap", wait_s=wait, each_s=bound.gap_s)
            if bound.per_minute:
                short = self.meters.short(_claims(bound), tokens, now)
                if short is not None and (worst is None or short.retry_after_s > (worst.wait_s or 0.0)):
                    worst = Closed(
                        bound=bound, cause=short.limit.unit, wait_s=short.retry_after_s, each_s=short.each_s
                    )
        return worst

    def enter(
        self, account: Account, tokens: int, now: float, changed: Callable[[], None] = lambda: None
    ) -> Entry | Closed:
        """Takes a place, a request and `tokens` wherever `account` is bound, or nothing anywhere. `changed` is
        called whenever something of it is given back."""
        closed = self.closed(account, tokens, now)
        if closed is not None:
            return closed
        claims: list[Claim] = []
        sent: list[Sent] = []
        for bound in account.bounds:
            if bound.places is not None:
                self.permits.take(bound.id)
            if bound.per_minute:
                claims += _claims(bound)
            if bound.gap_s:
                sent.append(self._send(bound.id, now))
        reservation = None
        if claims:
            reserved = self.meters.reserve_all(claims, tokens, now)
            assert not isinstance(reserved, Exhausted), "nothing stood in the way"
            reservation = reserved
        return Entry(self, account, reservation, tuple(sent), changed)

    def unsend(self, sent: tuple[Sent, ...]) -> None:
        """Nothing began then after all."""
        for one in sent:
            if self._began.get(one.bound_id) == one.at:
                if one.before is None:
                    del self._began[one.bound_id]
                else:
                    self._began[one.bound_id] = one.before

    def _send(self, bound_id: str, now: float) -> Sent:
        before = self._began.get(bound_id)
        if len(self._began) >= _MAX_GAPS and before is None:
            self._began.clear()
        self._began[bound_id] = now
        return Sent(bound_id, now, before)


def _claims(bound: Bound) -> list[Claim]:
    return [(bound.id, limit) for limit in minutes(bound.per_minute)]
