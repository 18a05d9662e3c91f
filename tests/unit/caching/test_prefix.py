"""Which request of a conversation broke the prompt cache, where, and why."""

from hypothesis import given
from hypothesis import strategies as st

from omniroute.caching.prefix import Asked, Break, breaks
from omniroute.ir.parts import CacheMark, Text
from omniroute.ir.request import GenerateRequest, Tool, Turn

TEXT = "a long instruction that is the same in every request, word by word, and therefore worth to be cached"


def turn(role: str, text: str, *, cache: bool = False) -> Turn:
    mark = CacheMark() if cache else None
    return Turn(role=role, parts=(Text(text=text, cache=mark),))  # type: ignore[arg-type]  # any role


def asked(request_id: str, *turns: Turn, tools: tuple[str, ...] = ()) -> Asked:
    offered = tuple(Tool(name=name, description=f"does {name}") for name in tools)
    return Asked(request_id, GenerateRequest(model="m", turns=turns, tools=offered))


def found(*conversation: Asked) -> list[tuple[str, str, str]]:
    return [(one.request_id, one.path, one.cause) for one in breaks(conversation)]


SYSTEM, HELLO, ANSWER, MORE = (
    turn("system", TEXT),
    turn("user", "hi"),
    turn("assistant", "yes"),
    turn("user", "and?"),
)


def test_a_conversation_that_goes_on_breaks_nothing() -> None:
    assert found(asked("1", SYSTEM, HELLO), asked("2", SYSTEM, HELLO, ANSWER, MORE)) == []


def test_a_cache_mark_that_moves_on_breaks_nothing() -> None:
    marked = turn("user", "hi", cache=True)
    assert (
        found(asked("1", SYSTEM, marked), asked("2", SYSTEM, HELLO, ANSWER, turn("user", "x", cache=True))) == []
    )


def test_a_time_in_the_instructions_is_called_by_its_name() -> None:
    first, second = turn("system", f"It is 10:41. {TEXT}"), turn("system", f"It is 10:42. {TEXT}")
    (one,) = breaks([asked("1", first, HELLO), asked("2", second, HELLO, ANSWER, MORE)])
    assert (one.request_id, one.path, one.cause) == ("2", "turns[0].parts[0].text", "volatile")
    assert one.before.startswith("It is 10:41.")
    assert one.after.startswith("It is 10:42.")


def test_what_was_the_same_behind_the_change_is_counted() -> None:
    (one,) = breaks([asked("1", turn("user", "a"), SYSTEM), asked("2", turn("user", "b"), SYSTEM)])
    assert one.path == "turns[0].parts[0].text"
    (one,) = breaks(
        [asked("1", turn("system", "a"), turn("user", TEXT)), asked("2", turn("system", "b"), turn("user", TEXT))]
    )
    assert one.lost_tokens >= len(TEXT) // 4


def test_tools_come_before_instructions() -> None:
    assert found(asked("1", SYSTEM, tools=("a", "b")), asked("2", SYSTEM, tools=("b", "a")))[0][2] == "reordered"
    assert found(asked("1", SYSTEM, tools=("a",)), asked("2", SYSTEM, tools=("b", "a")))[0][2] == "inserted"
    assert found(asked("1", SYSTEM, tools=("a", "b")), asked("2", SYSTEM, tools=("b",)))[0][2] == "removed"


def test_a_shortened_history_is_removed_turns() -> None:
    assert found(asked("1", SYSTEM, HELLO, ANSWER), asked("2", SYSTEM, HELLO)) == [
        ("2", "turns[2].role", "removed")
    ]


TURNS = st.lists(
    st.builds(turn, st.sampled_from(("system", "user", "assistant")), st.text(max_size=20)), max_size=6
)


@given(st.lists(TURNS, max_size=5))
def test_a_request_breaks_exactly_when_it_does_not_begin_with_the_one_before(pieces: list[list[Turn]]) -> None:
    """A conversation that only grows at its end, by what no instruction comes after, never breaks."""
    grown: list[Asked] = []
    turns: list[Turn] = []
    for number, piece in enumerate(pieces):
        turns = [*turns, *(one for one in piece if one.role != "system")]
        grown.append(asked(str(number), SYSTEM, *turns))
    assert list(breaks(grown)) == []


def test_a_break_is_a_whole_value() -> None:
    (one,) = breaks([asked("1", turn("user", "a")), asked("2", turn("user", "b"))])
    assert one == Break(
        request_id="2", path="turns[0].parts[0].text", cause="changed", before="a", after="b", lost_tokens=0
    )
