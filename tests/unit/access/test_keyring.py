"""Keys: made once, kept as digests, valid until they expire or are revoked."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.access.audit import Audit
from appliance.access.first_keys import show_first_keys
from appliance.access.key_management import NewKey, make_key, plain_key, revoke_key
from appliance.access.keyring import Keyring
from appliance.access.principal import OWNER, Principal
from appliance.clock import DAY_US
from appliance.errors import BadArgument, NotFound
from appliance.store.control import ControlStore
from appliance.testing import START_US, SettableClock


def test_a_key_is_found_by_its_text_alone(keyring: Keyring) -> None:
    """Its text opens; its id, its beginning, other letter case and nothing at all do not."""
    key, text = keyring.create("job", {"read"})

    assert Principal(key.id, frozenset({"read"})) == keyring.find(text)
    wrong = [key.id, text[:-1], text + "a", text.swapcase(), "", "\ud800", text + "\n"]
    assert [None] * len(wrong) == [keyring.find(guess) for guess in wrong]


def test_the_text_says_what_the_key_may(keyring: Keyring) -> None:
    """A key that leaked is recognised for what it is, and by secret scanners."""
    assert keyring.create("a", {"admin"})[1].startswith("aa_admin_")
    assert keyring.create("w", {"write"})[1].startswith("aa_write_")
    assert keyring.create("b", {"read", "write"})[1].startswith("aa_write_read_")


def test_the_text_is_kept_nowhere(keyring: Keyring, tmp_path: Path) -> None:
    """Whoever reads the files of the control store can't call with what is in them."""
    _, text = keyring.create("job", {"admin"})

    secret = text.rpartition("_")[2].encode()
    assert [] == [path.name for path in tmp_path.iterdir() if secret in path.read_bytes()]


def test_a_key_opens_until_the_instant_at_which_it_expires(keyring: Keyring, clock: SettableClock) -> None:
    """One microsecond before it does, then it doesn't."""
    key, text = keyring.create("job", {"read"}, START_US + DAY_US)
    clock.set(START_US + DAY_US - 1)
    assert keyring.find(text) is not None

    clock.set(START_US + DAY_US)

    assert keyring.find(text) is None
    assert keyring.principal(key.id) is None
    assert "expired" == plain_key(keyring.list()[0], clock.now_us())["status"]


def test_a_revoked_key_opens_nothing_here_and_in_another_process(
    store: ControlStore, keyring: Keyring, clock: SettableClock
) -> None:
    """At once where it was revoked; elsewhere when the keys are looked at anew."""
    key, text = keyring.create("job", {"read"})
    other = Keyring(store, clock)

    keyring.revoke(key.id)

    assert keyring.find(text) is None
    assert other.find(text) is not None
    other.reload()
    assert other.find(text) is None


def test_revoking_twice_keeps_the_first_time(keyring: Keyring, clock: SettableClock) -> None:
    """When a key ended doesn't move."""
    key, _ = keyring.create("job", {"read"})
    first = keyring.revoke(key.id)
    clock.advance(60)

    assert first == keyring.revoke(key.id)


def test_what_is_no_key_can_not_be_revoked(store: ControlStore, clock: SettableClock) -> None:
    """An unknown id is not found; a configured key is told where it comes from."""
    keyring = Keyring(store, clock, {"admin": "from the environment"})

    with pytest.raises(NotFound):
        keyring.revoke("nothing")
    with pytest.raises(BadArgument, match="configuration"):
        keyring.revoke("configured-admin")


def test_configured_keys_open_and_are_not_stored(store: ControlStore, clock: SettableClock) -> None:
    """What the configuration gives ends with the configuration."""
    keyring = Keyring(store, clock, {"admin": "an-admin-key", "write": "a-write-key"})

    found = keyring.find("a-write-key")

    assert Principal("configured-write", frozenset({"write"})) == found
    assert Keyring(store, clock).find("a-write-key") is None


def test_when_a_key_was_last_used_outlives_the_process(
    store: ControlStore, keyring: Keyring, clock: SettableClock
) -> None:
    """It is written down, and a key that nobody used shows none."""
    used, text = keyring.create("used", {"read"})
    unused, _ = keyring.create("unused", {"read"})
    clock.advance(5)
    keyring.find(text)
    keyring.keep_uses()

    known = {key.id: key.used_us for key in Keyring(store, clock).list()}

    assert {used.id: START_US + 5_000_000, unused.id: None} == known


def test_making_and_revoking_are_written_down(store: ControlStore, keyring: Keyring, clock: SettableClock) -> None:
    """By whom and to which key; the text of the key is not in it."""
    audit = Audit(store, clock)
    made = make_key(keyring, audit, OWNER, NewKey(["read"], "job"), clock.now_us())
    revoke_key(keyring, audit, OWNER, made["id"], clock.now_us())

    found = [(action.actor, action.action, action.subject, action.detail) for action in audit.latest(10)]

    assert [("owner", "key.revoke", made["id"], "job"), ("owner", "key.create", made["id"], "job: read")] == found


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (NewKey(["read"], " "), "name"),
        (NewKey(["read"], "a\nb"), "name"),
        (NewKey(["read"], "first start"), "name"),
        (NewKey(["read"], expires_at="yesterday"), "expires_at"),
        (NewKey(["read"], expires_at="2001-01-01T00:00:00Z"), "expires_at"),
        (NewKey(["read"], expires_at="2999-01-01T00:00:00Z", expires_in_days=1), "expires_at"),
    ],
)
def test_a_bad_wish_is_told_by_its_field(
    store: ControlStore, keyring: Keyring, clock: SettableClock, asked: NewKey, field: str
) -> None:
    """And no key is made."""
    with pytest.raises(BadArgument) as refusal:
        make_key(keyring, Audit(store, clock), OWNER, asked, clock.now_us())

    assert field == refusal.value.field
    assert [] == keyring.list()


def test_the_first_keys_are_shown_once(store: ControlStore, keyring: Keyring) -> None:
    """Two lines at the first start, none at the second; both open what they say."""
    shown: list[str] = []
    show_first_keys(store, keyring, (), shown.append)
    show_first_keys(store, keyring, (), shown.append)

    named = dict(line.split(": ") for line in shown)
    assert ["admin key", "write key"] == list(named)
    scopes = [found.scopes if (found := keyring.find(text)) else None for text in named.values()]
    assert [frozenset({"admin"}), frozenset({"write"})] == scopes


def test_only_keys_that_nobody_configured_are_made(store: ControlStore, keyring: Keyring) -> None:
    """With a configured admin key the first start shows a write key alone."""
    shown: list[str] = []
    show_first_keys(store, keyring, {"admin": "x"}, shown.append)

    assert ["write key"] == [line.partition(":")[0] for line in shown]


def test_keys_that_could_not_be_shown_are_ended_and_made_anew(store: ControlStore, keyring: Keyring) -> None:
    """A start that was cut short in between leaves no key behind that nobody has seen."""
    cut: list[str] = []

    def break_off(line: str) -> None:
        cut.append(line)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        show_first_keys(store, keyring, (), break_off)
    shown: list[str] = []
    show_first_keys(store, keyring, (), shown.append)

    assert keyring.find(cut[0].split(": ")[1]) is None
    assert 2 == len(shown)
