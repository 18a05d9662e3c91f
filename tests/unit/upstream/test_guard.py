"""Which addresses are connected to, and how lookups are shared and forgotten."""

import asyncio
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.errors import UpstreamError
from omniroute.upstream.endpoint import Endpoint, endpoint, proxy_endpoint
from omniroute.upstream.guard import Allowed, Guard, verdict
from tests.support.transports import Names, StillClock

PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2a00:1450::1"]
PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "::1",
    "fd12:3456:789a::1",
    "::ffff:127.0.0.1",
    "::ffff:10.1.2.3",
    "64:ff9b::7f00:1",
]
NEVER = [
    "0.0.0.0",
    "0.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::127.0.0.1",
    "::ffff:0.0.0.0",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::1",
    "fe80::1%eth0",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "::1%lo",
    "5f00::1",
    "not an address",
    "127.0.0.1 ",
    "",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_allowed(address: str) -> None:
    assert isinstance(verdict(address, private=False), Allowed)
    assert isinstance(verdict(address, private=True), Allowed)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_allowed_on_request(address: str) -> None:
    assert not isinstance(verdict(address, private=False), Allowed)
    assert isinstance(verdict(address, private=True), Allowed)


@pytest.mark.parametrize("address", NEVER)
def test_other_addresses_are_never_allowed(address: str) -> None:
    assert not isinstance(verdict(address, private=False), Allowed)
    assert not isinstance(verdict(address, private=True), Allowed)


@given(st.ip_addresses(v=4), st.booleans())
def test_an_ipv4_address_in_ipv6_clothes_gets_the_same_verdict(
    address: ipaddress.IPv4Address, private: bool
) -> None:
    plain = isinstance(verdict(str(address), private=private), Allowed)
    for dressed in (f"::ffff:{address}", f"64:ff9b::{address}"):
        assert isinstance(verdict(dressed, private=private), Allowed) == plain


@given(st.ip_addresses())
def test_whatever_is_allowed_is_a_global_unicast_address(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if isinstance(verdict(str(address), private=False), Allowed):
        assert address.is_global
        assert not address.is_multicast
        assert not address.is_link_local


@given(st.ip_addresses())
def test_the_private_flag_only_ever_adds(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if isinstance(verdict(str(address), private=False), Allowed):
        assert isinstance(verdict(str(address), private=True), Allowed)


def at(host: str) -> Endpoint:
    found = endpoint(f"https://{host}/")
    assert isinstance(found, Endpoint)
    return found


async def test_a_literal_address_is_not_looked_up() -> None:
    names = Names()
    assert await Guard(StillClock(), names).addresses(at("8.8.8.8"), private=False) == ("8.8.8.8",)
    assert names.asked == []


async def test_lookups_are_remembered_for_a_minute_per_name() -> None:
    clock, names = StillClock(), Names()
    names.answers = {"a.test": [("8.8.8.8",), ("8.8.4.4",)], "b.test": [("1.1.1.1",)]}
    guard = Guard(clock, names)
    assert await guard.addresses(at("a.test"), private=False) == ("8.8.8.8",)
    clock.time += 59.9
    assert await guard.addresses(at("a.test"), private=True) == ("8.8.8.8",)
    assert await guard.addresses(at("b.test"), private=False) == ("1.1.1.1",)
    clock.time += 0.2
    assert await guard.addresses(at("a.test"), private=False) == ("8.8.4.4",)
    assert names.asked == ["a.test", "b.test", "a.test"]


async def test_only_so_many_names_are_remembered() -> None:
    names = Names()
    names.answers = {f"n{number}.test": [("8.8.8.8",)] for number in range(5)}
    guard = Guard(StillClock(), names, size=3)
    for number in (0, 1, 2, 3, 4, 4, 0):
        await guard.addresses(at(f"n{number}.test"), private=False)
    assert names.asked == ["n0.test", "n1.test", "n2.test", "n3.test", "n4.test", "n0.test"]


async def test_callers_at_the_same_time_share_one_lookup() -> None:
    names = Names()
    names.answers["a.test"] = [("8.8.8.8",)]
    opened = asyncio.Event()
    names.before = opened.wait
    guard = Guard(StillClock(), names)
    asking = [asyncio.ensure_future(guard.addresses(at("a.test"), private=False)) for _ in range(10)]
    await asyncio.sleep(0)
    opened.set()
    assert await asyncio.gather(*asking) == [("8.8.8.8",)] * 10
    assert names.asked == ["a.test"]


async def test_a_shared_lookup_survives_the_caller_who_began_it() -> None:
    names = Names()
    names.answers["a.test"] = [("8.8.8.8",)]
    opened = asyncio.Event()
    names.before = opened.wait
    guard = Guard(StillClock(), names)
    first, second = (asyncio.ensure_future(guard.addresses(at("a.test"), private=False)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    opened.set()
    assert await second == ("8.8.8.8",)
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_a_failed_lookup_is_not_remembered() -> None:
    names = Names()
    guard = Guard(StillClock(), names)
    with pytest.raises(UpstreamError) as caught:
        await guard.addresses(at("a.test"), private=False)
    assert caught.value.kind == "connect"
    names.answers["a.test"] = [("8.8.8.8",)]
    assert await guard.addresses(at("a.test"), private=False) == ("8.8.8.8",)


async def test_a_name_without_addresses_does_not_resolve() -> None:
    names = Names()
    names.answers["a.test"] = [()]
    with pytest.raises(UpstreamError) as caught:
        await Guard(StillClock(), names).addresses(at("a.test"), private=False)
    assert caught.value.kind == "connect"


async def test_a_proxy_that_does_not_resolve_is_the_proxys_fault() -> None:
    proxy = proxy_endpoint("socks5://u:sesame@p.test")
    assert not isinstance(proxy, Endpoint)
    with pytest.raises(UpstreamError) as caught:
        await Guard(StillClock(), Names()).addresses(proxy, private=True)
    assert caught.value.kind == "proxy"
    assert "sesame" not in caught.value.message


async def test_the_systems_resolver_knows_this_machine() -> None:
    guard = Guard(StillClock())
    assert set(await guard.addresses(at("localhost"), private=True)) <= {"127.0.0.1", "::1"}
    with pytest.raises(UpstreamError) as caught:
        await guard.addresses(at("localhost"), private=False)
    assert caught.value.kind == "blocked"
