"""What a single exchange cannot show: a second round, headers, and the other framing of Gemini's streams."""

from itertools import product

import pytest

from omniroute.ir.parts import ToolResult
from omniroute.ir.request import GenerateRequest, Turn
from tests.golden.matrix import CLIENTS, UPSTREAMS, Between, asking, hearing, receiving
from tests.golden.scenarios import OSLO, SCENARIOS, SEAL
from tests.support import order_gemini
from tests.support.upstream.answer import Answer, Call, Think, said
from tests.support.upstream.script import Script

NAMED = {scenario.name: scenario for scenario in SCENARIOS}
SEALED = Answer(parts=(Think("I should ask.", SEAL), Call("weather", '{"city":"Oslo"}', "call_1")))


def answered_round(first: GenerateRequest) -> GenerateRequest:
    """The next request of a client that has no place for a seal: the call and its result."""
    plain = NAMED["tool results"].asked.turns[2].parts[0]
    assert isinstance(plain, ToolResult)
    turns = (*first.turns, Turn(role="assistant", parts=(OSLO,)), Turn(role="tool", parts=(plain,)))
    return GenerateRequest(
        model="", turns=turns, tools=first.tools, thinking=first.thinking, sampling=first.sampling
    )


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("client", "upstream"),
    [
        pair
        for pair in product(
            ("openai_chat", "openai_responses", "anthropic", "gemini"), ("anthropic", "gemini", "bedrock_converse")
        )
        if pair[0] != pair[1]
    ],
)
def test_a_seal_comes_back_to_its_maker_through_a_client_that_cannot_carry_it(
    on: Between, client: str, upstream: str, stream: bool
) -> None:
    first = NAMED["thinking before a tool"].asked
    _, asked = on.exchange(first, Script(answer=SEALED), client=client, upstream=upstream, stream=stream)
    assert asked is not None
    _, again = on.exchange(
        answered_round(first),
        Script(answer=said("Rain.")),
        client=client,
        upstream=upstream,
        stream=stream,
    )
    assert again is not None
    assert ("seal", SEAL) in receiving(upstream).understood(again.json), again.json


@pytest.mark.parametrize(("client", "upstream"), list(product(CLIENTS, UPSTREAMS)))
def test_t30_headers_of_anthropics_stay_with_anthropic(on: Between, client: str, upstream: str) -> None:
    marked = {"anthropic-beta": "context-management-2025-06-27"}
    answer, received = on.exchange(
        NAMED["plain"].asked, Script(), client=client, upstream=upstream, stream=False, headers=marked
    )
    assert received is not None
    same = client == upstream == "anthropic"
    assert (received.request.header("anthropic-beta") is not None) == same
    assert hearing(client).whole(answer.body).text == "echo: hello there"


@pytest.mark.parametrize("client", CLIENTS)
def test_t63_what_a_client_accepts_does_not_undo_what_it_said(on: Between, client: str) -> None:
    """#302 and #656: the body's word about streaming counts, and the address's for Gemini."""
    asked, said_no = NAMED["one tool"], {} if client == "gemini" else {"stream": False}
    for upstream in UPSTREAMS:
        whole, _ = on.exchange(
            asked.asked,
            Script(answer=asked.answered),
            client=client,
            upstream=upstream,
            stream=False,
            headers={"accept": "text/event-stream"},
            members=said_no,
        )
        streamed, _ = on.exchange(
            asked.asked,
            Script(answer=asked.answered),
            client=client,
            upstream=upstream,
            stream=True,
            headers={"accept": "application/json"},
        )
        ear = hearing(client)
        for one in (ear.whole(whole.body), ear.stream(streamed.body)):
            assert [call.name for call in one.calls] == ["weather"]


@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_gemini_clients_without_alt_sse_get_one_array(on: Between, upstream: str) -> None:
    answer, _ = on.exchange(
        NAMED["parallel tools"].asked,
        Script(answer=NAMED["parallel tools"].answered),
        client="gemini",
        upstream=upstream,
        stream=True,
        query="",
    )
    assert answer.headers["content-type"].startswith("application/json")
    told = order_gemini.gemini_array(answer.body)
    assert told.text == "I will look."
    assert [call.name for call in told.calls] == ["weather", "clock"]


@pytest.mark.parametrize(
    "client", [client for client in CLIENTS if "choice of one" not in asking(client).CANNOT_ASK]
)
def test_a_strict_client_is_asked_before_meaning_is_lost(on: Between, client: str) -> None:
    """Ollama has no tool_choice: a lenient request goes there without it and says so, a strict one does not go."""
    scenario = NAMED["a tool that must be called"]
    strict = {"x-omniroute-strict": "true"}
    refused, received = on.exchange(
        scenario.asked,
        Script(answer=scenario.answered),
        client=client,
        upstream="ollama",
        stream=False,
        headers=strict,
    )
    assert (refused.status, received) == (422, None)
    assert "tool" in hearing(client).error(refused.body)
    told, received = on.exchange(
        NAMED["plain"].asked, Script(), client=client, upstream="ollama", stream=False, headers=strict
    )
    assert (told.status, received is not None) == (200, True)
