"""Demo events in the shape in which senders post them, each with its instant beside it."""

from __future__ import annotations

import random
from functools import lru_cache
from typing import Any

from appliance.clock import MINUTE_US, to_datetime

Event = dict[str, Any]
"""One event as ``POST /v1/events`` takes it."""

Timed = tuple[int, Event]
"""An event behind its instant in microseconds, for sorting."""


def event(
    at_us: int,
    event_type: str,
    user_id: str,
    properties: dict[str, Any],
    *,
    session_id: str | None = None,
    campaign_id: str | None = None,
) -> Timed:
    """An event at ``at_us``, kept to the millisecond; absent ids are left out, as senders do."""
    at_us -= at_us % 1_000
    made: Event = {"event_type": event_type, "user_id": user_id, "timestamp": _timestamp(at_us)}
    if session_id is not None:
        made["session_id"] = session_id
    if campaign_id is not None:
        made["campaign_id"] = campaign_id
    made["properties"] = properties
    return at_us, made


def _timestamp(at_us: int) -> str:
    """ISO 8601 with milliseconds; half a million calendar conversions would be a third of the history's cost."""
    minute, rest_us = divmod(at_us, MINUTE_US)
    return f"{_minute(minute)}{rest_us // 1_000 / 1_000:06.3f}Z"


@lru_cache(maxsize=8_192)
def _minute(number: int) -> str:
    return f"{to_datetime(number * MINUTE_US):%Y-%m-%dT%H:%M:}"


def dice(*key: object) -> random.Random:
    """A generator that always gives the same numbers for the same key, whatever was drawn elsewhere."""
    return random.Random(":".join(map(str, key)))  # noqa: S311 - believable, not secret
