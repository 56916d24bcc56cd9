"""Whatever happens to a mirror, in the end it holds the log, each event once."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.adapters.protocol import CursorMoved, Misconfigured, Unreachable
from tests.unit.adapters.world import World, settle

_FAULTS = (Unreachable, Misconfigured, CursorMoved, OSError)

_HAPPENING = st.one_of(
    st.tuples(st.just("append"), st.integers(1, 11)),
    st.tuples(st.just("step"), st.integers(1, 5)),
    st.tuples(st.just("fail_before"), st.integers(1, 3)),
    st.tuples(st.just("fail_after"), st.integers(1, 3)),
    st.tuples(st.just("fault"), st.integers(0, len(_FAULTS) - 1)),
    st.tuples(st.sampled_from(["mend", "restart", "pause", "resume", "rebuild", "lose", "erase"]), st.just(0)),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_HAPPENING, max_size=30), st.booleans(), st.sampled_from([1, 3, 7]))
def test_once_each_after_any_history(happenings: list[tuple[str, int]], tells_which: bool, odd: int) -> None:
    """Appends, failures before and after the effect, pauses, restarts, rebuilds, losses, erasures, refused events."""
    with tempfile.TemporaryDirectory() as folder, World.made_in(Path(folder)) as world:
        world.target.tells_which = tells_which
        world.target.refuses = lambda event: "odd" if event["seq"] % (5 * odd) == 0 else None
        _happen(world, happenings)
        world.target.fault = None
        world.target.fail_before = world.target.fail_after = 0
        world.store.pause("memory", paused=False)
        runner = world.runner()
        for _ in range(3):
            settle(runner)
        logged: list[int] = world.log.read(None, 100_000)[0].column("seq").to_pylist()
        assert [seq for seq in logged if seq % (5 * odd)] == [event["seq"] for event in world.target.events]
        assert ("up", 0) == (runner.status().state, runner.status().lag_events)
        refused = {letter.seq for letter in world.store.refusals("memory", limit=10_000)}
        assert {seq for seq in logged if seq % (5 * odd) == 0} <= refused
        assert all(seq % (5 * odd) == 0 for seq in refused)


def _happen(world: World, happenings: list[tuple[str, int]]) -> None:
    runner = world.runner()
    target = world.target
    for what, number in happenings:
        if what == "append":
            world.append_users([f"u{index}" for index in range(number)])
        elif what == "step":
            for _ in range(number):
                runner.step()
                world.clock.advance(1)
        elif what in ("fail_before", "fail_after"):
            setattr(target, what, number)
        elif what == "fault":
            target.fault = _FAULTS[number]("as it happens")
        elif what == "mend":
            target.fault = None
        elif what == "restart":
            runner = world.runner()
        elif what == "lose":
            target.clear()
        else:
            _order(world, what)
        runner.hear()


def _order(world: World, what: str) -> None:
    if what in ("pause", "resume"):
        world.store.pause("memory", paused=what == "pause")
    elif what == "rebuild":
        world.store.rebuild("memory", None)
    elif what == "erase":
        world.erase_from_log("u0")
        world.store.ask_erasure(["memory"], "u0", str(world.log.tail()))
