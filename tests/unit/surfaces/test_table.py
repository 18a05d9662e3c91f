"""Routes are found by their exact path, and every one says who may call it."""

import pytest

from omniroute.access.routes import Route
from omniroute.dialects.registry import DIALECTS
from omniroute.pipeline.exchange import Exchange
from omniroute.surfaces.table import Endpoint, Table


async def handler(exchange: Exchange, parameter: str) -> None:
    raise AssertionError("only looked up")


def endpoint(method: str, path: str) -> Endpoint:
    return Endpoint(route=Route(method, path, "client", "x"), handler=handler, dialect=DIALECTS["openai_chat"])


TABLE = Table(
    [
        endpoint("GET", "/v1/models"),
        endpoint("POST", "/v1/chat/completions"),
        endpoint("POST", "/v1/providers/{provider}/chat/completions"),
        endpoint("GET", "/v1/providers/{provider}/chat/completions"),
        endpoint("GET", "/v1/models/{model...}"),
        endpoint("POST", "/v1/models/{model...}:count"),
    ]
)


def test_an_exact_path_is_found_with_its_methods() -> None:
    found = TABLE.find("/v1/chat/completions")
    assert found is not None
    assert (set(found[0]), found[1]) == ({"POST"}, "")


def test_head_is_allowed_where_get_is() -> None:
    found = TABLE.find("/v1/models")
    assert found is not None
    assert set(found[0]) == {"GET", "HEAD"}


def test_a_parameter_is_one_segment() -> None:
    found = TABLE.find("/v1/providers/openai/chat/completions")
    assert found is not None
    assert (set(found[0]), found[1]) == ({"GET", "HEAD", "POST"}, "openai")
    assert TABLE.find("/v1/providers/a/b/chat/completions") is None
    assert TABLE.find("/v1/providers//chat/completions") is None


def test_a_parameter_with_dots_has_slashes_in_it() -> None:
    found = TABLE.find("/v1/models/openrouter/org/model:free")
    assert found is not None
    assert (set(found[0]), found[1]) == ({"GET", "HEAD"}, "openrouter/org/model:free")


def test_the_path_with_the_most_letters_of_its_own_counts() -> None:
    found = TABLE.find("/v1/models/ollama/llama:8b:count")
    assert found is not None
    assert (set(found[0]), found[1]) == ({"POST"}, "ollama/llama:8b")


@pytest.mark.parametrize("path", ["/v1/Models", "/v1/models/", "/v1/modelsx", "/v1"])
def test_nothing_else_is_that_path(path: str) -> None:
    assert TABLE.find(path) is None


def test_two_handlers_for_one_route_are_a_mistake() -> None:
    with pytest.raises(AssertionError, match="two handlers"):
        Table([endpoint("GET", "/x"), endpoint("GET", "/x")])
