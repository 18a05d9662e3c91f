"""Targets in order, and accounts in order once somebody comes to their target."""

from omniroute.ir.target import Target
from omniroute.routing.candidate import Account, Candidate
from omniroute.routing.lineup import Lineup
from omniroute.routing.selection.draw import Draw


def accounts(provider: str, count: int) -> tuple[Candidate, ...]:
    target = Target(provider=provider, model="m", dialect="openai_chat")
    return tuple(
        Candidate(target=target, account=Account(id=f"{provider}-{number}", provider=provider))
        for number in range(count)
    )


A, B, C = ("a", accounts("a", 2)), ("b", accounts("b", 1)), ("c", accounts("c", 2))


class Drawn:
    """Binds the conversation to the last account, and remembers who was asked about."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.draws: dict[str, Draw] = {}
        self.lineup = Lineup([A, B, C], self, self.draws, count=3)

    def __call__(self, key: str, those: tuple[Candidate, ...]) -> Draw:
        self.keys.append(key)
        return Draw(strategy="fill-first", bound=those[-1].account.id)


def ids(those: object) -> list[str]:
    return [one.account.id for one in those]  # type: ignore[attr-defined]  # candidates


def test_accounts_are_put_in_order_when_somebody_comes_to_their_target() -> None:
    drawn = Drawn()
    assert drawn.keys == []
    assert ids(drawn.lineup.at(0)) == ["a-1", "a-0"]
    assert drawn.keys == ["a"]
    assert ids(drawn.lineup) == ["a-1", "a-0", "b-0", "c-1", "c-0"]
    assert drawn.keys == ["a", "c"], "a single account needs no order"


def test_an_order_once_made_stays() -> None:
    drawn = Drawn()
    first = drawn.lineup.at(2)
    assert drawn.lineup.at(2) is first
    assert ids(drawn.lineup) == ids(drawn.lineup)
    assert sorted(drawn.draws) == ["a", "c"]


def test_to_look_at_all_comes_to_nobody() -> None:
    drawn = Drawn()
    drawn.lineup.at(0)
    placed = [(key, one.account.id) for key, one in drawn.lineup.placed()]
    assert placed == [("a", "a-1"), ("a", "a-0"), ("b", "b-0"), ("c", "c-0"), ("c", "c-1")]
    assert drawn.keys == ["a"]
