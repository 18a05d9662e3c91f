"""Which members of a connection's free part may be seen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.accounts.provider_data import excluded_models, parts, timeouts
from omniroute.catalog.provider import Operation, Provider
from omniroute.errors import InvalidRequest
from omniroute.ir.timeouts import Timeouts

PROVIDER = Provider(
    id="p",
    alias="p",
    name="p",
    base_url="https://{resource_name}.example/v1",
    operations={"chat": Operation(codec="openai_chat")},
)


def test_known_names_and_parameters_of_the_address_are_open() -> None:
    data = {"resource_name": "mine", "region": "eu", "autoSync": True, "limit": 3, "tags": ["a"], "note": "sealed"}
    open_part, secrets = parts(PROVIDER, data)
    assert open_part == {name: data[name] for name in data if name != "note"}
    assert secrets == {"note": "sealed"}


@given(st.dictionaries(st.text(min_size=1, max_size=20), st.text(max_size=50), max_size=10))
def test_text_under_an_unknown_name_is_always_sealed(data: dict[str, str]) -> None:
    prefixed = {f"x{name}": value for name, value in data.items()}
    assert parts(PROVIDER, prefixed) == ({}, prefixed)


def test_what_is_not_text_is_sealed_as_json() -> None:
    assert parts(PROVIDER, {"account": {"key": ["k"]}}) == ({}, {"account": '{"key":["k"]}'})


@pytest.mark.parametrize(
    "data",
    [
        {"": "x"},
        {"n" * 65: "x"},
        {"region": "x" * 501},
        {"region": ["x"]},
        {"tags": "x"},
        {"tags": ["x" * 65]},
        {"excludedModels": ["a**"]},
        {"excludedModels": ["x"] * 101},
        {"excludedModels": 5},
        {"consoleApiKey": "x" * 10_001},
        {f"n{number}": "x" for number in range(101)},
    ],
)
def test_shapes_that_no_provider_uses_are_refused(data: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest):
        parts(PROVIDER, data)


def test_excluded_models_come_as_a_list_or_as_text() -> None:
    assert excluded_models({"excludedModels": ["a/*", "b"]}) == ("a/*", "b")
    assert excluded_models({"excludedModels": "a/*, b,,"}) == ("a/*", "b")
    assert excluded_models({}) == ()


def test_timeouts_are_open_and_in_milliseconds() -> None:
    data = {"timeouts": {"firstEventMs": 45_000, "totalMs": 0}}
    assert parts(PROVIDER, data) == (data, {})
    assert timeouts(data) == Timeouts(first_event_s=45.0, total_s=0.0)
    assert timeouts({}) is None


@pytest.mark.parametrize("given", [30_000, "30s", [], {"readMs": 1}, {"idleMs": -1}, {"idleMs": "1000"}])
def test_timeouts_that_are_none_are_refused_and_what_another_version_stored_is_passed_over(given: object) -> None:
    with pytest.raises(InvalidRequest, match=r"providerSpecificData\.timeouts"):
        parts(PROVIDER, {"timeouts": given})
    assert timeouts({"timeouts": given}) is None
