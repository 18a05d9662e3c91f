"""Looking at a provider's job until it is done, and no longer than was agreed."""

from collections.abc import Callable, Generator
from typing import Final, TypeAlias, TypeVar

import msgspec

from omniroute.dialects.simple.base import Got, Send, Step, Wait
from omniroute.dialects.simple.provider_answer import refused, succeeded
from omniroute.ir.failure import Failure

_PATIENCE: Final = 3
"""A job goes on while its provider cannot be asked: so many looks in a row may fail with 429 or 5xx."""

_T = TypeVar("_T")

Looking: TypeAlias = Generator[Step, Got, _T | Failure]


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """A look every `every_s` seconds, for at most `limit_s` seconds after the job was given."""

    every_s: float
    limit_s: float

    @property
    def looks(self) -> int:
        return max(1, int(self.limit_s / self.every_s))


def until_done(
    look: Send, result: Callable[[Got], _T | Failure | None], pace: Pace, *, began_s: float, job: str
) -> Looking[_T]:
    """What `result` makes of a 2xx reply, once that is not None. `began_s` is when the job was given, on the
    conversation's own watch; `job` names it in the message of a timeout."""
    refusals = 0
    for _ in range(pace.looks):
        yield Wait(pace.every_s)
        got = yield look
        if succeeded(got):
            refusals = 0
            found = result(got)
            if found is not None:
                return found
        else:
            refusals += 1
            if refusals > _PATIENCE or not (got.status == 429 or got.status >= 500):
                return _lost(refused(got))
        if got.elapsed_s - began_s >= pace.limit_s:
            break
    return Failure(
        kind="timeout",
        status=504,
        message=f"the provider has not finished {job} within {pace.limit_s:g} s; ask again, or for less",
        code="upstream_timeout",
    )


def _lost(failure: Failure) -> Failure:
    """A job that is no longer there is the provider's fault, and no model that does not exist."""
    if failure.kind != "not_found":
        return failure
    return msgspec.structs.replace(failure, kind="server", status=502)
