"""Each class of failure at the first, the middle and the last target of a combo, streamed and whole."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import msgspec
import pytest

from tests.support.inside import Inside
from tests.support.stage import DIALECTS, PAIRS, UPSTREAM_KEY, Dialect, Stage, question, refusal, told
from tests.support.upstream.script import (
    Cut,
    Empty,
    EndEarly,
    ErrorEvent,
    Fault,
    Hang,
    Refuse,
    Script,
)
from tests.support.upstream.server import ScriptedUpstream

Place = Literal["first", "middle", "last"]
PLACES: tuple[Place, ...] = ("first", "middle", "last")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """`fault` for a stream where it is another one than for a whole answer; `status` is what the caller hears when
    nobody else is left; a failure that is the caller's own is told `at_once`."""

    fault: Fault
    stream: Fault | None = None
    status: int
    at_once: bool = False


def refused(status: int, code: str | None = None, message: str = "no", **headers: str) -> Refuse:
    body = {"error": {"message": message, "type": "error", "code": code}, "type": "error"}
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Refuse(status=status, body=msgspec.json.encode(body), headers=named)


KINDS: dict[str, Kind] = {
    "invalid_request": Kind(fault=refused(400), status=400, at_once=True),
    "context_overflow": Kind(fault=refused(400, message="prompt is too long"), status=400),
    "unsupported": Kind(fault=refused(415), status=415),
    "content_filter": Kind(fault=refused(400, "content_filter"), status=400, at_once=True),
    "auth_invalid": Kind(fault=refused(401, "invalid_api_key"), status=401),
    "permission": Kind(fault=refused(403), status=403),
    "account_dead": Kind(fault=refused(403, message="your account has been deactivated"), status=403),
    "credits": Kind(fault=refused(402), status=402),
    "quota_window": Kind(fault=refused(429, Retry_After="7200"), status=429),
    "rate_limit": Kind(fault=refused(429, Retry_After="30"), status=429),
    "capacity": Kind(fault=refused(529), status=529),
    "server": Kind(fault=refused(500), status=500),
    "stream_cut_early": Kind(fault=Cut(0), stream=EndEarly(0), status=502),
    "error_before_content": Kind(fault=ErrorEvent(0, kind="server"), status=500),
    "empty_response": Kind(fault=Empty("body"), status=502),
    "bad_response": Kind(fault=Refuse(status=200, body=b"<html>busy</html>"), status=502),
    "not_found": Kind(fault=refused(404, "model_not_found", "no such model"), status=404),
    "deprecated": Kind(fault=refused(410, message="the model has been decommissioned"), status=410),
}


def combo(on: Stage, *models: str) -> str:
    name = "combo-" + models[0].partition("/")[0]
    on.gateway.admin("POST", "/api/combos", {"name": name, "models": list(models)})
    return name


@pytest.fixture(scope="module")
def combos(within: Stage) -> dict[Dialect, str]:
    """A combo of three providers that speak the same."""
    return {speaks: combo(within, *(within.model(speaks) for _ in PLACES)) for speaks in DIALECTS}


def placed(place: Place, fault: Fault) -> list[Script]:
    """Whatever stands before the fault fails, whatever stands behind it answers."""
    before = PLACES.index(place)
    return [*(Script(fault=refused(500)) for _ in range(before)), Script(fault=fault), *[Script()] * (2 - before)]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_combo_goes_on_after_it_and_tells_it_only_when_nobody_is_left(
    inside: Inside, within: Stage, combos: dict[Dialect, str], kind: str, stream: bool, place: Place
) -> None:
    case = KINDS[kind]
    client, speaks = PAIRS[(list(KINDS).index(kind) + PLACES.index(place)) % len(PAIRS)]
    name = combos[speaks]
    inside.heal()
    within.upstream.reset()
    fault = case.stream if stream and case.stream is not None else case.fault
    within.upstream.script(*placed(place, fault))
    reply = within.ask(client, question(client, name, stream=stream))
    told_at_once = case.at_once or place == "last"
    asked = PLACES.index(place) + (1 if told_at_once else 2)
    assert len(within.upstream.generations) == asked
    if told_at_once:
        assert reply.status == case.status, reply
        refusal(client, reply.body)
    else:
        assert reply.status == 200, reply
        if stream:
            assert told(client, reply.body).ended == "ok"
    if asked > 1:
        assert reply.headers["x-omniroute-attempts"] == str(asked)
    if reply.status == 429:
        assert 1 <= int(reply.headers["retry-after"]) <= 7200
    assert inside.at_rest() == {}


@pytest.fixture(scope="module")
def silent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    phases = ("first_byte", "stream_first_byte", "first_event", "idle")
    settings = {f"{phase}_timeout_s": 2.0 for phase in phases}
    with Inside(tmp_path_factory.mktemp("silent"), **settings) as gateway:
        yield gateway


def test_a_target_that_says_nothing_is_left_after_its_time_wherever_it_stands(silent: Inside) -> None:
    with ScriptedUpstream() as good, ScriptedUpstream() as mute, ScriptedUpstream() as mute_stream:
        mute.default, mute_stream.default = Script(fault=Hang(None)), Script(fault=Hang(0))
        behind = Stage(good, silent, silent.client_key("tests"))
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))  # and does not listen
            closed = f"http://127.0.0.1:{nobody.getsockname()[1]}"

            def model(url: str, dialect: Dialect) -> str:
                return f"{silent.provider(f'{dialect}-compatible', f'{url}/v1', keys=(UPSTREAM_KEY,))}/m"

            cases = [
                (dialect, stream, [models[place] for place in order])
                for dialect, stream, quiet in (
                    ("openai", False, mute),
                    ("openai", True, mute_stream),
                    ("anthropic", True, mute),
                )
                for models in [
                    {"good": model(good.url, dialect), "quiet": model(quiet.url, dialect)}
                    | {"closed": model(closed, dialect)}
                ]
                for order in (["quiet", "good"], ["closed", "quiet", "good"], ["closed", "quiet"])
            ]
            for number, (_, _, models) in enumerate(cases):
                silent.admin("POST", "/api/combos", {"name": f"case-{number}", "models": models})

            def asked(number: int) -> int:
                dialect, stream, _ = cases[number]
                return behind.ask(dialect, question(dialect, f"case-{number}", stream=stream)).status

            with ThreadPoolExecutor(len(cases)) as pool:
                replies = list(pool.map(asked, range(len(cases))))
        assert replies[::3] == replies[1::3] == [200] * 3
        # Where nobody is left, one that rests is tried again: the last word may be that of either.
        assert set(replies[2::3]) <= {502, 504}
    assert silent.at_rest() == {}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_combo_whose_targets_are_all_limited_says_when_the_first_comes_back(
    within: Stage, dialect: Dialect
) -> None:
    models = [within.model(dialect) for _ in range(3)]
    name = combo(within, *models)
    within.upstream.script(*(Script(fault=refused(429, Retry_After=str(wait))) for wait in (300, 120, 600)))
    reply = within.ask(dialect, question(dialect, name))
    assert (reply.status, reply.headers["retry-after"]) == (429, "120")
    again = within.ask(dialect, question(dialect, name))
    assert again.status == 429
    assert 100 <= int(again.headers["retry-after"]) <= 120
    assert len(within.upstream.generations) == 3, "who is resting is not asked again"
