"""No origin is told anything unless the operator named it."""

from omniroute.server.cors import cors


def names(headers: tuple[tuple[bytes, bytes], ...]) -> dict[bytes, bytes]:
    return dict(headers)


def test_by_default_nothing_is_said() -> None:
    nobody = cors(())
    assert not nobody.enabled
    assert nobody.headers({"origin": "https://evil.test"}) == ()
    assert nobody.preflight({"origin": "https://evil.test"}) == ()


def test_a_named_origin_is_echoed_whatever_its_case_and_trailing_slash() -> None:
    some = cors(("https://App.test/",))
    assert (
        names(some.headers({"origin": "https://app.test"}))[b"access-control-allow-origin"] == b"https://app.test"
    )


def test_another_origin_is_not() -> None:
    some = cors(("https://app.test",))
    assert names(some.headers({"origin": "https://app.test.evil"})) == {b"vary": b"Origin"}
    assert some.preflight({"origin": "https://app.test.evil"}) == ()


def test_a_preflight_allows_the_headers_that_were_asked_for() -> None:
    allowed = cors(("*",)).preflight({"origin": "https://x", "access-control-request-headers": "x-api-key, foo"})
    assert names(allowed)[b"access-control-allow-headers"] == b"x-api-key, foo"
