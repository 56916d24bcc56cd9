"""Settings reach the log and its writer."""

from __future__ import annotations

from appliance.config import Settings
from appliance.config.core import LogSettings
from appliance.log.duckdb_log import LogOptions
from appliance.log.from_settings import log_options, writer_options
from appliance.log.writer import WriterOptions


def test_each_setting_arrives_where_it_belongs() -> None:
    """Values that all differ come out under the names that they were given by."""
    given = LogSettings(group_wait_ms=7, group_max_events=11, checkpoint_wal_bytes=13, min_free_bytes=17)
    settings = Settings(log=given)
    expected = WriterOptions(group_wait_seconds=0.007, group_max_events=11, checkpoint_wal_bytes=13)
    assert expected == writer_options(settings)
    assert 17 == log_options(settings).min_free_bytes


def test_the_defaults_are_those_of_the_settings() -> None:
    """A writer made without options behaves as one that is made from default settings."""
    assert WriterOptions() == writer_options(Settings())
    assert LogOptions().memory_limit == log_options(Settings()).memory_limit
