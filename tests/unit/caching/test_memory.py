"""The near tier keeps what was used last, up to a number and a size."""

from hypothesis import given
from hypothesis import strategies as st

from omniroute.caching.memory import Memory

KEYS = st.sampled_from([b"a", b"b", b"c", b"d", b"e"])
USES = st.lists(st.tuples(st.sampled_from(["put", "find"]), KEYS, st.integers(0, 12), st.integers(0, 5)))


@given(USES, st.integers(0, 3), st.integers(0, 20))
def test_it_is_never_larger_than_it_may_be_and_never_gives_what_has_expired(
    uses: list[tuple[str, bytes, int, int]], max_entries: int, max_bytes: int
) -> None:
    memory = Memory(max_entries=max_entries, max_bytes=max_bytes)
    known: dict[bytes, tuple[bytes, int]] = {}
    for now, (use, key, size, lasting) in enumerate(uses):
        if use == "put":
            known[key] = (key * size, now + lasting)
            memory.put(key, *known[key])
        found = memory.find(key, now)
        if found is not None:
            assert found == known[key][0]
            assert known[key][1] > now
        assert len(memory) <= max_entries
        assert memory.size <= max_bytes


def test_what_was_used_longest_ago_leaves_first() -> None:
    memory = Memory(max_entries=2, max_bytes=100)
    for key in (b"a", b"b"):
        memory.put(key, key, 9)
    memory.find(b"a", 0)
    memory.put(b"c", b"c", 9)
    assert [memory.find(key, 0) for key in (b"a", b"b", b"c")] == [b"a", None, b"c"]


def test_a_value_that_is_put_again_counts_once() -> None:
    memory = Memory(max_entries=2, max_bytes=100)
    for data in (b"long", b"x"):
        memory.put(b"a", data, 9)
    assert (len(memory), memory.size) == (1, 1)
    memory.clear()
    assert (len(memory), memory.size) == (0, 0)
