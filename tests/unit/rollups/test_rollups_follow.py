"""The follower counts each event once, whatever happens in between."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.clock import DAY_US, HOUR_US, MINUTE_US
from appliance.events.row import EventRow, Row
from appliance.events.types import KNOWN_TYPES
from appliance.rollups.follower import Advanced, advance
from appliance.rollups.merge import RollupsDamaged, waiting
from appliance.rollups.rebuild import rebuild
from appliance.rollups.state import LEVELS, expire, load, trim
from appliance.rollups.verify import verify
from appliance.testing import START_US, make_row
from tests.unit.rollups.plain import WIDTHS, CrashError, PlainLog, plain_buckets, plain_firsts

ALL = ("realtime", "minute", "hour", "day")
BEGINNING_US = -10 * DAY_US
MOST = 10**18 - 1

money = st.tuples(st.integers(-MOST, MOST), st.sampled_from(["USD", "EUR"]))


@st.composite
def rows(draw: st.DrawFn) -> Row:
    amount, currency = draw(st.none() | money) or (None, None)
    return make_row(
        draw(st.sampled_from(["conversion", "email_opened", "tried_it"])),
        draw(st.sampled_from(["u1", "u2", "ü"])),
        draw(st.integers(-3 * DAY_US, 3 * DAY_US) | st.integers(-2, 2).map(lambda n: n * HOUR_US)),
        received_us=START_US,
        campaign_id=draw(st.sampled_from([None, "", "c1"])),
        amount=amount,
        currency=currency,
    )


@dataclass
class Story:
    """A log, what has happened to it, and what must be stored."""

    log: PlainLog = field(default_factory=PlainLog)
    ever: list[Row] = field(default_factory=list)
    kept: list[Row] = field(default_factory=list)
    passed: int = 0
    levels: tuple[str, ...] = ALL
    horizon_us: int = BEGINNING_US

    def append(self, batch: list[Row]) -> None:
        self.log.append(batch)
        self.ever += batch
        self.kept += batch

    def advance(self, batch_events: int) -> None:
        advance(self.log, self.log, levels=self.levels, minute_horizon_us=self.horizon_us, batch_events=batch_events)

    def crash(self, batch_events: int) -> None:
        self.log.crash_at = {self.log.runs + 1, self.log.runs + 3}
        for _ in range(2):
            try:
                self.advance(batch_events)
            except CrashError:
                continue
        self.log.crash_at = set()

    def rival(self, batch_events: int) -> None:
        self.log.before_run = partial(self.advance, 4)
        self.advance(batch_events)
        self.log.before_run = None

    def rebuild(self, batch_events: int) -> None:
        values = {"levels": self.levels, "minute_horizon_us": self.horizon_us}
        rebuild(self.log, self.log, **values, batch_events=batch_events, slice_entries=4)  # type: ignore[arg-type]

    def broken_rebuild(self, batch_events: int) -> None:
        self.log.crash_at = {self.log.runs + 2}
        with suppress(CrashError):
            self.rebuild(batch_events)
        self.log.crash_at = set()

    def trim(self, day: int) -> None:
        self.horizon_us = max(self.horizon_us, day * DAY_US + 7 * HOUR_US)
        self.log.run(partial(trim, minute_horizon_us=self.horizon_us)).result()

    def expire(self, day: int) -> None:
        self.advance(100)  # events don't expire before they are counted
        self.kept = [row for row in self.kept if EventRow(*row).timestamp_us >= day * DAY_US]  # type: ignore[arg-type]

        def job(connection: duckdb.DuckDBPyConnection) -> None:
            connection.execute("DELETE FROM events WHERE epoch_us(timestamp) < ?", [day * DAY_US])
            expire(connection, day * DAY_US)

        self.log.run(job).result()

    def choose_levels(self, levels: tuple[str, ...]) -> None:
        self.levels = levels
        self.advance(100)


steps = st.one_of(
    st.tuples(st.just(Story.append), st.lists(rows(), max_size=8)),
    st.tuples(
        st.sampled_from([Story.advance, Story.crash, Story.rival, Story.rebuild, Story.broken_rebuild]),
        st.sampled_from([2, 5, 100]),
    ),
    st.tuples(st.sampled_from([Story.trim, Story.expire]), st.integers(-3, 3)),
    st.tuples(st.just(Story.choose_levels), st.sampled_from([ALL, ("realtime",), ("hour",), ("minute", "day")])),
)


def type_keys(log: PlainLog) -> Callable[[str], int]:
    custom = dict(log.rows("SELECT event_type, type_key FROM event_types"))
    return lambda name: int(KNOWN_TYPES.get(name) or custom[name])


@settings(max_examples=40, deadline=None)
@given(st.lists(steps, max_size=9))
def test_any_story_ends_in_what_a_plain_recomputation_gives(told: list[tuple[Callable[..., None], object]]) -> None:
    """Appends, crashes, rivals, rebuilds, trims, expiries, changed levels: nothing is lost, nothing counted twice."""
    story = Story()
    with story.log.connection:
        for step, value in told:
            step(story, value)
        story.advance(2)
        for level in LEVELS:
            from_us = story.horizon_us if level == "minute" else None
            expected = plain_buckets(story.kept, WIDTHS[level], from_us) if level in story.levels else {}
            assert expected == story.log.buckets(level)
        assert plain_firsts(story.ever, type_keys(story.log)) == story.log.firsts()
        assert [] == verify(story.log, slice_entries=4).differences


def test_nothing_to_count() -> None:
    """An empty log gives empty rollups, and nothing waits."""
    log = PlainLog()
    assert Advanced(0, 0) == advance(log, log, levels=ALL, minute_horizon_us=0)
    assert {} == log.buckets("day")


def test_sums_beyond_64_bits_stay_exact() -> None:
    """A hundred of the largest amounts add up to the last ten-thousandth."""
    log = PlainLog()
    batch = [make_row("conversion", amount=MOST, currency="USD", campaign_id=f"c{n % 2}") for n in range(100)]
    log.append(batch)
    advance(log, log, levels=ALL, minute_horizon_us=BEGINNING_US, batch_events=30)
    assert plain_buckets(batch, DAY_US) == log.buckets("day")


def test_gaps_in_the_sequence_are_passed() -> None:
    """Events that were removed leave gaps wider than a batch, and the follower goes on behind them."""
    log = PlainLog()
    log.append(make_row(timestamp_us=START_US + n) for n in range(50))
    log.connection.execute("DELETE FROM events WHERE seq BETWEEN 3 AND 45")
    assert Advanced(7, 0) == advance(log, log, levels=ALL, minute_horizon_us=0, batch_events=10)


def test_counting_by_cursor_survives_a_crash_between_read_and_write() -> None:
    """A transaction that is rolled back leaves cursor and buckets where they were together."""
    log = PlainLog()
    log.append([make_row()])
    log.crash_at = {2}
    with pytest.raises(CrashError):
        advance(log, log, levels=ALL, minute_horizon_us=0)
    state = load(log.connection)
    assert state is not None
    assert (0, {}) == (state.cursor, log.buckets("hour"))


def test_minutes_before_the_horizon_are_not_stored() -> None:
    """A late event from before the horizon counts in its hour and its day, and in no minute."""
    log = PlainLog()
    log.append([make_row(timestamp_us=START_US - 1), make_row(timestamp_us=START_US)])
    advance(log, log, levels=ALL, minute_horizon_us=START_US + MINUTE_US - 1)
    assert [1, 2] == [len(log.buckets(level)) for level in ("minute", "hour")]


def test_a_state_says_what_it_covers() -> None:
    """Minutes are covered from the horizon on, stored levels from the beginning, others never."""
    log = PlainLog()
    advance(log, log, levels=("minute", "day"), minute_horizon_us=START_US)
    state = load(log.connection)
    assert state is not None
    asked = [("minute", START_US), ("minute", START_US - MINUTE_US), ("hour", START_US), ("day", -DAY_US)]
    assert [True, False, False, True] == [state.covers(level, start_us) for level, start_us in asked]


def test_a_bucket_stored_twice_stops_the_follower() -> None:
    """The follower says that the rollups are damaged rather than add to both copies."""
    log = PlainLog()
    log.append([make_row()])
    advance(log, log, levels=ALL, minute_horizon_us=0)
    log.connection.execute("INSERT INTO rollup_hour SELECT * FROM rollup_hour")
    log.append([make_row()])
    with pytest.raises(RollupsDamaged, match="appliance rebuild"):
        advance(log, log, levels=ALL, minute_horizon_us=0)


def test_what_waits_is_told_with_its_age() -> None:
    """Events behind the cursor are counted, and the earliest receipt among them is known."""
    log = PlainLog()
    log.append([make_row()])
    advance(log, log, levels=ALL, minute_horizon_us=0)
    assert (0, None) == waiting(log.connection)
    log.append([make_row(received_us=START_US + 9), make_row(received_us=START_US + 5)])
    assert (2, START_US + 5) == waiting(log.connection)


def test_stopping_leaves_the_rest_for_later() -> None:
    """Asked to stop, the follower ends between two batches, and the next call goes on from there."""
    log = PlainLog()
    log.append(make_row(timestamp_us=START_US + n) for n in range(6))
    answers = iter([False, True])
    stopped = advance(log, log, levels=ALL, minute_horizon_us=0, batch_events=2, stopping=lambda: next(answers))
    assert Advanced(2, 4) == stopped
    assert Advanced(4, 0) == advance(log, log, levels=ALL, minute_horizon_us=0)


def test_buckets_expire_by_whole_days() -> None:
    """A cutoff that isn't a midnight in UTC is refused, for it would cut a bucket in two."""
    log = PlainLog()
    with pytest.raises(ValueError, match="midnight"):
        expire(log.connection, START_US + 1)
