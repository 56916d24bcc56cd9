"""First registrations, exact at any moment: the rollups' table of firsts and the log beyond it, together."""

from __future__ import annotations

import duckdb

from appliance.analytics.reading import body, fetch, fill
from appliance.sql import queries

_SQL = queries("appliance.analytics", "first_seen.sql")

REGISTRATIONS_SQL = body(_SQL["registrations"])
"""Relation (user_key, timestamp) of first registrations in [$from, $to); wants ``$rolled_up`` as well."""
REGISTRATION_EVENTS_SQL = fill(body(_SQL["registration_events"]), {"registrations": REGISTRATIONS_SQL})
"""The same with the columns of the events that series group by."""


def rolled_up(cursor: duckdb.DuckDBPyConnection) -> int:
    """The seq up to which the rollups have read the log; 0 before they ever did."""
    return int(fetch(cursor, _SQL["rolled_up"], {})[0][0])


def new_users(cursor: duckdb.DuckDBPyConnection, *, from_us: int, to_us: int) -> int:
    """How many users registered for the first time in [from, to); call it within one snapshot."""
    parameters = {"from": from_us, "to": to_us, "rolled_up": rolled_up(cursor)}
    return int(fetch(cursor, f"SELECT count(*) FROM ({REGISTRATIONS_SQL})", parameters)[0][0])  # noqa: S608 - a fixed block
