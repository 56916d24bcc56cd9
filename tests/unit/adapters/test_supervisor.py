"""All mirrors together, in their threads: orders, erasures, figures, and a stop that nothing holds up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic, sleep

import pytest

from appliance.adapters.memory import MemoryMirror, MemoryTarget
from appliance.adapters.protocol import Unreachable
from appliance.adapters.registry import KINDS, Configured, configured
from appliance.adapters.supervisor import Erased, KeptCursor, Mirrors
from appliance.clock import SystemClock
from appliance.config import Settings
from appliance.config.services import ElasticsearchSettings, PostgresSettings, RedisSettings
from appliance.errors import NotFound
from tests.unit.adapters.world import World

_PATIENCE_SECONDS = 30.0


class Two:
    """Two mirrors; ``one`` takes figures."""

    def __init__(self, world: World) -> None:
        self.one, self.other = MemoryTarget(), MemoryTarget()
        mirrors = [
            Configured("one", lambda _context: MemoryMirror(self.one, name="one"), 100, takes_figures=True),
            Configured("other", lambda _context: MemoryMirror(self.other, name="other"), 100),
        ]
        self.mirrors = Mirrors(mirrors, world.log, world.store, SystemClock())


@contextmanager
def _running(world: World) -> Iterator[Two]:
    two = Two(world)
    two.mirrors.start()
    try:
        yield two
    finally:
        for target in (two.one, two.other):
            if target.hanging is not None:
                target.hanging.set()
        assert two.mirrors.stop(_PATIENCE_SECONDS)


def _until(condition: Callable[[], object]) -> None:
    deadline = monotonic() + _PATIENCE_SECONDS
    while not condition():
        assert monotonic() < deadline
        sleep(0.01)


def _users(target: MemoryTarget) -> list[str]:
    return [event["user_id"] for event in target.events]


def test_each_follows_the_log(world: World) -> None:
    """What is appended reaches every mirror, and one that is down holds no other up."""
    with _running(world) as two:
        two.other.fault = Unreachable("gone")
        world.append_users("abc")
        _until(lambda: _users(two.one) == list("abc"))
        _until(lambda: two.mirrors.status()["other"].state == "down")
        assert [] == two.other.events
        two.other.fault = None
        two.mirrors.resume("other")
        _until(lambda: _users(two.other) == list("abc"))
        assert {"one", "other"} == set(two.mirrors.status())


def test_orders(world: World) -> None:
    """Pause, resume and rebuild reach the mirror that they name; an unknown name is told with those there are."""
    with _running(world) as two:
        world.append_users("a")
        _until(lambda: two.one.events and two.other.events)
        two.mirrors.pause("one")
        assert "paused" == two.mirrors.status()["one"].state
        two.mirrors.rebuild("one")
        world.append_users("b")
        _until(lambda: len(two.other.events) == 2)
        assert ["a"] == _users(two.one)
        two.mirrors.resume("one")
        _until(lambda: _users(two.one) == ["a", "b"] and two.mirrors.status()["one"].mirrored == 3)
        with pytest.raises(NotFound, match="one, other"):
            two.mirrors.pause("three")


def test_an_erasure_tells_what_is_done(world: World) -> None:
    """Of mirrors that can at once how much went; the others, and those that ran once and are off, are pending."""
    world.store.pause("switched off", paused=False)
    with _running(world) as two:
        tail = world.append_users(["ada", "bob"])
        _until(lambda: len(two.one.events) == len(two.other.events) == 2)
        two.mirrors.pause("other")
        told = two.mirrors.erase("ada", tail, patience_seconds=1)
        done = Erased("one", "done", 1)
        assert [done, Erased("other", "pending", None), Erased("switched off", "pending", None)] == told
        assert ["other", "switched off"] == world.store.pending_erasures("ada")
        two.mirrors.resume("other")
        _until(lambda: _users(two.other) == ["bob"])


def test_figures_and_alerts_go_to_sinks(world: World) -> None:
    """They are published in the mirror's own thread, to those that take them; without data a figure is absent."""
    with _running(world) as two:
        assert two.mirrors.takes_figures
        two.mirrors.offer_figures({"revenue_1h": 12.5, "email_open_rate_1h": None})
        two.mirrors.offer_alert({"rule": "high_bounce_rate"})
        _until(lambda: two.one.figures and two.one.alerts)
        assert {"revenue_1h": 12.5} == two.one.figures
        assert ({}, []) == (two.other.figures, two.other.alerts)


def test_a_hanging_mirror_does_not_hold_up_the_stop(world: World) -> None:
    """A call that never comes back is left behind, and what it was at is neither lost nor doubled."""
    world.append_users("abc")
    two = Two(world)
    two.one.hanging = hanging = threading.Event()
    two.mirrors.start()
    assert two.one.began_to_hang.wait(_PATIENCE_SECONDS)
    _until(lambda: len(two.other.events) == 3)
    assert not two.mirrors.stop(0.2)
    two.one.hanging = None
    again = Two(world)
    again.one = two.one
    again.mirrors.start()
    _until(lambda: _users(two.one) == list("abc"))
    assert again.mirrors.stop(_PATIENCE_SECONDS)
    hanging.set()
    assert two.mirrors.stop(_PATIENCE_SECONDS)
    assert list("abc") == _users(two.one)


def test_a_stop_before_the_start(world: World) -> None:
    """An appliance that ends while it starts has nothing to wait for."""
    assert Two(world).mirrors.stop(0)


def test_kept_cursors(world: World) -> None:
    """The control store keeps the cursor of a mirror that can't."""
    keeper = KeptCursor(world.store, "elasticsearch")
    assert keeper.get() is None
    keeper.put(world.log.tail())
    assert world.log.tail() == KeptCursor(world.store, "elasticsearch").get()
    keeper.put(None)
    assert keeper.get() is None


def test_the_settings_say_which_mirrors_there_are() -> None:
    """A section that is named is a mirror, with its own batch size; every kind has a section."""
    assert [] == configured(Settings())
    some = configured(Settings(redis=RedisSettings(batch_events=7), postgresql=PostgresSettings()))
    assert [("redis", 7, True), ("postgresql", 5_000, False)] == [
        (m.name, m.batch_events, m.takes_figures) for m in some
    ]
    every = Settings(redis=RedisSettings(), elasticsearch=ElasticsearchSettings(), postgresql=PostgresSettings())
    assert [kind.name for kind in KINDS] == [mirror.name for mirror in configured(every)]
