"""The perimeter: every row of bind, peer, Host, Origin, Sec-Fetch-Site, key and REQUIRE_API_KEY."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.access.grant import LOCAL_GRANT, Grant
from omniroute.access.perimeter import (
    BANNED_KEY,
    EXPIRED_KEY,
    INACTIVE_KEY,
    KEY_REQUIRED,
    MISDIRECTED,
    WRONG_KEY,
    Perimeter,
    Refusal,
    perimeter,
)

NOW = 1_000.0
KEYS = {
    "good": Grant(key_id="k1", name="good"),
    "off": Grant(key_id="k2", name="off", active=False),
    "banned": Grant(key_id="k3", name="banned", banned=True),
    "old": Grant(key_id="k4", name="old", expires_at=NOW),
    "fresh": Grant(key_id="k5", name="fresh", expires_at=NOW + 1),
}

BINDS = {"127.0.0.1": True, "localhost": True, "::1": True, "127.0.0.53": True, "0.0.0.0": False, "::": False,
         "192.168.1.5": False}  # fmt: skip
PEERS = {"127.0.0.1": True, "::1": True, "127.8.9.1": True, "::ffff:127.0.0.1": True, "192.168.1.9": False,
         "::ffff:10.0.0.1": False, "localhost": False, "": False, None: False}  # fmt: skip
# (served at all, counts as local)
HOSTS = {
    "localhost:20128": (True, True),
    "127.0.0.1:20128": (True, True),
    "[::1]:20128": (True, True),
    "LocalHost": (True, True),
    "127.0.0.1:9": (True, True),
    "10.1.2.3:20128": (True, False),
    "0.0.0.0:20128": (True, False),
    "[fe80::1]": (True, False),
    "app.localhost:20128": (True, False),
    "box": (True, False),
    "gateway.example": (True, False),
    "evil.example": (False, False),
    "localhost.evil.example": (False, False),
    "evil.example:20128@localhost": (False, False),
    "localhost:80:80": (False, False),
    "127.0.0.1.evil.example": (False, False),
    "2130706433": (False, False),
    "": (False, False),
    None: (True, False),
}
ORIGINS = {
    None: True,
    "own": True,
    "null": False,
    "https://evil.example": False,
    "http://localhost:3000": False,
    "": False,
}
SITES = {None: True, "none": True, "same-origin": True, "same-site": False, "cross-site": False, "": False}


def rules(bind: str = "127.0.0.1", required: bool = False) -> Perimeter:
    return perimeter(
        bind=bind,
        port=20128,
        require_api_key=required,
        machine_name="box",
        public_base_url="https://gateway.example/omni",
    )


def headers_of(host: str | None, origin: str | None, site: str | None) -> dict[str, str]:
    if origin == "own":
        origin = f"http://{host}"
    named = {"host": host, "origin": origin, "sec-fetch-site": site}
    return {name: value for name, value in named.items() if value is not None}


def admit(rule: Perimeter, headers: dict[str, str], peer: str | None, key: str | None) -> Grant | Refusal:
    return rule.admit(headers, peer=peer, key=key, find=KEYS.get, now=NOW)


@pytest.mark.parametrize("required", [False, True])
@pytest.mark.parametrize("bind", BINDS)
def test_every_row_without_a_key(bind: str, required: bool) -> None:
    rule = rules(bind, required)
    for peer, host, origin, site in itertools.product(PEERS, HOSTS, ORIGINS, SITES):
        served, local_host = HOSTS[host]
        if not served:
            expected: Grant | Refusal = MISDIRECTED
        elif BINDS[bind] and not required and PEERS[peer] and local_host and ORIGINS[origin] and SITES[site]:
            expected = LOCAL_GRANT
        else:
            expected = KEY_REQUIRED
        found = admit(rule, headers_of(host, origin, site), peer, None)
        assert found == expected, (bind, required, peer, host, origin, site)


@pytest.mark.parametrize("required", [False, True])
@pytest.mark.parametrize("bind", BINDS)
@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("good", KEYS["good"]),
        ("fresh", KEYS["fresh"]),
        ("wrong", WRONG_KEY),
        ("off", INACTIVE_KEY),
        ("banned", BANNED_KEY),
        ("old", EXPIRED_KEY),
    ],
)
def test_every_row_with_a_key(key: str, expected: Grant | Refusal, bind: str, required: bool) -> None:
    rule = rules(bind, required)
    for peer, host, origin, site in itertools.product(PEERS, HOSTS, ORIGINS, SITES):
        found = admit(rule, headers_of(host, origin, site), peer, key)
        assert found == (expected if HOSTS[host][0] else MISDIRECTED), (peer, host, origin, site)


names = st.one_of(st.sampled_from([host for host in HOSTS if host]), st.text(max_size=30))
origins = st.one_of(
    st.none(),
    st.sampled_from(["null", "http://localhost", "http://127.0.0.1:20128", "https://localhost:20128"]),
    st.builds("{}://{}".format, st.sampled_from(["http", "https", "file", "HTTP"]), names),
    st.text(max_size=30),
)


@given(
    bind=st.sampled_from(list(BINDS)),
    required=st.booleans(),
    peer=st.one_of(st.sampled_from(list(PEERS)), st.ip_addresses().map(str)),
    host=st.one_of(st.none(), names),
    origin=origins,
    site=st.one_of(st.sampled_from(list(SITES)), st.text(max_size=12)),
)
def test_no_combination_lets_a_foreign_page_or_host_through_without_a_key(
    bind: str, required: bool, peer: str | None, host: str | None, origin: str | None, site: str | None
) -> None:
    headers = {
        name: value
        for name, value in (("host", host), ("origin", origin), ("sec-fetch-site", site))
        if value is not None
    }
    if admit(rules(bind, required), headers, peer, None) != LOCAL_GRANT:
        return
    assert not required
    assert BINDS[bind]
    assert host is not None
    assert host.strip().lower().rpartition(":")[0].rstrip(".") in ("localhost", "127.0.0.1", "[::1]") or (
        host.strip().lower().rstrip(".:") in ("localhost", "127.0.0.1", "[::1]")
    )
    if origin is not None:
        authority = origin.strip().lower().partition("://")[2].removesuffix("/")
        assert authority.split(":")[0].split("]")[0].strip("[") in host.lower()
    assert site is None or site.strip().lower() in ("none", "same-origin")


@pytest.mark.parametrize(
    "headers",
    [
        {"x-forwarded-for": "203.0.113.7"},
        {"x-forwarded-for": "127.0.0.1, 203.0.113.7"},
        {"x-forwarded-for": "not an address"},
        {"x-real-ip": "203.0.113.7"},
        {"forwarded": "for=127.0.0.1"},
    ],
)
def test_what_a_proxy_on_this_machine_passes_on_is_not_local(headers: dict[str, str]) -> None:
    assert admit(rules(), {"host": "127.0.0.1:20128", **headers}, "127.0.0.1", None) == KEY_REQUIRED


def test_a_forged_forwarding_header_gives_nothing_away() -> None:
    headers = {"host": "localhost", "x-forwarded-for": "127.0.0.1", "x-real-ip": "127.0.0.1"}
    assert admit(rules(), headers, "203.0.113.7", None) == KEY_REQUIRED


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "client"),
    [
        ((), "203.0.113.7", None, "203.0.113.7"),
        ((), "203.0.113.7", "198.51.100.1", "203.0.113.7"),
        (("10.0.0.0/8",), "203.0.113.7", "198.51.100.1", "203.0.113.7"),
        (("10.0.0.0/8",), "10.0.0.2", "198.51.100.1", "198.51.100.1"),
        (("10.0.0.0/8",), "10.0.0.2", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        (("10.0.0.0/8",), "10.0.0.2", "198.51.100.1, 10.0.0.9", "198.51.100.1"),
        (("10.0.0.0/8",), "10.0.0.2", "10.0.0.7, 10.0.0.9", "10.0.0.7"),
        (("10.0.0.0/8",), "10.0.0.2", "rubbish", "10.0.0.2"),
        (("10.0.0.0/8",), "10.0.0.2", "198.51.100.1, rubbish", "10.0.0.2"),
        (("10.0.0.2",), "::ffff:10.0.0.2", "198.51.100.1", "198.51.100.1"),
        (("fd00::/8",), "fd00::1", "2001:DB8::1", "2001:db8::1"),
        (("10.0.0.0/8",), "10.0.0.2", "", "10.0.0.2"),
        (("10.0.0.0/8",), None, "198.51.100.1", "unknown"),
    ],
)
def test_the_client_is_the_socket_peer_unless_a_trusted_proxy_says_otherwise(
    trusted: tuple[str, ...], peer: str | None, forwarded: str | None, client: str
) -> None:
    rule = perimeter(bind="127.0.0.1", port=1, require_api_key=False, trusted_proxies=trusted)
    headers = {} if forwarded is None else {"x-forwarded-for": forwarded}
    assert rule.client_address(headers, peer=peer) == client


def test_allowed_hosts_are_served_with_any_port() -> None:
    rule = perimeter(
        bind="0.0.0.0", port=1, require_api_key=False, allowed_hosts=("AI.example", "lan.example:8080")
    )
    for host in ("ai.example", "ai.example:443", "AI.EXAMPLE.", "lan.example"):
        assert rule.refusal_of_host({"host": host}) is None
    assert rule.refusal_of_host({"host": "x.ai.example"}) == MISDIRECTED


@pytest.mark.parametrize(
    "arguments",
    [{"public_base_url": "ftp://x"}, {"allowed_hosts": ("a b",)}, {"trusted_proxies": ("10.0.0.0/99",)}],
)
def test_a_setting_that_cannot_be_read_is_named(arguments: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"ftp://x|a b|10\.0\.0\.0/99"):
        perimeter(bind="127.0.0.1", port=1, require_api_key=False, **arguments)  # type: ignore[arg-type]
