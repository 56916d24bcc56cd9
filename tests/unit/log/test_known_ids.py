"""Which ids a log still knows after a restart: as many as it would had it run all along."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.clock import DAY_US, HOUR_US
from appliance.log.duckdb_log import DuckDBLog, LogOptions
from appliance.log.protocol import Batch
from appliance.testing import START_US, SettableClock, make_row


def _reopened(folder: Path, batches: list[Batch], *, later_us: int = 0, **options: int) -> DuckDBLog:
    """A log that was given the batches, closed, and opened again ``later_us`` after."""
    log = DuckDBLog(folder, SettableClock(), LogOptions(**options))  # type: ignore[arg-type]
    for batch in batches:
        log.append([batch])
    log.close()
    return DuckDBLog(folder, SettableClock(START_US + later_us), LogOptions(**options))  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _short_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.log.known_ids.STRETCH_SEQS", 4)


def test_the_fewest_are_counted_in_ids_and_not_in_events(tmp_path: Path) -> None:
    """Events without ids don't push the latest ids out."""
    given = Batch([make_row(event_id=str(number)) for number in range(10)])
    others = Batch([make_row() for _ in range(500)])
    log = _reopened(tmp_path, [given, others], later_us=9 * DAY_US, dedup_fewest=10)

    assert 10 == log.append([given])[0].duplicates
    log.close()


def test_the_most_are_counted_in_ids_and_not_in_events(tmp_path: Path) -> None:
    """Within the window, too, only ids count against the most that are known."""
    given = Batch([make_row(event_id=str(number)) for number in range(10)])
    others = Batch([make_row() for _ in range(500)])
    log = _reopened(tmp_path, [given, others], dedup_fewest=1, dedup_most=10)

    assert 10 == log.append([given])[0].duplicates
    log.close()


def test_what_lies_beyond_both_is_not_loaded(tmp_path: Path) -> None:
    """Old ids beyond the fewest are left in the file: the memory stays bounded."""
    batches = [Batch([make_row(event_id=str(number))]) for number in range(100)]
    log = _reopened(tmp_path, batches, later_us=9 * DAY_US, dedup_fewest=10)

    assert 10 <= len(log._known) <= 10 + 4
    log.close()


def test_an_imported_time_of_receipt_does_not_hide_an_id(tmp_path: Path) -> None:
    """Ids are known by when they came into this log, not by the time of receipt that an import restored."""
    live = Batch([make_row(event_id="live", received_us=START_US)])
    imported = Batch([make_row(event_id="old", received_us=START_US - 90 * DAY_US)])
    log = _reopened(tmp_path, [live, imported], later_us=HOUR_US, dedup_fewest=0)

    assert 1 == log.append([imported])[0].duplicates
    log.close()
