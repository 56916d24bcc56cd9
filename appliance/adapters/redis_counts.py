"""What a batch of events adds to the counters in Redis."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from appliance.clock import HOUR_US, MINUTE_US, SECOND_US, to_datetime

EVENT_LIFETIME_US: Final = HOUR_US
USER_LIFETIME_US: Final = 24 * HOUR_US
_TYPE: Final = rb"[a-z][a-z0-9_.:-]{0,63}"
_COUNTER: Final = re.compile(rb"event:" + _TYPE + rb":[0-9]{12}|user:.+:" + _TYPE, re.DOTALL)


@dataclass(frozen=True, slots=True)
class Counts:
    """Counters, those of minutes first, and what is added to each."""

    keys: list[str]
    amounts: list[int]
    minutes: int
    """How many of the counters are of minutes."""
    types: list[str]
    """The event types in the names of the others."""


def counted(events: pa.Table, now_us: int) -> Counts:
    """Each event by type and minute, and by user and type, unless it is older than such a counter lives."""
    times = pc.cast(events.column("timestamp"), pa.int64())
    recent = events.select(["event_type"]).append_column("minute", pc.divide(times, MINUTE_US))
    by_minute = _count(recent.filter(_since(times, now_us - EVENT_LIFETIME_US)), ["event_type", "minute"])
    known = events.select(["user_id", "event_type"]).filter(_since(times, now_us - USER_LIFETIME_US))
    by_user = _count(known, ["user_id", "event_type"])
    keys = [minute_key(kind, minute * MINUTE_US) for kind, minute, _ in by_minute]
    keys += [user_key(user_id, kind) for user_id, kind, _ in by_user]
    amounts = [count for *_, count in (*by_minute, *by_user)]
    return Counts(keys, amounts, len(by_minute), sorted({kind for _, kind, _ in by_user}))


def minute_key(event_type: str, at_us: int) -> str:
    """The counter of a type in the minute of an instant, in UTC."""
    return f"event:{event_type}:{stamp(at_us)}"


def user_key(user_id: str, event_type: str) -> str:
    """The counter of what a user did."""
    return f"user:{user_id}:{event_type}"


def stamp(at_us: int) -> str:
    """The minute of an instant, in UTC: ``YYYYmmddHHMM``."""
    return to_datetime(at_us).strftime("%Y%m%d%H%M")


def named_like_counters(keys: Iterable[bytes]) -> list[bytes]:
    return [key for key in keys if _COUNTER.fullmatch(key)]


def touching(events: pa.Table, keys: Sequence[str]) -> list[bool]:
    """Whether each event is counted under one of the keys, were it young enough."""
    among = frozenset(keys)
    rows = zip(*(events.column(name).to_pylist() for name in ("event_type", "user_id")), _times_us(events), strict=True)
    return [not among.isdisjoint((minute_key(kind, at_us), user_key(user, kind))) for kind, user, at_us in rows]


def _times_us(events: pa.Table) -> list[int]:
    times: list[int] = pc.cast(events.column("timestamp"), pa.int64()).to_pylist()
    return times


def _since(times: pa.ChunkedArray, instant_us: int) -> pa.ChunkedArray:
    return pc.greater_equal(times, instant_us)


def _count(rows: pa.Table, names: list[str]) -> list[tuple[Any, Any, int]]:
    counts = rows.group_by(names).aggregate([([], "count_all")])
    return list(zip(*(counts.column(name).to_pylist() for name in (*names, "count_all")), strict=True))


SECONDS: Final = tuple(lifetime // SECOND_US for lifetime in (EVENT_LIFETIME_US, USER_LIFETIME_US))
"""The lifetimes of both kinds of counters, in seconds."""
