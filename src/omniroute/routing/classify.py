"""What a failed attempt means: for the request, and for the account, the model or the provider that failed.

One class per failure. Structured evidence goes before text: the kind (which dialects read off statuses and types),
then codes, then words.
"""

from typing import Final, Literal, TypeAlias, assert_never

import msgspec

from omniroute.ir.failure import Failure
from omniroute.routing.wording import CREDIT_CODES, Words

ErrorClass: TypeAlias = Literal[
    "invalid_request",
    "context_overflow",
    "unsupported",
    "content_filter",
    "auth_expired",
    "auth_invalid",
    "permission",
    "account_dead",
    "credits",
    "quota_window",
    "rate_limit",
    "capacity",
    "server",
    "timeout",
    "network",
    "stream_cut",
    "empty_response",
    "bad_response",
    "not_found",
    "deprecated",
    "cancelled",
]

Reach: TypeAlias = Literal["nothing", "connection", "connection+model", "limits", "model", "capacity"]
"""What is blocked: nothing, all of a connection, one model of it, the model at its provider, or `limits`: all of a
connection where limits are counted for the whole account, the one model where each has its own. `capacity` is the
model at its provider, until another account gets through, and at this account."""

Remedy: TypeAlias = Literal["nowhere", "elsewhere", "another model"]
"""What may help the request: nothing, any other candidate, or only another model."""

RECHECK_S: Final = 6 * 3600.0
"""How long an account without credit is left alone before it is asked again."""
LONG_S: Final = 900.0
"""A limit that takes longer to end than this is a quota, which nobody waits for."""
_ABSENT_S: Final = 600.0
_ABSENT_LOCALLY_S: Final = 5.0
_RETIRED_S: Final = 24 * 3600.0
_UNSAID_QUOTA_S: Final = 3600.0

NEVER: Final = float("inf")
OWN_DEADLINE: Final = "target_timeout"
"""The code of an attempt that took longer than its share of the request's deadline."""
UNREADY: Final = "STREAM_READINESS_TIMEOUT"
"""The code of a stream that began and then said nothing in time."""
EARLY_END: Final = "STREAM_EARLY_EOF"
"""The code of a stream that ended before it said anything."""
UNSAID: Final = frozenset((UNREADY, EARLY_END))
"""A stream without content says little about the account or the provider: the next one may be fine."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """`fixed_s` is how long the block lasts, None for as long as the ladder says (or the provider, where
    `hinted`). A `terminal` one is not shortened or replaced by any other, and nobody tries whether it is over.
    A `firm` one is respected even where nothing else is left."""

    error: ErrorClass
    remedy: Remedy
    reach: Reach = "nothing"
    fixed_s: float | None = None
    hinted: bool = False
    firm: bool = False
    terminal: bool = False

    @property
    def elsewhere(self) -> bool:
        """Another candidate may well succeed."""
        return self.remedy != "nowhere"


def classify(failure: Failure, *, local: bool = False, renewable: bool = False) -> Verdict:
    """Total: every failure has a verdict. `local` is a server of the operator's own, where a missing model may be
    there in a moment; `renewable` an account whose credential expires and is renewed by itself."""
    words = Words(failure)
    match failure.kind:
        case "invalid_request":
            return _of_request(failure, words)
        case "authentication":
            if words.account_is_dead:
                return _dead()
            return _expired() if renewable else _refused()
        case "payment":
            return _credits()
        case "permission":
            return _forbidden(words)
        case "not_found":
            return _absent(words, local=local)
        case "rate_limit":
            return _limited(failure, words)
        case "timeout":
            # What a caller's own deadline left for an attempt says nothing about the account.
            reach: Reach = "nothing" if failure.code in (OWN_DEADLINE, UNREADY) else "connection+model"
            return Verdict(error="timeout", remedy="elsewhere", reach=reach)
        case "overloaded":
            return Verdict(error="capacity", remedy="elsewhere", reach="capacity", hinted=True)
        case "server":
            return Verdict(error="server", remedy="elsewhere", reach="connection+model", hinted=True)
        case "connect":
            return Verdict(error="network", remedy="elsewhere", reach="connection")
        case "cut":
            return Verdict(error="stream_cut", remedy="elsewhere")
        case "protocol":
            return Verdict(error="bad_response", remedy="elsewhere")
        case "empty":
            return Verdict(error="empty_response", remedy="elsewhere")
        case "cancelled":
            return Verdict(error="cancelled", remedy="nowhere")
        case _:
            assert_never(failure.kind)


def _of_request(failure: Failure, words: Words) -> Verdict:
    if failure.status == 498:  # Groq: no room in the flex tier
        return Verdict(error="capacity", remedy="elsewhere", reach="capacity", hinted=True)
    if failure.status == 410 or (failure.status in (400, 422) and words.model_is_retired):
        return _retired()
    if failure.status == 413 or words.prompt_is_too_long:
        return Verdict(error="context_overflow", remedy="another model")
    if failure.status == 415 or words.is_unsupported:
        return Verdict(error="unsupported", remedy="another model")
    if words.is_filtered:
        return Verdict(error="content_filter", remedy="nowhere")
    return Verdict(error="invalid_request", remedy="nowhere")


def _forbidden(words: Words) -> Verdict:
    if words.account_is_dead:
        return _dead()
    if words.of(CREDIT_CODES) or words.credits_are_gone:
        return _credits()
    if words.key_is_bad:
        return _refused()
    return Verdict(error="permission", remedy="elsewhere", reach="connection+model", fixed_s=_ABSENT_S)


def _absent(words: Words, *, local: bool) -> Verdict:
    if words.is_about_the_request:
        return Verdict(error="invalid_request", remedy="nowhere")
    if words.model_is_retired:
        return _retired()
    rest_s = _ABSENT_LOCALLY_S if local else _ABSENT_S
    return Verdict(error="not_found", remedy="elsewhere", reach="connection+model", fixed_s=rest_s)


def _limited(failure: Failure, words: Words) -> Verdict:
    hint = failure.retry_after
    if words.account_is_dead:
        return _dead()
    if words.of(CREDIT_CODES) or (hint is None and words.credits_are_gone):
        return _credits()
    if words.window_is_used_up or (hint is not None and hint > LONG_S):
        rest_s = _UNSAID_QUOTA_S if hint is None else None
        return Verdict(
            error="quota_window", remedy="elsewhere", reach="limits", fixed_s=rest_s, hinted=True, firm=True
        )
    return Verdict(error="rate_limit", remedy="elsewhere", reach="limits", hinted=True, firm=True)


def _credits() -> Verdict:
    return Verdict(
        error="credits", remedy="elsewhere", reach="connection", fixed_s=RECHECK_S, firm=True, terminal=True
    )


def _refused() -> Verdict:
    return Verdict(
        error="auth_invalid", remedy="elsewhere", reach="connection", fixed_s=NEVER, firm=True, terminal=True
    )


def _expired() -> Verdict:
    return Verdict(error="auth_expired", remedy="elsewhere", reach="connection")


def _dead() -> Verdict:
    return Verdict(
        error="account_dead", remedy="elsewhere", reach="connection", fixed_s=NEVER, firm=True, terminal=True
    )


def _retired() -> Verdict:
    return Verdict(error="deprecated", remedy="another model", reach="model", fixed_s=_RETIRED_S)
