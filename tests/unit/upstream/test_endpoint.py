"""What is read out of a URL, and which URLs are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.upstream.endpoint import Endpoint, ProxyEndpoint, Refused, endpoint, proxy_endpoint


def test_a_plain_url() -> None:
    expected = Endpoint("https", "api.example.com", 443, "api.example.com", "/v1/chat?a=b&c=%20", False)
    assert endpoint("https://API.example.com./v1/chat?a=b&c=%20#part") == expected
    assert expected.origin == "https://api.example.com"


def test_a_port_is_part_of_the_authority_unless_it_is_the_usual_one() -> None:
    assert endpoint("http://h:8080") == Endpoint("http", "h", 8080, "h:8080", "/", False)
    assert endpoint("http://h:80/x") == Endpoint("http", "h", 80, "h", "/x", False)
    assert endpoint("http://h:443/") == Endpoint("http", "h", 443, "h:443", "/", False)


def test_addresses_are_written_in_one_way() -> None:
    assert endpoint("http://[::FFFF:7f00:1]:1/") == Endpoint(
        "http", "::ffff:7f00:1", 1, "[::ffff:7f00:1]:1", "/", True
    )
    assert endpoint("http://127.0.0.1./") == Endpoint("http", "127.0.0.1", 80, "127.0.0.1", "/", True)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.example.com/v1",
        "ftp://h/",
        "file:///etc/passwd",
        "gopher://h:70/",
        "https://",
        "https:///v1",
        "https://user@h/",
        "https://user:pass@h/",
        "https://@h/",
        "https://h:0/",
        "https://h:65536/",
        "https://h:-1/",
        "https://h:x/",
        "https://h:/",
        "https://h /",
        "https://h/a b",
        "https://h/\r\nx: y",
        "https://h\\@evil/",
        "https://exämple.com/",
        "https://h/\x00",
        "https://h..i/",
        "https://-h/",
        "https://h%2e/",
        "https://" + "a" * 64 + ".com/",
        "https://" + "a." * 127 + "com/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.1/",
        "https://127.1/",
        "https://127.0.0.01/",
        "https://0177.0.0.1/",
        "https://1.2.3.4.5/",
        "https://256.0.0.1/",
        "https://0x/",
        "https://evil.0x7f/",
        "https://[::1%25eth0]/",
        "https://[::1/",
        "https://[v1.x]/",
        "https://[127.0.0.1]/",
    ],
)
def test_a_url_that_is_refused(url: str) -> None:
    assert isinstance(endpoint(url), Refused)


@given(st.text(max_size=60))
def test_any_text_is_an_endpoint_or_refused(text: str) -> None:
    for url in (text, f"https://{text}", f"https://h/{text}", f"https://h:{text}/"):
        found = endpoint(url)
        if isinstance(found, Endpoint):
            assert found.target.startswith("/") or found.target.startswith("?")
            assert not set(found.authority + found.target) & set(" \r\n\\@#") - set("@")
            assert 1 <= found.port <= 65535


@given(st.text(max_size=60))
def test_a_refusal_never_repeats_what_may_be_a_secret(text: str) -> None:
    for url in (f"https://user:sesame{text}@h/", f"https://h/?key=sesame {text}", f"socks5://u:sesame{text}@"):
        for found in (endpoint(url), proxy_endpoint(url)):
            if isinstance(found, Refused):
                assert "sesame" not in found.reason
                assert "\n" not in found.reason


def test_a_proxy_has_credentials_that_are_not_shown() -> None:
    found = proxy_endpoint("socks5h://me:p%40ss@proxy.example")
    assert found == ProxyEndpoint(
        scheme="socks5h",
        host="proxy.example",
        port=1080,
        authority="proxy.example",
        literal=False,
        username="me",
        password="p@ss",
    )
    assert found.origin == "socks5h://proxy.example"


@pytest.mark.parametrize(
    "url", ["", "proxy.example:8080", "socks4://h", "ftp://h", "http://", "http://h:0", "http://h x"]
)
def test_a_proxy_url_that_is_refused(url: str) -> None:
    assert isinstance(proxy_endpoint(url), Refused)
