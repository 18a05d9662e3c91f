"""What a combo does for a request beside choosing: its instructions, its tools, how a conversation stays or moves.

Only combos that ask for any of it come here; all others cost one look at `Combo.conducts`.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, Protocol

import msgspec

from omniroute.access.grant import Grant
from omniroute.clock import Clock, Ids
from omniroute.dialects.base import Dialect
from omniroute.dialects.reading import written_in
from omniroute.errors import InvalidRequest
from omniroute.ir.failure import Failure
from omniroute.ir.target import Target
from omniroute.pipeline.call import Call
from omniroute.pipeline.choose import Chosen
from omniroute.pipeline.inner import InnerExchange, within
from omniroute.pipeline.revision import Conducted, Revision, revised
from omniroute.pipeline.summary import preface, question
from omniroute.routing.candidate import Candidate
from omniroute.routing.combo import Agent, Combo
from omniroute.routing.handoff import LONGEST_S, Cause, Handoff, due, lands_elsewhere, relayed
from omniroute.routing.linear_regex import BadPattern, LinearRegex, compiled
from omniroute.telemetry.log import Log
from omniroute.traffic.conversations import Conversations
from omniroute.traffic.learned import Learned, LearnedLimit

MODEL: Final = b"x-omniroute-model"
_SUMMARY_S: Final = 60.0
_TOO_LONG: Final = Failure(
    kind="timeout", status=504, message=f"no summary within {_SUMMARY_S:.0f} s", code="summary_timeout"
)
_OVER_SOON_S: Final = 60.0
"""A limit that is reset within this time needs no hand-over: it will be over before the summary is of use."""
_MAX_FILTERS: Final = 1_000
_LONGEST_NAME: Final = 256
_CALLERS_FAULT: Final = ("invalid_request", "cancelled")


class Ask(Protocol):
    """Asks the gateway itself, on behalf of a key."""

    async def __call__(self, exchange: InnerExchange, dialect: Dialect, grant: Grant) -> None: ...


class Conduct:
    """Summaries are written in the background, with the key, and at the cost, of the conversation's client."""

    def __init__(
        self,
        conversations: Conversations,
        learned: Learned,
        dialects: Mapping[str, Dialect],
        *,
        clock: Clock,
        ids: Ids,
        log: Log,
    ) -> None:
        self._conversations = conversations
        self._learned = learned
        self._dialects = dialects
        self._clock = clock
        self._ids = ids
        self._log = log
        self._filters: dict[str, Callable[[str], bool]] = {}
        self._writing: dict[str, asyncio.Task[None]] = {}

    def begin(self, call: Call, chosen: Chosen, prompt: str | None = None) -> Chosen:
        """What is to be tried, in the light of what is known about the conversation; `call.conducted` says what is
        changed in the request. `prompt` is the operator's for all requests, which stays in front of it."""
        combo = chosen.combo
        assert combo is not None
        agent = combo.config.agent
        key = handoff = None
        if combo.strategy == "context-relay" or (agent is not None and agent.keeps_target):
            key = _key(call, combo)
        now = self._clock.monotonic()
        if key is not None and combo.strategy == "context-relay":
            handoff = self._conversations.handoff(key, now)
        usual = self._revision(call, agent, prompt, None)
        told = usual
        if handoff is not None and not handoff.delivered:
            told = self._revision(call, agent, prompt, handoff.summary)
        call.conducted = Conducted(conversation=key, usual=usual, relayed=told, handoff=handoff)
        if handoff is not None:
            return _handed_over(chosen, handoff)
        leaf = None if key is None else self._conversations.leaf(key, now)
        return chosen if leaf is None else _kept(chosen, leaf)

    def answered(self, call: Call) -> None:
        """An answer began: the conversation is with its target now."""
        conducted, chosen, candidate = call.conducted, call.chosen, call.candidate
        assert conducted is not None
        assert chosen is not None
        assert chosen.combo is not None
        assert candidate is not None
        key = conducted.conversation
        agent = chosen.combo.config.agent
        if key is not None and agent is not None and agent.keeps_target:
            leaf = next(leaf for leaf, one in chosen.placed() if one is candidate)
            self._conversations.keep(key, leaf, self._clock.monotonic())
            name = f"{candidate.target.provider}/{candidate.target.model}"
            call.remarks = (*call.remarks, (MODEL, name.encode("latin-1", "replace")))
        if key is not None and conducted.handoff is not None and lands_elsewhere(candidate, conducted.handoff):
            self._conversations.delivered(key)

    def failed(self, call: Call, failure: Failure) -> None:
        """Nobody answered: unless the request itself is to blame, the conversation is free to go elsewhere."""
        conducted = call.conducted
        if conducted is not None and conducted.conversation is not None and failure.kind not in _CALLERS_FAULT:
            self._conversations.release(conducted.conversation)

    def ended(self, call: Call, ask: Ask) -> None:
        """The answer was delivered. When its account or window runs out, a summary is asked for."""
        conducted, chosen, candidate = call.conducted, call.chosen, call.candidate
        assert conducted is not None
        assert chosen is not None
        assert chosen.combo is not None
        assert candidate is not None
        key, before = conducted.conversation, conducted.handoff
        if key is None or key in self._writing or call.failure is not None:
            return
        if chosen.combo.strategy != "context-relay" or (
            before is not None and not lands_elsewhere(candidate, before)
        ):
            return
        rule = chosen.combo.config.handoff
        target = candidate.target
        if rule.providers and target.provider not in rule.providers:
            return
        now = self._clock.monotonic()
        limits = [one for one in self._learned.limits(candidate.account.id, now) if _matters(one, now)]
        found = due(
            quota_left=min((one.left(now) / one.limit for one in limits), default=None),
            window_used=_window_used(call, target),
            threshold=rule.threshold,
        )
        if found is None:
            return
        cause, used = found
        until = now + LONGEST_S
        if cause == "quota":
            until = min(
                until, max(one.reset_at for one in limits if 1 - one.left(now) / one.limit >= rule.threshold)
            )
        handoff = Handoff(
            cause=cause, target=target, account_id=candidate.account.id, used=used, summary="", until=until
        )
        task = asyncio.get_running_loop().create_task(
            self._hand_over(key, call, handoff, chosen.combo, ask), name=f"hand over {call.exchange.request_id}"
        )
        self._writing[key] = task
        task.add_done_callback(lambda _: self._writing.pop(key, None))

    async def quiet(self) -> None:
        """Returns when no summary is being written."""
        await asyncio.gather(*self._writing.values())

    async def aclose(self) -> None:
        """Ends the summaries that are being written."""
        tasks = list(self._writing.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _hand_over(self, key: str, call: Call, handoff: Handoff, combo: Combo, ask: Ask) -> None:
        rule = combo.config.handoff
        model = rule.model or f"{handoff.target.provider}/{handoff.target.model}"
        try:
            if call.request is None:
                written = self._dialects[written_in(call.dialect.name, call.envelope.fields)]
                call.request = written.decode_request(call.envelope.decoded())
        except InvalidRequest:
            return  # the provider made something of it, and we cannot
        exchange = InnerExchange(
            question(model, call.request, rule.max_messages),
            request_id=self._ids.request_id(),
            purpose=f"summary for {call.exchange.request_id}",
            started=self._clock.monotonic(),
        )
        # Who is allowed the combo is allowed what the operator has put into it.
        grant = msgspec.structs.replace(call.grant, models=())
        await within(_SUMMARY_S, _TOO_LONG, exchange, ask(exchange, self._dialects["openai_chat"], grant))
        summary = preface(exchange.received) if exchange.status == 200 else None
        if summary is None:
            self._log.warning("no summary", combo=combo.name, model=model, status=exchange.status)
            return
        self._conversations.hand_over(key, msgspec.structs.replace(handoff, summary=summary))
        self._log.info("hand-over", combo=combo.name, cause=handoff.cause, used=f"{handoff.used:.0%}", model=model)

    def _revision(
        self, call: Call, agent: Agent | None, prompt: str | None, summary: str | None
    ) -> Revision | None:
        if agent is None and summary is None:
            return None
        system = None if agent is None else agent.system_message
        if system is not None and prompt is not None:
            system = f"{prompt}\n\n{system}"
        fields = call.envelope.fields
        pattern = None if agent is None else agent.tool_filter
        return revised(
            written_in(call.dialect.name, fields),
            fields,
            system=system,
            wanted=None if pattern is None else self._filter(pattern),
            untagged=agent is not None and agent.keeps_target,
            preface=summary,
        )

    def _filter(self, pattern: str) -> Callable[[str], bool]:
        found = self._filters.get(pattern)
        if found is None:
            if len(self._filters) >= _MAX_FILTERS:
                self._filters.clear()
            try:
                found = _matching(compiled(pattern))
            except BadPattern:
                found = _any_tool  # was refused when it was saved, and now came with an import
            self._filters[pattern] = found
        return found


def _matching(pattern: LinearRegex) -> Callable[[str], bool]:
    def wanted(name: str) -> bool:
        return len(name) <= _LONGEST_NAME and pattern.found_in(name)

    return wanted


def _any_tool(name: str) -> bool:
    return True


def _key(call: Call, combo: Combo) -> str | None:
    name = call.conversation()
    return None if name is None else f"{call.grant.key_id}\n{combo.name}\n{name}"


def _handed_over(chosen: Chosen, handoff: Handoff) -> Chosen:
    placed = _every(chosen)
    places = relayed([candidate for _, candidate in placed], handoff)
    left = handoff.account_id if handoff.cause == "quota" else f"{handoff.target.provider}/{handoff.target.model}"
    share = f"{handoff.used:.0%} of its {_OF[handoff.cause]} was used"
    return _among(
        chosen,
        [placed[place] for place in places],
        f"the conversation is handed over: it leaves {left}, where {share}",
    )


_OF: Final[Mapping[Cause, str]] = {"quota": "limit", "context": "window"}


def _kept(chosen: Chosen, leaf: str) -> Chosen:
    """The accounts of this leaf alone, as long as they are among those that can serve the request."""
    placed = [pair for pair in _every(chosen) if pair[0] == leaf]
    if not placed:
        return chosen
    return _among(chosen, placed, "the conversation keeps to the target that answered it before")


def _every(chosen: Chosen) -> list[tuple[str, Candidate]]:
    """All candidates in the order in which they would be tried, with the keys of their leaves."""
    for _ in chosen.candidates:
        pass  # so that the accounts of every target are in their order
    return list(chosen.placed())


def _among(chosen: Chosen, placed: list[tuple[str, Candidate]], why: str) -> Chosen:
    return msgspec.structs.replace(
        chosen,
        candidates=tuple(candidate for _, candidate in placed),
        keys=tuple(key for key, _ in placed),
        conduct=why,
    )


def _matters(limit: LearnedLimit, now: float) -> bool:
    return limit.limit > 0 and limit.reset_at - now > _OVER_SOON_S


def _window_used(call: Call, target: Target) -> float | None:
    window = target.facts.context_tokens
    if not window or call.usage is None:
        return None
    return (call.usage.input_total + call.usage.output) / window
