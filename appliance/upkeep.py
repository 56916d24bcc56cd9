"""The functions behind the appliance's jobs, bound to its parts; ``jobs.py`` says when they run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb

from appliance.clock import DAY_US, Clock
from appliance.config import Settings
from appliance.log.duckdb_log import DuckDBLog
from appliance.log.writer import Writer
from appliance.rollups import state
from appliance.rollups.follower import Advanced, advance
from appliance.rollups.merge import count_behind
from appliance.sql import queries

_BOUND_DEAD_LETTERS = queries("appliance.log", "queries.sql")["bound_dead_letters"]


class Upkeep:
    """What has to be done again and again: rollups advanced, old things let go."""

    def __init__(self, settings: Settings, log: DuckDBLog, writer: Writer, clock: Clock) -> None:
        self._settings = settings
        self._log = log
        self._writer = writer
        self._clock = clock

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def states(self) -> Mapping[str, Any]:
        return {}

    def rollup_lag(self) -> tuple[int, float]:
        """Events that the rollups have not counted yet, and for how many seconds the oldest has waited."""
        with self._log.reader() as cursor:
            return count_behind(cursor), 0.0

    def advance_rollups(self) -> Advanced:
        """Count what came since the last run."""
        return advance(
            self._log,
            self._writer,
            levels=self._settings.metrics.aggregation_levels,
            minute_horizon_us=self._minute_horizon_us(),
        )

    def trim_minutes(self) -> None:
        """Let go of minute rollups beyond ``metrics.retention_period``."""
        horizon_us = self._minute_horizon_us()
        self._writer.run(lambda connection: state.trim(connection, horizon_us)).result()

    def expire_events(self) -> int:
        """Remove the days that lie wholly before the log's retention, with what is derived from them."""
        days = self._settings.log.retention_days
        if not days:
            return 0
        before_us = (self._clock.now_us() - days * DAY_US) // DAY_US * DAY_US
        # first times are kept for ever, so they must have been learnt before their events go
        self.advance_rollups()

        def remove(connection: duckdb.DuckDBPyConnection) -> int:
            state.expire(connection, before_us)
            return self._log.remove_before(connection, before_us)

        return self._writer.run(remove).result()

    def bound_dead_letters(self) -> None:
        """Let go of dead letters that are too old or too many."""
        limits = self._settings.ingest
        before_us = self._clock.now_us() - limits.dead_letter_retention_days * DAY_US
        bounds = {"before_us": before_us, "most": limits.dead_letter_max_rows}
        self._writer.run(lambda connection: connection.execute(_BOUND_DEAD_LETTERS, bounds).fetchall()).result()

    def _minute_horizon_us(self) -> int:
        return self._clock.now_us() - self._settings.metrics.retention_period * DAY_US
