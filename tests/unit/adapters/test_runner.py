"""A runner mirrors the log once each, tells how it stands, and obeys."""

from __future__ import annotations

import pytest

from appliance.adapters.protocol import Misconfigured, Unreachable
from appliance.adapters.runner import HEALTH_SECONDS, POLL_SECONDS, RECHECK_SECONDS, Runner, RunnerOptions
from appliance.clock import DAY_US, HOUR_US
from appliance.log.duckdb_log import DuckDBLog
from appliance.log.position import Position
from appliance.testing import START_US, make_row
from tests.unit.adapters.world import OPTIONS, World, settle


def test_everything_is_mirrored_in_order(world: World) -> None:
    """A new mirror gets the whole log, batch by batch, and then what comes."""
    world.append_users("abcdefghij")
    runner = world.runner()
    assert POLL_SECONDS == settle(runner)
    assert list("abcdefghij") == world.users()
    world.append_users("k")
    settle(runner)
    assert world.mirrored_once()
    assert ("up", None, 0, 11) == _told(runner)


def _told(runner: Runner) -> tuple[object, ...]:
    status = runner.status()
    return status.state, status.error, status.lag_events, status.mirrored


def test_before_it_was_reached(world: World) -> None:
    """A mirror that has not begun is down, and says why."""
    assert "down" == world.runner().status().state
    assert world.runner().status().error


def test_a_target_that_is_down_is_tried_with_growing_waits(world: World) -> None:
    """While it fails the state is down with the reason; when it answers the mirror catches up, and waits begin anew."""
    world.append_users("abc")
    runner = world.runner()
    world.target.fault = Unreachable("redis:6379 can't be reached: connection refused")
    assert [0.5, 1, 2, 4] == [runner.step() for _ in range(4)]
    assert ("down", "redis:6379 can't be reached: connection refused") == _state(runner)
    world.target.fault = None
    settle(runner)
    assert ("up", None) == _state(runner)
    assert world.mirrored_once()
    world.target.fault = Unreachable()
    world.clock.advance(HEALTH_SECONDS)
    assert 0.5 == runner.step()


def _state(runner: Runner) -> tuple[str, str | None]:
    status = runner.status()
    return status.state, status.error


def test_a_target_that_only_refuses_writes_is_down(world: World) -> None:
    """It answers and is yet full or read-only: waits grow, and the state doesn't flicker."""
    world.append_users("a")
    runner = world.runner()
    world.target.fail_before = 3
    assert [0.5, 1, 2] == [runner.step() for _ in range(3)]
    assert "down" == runner.status().state
    settle(runner)
    assert "up" == runner.status().state


@pytest.mark.parametrize("fault", [Misconfigured("the login is refused: correct postgresql.password")])
def test_what_is_misconfigured_is_tried_once_a_minute(world: World, fault: Misconfigured) -> None:
    """Nothing but a change of the configuration, here or there, mends it."""
    world.target.fault = fault
    runner = world.runner()
    assert [RECHECK_SECONDS, RECHECK_SECONDS] == [runner.step(), runner.step()]
    assert ("down", fault.message) == _state(runner)


def test_an_unexpected_error_is_no_end(world: World) -> None:
    """What a client library raises on its own is told by its kind alone, since it may hold anything."""
    world.append_users("a")
    runner = world.runner()
    world.target.fault = RuntimeError("user ada's password is s3cret")
    runner.step()
    assert ("down", "unexpected RuntimeError: the appliance's log tells more") == _state(runner)
    world.target.fault = None
    settle(runner)
    assert world.mirrored_once()


def test_secrets_are_struck_out_of_errors(world: World) -> None:
    """Whatever a target says, the password isn't told on."""
    runner = world.runner(RunnerOptions(mask=lambda text: text.replace("hunter2", "***")))
    world.target.fault = Unreachable("no route to pg://u:hunter2@host\nat all")
    runner.step()
    assert "no route to pg://u:***@host at all" == runner.status().error


@pytest.mark.parametrize("switch", ["fail_before", "fail_after"])
def test_an_unknown_outcome_is_settled_by_the_cursor(world: World, switch: str) -> None:
    """Whether the failed write had its effect or not: each event is there once."""
    world.append_users("abcdefgh")
    setattr(world.target, switch, 2)
    runner = world.runner()
    while not world.mirrored_once():
        runner.step()
    assert list("abcdefgh") == world.users()
    assert all(mirror.closed for mirror in world.made[:-1])


def test_a_target_that_lost_everything_gets_it_again(world: World) -> None:
    """Flushed between two batches: the cursor is gone too, so the mirror begins anew, and counts nothing twice."""
    world.append_users("abc")
    runner = world.runner()
    settle(runner)
    world.target.clear()
    world.append_users("d")
    for _ in range(5):
        runner.step()
    assert world.mirrored_once()


def test_lag_is_counted_and_timed(world: World) -> None:
    """While the target is down: the events behind, and how long the first of them has waited."""
    runner = world.runner()
    settle(runner)
    world.target.fault = Unreachable()
    world.clock.advance(HEALTH_SECONDS)
    runner.step()
    world.append_users("ab")
    world.clock.advance(30)
    world.append_users("c")
    runner.step()
    world.clock.advance(12.5)
    assert (3, 42.5) == _lag(runner)
    world.target.fault = None
    settle(runner)
    assert (0, 0.0) == _lag(runner)


def _lag(runner: Runner) -> tuple[int, float]:
    status = runner.status()
    return status.lag_events, status.lag_seconds


def test_imported_events_have_waited_since_they_came(world: World) -> None:
    """An import keeps the times of receipt of last year; the lag is not a year for that."""
    runner = world.runner()
    settle(runner)
    world.append(make_row(timestamp_us=START_US - 300 * DAY_US))
    world.target.fault = Unreachable()
    runner.step()
    world.clock.advance(3)
    assert (1, 3.0) == _lag(runner)


def test_the_lag_is_known_before_the_target_answers(world: World) -> None:
    """After a restart, with the target gone: the cursor's note says how far it was."""
    world.append_users("abc")
    runner = world.runner()
    settle(runner)
    runner._let_go()
    world.append_users("de")
    world.target.fault = Unreachable()
    again = world.runner()
    again.step()
    assert ("down", 2) == (again.status().state, again.status().lag_events)


def test_expired_events_are_passed(world: World) -> None:
    """What the log lost before it was mirrored is no lag, and no reason to read again and again."""
    runner = world.runner()
    world.append_users("abc")
    world.log.expire(START_US + 1)
    settle(runner)
    assert ([], 0) == (world.users(), runner.status().lag_events)
    assert world.log.tail() == world.target.cursor


def test_large_events_make_small_batches(world: World) -> None:
    """The batch grows to what is allowed, and shrinks where events are large: memory is bounded."""
    world.append(*(make_row(user_id=str(number)) for number in range(3_000)))
    runner = world.runner(RunnerOptions(batch_events=1_000))
    settle(runner)
    assert 4 == world.target.writes  # 500, 1,000, 1,000 and the rest
    world.append(*(make_row(properties={"x": "y" * 30_000}) for _ in range(1_000)))
    settle(runner)
    world.append(*(make_row(properties={"x": "y" * 30_000}) for _ in range(1_000)))
    before = world.target.writes
    settle(runner)
    assert 4 <= world.target.writes - before
    assert world.mirrored_once()


def test_a_new_mirror_may_begin_late(world: World) -> None:
    """One that keeps a day of history begins with the first event of the last day."""
    world.history_us = DAY_US
    world.append(*(make_row(user_id=str(hours), timestamp_us=START_US - hours * HOUR_US) for hours in (50, 30, 20, 28)))
    settle(world.runner())
    assert ["20", "28"] == world.users()


def test_pausing_holds_between_batches(world: World) -> None:
    """Paused in the middle of catching up, over a restart also; resumed, it goes on from there."""
    world.append_users("abcdefgh")
    runner = world.runner()
    runner.step()
    world.store.pause("memory", paused=True)
    runner.hear(paused=True)
    assert "paused" == runner.status().state
    settle(runner)
    assert list("abcd") == world.users()
    again = world.runner()
    settle(again)
    world.clock.advance(7)
    assert ("paused", None, 4, 0) == _told(again)
    assert 7.0 == again.status().lag_seconds
    world.store.pause("memory", paused=False)
    again.hear(paused=False)
    settle(again)
    assert world.mirrored_once()


def test_resuming_does_not_wait(world: World) -> None:
    """Orders interrupt a wait of a minute."""
    world.target.fault = Misconfigured()
    runner = world.runner()
    runner.step()
    runner.hear(paused=False)
    assert runner._told.wait(0)


def test_rebuilding_from_a_date(world: World) -> None:
    """Everything goes, and what happened from the date on comes again; what happened before stays out for good."""
    days = [make_row(user_id=f"day {day}", timestamp_us=START_US + day * DAY_US) for day in (0, 1, 2, 1, 3)]
    world.append(*days)
    runner = world.runner()
    settle(runner)
    assert 5 == len(world.users())
    world.store.rebuild("memory", START_US + 2 * DAY_US)
    runner.hear()
    settle(runner)
    assert ["day 2", "day 3"] == world.users()
    world.append(
        make_row(user_id="late", timestamp_us=START_US), make_row(user_id="new", timestamp_us=START_US + 3 * DAY_US)
    )
    settle(world.runner())
    assert ["day 2", "day 3", "new"] == world.users()
    assert world.log.tail() == world.target.cursor
    world.store.rebuild("memory", None)
    settle(world.runner())
    assert world.mirrored_once()


def test_a_rebuild_waits_for_the_target(world: World) -> None:
    """Ordered while it is down, and over a restart: done when it answers, once."""
    world.append_users("ab")
    runner = world.runner()
    settle(runner)
    world.target.fault = Unreachable()
    world.store.rebuild("memory", None)
    runner.hear()
    runner.step()
    assert runner.status().rebuilding
    world.target.fault = None
    again = world.runner()
    settle(again)
    assert not again.status().rebuilding
    assert (2, True) == (again.status().mirrored, world.mirrored_once())


def test_a_cursor_of_another_log_stops_the_mirror(world: World) -> None:
    """It is foreign, writes nothing, and says what to do; rebuilt, it follows this log."""
    other = DuckDBLog(None, world.clock)
    world.target.cursor = other.tail()
    world.append_users("ab")
    runner = world.runner()
    assert RECHECK_SECONDS == settle(runner)
    state, error = _state(runner)
    assert ("foreign", 0) == (state, world.target.writes)
    assert "appliance mirrors rebuild memory" in (error or "")
    assert 2 == runner.status().lag_events
    world.store.rebuild("memory", None)
    runner.hear()
    settle(runner)
    assert ("up", True) == (runner.status().state, world.mirrored_once())
    other.close()


def test_a_cursor_ahead_of_the_log_is_foreign_too(world: World) -> None:
    """A data folder that was put back by hand has the identity of its log, and another history."""
    tail = world.append_users("ab")
    world.target.cursor = Position(tail.identity, 3)
    runner = world.runner()
    settle(runner)
    assert "foreign" == runner.status().state
    assert 0 == world.target.writes


@pytest.mark.parametrize("tells_which", [True, False])
def test_refused_events_become_dead_letters(world: World, tells_which: bool) -> None:
    """What the target refuses for good is kept with the reason, and the rest goes on, in order, once each."""
    world.target.tells_which = tells_which
    world.target.refuses = lambda event: "too odd" if event["user_id"] in "bcf" else None
    world.append_users("abcdefgh")
    runner = world.runner()
    settle(runner)
    assert list("adegh") == world.users()
    letters = world.store.refusals("memory", limit=10)
    assert [6, 3, 2] == [letter.seq for letter in letters]
    assert {"too odd"} == {letter.reason for letter in letters}
    assert (3, 0) == (runner.status().refused, runner.status().dropped)
    world.store.rebuild("memory", None)
    world.target.refuses = lambda _event: None
    again = world.runner()
    settle(again)
    assert world.mirrored_once()
    assert 0 == again.status().refused


def test_retention_is_applied_to_the_target_once_an_hour(world: World) -> None:
    """Whole days before the retention go, and a clock that was set forward takes nothing with it."""
    old = make_row(user_id="old", timestamp_us=START_US - 1)
    world.append(old, make_row(user_id="kept", timestamp_us=START_US))
    options = RunnerOptions(retention_days=1, backoff=OPTIONS.backoff)
    runner = world.runner(options)
    settle(runner)
    assert ["old", "kept"] == world.users()
    world.clock.set(START_US + 400 * DAY_US)
    world.clock.advance(3_600)
    settle(runner)
    assert ["old", "kept"] == world.users()
    world.clock.advance(24 * 3_600)
    settle(runner)
    assert ["kept"] == world.users()


def test_a_call_that_does_not_end_is_told(world: World) -> None:
    """A client without a time-out would hang for ever: after a minute the mirror counts as down."""
    runner = world.runner()
    settle(runner)
    runner._standing.begin_call()
    world.clock.advance(60)
    assert "up" == runner.status().state
    world.clock.advance(1)
    assert ("down", "it has been at one piece of work for 61 s") == _state(runner)
