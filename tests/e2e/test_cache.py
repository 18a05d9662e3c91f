"""The caches over real sockets: the OpenAI SDK asks twice and the provider is asked once, streams included;
who asks at the same time shares one call, and answers outlive a restart."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest

from tests.support.stage import Site, Stage, stage
from tests.support.upstream.server import ScriptedUpstream


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as running:
        yield running


@pytest.fixture(scope="module")
def behind(upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(upstream, tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture(params=["openai", "anthropic"])
def site(request: pytest.FixtureRequest, behind: Stage) -> Site:
    return behind.site(request.param)


@pytest.fixture
def client(site: Site) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{site.url}/v1", api_key=site.key, max_retries=0, timeout=20) as made:
        yield made


def told(client: openai.OpenAI, site: Site, *, stream: bool, **headers: str) -> tuple[str, dict[str, str]]:
    """What the SDK reads as the answer, and the head of the reply."""
    asked = client.chat.completions.with_raw_response.create(
        model=site.model,
        messages=[{"role": "user", "content": "hello there"}],
        temperature=0,
        stream=stream,
        extra_headers=headers,
    )
    answer = asked.parse()
    if not stream:
        return answer.choices[0].message.content, dict(asked.headers)
    pieces = [chunk.choices[0].delta.content or "" for chunk in answer if chunk.choices]
    return "".join(pieces), dict(asked.headers)


def test_the_sdk_asks_twice_and_the_provider_is_asked_once(
    site: Site, client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    text, head = told(client, site, stream=True)
    assert (head["x-omniroute-cache"], bool(text)) == ("MISS", True)
    for stream in (True, False):
        again, head = told(client, site, stream=stream)
        assert (again, head["x-omniroute-cache"]) == (text, "HIT")
    assert len(upstream.generations) == 1


def test_the_same_request_sent_again_is_answered_once(
    site: Site, client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    mark = {"Idempotency-Key": f"key of {site.model}", "X-OmniRoute-No-Cache": "true"}
    first, head = told(client, site, stream=True, **mark)
    assert "x-omniroute-idempotent" not in head
    second, head = told(client, site, stream=True, **mark)
    assert (second, head["x-omniroute-idempotent"]) == (first, "true")
    assert len(upstream.generations) == 1


def test_many_at_the_same_time_share_one_call(
    site: Site, client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: told(client, site, stream=True)[0], range(16)))
    assert len(set(answers)) == 1
    assert len(upstream.generations) == 1


def test_answers_outlive_a_restart_until_they_are_cleared(behind: Stage) -> None:
    site = behind.site("openai")
    with openai.OpenAI(base_url=f"{site.url}/v1", api_key=site.key, max_retries=0, timeout=20) as client:
        told(client, site, stream=False)
    assert behind.gateway.stop() == 0
    behind.gateway.start()
    said = behind.gateway.admin("GET", "/api/cache/stats")["semanticCache"]
    assert said["memorySize"] == 0
    assert said["dbSize"] >= 1  # that it is read in time is up to the machine, and no test's business
    behind.gateway.admin("DELETE", "/api/cache/stats")
    assert behind.gateway.admin("GET", "/api/cache/stats")["semanticCache"]["dbSize"] == 0
