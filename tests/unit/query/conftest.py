"""A log with some weeks of events and their rollups, and the cage over it."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest

from appliance.clock import HOUR_US
from appliance.config import Settings
from appliance.events.row import Row
from appliance.log.duckdb_log import DuckDBLog
from appliance.log.protocol import Batch
from appliance.log.writer import Writer
from appliance.query.pool import SqlOptions, SqlPool
from appliance.rollups.maintenance import rebuild_rollups
from appliance.testing import START_US, SettableClock, make_row

EVENTS = 1_200
_TYPES = ("email_sent", "email_opened", "email_clicked", "conversion", "tried_it")


def _row(number: int) -> Row:
    kind = _TYPES[number % 5]
    cart = {"total": number / 4, "items": [{"sku": f"s{number % 3}"}]}
    return make_row(
        kind,
        f"u{number * 7 % 31}",
        START_US + number * HOUR_US // 3,
        event_id=str(UUID(int=number * 1_000_003)),
        campaign_id=f"c{number % 4}" if number % 11 else None,
        amount=number % 97 * 10_000 if kind == "conversion" else None,
        currency=("USD", "EUR")[number % 2] if kind == "conversion" else None,
        link=f"https://shop/{'abc'[number % 3]}" if kind == "email_clicked" else None,
        properties={"country": ("DE", "FR", "é")[number % 3], "n": number, "cart": cart if number % 2 else None},
    )


@pytest.fixture(scope="session")
def log() -> Iterator[DuckDBLog]:
    """1,200 events over 17 days, and rollups of them."""
    clock = SettableClock()
    log = DuckDBLog(None, clock)
    writer = Writer(log, clock)
    writer.start()
    log.append([Batch([_row(number) for number in range(EVENTS)])])
    rebuild_rollups(log, writer, Settings(), clock, lambda *_: None)
    yield log
    writer.stop()
    log.close()


@pytest.fixture(scope="session")
def pool(log: DuckDBLog) -> Iterator[SqlPool]:
    """The cage, with bounds that are soon reached."""
    pool = SqlPool(log, SqlOptions(timeout_seconds=5, max_rows=2_000, memory_bytes=96_000_000))
    yield pool
    pool.close()
