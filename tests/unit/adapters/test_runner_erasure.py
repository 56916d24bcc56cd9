"""A person is erased from a mirror once, when nothing that was read before can bring them back."""

from __future__ import annotations

from appliance.adapters.protocol import Unreachable
from appliance.log.duckdb_log import DuckDBLog
from tests.unit.adapters.world import World, settle


def test_at_once_where_the_mirror_has_caught_up(world: World) -> None:
    """The cursor is at the erasure's place already; others stay, and it is done once."""
    runner = world.runner()
    tail = world.append_users(["ada", "bob", "ada"])
    settle(runner)
    world.store.ask_erasure(["memory"], "ada", str(tail))
    runner.hear()
    settle(runner)
    assert (["bob"], [("ada", 2)]) == (world.users(), world.removed)
    assert [] == world.store.pending_erasures("ada")
    settle(world.runner())
    assert 1 == len(world.removed)


def test_only_when_the_cursor_has_passed(world: World) -> None:
    """Behind by batches: what lies before is written first, to its last event, then the person goes, then the rest."""
    tail = world.append_users(["ada", "b", "c", "d", "e", "ada"])
    world.append_users(["ada", "g"])
    world.store.ask_erasure(["memory"], "ada", str(tail))
    runner = world.runner()
    runner.step()
    runner.step()
    assert (["ada", "b", "c", "d", "e", "ada"], []) == (world.users(), world.removed)
    settle(runner)
    assert ["b", "c", "d", "e", "ada", "g"] == world.users()
    assert [("ada", 2)] == world.removed


def test_a_batch_in_flight_does_not_bring_the_person_back(world: World) -> None:
    """Asked for while a batch that was read before is being written: the person goes after it."""
    world.append_users(["ada", "bob"])
    runner = world.runner()

    def ask(_event: object) -> None:
        if not world.store.pending_erasures("ada"):
            world.store.ask_erasure(["memory"], "ada", str(world.log.tail()))
            runner.hear()

    world.target.refuses = ask
    settle(runner)
    settle(runner)
    assert ["bob"] == world.users()


def test_pending_over_restarts_and_pauses(world: World) -> None:
    """A target that is down, a pause and a restart put it off; then it is done before anything newer is written."""
    tail = world.append_users(["ada", "bob"])
    settle(world.runner())
    world.target.fault = Unreachable()
    world.store.ask_erasure(["memory"], "ada", str(tail))
    world.append_users(["cyd"])
    world.runner().step()
    assert ["memory"] == world.store.pending_erasures("ada")
    world.target.fault = None
    world.store.pause("memory", paused=True)
    settle(world.runner())
    assert ["memory"] == world.store.pending_erasures("ada")
    world.store.pause("memory", paused=False)
    runner = world.runner()
    runner.step()
    assert [("ada", 1)] == world.removed
    settle(runner)
    assert ["bob", "cyd"] == world.users()


def test_an_unknown_outcome_of_an_erasure(world: World) -> None:
    """When the note that it is done can't be made, the person is erased again, which changes nothing."""
    tail = world.append_users(["ada", "bob"])
    runner = world.runner()
    settle(runner)
    world.store.ask_erasure(["memory"], "ada", str(tail))
    world.made[-1].erase("ada")
    runner.hear()
    settle(runner)
    assert (["bob"], [("ada", 0)]) == (world.users(), world.removed)


def test_asked_for_twice(world: World) -> None:
    """The person came again and is erased again: one order, at the later place."""
    first = world.append_users(["ada", "b", "c", "d", "e"])
    world.store.ask_erasure(["memory"], "ada", str(first))
    second = world.append_users(["ada"])
    world.store.ask_erasure(["memory"], "ada", str(second))
    settle(world.runner())
    assert ["b", "c", "d", "e"] == world.users()
    assert [("ada", 2)] == world.removed


def test_where_the_log_has_lost_the_events_too(world: World) -> None:
    """The log erased the end that the mirror had not read: the cursor passes the place all the same."""
    settle(world.runner())
    tail = world.append_users(["ada", "ada"])
    world.log.expire(world.clock.now_us() + 1)
    world.store.ask_erasure(["memory"], "ada", str(tail))
    settle(world.runner())
    assert [] == world.store.pending_erasures("ada")


def test_a_place_in_another_log(world: World) -> None:
    """Ordered before the data folder was restored from a backup: done at once, for the place will never come."""
    other = DuckDBLog(None, world.clock)
    world.append_users(["ada", "bob"])
    settle(world.runner())
    world.store.ask_erasure(["memory"], "ada", str(other.tail()))
    world.store.ask_erasure(["memory"], "bob", str(world.log.tail()))
    settle(world.runner())
    assert ([], 2) == (world.users(), len(world.removed))
    other.close()
