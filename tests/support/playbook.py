"""The engine's course as a play of two: `>>` is what the engine must do next, `<<` is what comes of it.

    (
        playbook("a", "b", now=100)
        >> tries("a") << fails("rate_limit", retry_after=3)
        >> tries("b") << answers()
        >> ends_well()
    )

Each step is checked as it is written. A playbook that is dropped before the engine has ended fails its test.
Candidates are written `provider/model@account`; `a` alone is the account `a` of `p/m`, and `q/n` has one account,
`q`.
"""

from collections.abc import Callable
from typing import TypeAlias

from omniroute.ir.failure import Failure
from omniroute.ir.target import Target
from omniroute.routing.actions import Rules
from omniroute.routing.blocks import Blocks
from omniroute.routing.bounds import Bound
from omniroute.routing.candidate import Account, Candidate
from omniroute.routing.engine import Attempt, Done, Full, GiveUp, Pause, Route, Step, Succeeded

Expected: TypeAlias = Callable[[Step], str | None]
"""Says what is wrong with a step; None when it is the one."""
Event: TypeAlias = Callable[["Playbook"], Step]


def who(name: str, *, places: int | None = None) -> Candidate:
    target, _, account = name.rpartition("@") if "@" in name else (name, "", "")
    provider, _, model = (target if "/" in target else "p/m").partition("/")
    account = account or (target.partition("/")[0] if "/" in target else name)
    return Candidate(
        target=Target(provider=provider, model=model, dialect="openai_chat"),
        account=Account(
            id=account, provider=provider, bounds=() if places is None else (Bound(id=account, places=places),)
        ),
    )


def failure(kind: str = "server", status: int = 500, **more: object) -> Failure:
    return Failure(**{"kind": kind, "status": status, "message": f"{kind} happened", **more})  # type: ignore[arg-type]  # by name


class Playbook:
    def __init__(self, route: Route, now: float) -> None:
        self.route = route
        self.now = now
        self.played: list[str] = []
        self._step = route.start(now)
        self._seen = False
        self._over = False

    def __rshift__(self, expected: Expected) -> "Playbook":
        wrong = expected(self._step)
        if wrong is not None:
            self._over = True
            raise AssertionError(f"after {', '.join(self.played) or 'the start'}: {wrong}; it is {self._step}")
        self._seen = True
        self._over = isinstance(self._step, (Done, GiveUp))
        self.played.append(getattr(expected, "__name__", str(expected)))
        return self

    def __lshift__(self, event: Event) -> "Playbook":
        if not self._seen:
            self._over = True
            raise AssertionError(f"nobody said what the engine does after {', '.join(self.played)}")
        self.played.append(event.__name__)
        self._seen = False
        self._step = event(self)
        return self

    def __del__(self) -> None:
        if not self._over:
            raise AssertionError(
                f"the playbook stops in the middle, after {', '.join(self.played) or 'the start'}"
            )


def playbook(
    *candidates: str | Candidate,
    now: float = 0.0,
    blocks: Blocks | None = None,
    on: Rules | None = None,
    max_attempts: int = 6,
) -> Playbook:
    cast = [one if isinstance(one, Candidate) else who(one) for one in candidates]
    return Playbook(Route(cast, blocks or {}, max_attempts=max_attempts, on=on), now)


def tries(name: str) -> Expected:
    def expected(step: Step) -> str | None:
        good = isinstance(step, Attempt) and step.candidate.account.id == who(name).account.id
        return None if good and step.candidate.target == who(name).target else f"it was to try {name!r}"  # type: ignore[union-attr]  # an attempt where good

    return expected


def pauses(seconds: float, name: str) -> Expected:
    def expected(step: Step) -> str | None:
        good = isinstance(step, Pause) and (step.seconds, step.candidate) == (seconds, who(name))
        return None if good else f"it was to wait {seconds} s for {name!r}"

    return expected


def waits_for_a_place(*names: str) -> Expected:
    def expected(step: Step) -> str | None:
        good = isinstance(step, Full) and [one.account.id for one in step.candidates] == list(names)
        return None if good else f"it was to wait for a place at {names}"

    return expected


def ends_well() -> Expected:
    return lambda step: None if step == Done() else "it was to end well"


def gives_up(kind: str, **more: object) -> Expected:
    """Tells the caller a failure of this kind, with these fields."""

    def expected(step: Step) -> str | None:
        if not isinstance(step, GiveUp):
            return f"it was to give up with {kind!r}"
        told = {name: getattr(step.failure, name) for name in ("kind", *more)}
        return None if told == {"kind": kind, **more} else f"it was to tell {kind!r} with {more}"

    return expected


def fails(kind: str = "server", status: int = 500, *, after_s: float = 1.0, **more: object) -> Event:
    def event(play: Playbook) -> Step:
        play.now += after_s
        return play.route.report(failure(kind, status, **more), play.now)

    return event


def answers() -> Event:
    return lambda play: play.route.report(Succeeded(), play.now)


def is_full() -> Event:
    return lambda play: play.route.defer("busy")


def things_change(*, after_s: float = 1.0) -> Event:
    """For those that wait: they are looked at again."""

    def event(play: Playbook) -> Step:
        play.now += after_s
        return play.route.reconsider(play.now)

    return event


def a_place_is_free_at(name: str, *, after_s: float = 1.0) -> Event:
    def event(play: Playbook) -> Step:
        play.now += after_s
        return play.route.resume(name, play.now)

    return event


def the_pause_is_over() -> Event:
    def event(play: Playbook) -> Step:
        return play.route.resumed(play.now)

    return event
