"""Signing in: a session lasts as long as it may, as its key does, and until it is closed."""

from __future__ import annotations

import pytest

from appliance.access.keyring import Keyring
from appliance.access.sessions import Sessions, end_sessions_of_changed_keys, session_token
from appliance.clock import DAY_US, HOUR_US
from appliance.store.control import ControlStore
from appliance.testing import START_US, SettableClock


@pytest.fixture
def sessions(store: ControlStore, keyring: Keyring, clock: SettableClock) -> Sessions:
    return Sessions(store, keyring, clock, hours=24)


def _open(sessions: Sessions, keyring: Keyring) -> tuple[str, str]:
    """A key's id, and the token of a session opened with it."""
    key, text = keyring.create("viewer", {"read"})
    token = sessions.open(text)
    assert token is not None
    return key.id, token


def test_a_session_is_its_keys(sessions: Sessions, keyring: Keyring) -> None:
    """Who is signed in is the principal of the key; another token is nobody."""
    key_id, token = _open(sessions, keyring)

    found = sessions.principal(token)

    assert found is not None
    assert (key_id, frozenset({"read"})) == (found.id, found.scopes)
    assert [None, None] == [sessions.principal(token[:-1]), sessions.principal("")]


def test_a_key_that_may_not_read_opens_no_session(sessions: Sessions, keyring: Keyring) -> None:
    """Neither a write key nor what is no key."""
    _, text = keyring.create("sender", {"write"})

    assert [None, None] == [sessions.open(text), sessions.open("nothing")]


def test_a_session_ends_by_time_by_closing_and_with_its_key(
    sessions: Sessions, keyring: Keyring, clock: SettableClock
) -> None:
    """Each of the three is enough."""
    first, second = _open(sessions, keyring), _open(sessions, keyring)
    sessions.close(first[1])
    keyring.revoke(second[0])
    assert [None, None] == [sessions.principal(first[1]), sessions.principal(second[1])]

    _, third = _open(sessions, keyring)
    clock.set(START_US + DAY_US - 1)
    assert sessions.principal(third) is not None
    clock.set(START_US + DAY_US)
    assert sessions.principal(third) is None


def test_a_clock_that_is_set_back_makes_no_session_longer(
    sessions: Sessions, keyring: Keyring, clock: SettableClock
) -> None:
    """Days before it was opened it opens nothing."""
    _, token = _open(sessions, keyring)

    clock.set(START_US - 2 * HOUR_US)

    assert sessions.principal(token) is None


def test_sessions_outlive_the_process_and_what_ended_stays_ended(
    store: ControlStore, sessions: Sessions, keyring: Keyring, clock: SettableClock
) -> None:
    """Nobody has to sign in again because of a restart."""
    _, kept = _open(sessions, keyring)
    _, closed = _open(sessions, keyring)
    sessions.close(closed)

    later = Sessions(store, keyring, clock, hours=24)

    assert later.principal(kept) is not None
    assert later.principal(closed) is None


def test_expired_sessions_are_swept_away(
    store: ControlStore, sessions: Sessions, keyring: Keyring, clock: SettableClock
) -> None:
    """From memory and from the control store."""
    _open(sessions, keyring)
    clock.set(START_US + 2 * DAY_US)
    _open(sessions, keyring)

    sessions.sweep()

    assert (1, 1) == (sessions.count(), store.database().table("sessions").count)


def test_a_session_tells_the_name_of_its_key(sessions: Sessions, keyring: Keyring) -> None:
    """For as long as it holds."""
    key_id, token = _open(sessions, keyring)
    assert sessions.holder(token) == "viewer"
    keyring.revoke(key_id)
    assert [None, None] == [sessions.holder(token), sessions.holder("")]


def test_a_configured_key_goes_by_its_id(store: ControlStore, clock: SettableClock) -> None:
    """It was given no name."""
    keyring = Keyring(store, clock, {"admin": "a configured key"})
    sessions = Sessions(store, keyring, clock, hours=1)
    assert "configured-admin" == sessions.holder(sessions.open("a configured key") or "")


def test_sign_ins_end_when_their_configured_key_is_changed(store: ControlStore, clock: SettableClock) -> None:
    """A key that leaked is changed in the configuration: whoever signed in with the old one is out, others are not."""
    before = {"admin": "the-old-admin-key", "write": "a-write-key"}
    end_sessions_of_changed_keys(store, before)  # type: ignore[arg-type]
    keyring = Keyring(store, clock, before)  # type: ignore[arg-type]
    _, made = keyring.create("viewer", {"read"})
    sessions = Sessions(store, keyring, clock, hours=24)
    old, other = sessions.open("the-old-admin-key"), sessions.open(made)
    assert old is not None
    assert other is not None

    end_sessions_of_changed_keys(store, before)  # type: ignore[arg-type]
    assert Sessions(store, keyring, clock, hours=24).principal(old) is not None
    after = {"admin": "the-new-admin-key", "write": "a-write-key"}
    end_sessions_of_changed_keys(store, after)  # type: ignore[arg-type]
    later = Sessions(store, Keyring(store, clock, after), clock, hours=24)  # type: ignore[arg-type]

    assert later.principal(old) is None
    assert later.principal(other) is not None


def test_a_session_that_could_not_be_removed_is_swept_away(
    store: ControlStore, sessions: Sessions, keyring: Keyring, clock: SettableClock
) -> None:
    """What memory has ended doesn't come back from the store with the next start."""
    _, token = _open(sessions, keyring)
    row = next(iter(store.database().table("sessions").rows))
    sessions.close(token)
    with store.writing() as database:
        database.table("sessions").insert(row)

    sessions.sweep()

    assert Sessions(store, keyring, clock, hours=24).principal(token) is None


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("appliance_session=abc", "abc"),
        ("other=1; appliance_session=abc; more=2", "abc"),
        ("appliance_session_=abc", ""),
        ("", ""),
        ("appliance_session", ""),
        ("a=b=c;;;=; ,", ""),
        ('theme={"dark": [1,2]}; o@t:h=\x7f; appliance_session=abc', "abc"),
    ],
)
def test_the_token_is_found_in_the_cookies(header: str, token: str) -> None:
    """Among others, and in rubbish there is none."""
    assert token == session_token(header)
