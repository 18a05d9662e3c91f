"""The language in which requests are looked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.storage.filters.fields import CACHE_WORDS, FIELDS, FLAGS
from omniroute.storage.filters.grammar import (
    Ago,
    Compare,
    FilterError,
    Moment,
    Pattern,
    Term,
    Word,
    parse,
)


def term(field, *values, negated=False):
    return Term(field=field, values=values, negated=negated)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("", ()),
        (
            'status:error model:claude-* cost>0.01 key:"team a" after:2026-11-01',
            (
                term("status", Word("error")),
                term("model", Pattern(("claude-", ""))),
                term("cost", Compare(">", 10_000)),
                term("key", Pattern(("team a",))),
                term("since", Moment(1_793_491_200_000)),
            ),
        ),
        ("status:>=400", (term("status", Compare(">=", 400)),)),
        ("status:4xx,429", (term("status", Word("4xx"), Compare("=", 429)),)),
        ("latency:>5s ttft:>1s", (term("latency", Compare(">", 5000)), term("ttft", Compare(">", 1000)))),
        ("tokens:>10k", (term("tokens", Compare(">", 10_000)),)),
        (
            "tps:<20 has:session,combo",
            (term("tps", Compare("<", 20)), term("has", Word("session"), Word("combo"))),
        ),
        ("cost:<$0.000001", (term("cost", Compare("<", 1)),)),
        ("-provider:openai,groq", (term("provider", Pattern(("openai",)), Pattern(("groq",)), negated=True),)),
        ("is:fellback -is:stream", (term("is", Word("fellback")), term("is", Word("stream"), negated=True))),
        ("cache:hit", (term("cache", Word("hit")),)),
        ('"rate limit" slow', (term("text", Pattern(("rate limit",))), term("text", Pattern(("slow",))))),
        (r'key:"a\"b\\*"', (term("key", Pattern(('a"b\\*',))),)),
        (
            "since:1h before:2026-11-01T12:00Z",
            (term("since", Ago(3_600_000)), term("until", Moment(1_793_534_400_000))),
        ),
        ("MODEL:x", (term("model", Pattern(("x",))),)),
    ],
)
def test_what_a_filter_means(text, query):
    assert parse(text) == query


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("status:error modle:x", 13, "there is no field 'modle'; did you mean 'model'?"),
        ("cost:much", 5, "'cost' takes a number, not 'much'"),
        ("latency:>5x", 9, "'latency' takes a number with ms, s, m, h or nothing, not '5x'"),
        ("is:gone", 3, "'is' takes ok, error,"),
        ("has:tools", 4, "'has' takes session, combo,"),
        ("key:", 4, "a value is missing behind 'key'"),
        ("key:a,", 6, "a value is missing behind 'key'"),
        ('model:"x', 6, "the quotes that open here are not closed"),
        ('key:"a"b', 7, "a space is missing"),
        ("model>x", 6, "'model' cannot be compared with >"),
        ("since:yesterday", 6, "'since' takes a time such as 1h"),
        ("-since:1h", 1, "'since' takes one time, and no minus"),
        ("since:1h,2h", 0, "'since' takes one time"),
        ('a ""', 2, "there is nothing between the quotes"),
        ("-", 0, "something to leave out is missing"),
        ("x" * 1001, 1000, "a filter has at most 1000 characters"),
        ("a " * 51, 100, "a filter has at most 50 terms"),
    ],
)
def test_a_mistake_is_told_with_its_place(text, position, message):
    with pytest.raises(FilterError) as caught:
        parse(text)
    assert (caught.value.position, caught.value.message[: len(message)]) == (position, message)


@given(st.text(st.sampled_from('abis:<>=-,"\\* 1k.$xmodeltcu\n')) | st.text(max_size=60))
def test_any_text_is_a_query_or_an_error_with_a_place_in_it(text):
    try:
        query = parse(text)
    except FilterError as error:
        query, place = (), error.position
    else:
        place = 0
    assert 0 <= place <= len(text)
    assert all(term.values for term in query)


words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


def written(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@st.composite
def terms(draw) -> tuple[str, Term]:
    """A term, and one way to write it."""
    negated = draw(st.booleans())
    minus = "-" if negated else ""
    field = draw(st.sampled_from(["text", "key", "is", "cache", "cost", "latency", "status"]))
    if field == "text":
        text = draw(words)
        return minus + written(text), term("text", Pattern((text,)), negated=negated)
    if field == "key":
        texts = draw(st.lists(words, min_size=1, max_size=3))
        values = tuple(Pattern((text,)) for text in texts)
        return f"{minus}key:{','.join(map(written, texts))}", term("key", *values, negated=negated)
    if field in ("is", "cache"):
        word = draw(st.sampled_from(FLAGS if field == "is" else CACHE_WORDS))
        return f"{minus}{field}:{word}", term(field, Word(word), negated=negated)
    operator = draw(st.sampled_from(["=", ">", ">=", "<", "<="]))
    number = draw(st.integers(0, 10**9))
    colon = draw(st.sampled_from(["", ":"]))
    scale = 1_000_000 if field == "cost" else 1
    said = Compare(operator, number * scale)
    return f"{minus}{field}{colon}{operator}{number}", term(field, said, negated=negated)


@given(st.lists(terms(), max_size=8), st.sampled_from([" ", "  ", "\n\t"]))
def test_what_is_written_is_what_is_read(pairs, space):
    text = space.join(text for text, _ in pairs)
    assert parse(f"{space}{text}{space}") == tuple(term for _, term in pairs)


def test_every_field_can_be_asked_for():
    example = {
        "text": "x*",
        "status": "500",
        "count": "1k",
        "duration": "2s",
        "money": "1.5",
        "flag": "ok",
        "part": "session",
        "cache": "hit",
        "since": "1d",
        "until": "2026-01-01",
    }
    for name, kind in FIELDS.items():
        assert len(parse(f"{name}:{example[kind]}")) == 1
