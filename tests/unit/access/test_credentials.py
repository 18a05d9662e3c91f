"""Where a client may put its key."""

import pytest

from omniroute.access.credentials import bearer, presented


@pytest.mark.parametrize(
    ("headers", "query", "key"),
    [
        ({}, b"", None),
        ({"authorization": "Bearer abc"}, b"", "abc"),
        ({"authorization": "bearer   abc  "}, b"", "abc"),
        ({"authorization": "BEARER abc"}, b"", "abc"),
        ({"authorization": "Basic abc"}, b"", None),
        ({"authorization": "abc"}, b"", None),
        ({"authorization": "Bearer"}, b"", None),
        ({"authorization": "Bearer  "}, b"", None),
        ({"authorization": "Bearer no-key"}, b"", None),
        ({"x-api-key": " abc "}, b"", "abc"),
        ({"x-api-key": "no-key"}, b"", None),
        ({"x-goog-api-key": "abc"}, b"", "abc"),
        ({}, b"key=abc", "abc"),
        ({}, b"a=1&key=a%2Bc&alt=sse", "a+c"),
        ({}, b"key=", None),
        ({}, b"key=no-key", None),
        ({}, b"monkey=abc", None),
        ({"authorization": "Bearer one", "x-api-key": "two", "x-goog-api-key": "three"}, b"key=four", "one"),
        ({"authorization": "Bearer no-key", "x-api-key": "two", "x-goog-api-key": "three"}, b"", "two"),
        ({"authorization": "Bearer ", "x-api-key": "", "x-goog-api-key": "three"}, b"key=four", "three"),
        ({"x-api-key": "no-key"}, b"key=four", "four"),
    ],
)
def test_the_first_real_key_counts(headers: dict[str, str], query: bytes, key: str | None) -> None:
    assert presented(headers, query) == key


def test_the_management_plane_looks_at_bearer_only() -> None:
    assert bearer({"authorization": "Bearer abc", "x-api-key": "def"}) == "abc"
    assert bearer({"x-api-key": "def"}) is None
