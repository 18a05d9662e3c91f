"""Whether a provider's model is well: a sliding window of what came of requests, and a breaker that follows.

All times are monotonic seconds. The state is a value: what happened goes in, the next state comes out.
"""

from typing import Final

import msgspec

from omniroute.routing.standing import Health

_BUCKETS: Final = 10
_BUCKET_S: Final = 6.0
_MIN_SAMPLES: Final = 8
_BAD_RATIO: Final = 0.5
_IN_A_ROW: Final = 5
_ROW_S: Final = 30.0
_EJECTION_S: Final = 15.0
_EJECTION_CAP_S: Final = 300.0
_GOOD_PROBES: Final = 2
_PROVEN_S: Final = 10.0
"""A probe that is a long stream is believed after so much of it, before its end is known."""


class Bucket(msgspec.Struct, frozen=True):
    """What happened in one slice of `_BUCKET_S`; `slice` counts them since the clock's start."""

    slice: int
    good: int = 0
    bad: float = 0.0


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """`ejections` climb with each opening and fall with time spent well, `first_s` is the length of the first;
    `probing`: a probe is under way, whose answer began at `useful_since`."""

    buckets: tuple[Bucket, ...] = ()
    in_a_row: int = 0
    row_began: float = 0.0
    open_until: float | None = None
    ejections: int = 0
    good_probes: int = 0
    probing: bool = False
    useful_since: float | None = None
    first_s: float = _EJECTION_S
    last_closed: float = 0.0


WELL: Final = Condition()


def health(condition: Condition, now: float) -> Health:
    """`open`: leave it alone; `half-open`: one request may see whether it is over."""
    if condition.open_until is None:
        return "closed"
    if now < condition.open_until:
        return "open"
    if not condition.probing:
        return "half-open"
    proven = condition.useful_since is not None and now - condition.useful_since >= _PROVEN_S
    return "half-open" if proven else "open"


def calm(condition: Condition) -> bool:
    """Nothing to count off: a success changes nothing but a number."""
    return condition.open_until is None and not condition.in_a_row and not condition.ejections


def begun(condition: Condition, now: float) -> Condition:
    """A request goes there. In half-open state it is the probe, and there is one at a time."""
    if health(condition, now) != "half-open":
        return condition
    return msgspec.structs.replace(condition, probing=True, useful_since=None)


def answering(condition: Condition, now: float) -> Condition:
    """The first event of an answer was good; whether it comes to its end is not known yet."""
    if not condition.probing or condition.useful_since is not None:
        return condition
    return msgspec.structs.replace(condition, useful_since=now)


def gone_well(condition: Condition, now: float, *, times: int = 1) -> Condition:
    """A request ended well, or several did lately. Two probes in a row close the breaker."""
    counted = _counted(condition, now, good=times)
    if condition.open_until is None:
        return msgspec.structs.replace(counted, in_a_row=0, ejections=_calmed(condition, now))
    probes = condition.good_probes + 1
    if probes >= _GOOD_PROBES:
        return Condition(ejections=condition.ejections, first_s=condition.first_s, last_closed=now)
    return msgspec.structs.replace(counted, good_probes=probes, probing=False, useful_since=None)


def gone_badly(
    condition: Condition,
    now: float,
    *,
    share: float = 1.0,
    jitter: float = 0.0,
    in_a_row: int = _IN_A_ROW,
    first_s: float = _EJECTION_S,
) -> Condition:
    """A request failed in a way that says something about the provider. `share` is how much it counts (a slow
    start half); `jitter`, 0 to 1, spreads the end of the ejection over 20 %. `in_a_row` failures open the breaker,
    for `first_s` the first time."""
    if condition.open_until is not None:
        if now < condition.open_until and not condition.probing:
            return condition  # sent before it opened: an outage is not longer for being noticed twice
        return _opened(condition, now, jitter, first_s)
    counted = _counted(condition, now, bad=share)
    fresh = condition.in_a_row == 0 or now - condition.row_began > _ROW_S
    row = msgspec.structs.replace(
        counted, in_a_row=1 if fresh else condition.in_a_row + 1, row_began=now if fresh else condition.row_began
    )
    good = sum(bucket.good for bucket in row.buckets)
    bad = sum(bucket.bad for bucket in row.buckets)
    samples = good + bad
    enough = max(_MIN_SAMPLES, in_a_row)
    if row.in_a_row >= in_a_row or (samples >= enough and bad / samples >= _BAD_RATIO):
        return _opened(row, now, jitter, first_s)
    return row


def withdrawn(condition: Condition) -> Condition:
    """A request ended without telling anything (the client left): a probe was none."""
    if not condition.probing:
        return condition
    return msgspec.structs.replace(condition, probing=False, useful_since=None)


def _opened(condition: Condition, now: float, jitter: float, first_s: float) -> Condition:
    ejections = _calmed(condition, now) + 1
    length = _length_s(first_s, ejections) * (1 + 0.2 * jitter)
    return Condition(
        open_until=now + length, ejections=ejections, first_s=first_s, last_closed=condition.last_closed
    )


def _length_s(first_s: float, ejections: int) -> float:
    return min(max(_EJECTION_CAP_S, first_s), first_s * 2.0 ** min(ejections - 1, 20))


def _calmed(condition: Condition, now: float) -> int:
    """One ejection is forgiven for each of its lengths spent well."""
    if condition.ejections == 0 or condition.open_until is not None:
        return condition.ejections
    length = _length_s(condition.first_s, condition.ejections)
    return max(0, condition.ejections - int((now - condition.last_closed) / length))


def _counted(condition: Condition, now: float, *, good: int = 0, bad: float = 0.0) -> Condition:
    current = int(now / _BUCKET_S)
    kept = tuple(bucket for bucket in condition.buckets if bucket.slice > current - _BUCKETS)
    if kept and kept[-1].slice == current:
        last = kept[-1]
        kept = (*kept[:-1], Bucket(current, last.good + good, last.bad + bad))
    else:
        kept = (*kept, Bucket(current, good, bad))
    return msgspec.structs.replace(condition, buckets=kept)
