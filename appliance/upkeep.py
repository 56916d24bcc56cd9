"""The functions behind the appliance's jobs, bound to its parts; ``jobs.py`` says when they run."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Final

import duckdb

from appliance.clock import DAY_US, SECOND_US, Clock
from appliance.config import Settings
from appliance.jobs import Job, Jobs, JobState
from appliance.log.duckdb_log import DuckDBLog
from appliance.log.removal_time import RemovalTime
from appliance.log.writer import Writer
from appliance.rollups import state
from appliance.rollups.follower import Advanced, advance
from appliance.rollups.merge import count_behind
from appliance.store.control import ControlStore
from appliance.store.ledger import JobLedger

HOUR_SECONDS: Final = 3_600


class Upkeep:
    """What has to be done again and again: rollups advanced, old things let go."""

    def __init__(
        self,
        settings: Settings,
        log: DuckDBLog,
        writer: Writer,
        store: ControlStore,
        clock: Clock,
        others: Sequence[Job] = (),
    ) -> None:
        self._settings = settings
        self._log = log
        self._writer = writer
        self._clock = clock
        tail = log.tail().seq
        # what is removed is gone: a clock set forward by mistake mustn't decide it
        self._removal_time = RemovalTime(clock, lambda: log.newest_received_us(tail))
        self._stopping = threading.Event()
        self._rolled_up_seq = 0
        self._rolled_up_at_us = clock.now_us()
        self._jobs = Jobs([*self._schedule(), *others], JobLedger(store), clock)

    def _schedule(self) -> list[Job]:
        return [
            Job("rollups", self.advance_rollups, self._settings.metrics.calculation_interval, at_start=True),
            Job("minutes", self.trim_minutes, HOUR_SECONDS),
            Job("retention", self.expire_events, HOUR_SECONDS),
            Job("dead_letters", self.bound_dead_letters, HOUR_SECONDS),
        ]

    def start(self) -> None:
        """Begin to run the jobs. Rollups go on from where they stood when the process last ended."""
        with self._log.reader() as cursor:
            self._rolled_up_seq = self._log.tail().seq - count_behind(cursor)
        self._jobs.start()

    def stop(self, timeout: float = 5.0) -> bool:
        """Whether every job has ended in time."""
        self._stopping.set()
        return self._jobs.stop(timeout)

    def states(self) -> Mapping[str, JobState]:
        """How each job stands."""
        return self._jobs.states()

    def roll_up_now(self) -> None:
        """Run the rollup job out of turn; blocks until it has ended."""
        self._jobs.run_now("rollups")

    def rollup_lag(self) -> tuple[int, float]:
        """Events that the rollups have not counted yet, and for how many seconds at most. Never blocks."""
        behind = max(0, self._log.tail().seq - self._rolled_up_seq)
        # a clock that was set back would make it negative
        waited_us = max(0, self._clock.now_us() - self._rolled_up_at_us)
        return behind, waited_us / SECOND_US if behind else 0.0

    def advance_rollups(self) -> Advanced:
        """Count what came since the last run."""
        began_us, tail = self._clock.now_us(), self._log.tail()
        advanced = advance(
            self._log,
            self._writer,
            levels=self._settings.metrics.aggregation_levels,
            minute_horizon_us=self.minute_horizon_us(),
            stopping=self._stopping.is_set,
        )
        if not self._stopping.is_set():
            self._rolled_up_seq, self._rolled_up_at_us = tail.seq, began_us
        return advanced

    def trim_minutes(self) -> None:
        """Let go of minute rollups beyond ``metrics.retention_period``."""
        horizon_us = self.minute_horizon_us()
        self._writer.run(lambda connection: state.trim(connection, horizon_us)).result()

    def expire_events(self) -> int:
        """Remove the days that lie wholly before the log's retention, with what is derived from them."""
        days = self._settings.log.retention_days
        if not days:
            return 0
        before_us = (self._removal_time.now_us() - days * DAY_US) // DAY_US * DAY_US
        self.advance_rollups()

        def remove(connection: duckdb.DuckDBPyConnection) -> int:
            counted = state.load(connection)
            if counted is None:
                return 0
            state.expire(connection, before_us)
            # first times are kept for ever, so only events whose firsts are known may go
            return self._log.remove_before(connection, before_us, up_to_seq=counted.cursor)

        return self._writer.run(remove).result()

    def bound_dead_letters(self) -> None:
        """Let go of dead letters that are too old, too many or too large together."""
        before_us = self._removal_time.now_us() - self._settings.ingest.dead_letter_retention_days * DAY_US
        self._writer.call(lambda: self._log.dead_letters.bound(before_us)).result()

    def minute_horizon_us(self) -> int:
        """From when minute rollups are kept."""
        return self._removal_time.now_us() - self._settings.metrics.retention_period * DAY_US
