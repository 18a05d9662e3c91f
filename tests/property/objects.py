"""Hypothesis strategies for JSON objects of the wire and for the values in them that nobody here interprets.

What a law costs is what its examples cost to draw, and that is the number of choices behind each. So an object
takes one choice for its shape (which optional fields it has, in which order, whether one that nobody knows is
among them), and a value takes one for its nesting, one for its kind and one for its content.
"""

from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]

_MOST_BITS = 20
"""Of wider integers Hypothesis draws the small ones far more often."""

texts = st.text(alphabet=st.characters(codec="utf-8"), max_size=12)
words = st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=8)

json_scalars = st.one_of(
    st.sampled_from([None, True, False, 0, 1, 0.0, 1e-7, ""]),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    texts,
)
_NESTS: Sequence[Callable[[Any], Any]] = (
    lambda value: value,
    lambda value: value,
    lambda value: [value],
    lambda value: {"a": value},
    lambda value: {str(value): value, "": None},
    lambda value: [[], {}, [value, {"b_c": value}]],
    lambda value: {"type": "text", "deep": {"nested": [{"er": [value, 2.5, True]}, "x"], "n_o": {}}},
    lambda _: [],
    lambda _: {},
)
json_values = st.builds(lambda nest, value: nest(value), st.sampled_from(_NESTS), json_scalars)


@st.composite
def _json_objects(draw: st.DrawFn) -> Json:
    return {draw(words): draw(json_values) for _ in range(draw(st.integers(0, 2)))}


json_objects = _json_objects()


def exact(required: Json, optional: Json | None = None) -> st.SearchStrategy[Json]:
    """An object with these fields in any order; values that are no strategies stand for themselves."""
    return open_objects(required, optional, unknown=())


def open_objects(
    required: Json, optional: Json | None, *, unknown: Sequence[str], values: st.SearchStrategy[Any] = json_values
) -> st.SearchStrategy[Json]:
    """An object with these fields in any order, half of the optional ones, and sometimes one of `unknown`."""
    entries = [*required.items(), *(optional or {}).items()]
    sometimes = len(entries) - len(required)
    shapes = st.integers(0, (1 << 5 + min(sometimes, _MOST_BITS)) - 1)
    more_shapes = st.integers(0, (1 << max(0, sometimes - _MOST_BITS)) - 1)

    @st.composite
    def drawn(draw: st.DrawFn) -> Json:
        shape = draw(shapes)
        order, strange, shape = shape & 3, shape >> 2 & 7, shape >> 5
        if sometimes > _MOST_BITS:
            shape |= draw(more_shapes) << _MOST_BITS
        present = (1 << len(required)) - 1 | shape << len(required)
        found = {
            name: draw(value) if isinstance(value, st.SearchStrategy) else value
            for position, (name, value) in enumerate(entries)
            if present >> position & 1
        }
        if unknown and strange > 3:
            found[unknown[(strange - 4) % len(unknown)]] = draw(values)
        return _ordered(found, order)

    return drawn()


def _ordered(found: Json, order: int) -> Json:
    if not order:
        return found
    items = list(found.items())
    if order & 1:
        items.reverse()
    if order & 2:
        middle = len(items) // 2
        items = [*items[middle:], *items[:middle]]
    return dict(items)
