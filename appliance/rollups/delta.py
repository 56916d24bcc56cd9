"""What a batch of events adds: counts and sums per bucket, and the earliest time per user and type (Polars).

Money stays a decimal throughout; its sums are DECIMAL(38, 4), which no number of DECIMAL(18, 4) amounts
that a log can hold overflows.
"""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from appliance.clock import to_datetime
from appliance.rollups.state import LEVELS, State

_KEY = ("start", "event_type", "campaign_id", "currency")
_TRUNCATE = {"minute": "1m", "hour": "1h", "day": "1d"}

# The sum of no amounts is no amount, not zero: a bucket without money has none.
_SUMS = (
    pl.col("events").sum(),
    pl.when(pl.col("amount").count() > 0).then(pl.col("amount").sum()).alias("amount"),
)


def bucket_deltas(rows: pl.DataFrame, state: State) -> dict[str, pl.DataFrame]:
    """Per stored level, the rows ``start, event_type, campaign_id, currency, events, amount`` to be added.

    ``rows`` has the columns of the query ``read``. Each level is summed from the next finer one.
    """
    deltas: dict[str, pl.DataFrame] = {}
    finer = rows.select(pl.col("at").alias("start"), *_KEY[1:], pl.lit(1, pl.Int64).alias("events"), pl.col("amount"))
    for level in _stored(state.levels):
        finer = _sums(finer, level)
        deltas[level] = finer
    if "minute" in deltas:
        earliest = to_datetime(state.minute_from_us).replace(tzinfo=None)
        deltas["minute"] = deltas["minute"].filter(pl.col("start") >= earliest)
    return deltas


def first_times(rows: pl.DataFrame) -> pl.DataFrame:
    """The earliest ``at`` per user and type, as ``user_key, type_key, first_at``."""
    return rows.group_by("user_key", "type_key").agg(pl.col("at").min().alias("first_at"))


def _sums(finer: pl.DataFrame, level: str) -> pl.DataFrame:
    # Truncating floors, also before 1970. In order of time, so that min-max pruning works on what is inserted.
    start = pl.col("start").dt.truncate(_TRUNCATE[level])
    return finer.group_by(start, *_KEY[1:]).agg(*_SUMS).sort("start")


def _stored(levels: Collection[str]) -> list[str]:
    return [level for level in LEVELS if level in levels]
