"""How the log and its writer behave by the settings in force."""

from __future__ import annotations

from appliance.clock import HOUR_US
from appliance.config import Settings
from appliance.log.duckdb_log import LogOptions
from appliance.log.writer import WriterOptions


def log_options(settings: Settings) -> LogOptions:
    log = settings.log
    return LogOptions(
        memory_limit=log.memory_limit,
        min_free_bytes=log.min_free_bytes,
        dedup_window_us=log.dedup_window_hours * HOUR_US,
        dedup_most=log.dedup_max_ids,
        dedup_fewest=log.dedup_min_ids,
        dead_letter_max_rows=settings.ingest.dead_letter_max_rows,
        dead_letter_max_bytes=settings.ingest.dead_letter_max_bytes,
    )


def writer_options(settings: Settings) -> WriterOptions:
    log = settings.log
    return WriterOptions(
        group_wait_seconds=log.group_wait_ms / 1000,
        group_max_events=log.group_max_events,
        checkpoint_wal_bytes=log.checkpoint_wal_bytes,
    )
