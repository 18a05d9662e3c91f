"""Laws of the storage of responses, of its pages, and of files put into requests."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.dialects.filling import Fetched, filled, fits, sniffed, wanted
from omniroute.dialects.openai_responses.stored import input_items, item_ids, page
from omniroute.dialects.registry import AS_BYTES
from omniroute.ir.json import JsonObject
from omniroute.ir.parts import Media, Text, ToolResult
from omniroute.ir.request import GenerateRequest, Turn
from omniroute.pipeline.stored import Elsewhere, Entry, Spoken, Storage

OWNERS, IDS = ("a", "b"), ("r1", "r2", "r3", "r4")
ITEMS = st.lists(st.sampled_from(("i1", "i2", "i3")), unique=True, max_size=2)


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    monotonic = now


def spoken(response_id: str, items: Sequence[str], size: int, previous: str | None) -> Spoken:
    return Spoken(
        id=response_id,
        previous=previous,
        said=tuple({"id": name} for name in items),
        turns=(),
        output=(),
        answer=(),
        answered_in=None,
        origin=None,
        response=b"{}",
        size=size,
    )


ENTRIES: st.SearchStrategy[Entry] = st.one_of(
    st.builds(spoken, st.sampled_from(IDS), ITEMS, st.integers(0, 60), st.none() | st.sampled_from(IDS)),
    st.builds(
        Elsewhere, id=st.sampled_from(IDS), connection=st.just("c"), items=ITEMS.map(tuple), size=st.integers(0, 9)
    ),
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("keep", "find", "delete", "wait", "chain", "holding")),
        st.sampled_from(OWNERS),
        ENTRIES,
    ),
    max_size=30,
)


@given(STEPS)
def test_storage_stays_within_its_bounds_and_never_crosses_keys(steps: list[tuple[str, str, Entry]]) -> None:
    clock = Clock()
    storage = Storage(clock, longest_s=10, most=3, most_bytes=100)
    put: dict[tuple[str, str], Entry] = {}
    for what, owner, entry in steps:
        match what:
            case "keep":
                storage.keep(owner, entry)
                put[owner, entry.id] = entry
            case "delete":
                storage.delete(owner, entry.id)
                assert storage.find(owner, entry.id) is None
            case "wait":
                clock.time += 4
            case "chain":
                chain = storage.chain(owner, entry.id)
                assert all(put.get((owner, one.id)) is one for one in chain)
                assert not chain or chain[-1].id == entry.id
            case "holding":
                for name in ("i1", "i2", "i3"):
                    found = storage.holding(owner, name)
                    assert found is None or put.get((owner, found.id)) is found
                    if found is not None:
                        assert not storage.is_anothers(owner, name)
            case _:
                found = storage.find(owner, entry.id)
                assert found is None or put[owner, entry.id] is found
                assert not (found is not None and storage.is_anothers(owner, entry.id))
        assert len(storage) <= 3
        assert 0 <= storage.size <= 100
    for owner in OWNERS:
        for name in IDS:
            storage.delete(owner, name)
    assert (len(storage), storage.size) == (0, 0)
    assert not any(storage.is_anothers("nobody", name) for name in (*IDS, "i1", "i2", "i3"))


@given(st.integers(0, 30), st.integers(1, 100), st.sampled_from(("asc", "desc")))
def test_pages_hold_every_item_once_in_order(count: int, limit: int, order: str) -> None:
    items: list[JsonObject] = [{"id": f"i{number}"} for number in range(count)]
    seen: list[JsonObject] = []
    after: str | None = None
    while True:
        one = page(items, after=after, limit=str(limit), order=order)
        seen += one["data"]
        after = one["last_id"]
        if not one["has_more"]:
            break
    assert seen == (items if order == "asc" else items[::-1])


@given(
    st.lists(
        st.fixed_dictionaries({"role": st.just("user"), "content": st.text()}, optional={"id": st.just("own")})
    )
)
def test_every_item_of_an_input_has_an_id(said: list[JsonObject]) -> None:
    assert len(item_ids(input_items(said, "t"))) == len(said)


HEADS = {
    b"\x89PNG\r\n\x1a\n....": "image/png",
    b"\xff\xd8\xff\xe0....": "image/jpeg",
    b"GIF89a....": "image/gif",
    b"RIFF....WEBPVP8 ": "image/webp",
    b"RIFF....WAVEfmt ": "audio/wav",
    b"....ftypheic....": "image/heic",
    b"....ftypisom....": "video/mp4",
    b"%PDF-1.7": "application/pdf",
    b"<!doctype html>": None,
    b"<svg xmlns=": None,
    b'{"a": 1}': None,
    b"RIFF....AVI LIST": None,
    b"": None,
}


@pytest.mark.parametrize("head", HEADS)
def test_a_file_is_what_its_first_bytes_say(head: bytes) -> None:
    assert sniffed(head) == HEADS[head]


@pytest.mark.parametrize(
    ("mime", "declared", "fitting"),
    [
        ("image/png", "image/*", True),
        ("image/png", "image/jpeg", True),
        ("image/jpeg", "image/jpg", True),
        ("application/pdf", "application/pdf", True),
        ("application/pdf", "application/octet-stream", True),
        ("application/pdf", "image/*", False),
        ("image/png", "application/pdf", False),
        ("audio/wav", "video/*", False),
    ],
)
def test_a_file_must_be_of_the_kind_that_was_said(mime: str, declared: str, fitting: bool) -> None:
    assert fits(mime, declared) is fitting


URLS = ("https://a.test/1", "http://b.test/2", "gs://bucket/3", "s3://bucket/4", "files/5", "HTTPS://c.test/6")
MEDIA = st.builds(
    Media, mime=st.sampled_from(("image/*", "application/pdf")), url=st.sampled_from(URLS)
) | st.builds(Media, mime=st.just("image/png"), data=st.just("AAAA"))
PARTS = st.one_of(
    st.builds(Text, text=st.text(max_size=2)),
    MEDIA,
    st.builds(ToolResult, call_id=st.just("c"), content=st.lists(MEDIA, max_size=2).map(tuple)),
)
REQUESTS = st.builds(
    GenerateRequest,
    model=st.just("m"),
    turns=st.lists(
        st.builds(Turn, role=st.just("user"), parts=st.lists(PARTS, max_size=4).map(tuple)), max_size=3
    ).map(tuple),
)


@given(REQUESTS, st.sampled_from(sorted(AS_BYTES)))
def test_what_is_wanted_is_filled_and_nothing_else_changes(request: GenerateRequest, dialect: str) -> None:
    needs = AS_BYTES[dialect]
    urls = wanted(request, needs)
    assert all(url.lower().startswith("http") for url in urls)
    done, losses = filled(request, {url: Fetched("image/png", "QUFB") for url in urls}, needs)
    assert wanted(done, needs) == {}
    assert bool(losses) is bool(urls)
    assert all((loss.how, loss.weight) == ("added", "cost") for loss in losses)
    assert filled(request, {}, needs).request is request
    if not urls:
        assert done is request
