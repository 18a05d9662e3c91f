"""What pages of other sites cannot do."""

import pytest

from omniroute.access.csrf import FOREIGN, NOT_JSON, refusal
from omniroute.access.perimeter import Refusal, perimeter

RULES = perimeter(
    bind="127.0.0.1", port=20128, require_api_key=False, public_base_url="https://gateway.example:8443/"
)
JSON = {"content-type": "application/json", "content-length": "2"}
HOST = {"host": "localhost:20128"}


@pytest.mark.parametrize(
    ("method", "headers", "expected"),
    [
        ("GET", {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}, None),
        ("POST", {**JSON}, None),
        ("POST", {}, None),
        ("POST", {"content-length": "0"}, None),
        ("DELETE", {}, None),
        ("POST", {**JSON, "origin": "http://localhost:20128", "sec-fetch-site": "same-origin"}, None),
        ("POST", {**JSON, "origin": "https://gateway.example:8443"}, None),
        ("POST", {**JSON, "sec-fetch-site": "none"}, None),
        ("POST", {**JSON, "origin": "https://evil.example"}, FOREIGN),
        ("POST", {**JSON, "origin": "null"}, FOREIGN),
        ("POST", {**JSON, "origin": ""}, FOREIGN),
        ("POST", {**JSON, "origin": "http://localhost:3000"}, FOREIGN),
        ("DELETE", {"origin": "https://evil.example"}, FOREIGN),
        ("PUT", {**JSON, "sec-fetch-site": "cross-site"}, FOREIGN),
        ("PATCH", {**JSON, "sec-fetch-site": "same-site"}, FOREIGN),
        ("POST", {**JSON, "origin": "http://localhost:20128", "sec-fetch-site": "cross-site"}, FOREIGN),
        ("POST", {"content-type": "text/plain", "content-length": "2"}, NOT_JSON),
        ("POST", {"content-type": "application/x-www-form-urlencoded"}, NOT_JSON),
        ("POST", {"content-length": "2"}, NOT_JSON),
        ("POST", {"transfer-encoding": "chunked"}, NOT_JSON),
        ("POST", {"content-type": "Application/JSON; charset=utf-8", "content-length": "2"}, None),
        ("POST", {"content-type": "application/merge-patch+json", "content-length": "2"}, None),
    ],
)
def test_the_rule(method: str, headers: dict[str, str], expected: Refusal | None) -> None:
    assert refusal(method, {**HOST, **headers}, RULES) == expected
