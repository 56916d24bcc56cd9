"""The guard's rules, one by one."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from appliance.access.guard import Guard, is_loopback, split_host

OPEN = Guard(own_ports=frozenset({8501, 8080}))
KEYS = Guard(own_ports=frozenset({8501, 8080}), open_mode=False)


def passes(guard: Guard, host: str, *origins: str, forwarded: bool = False, peer: str = "127.0.0.1") -> bool:
    return guard.refusal(host, origins, forwarded=forwarded, peer=peer) is None


@pytest.mark.parametrize("host", ["localhost:8501", "LOCALHOST", "127.0.0.1:8501", "127.9.9.9", "[::1]:8501", "[::1]"])
def test_loopback_names_pass(host: str) -> None:
    """Every way to write this machine is welcome in open mode, at any port (a tunnel has its own)."""
    assert passes(OPEN, host)


@pytest.mark.parametrize(
    "host", ["", "evil.example", "localhost.evil.example", "127.0.0.1@evil.example", "0.0.0.0", "[", "a:b"]
)
def test_other_names_do_not(host: str) -> None:
    """Names that could be pointed at this machine, and what isn't a name at all, are refused in open mode."""
    assert not passes(OPEN, host)


@pytest.mark.parametrize("origin", ["http://localhost:8501", "http://localhost:8080"])
def test_either_listener_is_own(origin: str) -> None:
    """The API's pages may talk to the dashboard."""
    assert passes(OPEN, "localhost:8501", origin)


@pytest.mark.parametrize(
    "origin",
    ["null", "", "http://localhost", "http://127.0.0.1:8501", "http://localhost:99999", "http://localhost:3000"],
)
def test_other_origins_are_not(origin: str) -> None:
    """Same machine is not same origin; name and port have to be the server's own."""
    assert not passes(OPEN, "localhost:8501", origin)


def test_behind_a_proxy_host_and_origin_agree() -> None:
    """With keys, the name and port that the browser sees may be the proxy's."""
    assert passes(KEYS, "figures.example", "https://figures.example")
    assert passes(KEYS, "figures.example:8443", "https://figures.example:8443")
    assert not passes(KEYS, "figures.example", "https://figures.example:8443")
    assert not passes(KEYS, "figures.example", "https://evil.example")


def test_forwarded_requests_need_a_trusted_sender() -> None:
    """In open mode a proxy makes strangers look local, so it has to be named."""
    trusting = Guard(own_ports=frozenset({8501}), trusted_proxies=(ip_network("10.0.0.0/8"),))
    assert not passes(OPEN, "localhost", forwarded=True)
    assert not passes(trusting, "localhost", forwarded=True, peer="192.0.2.1")
    assert not passes(trusting, "localhost", forwarded=True, peer="")
    assert passes(trusting, "localhost", forwarded=True, peer="10.1.2.3")
    assert passes(KEYS, "figures.example", forwarded=True)


def test_a_trusted_proxy_may_name_the_host_that_browsers_see() -> None:
    """``X-Forwarded-Host`` makes an Origin own when a trusted proxy says so, and only by name and port."""
    proxies = (ip_network("10.0.0.0/8"),)

    def is_own(peer: str, forwarded_host: str, *, open_mode: bool = False) -> bool:
        guard = Guard(frozenset({8501}), open_mode=open_mode, trusted_proxies=proxies)
        origins = ("https://figures.example",)
        return guard.refusal("127.0.0.1", origins, forwarded=True, peer=peer, forwarded_host=forwarded_host) is None

    assert is_own("10.1.2.3", "figures.example")
    assert is_own("10.1.2.3", "figures.example, inner.example", open_mode=True)
    assert not is_own("192.0.2.1", "figures.example")
    assert not is_own("10.1.2.3", "figures.example:8443")
    assert not is_own("10.1.2.3", "evil.example")
    assert not is_own("10.1.2.3", "")


def test_hosts_are_read_strictly() -> None:
    """A Host header is a name and perhaps a port; anything more makes it unreadable."""
    assert ("localhost", 8501) == split_host("LocalHost:8501")
    assert ("::1", None) == split_host("[::1]")
    assert ("", None) == split_host("localhost/path")
    assert not is_loopback("10.0.0.1")
