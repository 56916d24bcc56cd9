"""The door: who may do what, by key, session, mode and pace."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.access.door import Door, Forbidden, RateLimited, Shown, Unauthorized
from appliance.access.forwarding import client_address, is_tls, limited_name
from appliance.access.guard import Network
from appliance.access.keyring import Keyring
from appliance.access.principal import ANYONE, OWNER, Principal, Scope
from appliance.access.rate_limits import RateLimiter
from appliance.access.rules import needed_scope, takes_session
from appliance.access.sessions import Sessions
from appliance.store.control import ControlStore
from appliance.testing import SettableClock

_PROXY: tuple[Network, ...] = (ip_network("10.0.0.0/8"),)


@pytest.fixture
def door(store: ControlStore, keyring: Keyring, clock: SettableClock) -> Door:
    return Door(keyring, Sessions(store, keyring, clock, hours=1), "the-owners-token", open_mode=False)


def _bearer(text: str) -> Shown:
    return Shown("192.0.2.1", authorization=f"Bearer {text}")


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/health", None),
        ("GET", "/ready", None),
        ("POST", "/health", "admin"),
        ("POST", "/v1/events", "write"),
        ("GET", "/v1/events", "read"),
        ("POST", "/v1/events/", "admin"),
        ("GET", "/v1/metrics", "read"),
        ("HEAD", "/v1/metrics", "read"),
        ("POST", "/v1/query", "read"),
        ("DELETE", "/v1/query", "admin"),
        ("GET", "/v1/keys", "admin"),
        ("GET", "/v1/keys/", "admin"),
        ("GET", "/v1/keys/abc", "admin"),
        ("GET", "/v1/keysmith", "read"),
        ("GET", "/v1/audit", "admin"),
        ("GET", "/internal/export", "admin"),
        ("DELETE", "/v1/users/x", "admin"),
        ("PURGE", "/v1/anything", "admin"),
        ("get", "/v1/metrics", "admin"),
    ],
)
def test_every_request_has_a_scope(method: str, path: str, scope: Scope | None) -> None:
    """By rule, so that a route nobody thought of is locked."""
    assert scope == needed_scope(method, path)


@given(st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]), st.text(max_size=30))
def test_nothing_but_the_two_probes_is_open(method: str, path: str) -> None:
    """Whatever the path looks like."""
    assert path in ("/health", "/ready") or needed_scope(method, path) is not None


@pytest.mark.parametrize("scope", ["write", "read", "admin"])
def test_a_key_opens_what_its_scope_says(door: Door, keyring: Keyring, scope: Scope) -> None:
    """``write`` posts events and nothing else, ``read`` all that changes nothing, ``admin`` everything."""
    _, text = keyring.create("k", {scope})
    asked: dict[Scope, tuple[str, str]] = {
        "write": ("POST", "/v1/events"),
        "read": ("GET", "/v1/metrics"),
        "admin": ("DELETE", "/v1/keys/x"),
    }

    opened = set()
    for needed, (method, path) in asked.items():
        try:
            door.admit(method, path, _bearer(text))
            opened.add(needed)
        except Forbidden:
            pass

    assert ({"write", "read", "admin"} if scope == "admin" else {scope}) == opened


@pytest.mark.parametrize("shown", ["", "Bearer", "Bearer ", "Bearer x", "Basic x", "bearer\tx", "x"])
def test_nobody_comes_in_without_a_key(door: Door, shown: str) -> None:
    """What is no key is none, however it is written."""
    with pytest.raises(Unauthorized):
        door.admit("GET", "/v1/metrics", Shown("192.0.2.1", authorization=shown))


def test_the_scheme_may_be_written_in_any_letter_case(door: Door, keyring: Keyring) -> None:
    """As RFC 9110 has it."""
    _, text = keyring.create("k", {"read"})

    assert door.admit("GET", "/v1/metrics", Shown("192.0.2.1", authorization=f"bEARER {text}"))


def test_the_owner_may_everything(door: Door) -> None:
    """The command line on this machine shows what only its files tell."""
    assert OWNER == door.admit("POST", "/internal/import", _bearer("the-owners-token"))


def test_in_open_mode_everyone_may_everything(door: Door) -> None:
    """And a key that is shown all the same doesn't matter."""
    door.open_mode = True

    assert ANYONE is door.admit("DELETE", "/v1/keys/x", _bearer("nonsense"))


def test_a_session_opens_what_a_browser_shows_and_nothing_else(door: Door, keyring: Keyring) -> None:
    """The stream and the documentation, for reading; no other route takes a cookie."""
    _, text = keyring.create("viewer", {"admin"})
    shown = Shown("192.0.2.1", cookie=f"appliance_session={door.sessions.open(text)}")

    assert door.admit("GET", "/v1/stream", shown)
    assert door.admit("GET", "/docs", shown)
    for method, path in (("GET", "/v1/metrics"), ("POST", "/v1/stream"), ("DELETE", "/v1/keys/x")):
        assert not takes_session(method, path)
        with pytest.raises(Unauthorized):
            door.admit(method, path, shown)


def test_a_stranger_may_ask_whether_it_is_alive(door: Door) -> None:
    """Nobody is known there, and a wrong key does no harm."""
    assert door.admit("GET", "/health", Shown("192.0.2.1")) is None
    assert door.admit("GET", "/ready", _bearer("wrong")) is None


def test_an_address_with_wrong_keys_is_told_to_wait_and_a_right_key_still_opens(
    door: Door, keyring: Keyring, clock: SettableClock
) -> None:
    """One sender with a wrong key doesn't shut out its neighbour."""
    _, text = keyring.create("k", {"read"})
    door.failures = RateLimiter(1 / 6, 10, clock.monotonic)
    for _ in range(10):
        with pytest.raises(Unauthorized):
            door.admit("GET", "/v1/metrics", _bearer("wrong"))

    with pytest.raises(RateLimited) as refusal:
        door.admit("GET", "/v1/metrics", _bearer("wrong"))

    assert 6 == refusal.value.retry_after_seconds
    assert door.admit("GET", "/v1/metrics", _bearer(text))
    assert (10, 1) == (door.counts.refused["unauthorized"], door.counts.refused["rate_limited"])


def test_each_key_and_each_address_has_a_pace_of_its_own(door: Door, keyring: Keyring, clock: SettableClock) -> None:
    """One that is too fast slows down nobody else."""
    _, fast = keyring.create("fast", {"read"})
    _, other = keyring.create("other", {"read"})
    door.per_key = RateLimiter(1, 2, clock.monotonic)
    door.admit("GET", "/v1/metrics", _bearer(fast))
    door.admit("GET", "/v1/metrics", _bearer(fast))

    with pytest.raises(RateLimited, match="key"):
        door.admit("GET", "/v1/metrics", _bearer(fast))
    assert door.admit("GET", "/v1/metrics", _bearer(other))

    clock.advance(1)
    assert door.admit("GET", "/v1/metrics", _bearer(fast))


@given(
    st.integers(1, 5),
    st.integers(1, 8),
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3_000)), max_size=40),
)
def test_the_limiter_is_a_bucket_that_fills_steadily(rate: int, burst: int, calls: list[tuple[str, int]]) -> None:
    """Against a plain token bucket, one a name, counted in whole milliseconds' tokens."""
    clock = SettableClock()
    limiter = RateLimiter(rate, burst, clock.monotonic)
    tokens: dict[str, tuple[int, int]] = {}
    now = 0
    expected, seen = [], []
    for name, pause in calls:
        clock.advance(pause / 1000)
        now += pause
        held, since = tokens.get(name, (burst * 1000, now))
        held = min(burst * 1000, held + (now - since) * rate)
        allowed = held >= 1000
        tokens[name] = (held - 1000 if allowed else held, now)
        expected.append(allowed)
        seen.append(limiter.take(name) < 1e-6)

    assert expected == seen


def test_the_limiter_forgets_names_beyond_its_bound() -> None:
    """A million addresses take no more memory than twenty thousand."""
    clock = SettableClock()
    limiter = RateLimiter(1, 1, clock.monotonic)
    for number in range(30_000):
        limiter.take(str(number))

    assert 20_000 == len(limiter._whole_at)


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("192.0.2.1", "203.0.113.9", "192.0.2.1"),
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "rubbish", "10.0.0.1"),
    ],
)
def test_an_address_is_believed_as_far_as_trusted_proxies_saw_it(peer: str, forwarded: str, address: str) -> None:
    """What a caller writes into the header itself doesn't count."""
    assert address == client_address(peer, forwarded, _PROXY)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8:0:0:ffff::9", "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("no address", "no address"),
    ],
)
def test_limits_count_networks_of_ipv6(address: str, name: str) -> None:
    """One customer has a whole network of them, and would never meet a limit otherwise."""
    assert name == limited_name(address)


def test_a_proxy_seen_through_ipv6_is_the_proxy() -> None:
    """A listener for both kinds of addresses sees IPv4 peers as mapped ones."""
    assert "203.0.113.9" == client_address("::ffff:10.0.0.1", "203.0.113.9", _PROXY)


def test_tls_is_known_by_a_trusted_proxy_alone() -> None:
    """Anyone can send the header."""
    assert is_tls("10.0.0.1", "https", _PROXY)
    assert not is_tls("10.0.0.1", "http", _PROXY)
    assert not is_tls("192.0.2.1", "https", _PROXY)


def test_a_principal_shows_no_secret() -> None:
    """It may be logged."""
    assert "open" == Principal("", frozenset()).label
