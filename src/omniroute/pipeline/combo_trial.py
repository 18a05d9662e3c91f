"""Trying a combo out: every step is really asked, on its own and all at once, by the way that requests take."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from omniroute.access.grant import Grant
from omniroute.clock import Clock, Ids
from omniroute.dialects.base import Dialect
from omniroute.ir.failure import Failure
from omniroute.ir.target import Target
from omniroute.pipeline.choose import Choose, Chosen
from omniroute.pipeline.inner import InnerExchange, within
from omniroute.pipeline.summary import said
from omniroute.pipeline.trace import Traces
from omniroute.routing.classify import ErrorClass, classify
from omniroute.snapshot.live import Live

KEY_ID: Final = "combo-test"
"""The key id of such requests in the log and in the ledger, so that they are told from users' traffic."""
LIMIT_S: Final = 20.0
_AT_ONCE: Final = 10
_MAX_TOKENS: Final = 16
_SHOWN: Final = 200

Ask = Callable[[InnerExchange, Dialect, Grant, Chosen | None], Awaitable[None]]


class StepTrial(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one step. `error` is None for a good answer, of which `text` is the beginning; `request_id`
    leads to the trace and the log. A step that could not be asked has no target, or no account."""

    key: str
    target: Target | None = None
    connection_id: str | None = None
    status: int | None = None
    error: ErrorClass | None = None
    message: str | None = None
    latency_s: float = 0.0
    text: str | None = None
    request_id: str | None = None

    @property
    def good(self) -> bool:
        return self.status == 200


class ComboTrial:
    """A step is asked with every account that it may use until one answers, also those that rest: whoever tries
    wants to know. Each uses the credentials of its own provider, as any request does."""

    def __init__(
        self,
        live: Live,
        choose: Choose,
        ask: Ask,
        traces: Traces,
        dialect: Dialect,
        *,
        clock: Clock,
        ids: Ids,
        limit_s: float = LIMIT_S,
    ) -> None:
        self._live = live
        self._choose = choose
        self._ask = ask
        self._traces = traces
        self._dialect = dialect
        self._clock = clock
        self._ids = ids
        self._limit_s = limit_s
        self._too_long = Failure(
            kind="timeout", status=504, message=f"no answer within {limit_s:g} s", code="combo_test_timeout"
        )

    async def __call__(self, combo: str) -> tuple[StepTrial, ...]:
        """In configured order; `combo` is the name of one that exists."""
        snapshot = self._live.current
        steps, unusable = self._choose.steps(snapshot, snapshot.combos[combo])
        places = asyncio.Semaphore(_AT_ONCE)

        async def one(key: str, chosen: Chosen) -> StepTrial:
            async with places:
                return await self._try(combo, key, chosen)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(key, chosen), name=f"test {key}") for key, chosen in steps]
        asked = tuple(task.result() for task in tasks)
        return (*asked, *(StepTrial(key=key, message=reason) for key, reason in unusable))

    async def _try(self, combo: str, key: str, chosen: Chosen) -> StepTrial:
        target = next(iter(chosen.candidates)).target
        body = {
            "model": f"{target.provider}/{target.model}",
            "messages": [{"role": "user", "content": "Reply with the word OK."}],
            "max_tokens": _MAX_TOKENS,
            "stream": False,
        }
        began = self._clock.monotonic()
        exchange = InnerExchange(
            msgspec.json.encode(body),
            request_id=self._ids.request_id(),
            purpose=f"test of the combo {combo}",
            started=began,
        )
        grant = Grant(key_id=KEY_ID, name="combo test", cache="none")
        await within(self._limit_s, self._too_long, exchange, self._ask(exchange, self._dialect, grant, chosen))
        trace = self._traces.find(exchange.request_id)
        failure = None if trace is None else trace.failure
        winner = None if trace is None else trace.winner
        last = winner or (trace.tried[-1].candidate if trace is not None and trace.tried else None)
        text = said(exchange.received) if failure is None and exchange.status == 200 else None
        return StepTrial(
            key=key,
            target=target,
            connection_id=None if last is None else last.account.id,
            status=exchange.status if failure is None else failure.status,
            error=None if failure is None else classify(failure).error,
            message=None if failure is None else failure.message,
            latency_s=self._clock.monotonic() - began,
            text=None if text is None else text[:_SHOWN],
            request_id=exchange.request_id,
        )
