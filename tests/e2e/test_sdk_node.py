"""The Node SDKs of OpenAI, Anthropic and Google, over real sockets, get from the gateway what the vendors give.

Every cell runs at the scripted upstream itself, and through the gateway on each kind of upstream.
"""

from collections.abc import Iterator

import pytest

from tests.support.node import Drive, driving
from tests.support.pictures import png
from tests.support.stage import DIALECTS, Site, Speaks, Stage, direct, stage
from tests.support.upstream.answer import Answer, Call, Say, said
from tests.support.upstream.openai_embeddings import vector
from tests.support.upstream.script import Cut, ErrorEvent, Script, refused
from tests.support.upstream.server import ScriptedUpstream

SPOKEN: tuple[Speaks, ...] = (*DIALECTS, "gemini")


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as running:
        yield running


@pytest.fixture(scope="module")
def behind(upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(upstream, tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture(scope="module")
def drive() -> Iterator[Drive]:
    """One node process for the module."""
    with driving() as made:
        yield made


@pytest.fixture(params=SPOKEN)
def sdk(request: pytest.FixtureRequest) -> Speaks:
    return request.param


@pytest.fixture(params=["direct", *SPOKEN])
def site(request: pytest.FixtureRequest, upstream: ScriptedUpstream, sdk: Speaks) -> Site:
    if request.param == "direct":
        return direct(upstream, sdk)
    return request.getfixturevalue("behind").site(request.param)


FINISH: dict[Speaks, str] = {"openai": "stop", "anthropic": "end_turn", "gemini": "STOP"}


@pytest.mark.parametrize("cell", ["plain", "stream"])
def test_an_answer_comes_whole(drive: Drive, site: Site, sdk: Speaks, cell: str) -> None:
    assert drive(site, sdk, cell) == {"ok": {"text": "echo: hello there", "finish": FINISH[sdk], "output": 7}}


def test_a_tool_round_is_completed(drive: Drive, site: Site, sdk: Speaks) -> None:
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
    assert drive(site, sdk, "tools_round") == {
        "ok": {
            "calls": [
                ["call_paris", "get_weather", {"city": "Paris", "days": 1}],
                ["call_rome", "get_weather", {"city": "Rome", "days": 2}],
            ],
            "text": "FINAL: 21 degrees / 21 degrees",
        }
    }


def test_an_image_arrives_unharmed(drive: Drive, site: Site, sdk: Speaks) -> None:
    assert drive(site, sdk, "image") == {"ok": {"text": f"saw image/png {len(png())} bytes"}}


def test_thinking_arrives(drive: Drive, site: Site, sdk: Speaks) -> None:
    assert drive(site, sdk, "thinking") == {
        "ok": {"thought": "I think about it before I speak.", "text": "echo: hello there"}
    }


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "BadRequestError"),
        (401, "AuthenticationError"),
        (429, "RateLimitError"),
        (500, "InternalServerError"),
    ],
)
@pytest.mark.parametrize("cell", ["plain", "stream"])
def test_a_refusal_is_the_sdks_own_error(
    drive: Drive, site: Site, sdk: Speaks, status: int, name: str, cell: str
) -> None:
    site.upstream.default = refused(status, "the script says no", ("Retry-After", "7"))
    error = drive(site, sdk, cell)["error"]
    assert (error["name"], error["status"]) == ("ApiError" if sdk == "gemini" else name, status)
    assert "the script says no" in error["message"]
    if status == 429 and sdk != "gemini":  # whose error keeps no headers
        assert int(error["retryAfter"]) in range(1, 9)


def test_a_stream_that_is_cut_never_looks_successful(drive: Drive, site: Site, sdk: Speaks) -> None:
    site.upstream.default = Script(answer=said("one two three four", pieces=6), fault=Cut(5))
    assert "error" in drive(site, sdk, "stream")


def test_an_error_event_of_the_upstream_is_raised(drive: Drive, site: Site, sdk: Speaks) -> None:
    site.upstream.default = Script(answer=said("one two three four", pieces=6), fault=ErrorEvent(5))
    assert "overloaded by script" in drive(site, sdk, "stream")["error"]["message"]


def test_the_models_list_is_read(drive: Drive, site: Site, sdk: Speaks) -> None:
    ids = drive(site, sdk, "models")["ok"]["ids"]
    assert ids
    if not site.direct:
        assert ids[-1] == "demo/hello"


@pytest.mark.parametrize("sdk", ["anthropic", "gemini"])
def test_tokens_are_counted(drive: Drive, site: Site, sdk: Speaks) -> None:
    assert drive(site, sdk, "count_tokens") == {"ok": {"tokens": 3 if site.speaks == "openai" else 20}}


VECTORS = {"ok": {"vectors": [list(vector("one")), list(vector("two"))]}}


@pytest.mark.parametrize("embedding", ["openai", "gemini"])
@pytest.mark.parametrize("speaks", ["openai", "gemini", "ollama"])
def test_texts_are_embedded(drive: Drive, behind: Stage, embedding: str, speaks: Speaks) -> None:
    assert drive(behind.site(speaks), embedding, "embeddings") == VECTORS
