"""The `ai` package for Node, with each provider that people point at gateways, on every kind of upstream."""

from collections.abc import Iterator

import pytest

from tests.support.node import Drive, driving
from tests.support.pictures import png
from tests.support.stage import Site, Speaks, Stage, stage
from tests.support.upstream.answer import Answer, Call, Say, said
from tests.support.upstream.openai_embeddings import vector
from tests.support.upstream.script import Cut, Script, refused
from tests.support.upstream.server import ScriptedUpstream

AI = ("ai openai-compatible", "ai openai", "ai anthropic", "ai google")
"""The `ai` package, by the provider it is given: the second one speaks Responses."""
UPSTREAMS: tuple[Speaks, ...] = ("openai", "responses", "anthropic", "gemini", "ollama")


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ScriptedUpstream() as upstream, stage(upstream, tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture(scope="module")
def drive() -> Iterator[Drive]:
    with driving() as made:
        yield made


@pytest.fixture(scope="module")
def sites(behind: Stage) -> dict[Speaks, Site]:
    """One of each; those whose upstream fails are made anew."""
    return {speaks: behind.site(speaks) for speaks in UPSTREAMS}


@pytest.fixture(params=AI)
def sdk(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=UPSTREAMS)
def site(request: pytest.FixtureRequest, sites: dict[Speaks, Site]) -> Site:
    one = sites[request.param]
    one.upstream.reset()
    return one


@pytest.mark.parametrize("cell", ["plain", "stream"])
def test_an_answer_comes_whole(drive: Drive, site: Site, sdk: str, cell: str) -> None:
    assert drive(site, sdk, cell) == {"ok": {"text": "echo: hello there", "finish": "stop", "output": 7}}


@pytest.mark.parametrize("cell", ["tools_round", "streamed_tools_round"])
def test_a_tool_round_is_completed(drive: Drive, site: Site, sdk: str, cell: str) -> None:
    site.upstream.script(
        Script(
            answer=Answer(
                parts=(
                    Say("both"),
                    Call("get_weather", '{"city":"Paris","days":1}', "call_paris", pieces=4),
                    Call("get_weather", '{"city":"Rome","days":2}', "call_rome", pieces=1),
                )
            )
        )
    )
    told = drive(site, sdk, cell)
    assert "error" not in told
    done = told["ok"]
    assert done["text"].startswith("FINAL: ")
    assert done["text"].count("21 degrees") == 2
    assert [call[1:] for call in done["calls"]] == [
        ["get_weather", {"city": "Paris", "days": 1}],
        ["get_weather", {"city": "Rome", "days": 2}],
    ]
    assert len({call[0] for call in done["calls"]}) == 2


def test_an_image_arrives_unharmed(drive: Drive, site: Site, sdk: str) -> None:
    kind = "image" if site.speaks == "ollama" else "image/png"
    assert drive(site, sdk, "image") == {"ok": {"text": f"saw {kind} {len(png())} bytes"}}


@pytest.mark.parametrize("sdk", ["ai openai-compatible", "ai openai", "ai google"])
@pytest.mark.parametrize("site", ["openai", "gemini", "ollama"], indirect=True)
def test_texts_are_embedded(drive: Drive, site: Site, sdk: str) -> None:
    assert drive(site, sdk, "embeddings") == {"ok": {"vectors": [list(vector("one")), list(vector("two"))]}}


@pytest.mark.parametrize("status", [400, 401, 429, 500])
@pytest.mark.parametrize("cell", ["plain", "stream"])
def test_a_refusal_is_the_sdks_own_error(drive: Drive, behind: Stage, sdk: str, status: int, cell: str) -> None:
    site = behind.site("openai" if sdk == "ai anthropic" else "anthropic")
    site.upstream.default = refused(status, "the script says no", ("Retry-After", "7"))
    error = drive(site, sdk, cell)["error"]
    assert (error["status"], error["message"].count("the script says no")) == (status, 1)
    if status == 429:
        assert int(error["retryAfter"]) in range(1, 9)


def test_a_stream_that_is_cut_never_looks_successful(drive: Drive, behind: Stage, sdk: str) -> None:
    site = behind.site("anthropic")
    site.upstream.default = Script(answer=said("one two three four", pieces=6), fault=Cut(5))
    assert "error" in drive(site, sdk, "stream")
