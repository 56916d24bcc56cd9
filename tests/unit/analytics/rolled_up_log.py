"""A log whose rollups have come some way, for tests of what is read from both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import duckdb
from hypothesis import strategies as st

from appliance.analytics.points import LOG
from appliance.analytics.series import series
from appliance.rollups import state
from appliance.rollups.follower import advance
from tests.unit.analytics.histories import BASE, row_of
from tests.unit.analytics.reference import DAY, HOUR, MINUTE, Events
from tests.unit.rollups.plain import PlainLog

WIDTHS = {"minute": MINUTE, "hour": HOUR, "day": DAY}
ALL = frozenset(WIDTHS)


@dataclass(frozen=True)
class Progress:
    """How far the rollups have come: which share of the events, what they store, what has gone since."""

    share: float
    levels: frozenset[str]
    minutes_kept: int
    days_kept: int | None


progress = st.builds(
    Progress,
    share=st.one_of(st.just(1.0), st.floats(0, 1)),
    levels=st.one_of(st.just(ALL), st.frozensets(st.sampled_from(sorted(ALL)))),
    minutes_kept=st.integers(0, 45 * 24 * 60),
    days_kept=st.one_of(st.none(), st.integers(0, 40)),
)


class RolledUpLog(PlainLog):
    """A log whose first events the real follower has counted."""

    @contextmanager
    def after(self, history: Events, told: Progress, as_of: int) -> Iterator[Events]:
        """Let the log hold ``history``, the rollups be as far as told; what has not expired is given."""
        counted = round(told.share * len(history))
        self.append([row_of(event) for event in history[:counted]])
        self.roll_up(told.levels, as_of - told.minutes_kept * MINUTE)
        kept = history[:counted]
        if told.days_kept is not None:
            before = (as_of - told.days_kept * DAY) // DAY * DAY
            self.expire(before)
            kept = [event for event in kept if event.at >= before]
        self.append([row_of(event) for event in history[counted:]])
        try:
            yield kept + history[counted:]
        finally:
            self.clear()

    def roll_up(self, levels: frozenset[str] = ALL, minute_horizon_us: int = 0) -> None:
        advance(self, self, levels=levels, minute_horizon_us=minute_horizon_us, batch_events=17)

    def expire(self, before_us: int) -> None:
        def remove(connection: duckdb.DuckDBPyConnection) -> None:
            state.expire(connection, before_us)
            connection.execute("DELETE FROM events WHERE timestamp < make_timestamp(?)", [before_us])

        self.run(remove).result()

    def doctor(self, more: int) -> None:
        """Make what comes from rollups tell itself apart from what comes from the log."""
        for level in ALL:
            self.connection.execute(f"UPDATE rollup_{level} SET events = events + ?", [more])

    def clear(self) -> None:
        for table in ("events", "followers", "first_seen", *(f"rollup_{level}" for level in WIDTHS)):
            self.connection.execute(f"DELETE FROM {table}")
        self.connection.execute("DROP TABLE IF EXISTS rollup_state")
        self.last_seq = 0

    def ask(self, metric: str, **arguments: Any) -> dict[str, Any]:
        with self.reader() as cursor:
            return series(cursor, metric, base_currency=BASE, **arguments)

    def ask_log_alone(self, metric: str, **arguments: Any) -> dict[str, Any]:
        with patch("appliance.analytics.series.source_of", return_value=LOG):
            return self.ask(metric, **arguments)
