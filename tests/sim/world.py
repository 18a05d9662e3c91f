"""A world in virtual time: providers with scripted outages, users who ask and think, and a record of it all.

Between them stands the real pipeline (choice, engine, health, rests, retry budgets), on a clock that leaps.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Literal

import msgspec

from omniroute.routing.combo import Combo, ComboConfig, ModelStep, StrategyName
from omniroute.upstream.scripted import Answer, ScriptedReply
from omniroute.upstream.transport import UpstreamRequest
from tests.support.virtual_time import virtually
from tests.unit.pipeline.stage import CHAT, Clock, Exchange, Stage

ANSWER = msgspec.json.encode(CHAT)
JSON = {"content-type": "application/json"}

Mood = Literal["well", "errors", "slow", "quota"]


class Spell(msgspec.Struct, frozen=True, kw_only=True):
    """From `start` to `end` (seconds after the beginning) `provider` is in this mood."""

    provider: str
    mood: Mood
    start: float
    end: float


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One request, as its user saw it. `attempts` says how many it took, `by` who answered."""

    at: float
    took_s: float
    status: int
    by: str
    attempts: int


class LoopClock(Clock):
    """The clock of the loop that runs."""

    def __init__(self) -> None:
        self.began = 0.0

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    monotonic = now


class Providers:
    """A transport. `usual_s` is how long each provider usually takes."""

    def __init__(self, usual_s: dict[str, float], spells: tuple[Spell, ...], chance: random.Random) -> None:
        self.usual_s = usual_s
        self.spells = spells
        self.began = 0.0
        self.asked: list[tuple[float, str]] = []
        """When which provider was asked."""
        self._chance = chance

    async def open(self, request: UpstreamRequest) -> ScriptedReply:
        provider = request.url.partition("://")[2].partition(".")[0]
        at = asyncio.get_running_loop().time() - self.began
        self.asked.append((at, provider))
        usual = self.usual_s[provider] * self._chance.lognormvariate(0.0, 0.25)
        match self.mood(provider, at):
            case "errors":
                await asyncio.sleep(0.05)
                return _reply(500, b'{"error":{"message":"down"}}')
            case "quota":
                await asyncio.sleep(0.05)
                return _reply(429, b'{"error":{"message":"slow down"}}', {"retry-after": "20"})
            case "slow":
                await asyncio.sleep(usual * 15)
            case "well":
                await asyncio.sleep(usual)
        return _reply(200, ANSWER)

    def mood(self, provider: str, at: float) -> Mood:
        for spell in self.spells:
            if spell.provider == provider and spell.start <= at < spell.end:
                return spell.mood
        return "well"

    async def aclose(self) -> None:
        """Nothing is held."""


class Record:
    """What came of it, asked for by stretches of time."""

    def __init__(self, asked: list[Asked], calls: list[tuple[float, str]]) -> None:
        self.asked = asked
        self.calls = calls

    def between(self, start: float, end: float) -> "Record":
        return Record(
            [one for one in self.asked if start <= one.at < end],
            [one for one in self.calls if start <= one[0] < end],
        )

    @property
    def failed_share(self) -> float:
        return sum(one.status != 200 for one in self.asked) / len(self.asked)

    @property
    def wasted_share(self) -> float:
        """Attempts that answered nobody, for each request."""
        return (len(self.calls) - sum(one.status == 200 for one in self.asked)) / len(self.asked)

    def p99_s(self) -> float:
        return sorted(one.took_s for one in self.asked)[len(self.asked) * 99 // 100]

    def share_of(self, provider: str) -> float:
        return sum(one.by == provider for one in self.asked) / len(self.asked)

    def first(self, after: float, width_s: float, when: Callable[["Record"], bool]) -> float:
        """How many seconds after `after` the first stretch of `width_s` begins of which `when` is true."""
        start = after
        while not when(self.between(start, start + width_s)):
            start += 1.0
            assert start < after + 600, "it never came to that"
        return start - after


def lived(
    *spells: Spell,
    strategy: StrategyName = "priority",
    users: int = 2_000,
    think_s: float = 60.0,
    until_s: float,
    usual_s: dict[str, float] | None = None,
    config: ComboConfig | None = None,
    seed: int = 7,
) -> Record:
    """What happens to `users`, each of whom asks, thinks for about `think_s`, and asks again."""
    usual = usual_s or {"one": 0.8, "two": 1.2, "three": 1.5}
    chance = random.Random(seed)
    providers = Providers(usual, spells, chance)
    steps = tuple(ModelStep(id=name, model=f"{name}/m") for name in usual)
    combo = Combo(id="all", name="all", strategy=strategy, steps=steps, config=config or ComboConfig())
    clock = LoopClock()
    on = Stage(providers, dict.fromkeys(usual, 2), dict.fromkeys(usual, "openai_chat"), (combo,), clock=clock)  # type: ignore[arg-type]  # another transport
    on.choose._seeds = lambda: chance.getrandbits(64)
    asked: list[Asked] = []

    async def user() -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(chance.expovariate(1 / think_s))
            start = loop.time()
            if start - providers.began > until_s:
                return
            exchange = Exchange({"model": "all", "messages": [{"role": "user", "content": "hi"}]})
            exchange.started = start
            await on.ask(exchange)
            headers = exchange.reply_headers
            asked.append(
                Asked(
                    at=start - providers.began,
                    took_s=loop.time() - start,
                    status=exchange.status,
                    by=headers.get(b"x-omniroute-provider", b"").decode() if exchange.status == 200 else "",
                    attempts=int(headers.get(b"x-omniroute-attempts", b"1")),
                )
            )

    async def main() -> None:
        providers.began = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as people:
            for _ in range(users):
                people.create_task(user())

    virtually(main())
    assert on.counters.active == 0
    return Record(asked, providers.asked)


def _reply(status: int, body: bytes, headers: dict[str, str] | None = None) -> ScriptedReply:
    return ScriptedReply(Answer(status=status, headers=JSON | (headers or {}), chunks=(body,)))
